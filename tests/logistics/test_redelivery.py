"""What staff do with messages to couriers: the verbs, and the pages that lead to them."""

import json
from collections.abc import Iterator
from datetime import date, time, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from logistics import outbox, workflow
from logistics.admin.deliveries import masked
from logistics.models import Courier, CourierEntry, Delivery, DeliveryAttempt, EndpointHealth
from logistics.policy import Window
from logistics.signatures import secret_bytes, verify
from logistics.states import Direction, MessageType, Mode
from returns.machine import NotNow
from returns.models.journal import AppendOnly
from tests import make
from tests.logistics.partner import Partner, partner_on_loopback
from tests.logistics.story import DAY, HOUR, T0, awaiting

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
WINDOW = Window(date(2026, 3, 4), time(9), time(12))


@pytest.fixture
def partner(settings: Settings) -> Iterator[Partner]:
    settings.COURIERS_ON_LOOPBACK = True
    with partner_on_loopback() as told:
        make.courier("la-poste-fr")
        make.courier("ppl-cz")
        Courier.objects.filter(slug__in=["la-poste-fr", "ppl-cz"]).update(endpoint_url=told.url)
        yield told


def label() -> Delivery:
    return awaiting("FR").parcels.get().deliveries.get()


def dead_letter(partner: Partner) -> Delivery:
    """One that its courier asked us not to tell again."""
    delivery = label()
    partner.status, partner.headers = 400, {"webhook-delivery": "abort-message"}
    outbox.deliver_due(5, at=T0)
    partner.status, partner.headers = 204, {}
    delivery.refresh_from_db()
    assert delivery.ending == "aborted"
    return delivery


def van(partner: Partner) -> Delivery:
    """A van asked for in vain."""
    case = awaiting("CZ")
    Delivery.objects.update(next_try_at=None, delivered_at=T0)
    booking = workflow.book_pickup(case, window=WINDOW, at=T0)
    return booking.deliveries.get()


def ids(partner: Partner) -> list[str]:
    return [head["webhook-id"] for head, _ in partner.heard]


# Verbs --------------------------------------------------------------------------------------------


def test_redelivered_it_has_its_id_and_all_its_tries_again(partner: Partner) -> None:
    delivery = dead_letter(partner)
    workflow.redeliver(delivery, by="ann", at=T0 + DAY)
    partner.status = 500
    at = T0 + DAY
    for _ in range(10):
        outbox.deliver_due(5, at=at)
        delivery.refresh_from_db()
        at = delivery.next_try_at or at
    assert (delivery.attempts, delivery.ending) == (11, "exhausted")
    workflow.redeliver(delivery, by="ann", at=T0 + 9 * DAY)
    partner.status = 204
    outbox.deliver_due(5, at=T0 + 9 * DAY)
    delivery.refresh_from_db()
    assert delivery.delivered_at == T0 + 9 * DAY
    assert set(ids(partner)) == {delivery.message_id}
    with pytest.raises(NotNow, match="told"):
        workflow.redeliver(delivery, by="ann", at=T0 + 9 * DAY)
    entry = CourierEntry.objects.filter(what="redelivered").first()
    assert entry is not None
    assert entry.by == "ann"


def test_all_since_a_moment_are_sent_again_and_no_others(partner: Partner) -> None:
    old = dead_letter(partner)
    Delivery.objects.filter(pk=old.pk).update(created_at=T0 - DAY)
    letters = [dead_letter(partner) for _ in range(2)]
    thrown = dead_letter(partner)
    workflow.discard(thrown, by="ann", why="A test.", at=T0)
    courier = old.courier
    since = {"since": T0, "at": T0 + DAY}
    assert set(workflow.redeliverable(courier, **since)) == set(letters)
    assert workflow.redeliver_all(courier, by="ann", **since) == 2
    assert workflow.redeliver_all(courier, by="ann", **since) == 0
    partner.heard.clear()
    outbox.deliver_due(50, at=T0 + DAY)
    assert sorted(ids(partner)) == sorted(each.message_id for each in letters)
    other = Courier.objects.get(slug="inpost-pl")
    assert workflow.redeliver_all(other, by="ann", since=T0 - 9 * DAY, at=T0 + DAY) == 0


def test_said_anew_it_has_an_id_of_its_own_and_names_the_one_before(partner: Partner) -> None:
    delivery = label()
    with pytest.raises(NotNow):
        workflow.redo(delivery, by="ann", at=T0)
    outbox.deliver_due(5, at=T0)
    anew = workflow.redo(delivery, by="ann", at=T0 + DAY)
    outbox.deliver_due(5, at=T0 + DAY)
    (first, body), (second, again) = partner.heard
    assert first["webhook-id"] == delivery.message_id != second["webhook-id"] == anew.message_id
    said = json.loads(again)
    assert said["data"].pop("replaces") == delivery.message_id
    assert said == json.loads(body)


