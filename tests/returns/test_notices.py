"""What the parties are told, and that a letter is sent once (R34)."""

import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from pytest_django import Settings

from backoffice.reactions import reactions
from returns import journal, notices, workflow
from returns.models import Notice
from returns.states import MACHINE, Actor, Event, State
from tests import make
from tests.make import T0

pytestmark = pytest.mark.django_db


class Unwilling(EmailBackend):
    """A mail server that refuses."""

    def send_messages(self, messages: object) -> int:
        raise smtplib.SMTPServerDisconnected("not today")


def told(case_number: str) -> list[str]:
    letters = Notice.objects.filter(case__number=case_number).order_by("id")
    return list(letters.values_list("party", flat=True))


def test_every_move_is_told_to_the_party_it_concerns() -> None:
    """R34: but for what only staff and clocks see."""
    inner = {Event.SCANNED, Event.ALARMED, Event.VERDICT_PROPOSED, Event.VERDICT_REJECTED}
    moves = {event for _, event in MACHINE.moves} | {Event.OPENED}
    assert moves - inner <= set(notices.TOLD)
    assert all(notices.tell_parties in reactions[event] for event in notices.TOLD)


def test_a_letter_says_what_happened_whose_turn_it_is_and_until_when() -> None:
    case = make.dispute()
    journal.run_due(50, at=T0)
    to_seller = Notice.objects.get(case=case, party=Actor.SELLER)
    assert to_seller.address == case.seller.email
    assert "it is your turn" in to_seller.text
    assert "Thursday, 05 March 2026, 11:00 (Europe/Paris)" in to_seller.text
    assert "the policy decides" in to_seller.text
    assert "Personal reasons" in to_seller.text
    to_buyer = Notice.objects.get(case=case, party=Actor.BUYER)
    assert "we wait for: seller" in to_buyer.text


def test_who_waits_for_money_is_told_its_last_day_not_when_support_is_alarmed() -> None:
    """R27: day 20, though the case looks up on day 15."""
    case = make.case_at(State.REFUND_PENDING)
    journal.run_due(50, at=T0)
    letter = Notice.objects.get(entry__event=Event.INSPECTION_PASSED, party=Actor.BUYER, case=case)
    assert "Sunday, 22 March 2026, 11:00 (Europe/Paris)" in letter.text
    assert "the money has arrived" in letter.text


def test_a_name_with_markup_or_braces_stays_a_name() -> None:
    """A buyer is called what a buyer likes: nothing in it is run, and no placeholder filled."""
    by = make.buyer(name='<script>alert("{amount}")</script>')
    case = make.dispute(by=by)
    workflow.cancel(case, at=T0)
    journal.run_due(50, at=T0)
    for letter in Notice.objects.filter(case=case):
        assert "<script>" not in letter.html
        assert "40.00 EUR" not in letter.text
    assert '("{amount}")' in Notice.objects.filter(case=case, party=Actor.SELLER)[0].text


def test_nobody_is_told_his_own_message() -> None:
    case = make.dispute()
    journal.run_due(50, at=T0)
    Notice.objects.all().delete()
    workflow.add_message(case, text="Hello?", at=T0, actor=Actor.BUYER)
    journal.run_due(50, at=T0)
    assert told(case.number) == [Actor.SELLER]


def test_a_letter_is_sent_once_in_plain_text_and_html() -> None:
    make.dispute()
    journal.run_due(50, at=T0)
    assert notices.send_due(50, at=T0) == 2
    assert notices.send_due(50, at=T0) == 0
    assert len(mail.outbox) == 2
    assert [kind for _, kind in mail.outbox[0].alternatives] == ["text/html"]
    assert not Notice.objects.filter(sent_at__isnull=True).exists()


def test_two_workers_never_send_the_same_letter() -> None:
    make.dispute()
    journal.run_due(50, at=T0)
    assert len(notices.claim_due(50, at=T0)) == 2
    assert notices.claim_due(50, at=T0) == []


def test_a_letter_claimed_by_a_worker_that_died_is_claimed_again() -> None:
    make.dispute()
    journal.run_due(50, at=T0)
    dead = notices.claim_due(50, at=T0)
    Notice.objects.update(leased_until=notices.clock.real_now() - timedelta(seconds=1))
    alive = notices.claim_due(50, at=T0)
    assert len(alive) == 2
    for each in dead:
        notices.record_sent(each, "too late", at=T0)
    assert not Notice.objects.exclude(last_error="").exists(), "the dead one recorded after all"


def test_a_letter_that_cannot_be_sent_comes_again_later(settings: Settings) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Unwilling"
    make.dispute()
    journal.run_due(50, at=T0)
    notices.send_due(50, at=T0)
    letter = Notice.objects.all()[0]
    assert letter.next_try_at == T0 + timedelta(minutes=1)
    assert "not today" in letter.last_error
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    notices.send_due(50, at=T0 + timedelta(minutes=1))
    assert len(mail.outbox) == 2


def test_an_offer_is_told_with_its_amount() -> None:
    case = make.case_at(State.OFFER_MADE)
    journal.run_due(50, at=T0)
    letters = Notice.objects.filter(case=case, entry__event=Event.OFFERED)
    assert "10.00 EUR" in letters.get().text
