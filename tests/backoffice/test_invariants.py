"""Every invariant is broken behind the application's back, and seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from backoffice import invariants
from backoffice.tasks import daily_invariants
from logistics.models import Parcel, PickupBooking
from logistics.workflow import book_pickup, order_label, pickup_slots, raise_anomaly
from refunds import workflow as refunds
from refunds.models import LedgerEntry, Refund
from refunds.sandbox_bank import SandboxBank
from returns import workflow
from returns.models import Case, FreeReturnSlot, Reaction
from returns.states import Event, InspectionOutcome, State
from tests import make
from tests.logistics.story import awaiting, event, parcel_of, tell
from tests.make import DAY, T0
from tests.refunds.conftest import start_bank
from tests.refunds.make import Start

__all__ = ["start_bank"]  # a fixture, used by name

pytestmark = pytest.mark.django_db


@contextmanager
def unguarded() -> Iterator[None]:
    """The database without the guards it has against what these tests do, for a few statements."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            cursor.execute(
                "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'index')"
            )
            for kind, name in cursor.fetchall():
                if kind == "trigger" or not name.startswith("sqlite_autoindex"):
                    cursor.execute(f'DROP {kind} "{name}"')
            yield
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
            return
        # What foreign keys have put off stands in the way of altering a table.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
        )
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(
            "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON oid = indexrelid"
            " WHERE indisunique AND indpred IS NOT NULL AND relnamespace = 'public'::regnamespace"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {name}")
        yield
        cursor.execute("SET session_replication_role = DEFAULT")


def sql(statement: str, *values: Any) -> None:
    """Change something as no verb of ours would."""
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def broken(at: Any = T0) -> list[tuple[str, str]]:
    """Which invariants are broken, on which cases."""
    return [(each.invariant.split()[0], each.case) for each in invariants.violations(at)]


def paid(**of_dispute: Any) -> Refund:
    """A refund that a case ended in: promised at T0, paid on day 5."""
    case = make.case_at(State.REFUND_PENDING, **of_dispute)
    refund = refunds.open_refund(case.entries.get(event=Event.INSPECTION_PASSED), at=T0)
    assert refund is not None
    (claim,) = refunds.claim_due(1, at=T0 + 5 * DAY)
    answer = refunds.GatewayAnswer(refunds.Outcome.PAID, bank_reference=f"BK-{case.number}")
    return refunds.record(refund.pk, claim.token, answer, at=T0 + 5 * DAY)


def run_reactions() -> None:
    """They run in workers; here they are done."""
    Reaction.objects.update(next_try_at=None, done_at=T0)


@pytest.fixture(autouse=True)
def _all_is_well() -> None:
    """Some cases in good order, so that a look at all of them has something to pass over."""
    paid()
    make.case_at(State.DECLINED)
    case = make.case_at(State.AWAITING_RETURN)
    order_label(case.entries.get(event=Event.ACCEPTED), at=T0)
    run_reactions()
    assert broken() == []


def test_more_refunded_than_was_paid_for_an_item_is_seen() -> None:
    """R28."""
    refund = paid()
    run_reactions()
    sql("UPDATE refunds_refund SET amount = amount + 6 WHERE id = %s", refund.pk)
    assert ("refunds", refund.case.number) in broken()


@pytest.mark.parametrize("amount", ["39.99", "40.01", "80.00"])
def test_a_refund_that_is_not_for_the_accepted_pieces_is_seen(amount: str) -> None:
    """R26, R28: two of the three that were claimed and packed were good."""
    line = make.order(quantity=3, price="20.00").lines.get()
    case = make.walk(make.dispute(line, quantity=3), State.INSPECTING)
    found = [InspectionOutcome.AS_NEW, InspectionOutcome.OPENED, InspectionOutcome.MISSING]
    workflow.inspect(case, outcomes=found, at=T0, by="Ann")
    workflow.refuse(case, why="It was empty.", at=T0, by="Seller")
    workflow.lapse(case, at=T0 + 7 * DAY)
    run_reactions()
    assert not [found for found in broken() if found[0] == "money"]
    sql("UPDATE returns_case SET amount = %s WHERE id = %s", amount, case.pk)
    assert ("money", case.number) in broken()


def test_counts_out_of_order_are_seen() -> None:
    case = make.walk(make.dispute(), State.REFUND_PENDING)
    run_reactions()
    sql("UPDATE returns_case SET quantity_received = 0 WHERE id = %s", case.pk)
    assert ("the", case.number) in broken()


def test_two_live_free_labels_on_an_order_are_seen() -> None:
    """R12."""
    case = make.case_at(State.AWAITING_RETURN)
    run_reactions()
    order_label(case.entries.get(event=Event.ACCEPTED), at=T0)
    parcel = case.parcels.get()
    with unguarded():
        Parcel.objects.create(
            **{
                name: getattr(parcel, name)
                for name in ("case", "order", "carried", "courier", "courier_name", "label")
            },
            tracking_number="BA100000019FR",
            issued_at=T0,
            last_use_on=parcel.last_use_on,
            currency="EUR",
        )
    assert broken() == [("an", case.number)]


def test_a_fourth_free_return_in_a_month_is_seen() -> None:
    """R10."""
    buyer = make.buyer()
    cases = [make.dispute(by=buyer) for _ in range(3)]
    fourth = make.dispute(by=buyer)
    run_reactions()
    with unguarded():
        FreeReturnSlot.objects.create(
            case=fourth,
            buyer=buyer,
            order=fourth.order,
            month=cases[0].slot.month,
            number=4,
            claimed_at=T0,
        )
    assert [name for name, _ in broken()] == ["free"]


def test_a_free_case_without_its_slot_is_seen() -> None:
    """R10."""
    case = make.dispute()
    run_reactions()
    sql("UPDATE returns_freereturnslot SET released_at = claimed_at WHERE case_id = %s", case.pk)
    assert broken() == [("free", case.number)]


@pytest.mark.parametrize("days", [2, 21])
def test_money_outside_the_window_is_seen(days: int) -> None:
    """R27."""
    refund = paid()
    run_reactions()
    with unguarded():
        Refund.objects.filter(pk=refund.pk).update(paid_at=T0 + timedelta(days=days))
    assert broken() == [("money", refund.case.number)]


@pytest.mark.parametrize("off", ["0.01", "-0.001"])
def test_books_that_do_not_balance_are_seen(off: str) -> None:
    """R29."""
    refund = paid()
    run_reactions()
    side = LedgerEntry.objects.filter(refund=refund).first()
    assert side is not None
    with unguarded():
        LedgerEntry.objects.filter(pk=side.pk).update(amount=side.amount + Decimal(off))
    assert broken() == [("the", refund.case.number)]


def test_a_case_that_waits_without_a_deadline_is_seen() -> None:
    """R35."""
    case = make.dispute()
    run_reactions()
    sql("UPDATE returns_case SET deadline_at = NULL WHERE id = %s", case.pk)
    assert broken() == [("who", case.number)]


def test_a_case_that_is_over_and_has_a_deadline_is_seen() -> None:
    """R35."""
    case = make.case_at(State.CLOSED)
    run_reactions()
    sql("UPDATE returns_case SET deadline_at = closed_at WHERE id = %s", case.pk)
    assert broken() == [("who", case.number)]


def test_a_case_that_waits_for_nobody_is_seen() -> None:
    """R35."""
    case = make.dispute()
    run_reactions()
    sql("UPDATE returns_case SET state = 'forgotten' WHERE id = %s", case.pk)
    assert ("who", case.number) in broken()


def test_a_state_that_its_journal_does_not_tell_is_seen() -> None:
    """R33."""
    case = make.case_at(State.IN_TRANSIT)
    run_reactions()
    sql("UPDATE returns_case SET state = 'inspecting' WHERE id = %s", case.pk)
    assert broken() == [("the", case.number)]


@pytest.mark.parametrize("event", ["accepted", "opened", "nonsense"])
def test_a_journal_with_a_line_changed_is_seen(event: str) -> None:
    """R33."""
    case = make.case_at(State.IN_TRANSIT)
    run_reactions()
    last = case.entries.last()
    assert last is not None
    sql("UPDATE returns_entry SET event = %s WHERE id = %s", event, last.pk)
    assert broken() == [("the", case.number)]


def test_a_case_without_a_journal_is_seen() -> None:
    """R33."""
    case = make.dispute()
    sql("DELETE FROM returns_reaction WHERE case_id = %s", case.pk)
    sql("DELETE FROM returns_entry WHERE case_id = %s", case.pk)
    assert broken() == [("the", case.number)]


def test_a_note_in_the_journal_breaks_nothing() -> None:
    """R33."""
    case = make.case_at(State.CLOSED)
    workflow.note(case, text="Called back.", at=T0, actor=make.Actor.SUPPORT)
    run_reactions()
    assert broken() == []


def test_a_forgotten_reaction_is_seen() -> None:
    """Neither done, nor waiting, nor failed often enough that support would look."""
    case = make.dispute()
    run_reactions()
    sql("UPDATE returns_reaction SET done_at = NULL WHERE case_id = %s", case.pk)
    assert broken() == [("no", case.number)]


def test_a_reaction_that_rests_with_its_error_is_in_supports_sight() -> None:
    """After five failures."""
    make.dispute()
    run_reactions()
    Reaction.objects.update(done_at=None, attempts=5, last_error="ValueError: no")
    assert broken() == []


def test_a_reaction_that_nobody_runs_is_seen_after_an_hour() -> None:
    """Due, and no worker came."""
    case = make.dispute()
    hour = timedelta(hours=1)
    assert broken(T0 + hour) == []
    assert ("no", case.number) in broken(T0 + hour + timedelta(seconds=1))


def test_a_case_past_its_deadline_is_seen_after_an_hour() -> None:
    """R35."""
    case = make.dispute()
    run_reactions()
    assert case.deadline_at is not None
    late = case.deadline_at + timedelta(hours=1)
    assert case.number not in [number for _, number in broken(late)]
    assert ("no", case.number) in broken(late + timedelta(seconds=1))


def test_a_report_that_nobody_works_out_is_seen_after_an_hour() -> None:
    parcel = parcel_of(awaiting())
    run_reactions()
    assert parcel.courier is not None
    told = event(parcel, "in_transit", at=T0, event_id="e1")
    tell(parcel.courier, "tracking.updated", told, at=T0, project=False)
    assert broken(T0 + timedelta(hours=1)) == []
    assert ("no", parcel.case.number) in broken(T0 + timedelta(hours=1, seconds=1))


def test_something_at_the_desk_that_is_about_nothing_is_seen() -> None:
    raise_anomaly("odd", code="odd", text="Look here.", at=T0)
    assert ("what", "odd") in broken()


def test_what_the_bank_paid_and_we_did_not_is_seen(start_bank: Start, settings: Settings) -> None:
    """The bank's book against ours, entry by entry, both ways."""
    bank = start_bank()
    settings.SIMULATION = True
    ours = Refund.objects.get()
    assert broken() == [("the", ours.case.number)]  # paid by us, unknown to the bank

    pay(bank, ours.reference, str(ours.total))
    sql("UPDATE refunds_refund SET bank_reference = %s", bank.book.select()[0].id)
    assert broken() == []

    pay(bank, "RMA-nobody", "5.00")
    assert broken() == [("the", "RMA-nobody")]
    pay(bank, ours.reference, str(ours.total), key="another")
    assert ("the", ours.case.number) in broken()


def test_another_amount_at_the_bank_is_seen(start_bank: Start, settings: Settings) -> None:
    """To the cent."""
    bank = start_bank()
    settings.SIMULATION = True
    ours = Refund.objects.get()
    pay(bank, ours.reference, str(ours.total + Decimal("0.01")))
    sql("UPDATE refunds_refund SET bank_reference = %s", bank.book.select()[0].id)
    assert broken() == [("the", ours.case.number)]


def pay(bank: SandboxBank, reference: str, amount: str, key: str = "") -> None:
    """Money leaves the bank, whoever asked for it."""
    body = {"reference": reference, "amount": amount, "currency": "EUR", "payment_reference": "p"}
    bank.book.pay(key or reference, body)


def test_the_command_prints_the_case_and_exits_1(
    capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    """§7 of the issue."""
    settings.SIMULATION = False
    case = Case.objects.filter(state=State.DECLINED).get()
    sql("UPDATE returns_case SET state = 'escalated' WHERE id = %s", case.pk)
    with pytest.raises(SystemExit) as ended:
        call_command("check_invariants")
    assert ended.value.code == 1
    assert case.number in capsys.readouterr().out


def test_the_daily_task_logs_an_error_for_each(caplog: pytest.LogCaptureFixture) -> None:
    """So that whoever watches the log is told."""
    case = Case.objects.filter(state=State.DECLINED).get()
    sql("UPDATE returns_case SET state = 'escalated' WHERE id = %s", case.pk)
    daily_invariants()
    assert case.number in caplog.text
    assert {record.levelname for record in caplog.records if case.number in record.message} == {
        "ERROR"
    }


def test_a_place_in_a_van_that_nobody_has_is_seen() -> None:
    """R23."""
    booking = a_van()
    assert broken() == []
    sql("UPDATE logistics_pickupslot SET taken = 2")
    assert [name for name, _ in broken()] == ["vans"]
    sql("UPDATE logistics_pickupslot SET taken = 1")
    sql("UPDATE logistics_pickupbooking SET state = 'failed', due_at = NULL")
    assert broken() == [("vans", booking.case.number)]


def test_a_van_that_nobody_looks_after_is_seen() -> None:
    """R35."""
    booking = a_van()
    later = booking.ends_at + 2 * DAY + timedelta(seconds=1)
    PickupBooking.objects.update(due_at=None)
    assert ("no", booking.case.number) in broken(later)
    sql("UPDATE logistics_pickupbooking SET due_at = %s", T0)
    assert ("no", booking.case.number) in broken(T0 + timedelta(hours=2))


def a_van() -> PickupBooking:
    case = make.case_at(State.AWAITING_RETURN, country="CZ")
    window = pickup_slots(case, at=T0)[0].window
    return book_pickup(case, window=window, at=T0)