def test_discarded_it_is_told_no_more(partner: Partner) -> None:
    delivery = label()
    with pytest.raises(ValueError, match="reason"):
        workflow.discard(delivery, by="ann", why=" ", at=T0)
    workflow.discard(delivery, by="ann", why="They know  already.", at=T0)
    delivery.refresh_from_db()
    assert (delivery.ending, delivery.ended_why) == ("discarded", "They know already.")
    assert outbox.deliver_due(5, at=T0) == 0
    assert not Delivery.objects.dead_letters().exists()
    with pytest.raises(NotNow):
        workflow.discard(delivery, by="ann", why="Again.", at=T0)
    workflow.redeliver(delivery, by="ann", at=T0)
    assert outbox.deliver_due(5, at=T0) == 1


def test_a_request_that_is_discarded_leaves_the_buyer_to_choose_again_r23(
    partner: Partner,
) -> None:
    request = van(partner)
    workflow.discard(request, by="ann", why="Wrong courier.", at=T0)
    assert request.pickup is not None
    request.pickup.refresh_from_db()
    assert request.pickup.state == "failed"
    with pytest.raises(NotNow, match="too late"):
        workflow.redeliver(request, by="ann", at=T0)


def test_a_retry_after_the_vans_hour_is_not_made(partner: Partner) -> None:
    request = van(partner)
    assert request.deliver_before is not None
    with pytest.raises(NotNow, match="too late"):
        workflow.redeliver(request, by="ann", at=request.deliver_before)
    workflow.redeliver(request, by="ann", at=request.deliver_before - SECOND)


def test_the_database_knows_no_discarding_without_a_reason_and_no_ending_of_the_living(
    partner: Partner,
) -> None:
    delivery = label()
    for wrong in (
        {"ending": "discarded", "dead_at": T0, "next_try_at": None},
        {"ending": "exhausted"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Delivery.objects.filter(pk=delivery.pk).update(**wrong)


def test_what_was_tried_is_never_deleted(partner: Partner) -> None:
    label()
    outbox.deliver_due(5, at=T0)
    with pytest.raises(AppendOnly):
        DeliveryAttempt.objects.get().delete()


# Pages --------------------------------------------------------------------------------------------


def client(*permissions: str) -> Client:
    user = make.staff("ann" if permissions else "bob", superuser=False)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    made = Client()
    made.force_login(user)
    return made


SEES, MAY = ("view_delivery", "view_endpointhealth"), "redeliver"


@pytest.fixture
def desk() -> Client:
    return client(*SEES, MAY)


def address(name: str, *args: int) -> str:
    return reverse(f"admin:logistics_{name}", args=args)


def test_the_page_shows_what_is_said_masked_and_every_try(partner: Partner, desk: Client) -> None:
    request = van(partner)
    partner.status, partner.body = 500, b"<script>alert(1)</script>"
    outbox.deliver_due(5, at=T0)
    shown = desk.get(address("delivery_change", request.pk)).content.decode()
    buyer = request.parcel.case.buyer
    for private in (buyer.name, buyer.address["street"], buyer.address["phone"]):
        assert private not in shown
    for word in ("500 Internal Server Error", request.message_id, buyer.address["city"]):
        assert word in shown
    assert "&lt;script&gt;alert" in shown
    assert "<script>alert" not in shown


def test_only_the_first_letter_of_a_person_is_shown() -> None:
    told = {"address": {"name": "Nováková", "street": "", "phone": "+420", "city": "Praha"}}
    assert masked({"data": [told]}) == {
        "data": [{"address": {"name": "N…", "street": "", "phone": "+…", "city": "Praha"}}]
    }


@pytest.mark.parametrize("stand", ["", "dead", "waiting", "told", "ended", "nobody", "nonsense"])
def test_the_list_is_narrowed_by_state(partner: Partner, desk: Client, stand: str) -> None:
    dead, waiting = dead_letter(partner), label()
    shown = desk.get(address("delivery_changelist"), {"stand": stand} if stand else {})
    assert shown.status_code == 200
    found = {each.pk for each in shown.context["cl"].queryset}
    expected = {"": {dead.pk, waiting.pk}, "dead": {dead.pk}, "waiting": {waiting.pk}}
    expected["nonsense"] = expected[""]
    assert found == expected.get(stand, set())


def test_redeliver_all_counts_before_it_sends(partner: Partner, desk: Client) -> None:
    letter = dead_letter(partner)
    dead_letter(partner)
    said = {"courier": letter.courier_id, "since": "2026-03-01T00:00"}
    page = address("delivery_redeliver_all")
    with time_machine.travel(T0 + DAY):
        first = desk.post(page, said)
        assert "2 dead letters would be sent again" in first.content.decode()
        assert Delivery.objects.dead_letters().count() == 2
        form = first.context["form"]
        second = desk.post(page, {**said, "count": form["count"].value()})
    assert second.status_code == 302
    assert not Delivery.objects.dead_letters().exists()


@pytest.mark.parametrize(
    "said", [{}, {"courier": "x", "since": "y"}, {"courier": "1", "since": "", "count": "-"}]
)
def test_nonsense_is_asked_again(desk: Client, said: dict[str, str]) -> None:
    assert desk.post(address("delivery_redeliver_all"), said).status_code == 200


def test_one_is_sent_again_said_anew_or_discarded(partner: Partner, desk: Client) -> None:
    delivery = dead_letter(partner)
    assert desk.get(address("delivery_redeliver", delivery.pk)).status_code == 200
    with time_machine.travel(T0 + DAY):
        desk.post(address("delivery_discard", delivery.pk), {"why": "They know."})
        delivery.refresh_from_db()
        assert (delivery.ending, delivery.ended_by) == ("discarded", "ann")
        desk.post(address("delivery_redeliver", delivery.pk), {})
        outbox.deliver_due(5, at=T0 + DAY + HOUR)
        desk.post(address("delivery_redo", delivery.pk), {})
        too_late = desk.post(address("delivery_redeliver", delivery.pk), {})
    delivery.refresh_from_db()
    assert delivery.delivered_at
    assert delivery.replaced_by.count() == 1
    assert "It was told" in too_late.content.decode()


def test_endpoints_are_closed_opened_and_tried_out(partner: Partner, desk: Client) -> None:
    desk.get(address("endpointhealth_changelist"))
    health = EndpointHealth.objects.get(courier__slug="la-poste-fr")
    desk.post(address("endpointhealth_disable", health.pk), {"why": "They move."})
    health.refresh_from_db()
    assert (health.state, health.disabled_by) == ("disabled", "ann")
    shown = desk.get(address("endpointhealth_change", health.pk)).content.decode()
    assert "They move." in shown
    desk.post(address("endpointhealth_enable", health.pk), {})
    health.refresh_from_db()
    assert health.state == "well"


def test_the_test_message_is_signed_with_the_test_secret(partner: Partner, desk: Client) -> None:
    desk.get(address("endpointhealth_changelist"))
    health = EndpointHealth.objects.get(courier__slug="la-poste-fr")
    page = address("endpointhealth_try", health.pk)
    answer = desk.post(page, {}, follow=True)
    assert "no secret to sign with" in answer.content.decode()
    secret = workflow.give_secret(health.courier, Direction.OUT, mode=Mode.TEST, at=T0, by="ann")
    keys = [secret_bytes(secret)]
    answer = desk.post(page, {}, follow=True)
    assert "204" in answer.content.decode()
    ((head, body),) = partner.heard
    assert json.loads(body)["type"] == MessageType.PING
    assert verify(body, head, keys, now=float(head["webhook-timestamp"])) == 0
    assert CourierEntry.objects.filter(what="tested", by="ann").count() == 2


PAGES = [
    *("delivery_redeliver", "delivery_redo", "delivery_discard"),
    *("endpointhealth_enable", "endpointhealth_disable", "endpointhealth_try"),
]


@pytest.mark.parametrize("page", [*PAGES, "delivery_redeliver_all"])
def test_who_only_sees_may_do_nothing(partner: Partner, page: str) -> None:
    delivery, looking = dead_letter(partner), client(*SEES)
    health = EndpointHealth.objects.get(courier=delivery.courier)
    about = delivery if page.startswith("delivery") else health
    where = address(page) if page.endswith("all") else address(page, about.pk)
    for send in (looking.get, looking.post):
        assert send(where, {"why": "x"}).status_code == 403
    assert Client().post(where, {"why": "x"}).status_code == 302
    delivery.refresh_from_db()
    assert delivery.ending == "aborted"
    shown = looking.get(address("delivery_change", delivery.pk)).content.decode()
    assert "Redeliver" not in shown


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_there_is_not_found(desk: Client, page: str) -> None:
    assert desk.post(address(page, 999_999), {}).status_code == 404
