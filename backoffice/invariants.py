"""What must hold for all cases together, whatever crashed, was repeated or came late.

Each invariant is a function that is told the time and yields what breaks it. They read in sets and
chunks, so that a hundred thousand cases take seconds, and trust no guard of the database: what a
constraint forbids is looked for all the same.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery, Sum

from logistics.models import (
    Anomaly,
    Inspection,
    Parcel,
    PickupBooking,
    PickupSlot,
    TrackingEvent,
)
from logistics.states import OPEN_PICKUPS, LabelState
from refunds.models import LedgerEntry, Refund
from refunds.states import RefundState
from returns import outside
from returns.journal import BACKOFF
from returns.machine import NotNow
from returns.models import Case, Entry, FreeReturnSlot, OrderLine, Reaction
from returns.money import paid_for
from returns.pieces import TAKEN
from returns.policy import seller_at_fault
from returns.states import (
    MACHINE,
    NOTES,
    TERMINAL,
    WAITS_FOR,
    Event,
    InspectionOutcome,
    Reason,
    State,
    TermsOutcome,
)

#: How long after its moment something may still wait for a worker.
PATIENCE = timedelta(hours=1)
#: How long after its window a van may be missing before a person must know.
LATE_VAN = timedelta(days=2)
#: Half of the smallest unit of any currency: what floating sums of a database may be off by.
NOTHING = Decimal("0.0005")
CHUNK = 5_000
#: Bytes: of the bank's book at a time.
PAGE = 4_000_000
#: States in which a free case holds its slot; a refusal gives it back.
HOLDING = (
    State.UNDER_REVIEW,
    State.INFO_REQUESTED,
    State.OFFER_MADE,
    State.AWAITING_RETURN,
    State.IN_TRANSIT,
    State.INSPECTING,
    State.INVESTIGATING,
)


@dataclass(frozen=True)
class Violation:
    """One broken promise: which, on which case (or order, or buyer), and how."""

    invariant: str
    case: str
    what: str

    def __str__(self) -> str:
        return f"{self.case}: {self.what} ({self.invariant})"


Found = Iterator[tuple[str, str]]
Invariant = Callable[[datetime], Found]


def refunds_are_within_what_was_paid(at: datetime) -> Found:
    """R28: over all cases of an item, paid and promised are at most what was paid for it."""
    lines = OrderLine.objects.annotate(
        given=Sum("cases__refunds__amount", filter=~Q(cases__refunds__state=RefundState.REFUSED)),
        number=Max("cases__number"),
    ).filter(given__gt=F("unit_price") * F("quantity") + F("shipping_cost") + NOTHING)
    for line in lines.select_related("order").iterator(CHUNK):
        yield line.number, f"{_sum(line.given)} refunded of {line}, more than was paid for it"
    captured = (
        Refund.objects.exclude(state=RefundState.REFUSED)
        .order_by()
        .values("case__order__number", paid=F("case__order__captured"))
        .annotate(given=Sum("amount"), number=Max("case__number"))
        .filter(given__gt=F("paid") + NOTHING)
    )
    for order in captured.iterator(CHUNK):
        what = f"{_sum(order['given'])} refunded of order {order['case__order__number']}"
        yield order["number"], f"{what}, more than its {_sum(order['paid'])} captured"


def money_follows_what_was_accepted(at: datetime) -> Found:
    """R26, R28: a refund that no person set is for the pieces accepted or granted, to the unit.

    Pieces are paid for in the order in which the cases of their item were approved.
    """
    approved = Entry.objects.filter(case=OuterRef("pk"), state=State.REFUND_PENDING)
    earlier = Case.objects.filter(
        line=OuterRef("line"), state=State.REFUNDED, approved_at__lt=OuterRef("approved_at")
    )
    cases = (
        Case.objects.filter(state__in=(State.REFUND_PENDING, State.REFUNDED))
        .filter(quantity_accepted__isnull=False)
        .annotate(
            by=Subquery(approved.exclude(event=Event.ALARMED).order_by("-id").values("event")[:1]),
            before=Subquery(
                earlier.order_by().values("line").annotate(taken=Sum(TAKEN)).values("taken")
            ),
        )
        .exclude(by=Event.REFUND_ORDERED)
        .select_related("line__order")
    )
    for case in cases.iterator(CHUNK):
        pays = (case.quantity_accepted or 0) + case.quantity_granted
        due = paid_for(
            unit_price=case.line.unit_price,
            shipping_cost=case.line.shipping_cost,
            bought=case.line.quantity,
            before=vars(case)["before"] or 0,
            quantity=pays,
            with_shipping=seller_at_fault(Reason(case.reason)),
            currency=case.currency,
        )
        if case.amount != due:
            yield case.number, f"{_sum(case.amount)} refunded for {pays} pieces worth {_sum(due)}"


def the_four_counts_are_in_order(at: datetime) -> Found:
    """R25, R26: accepted ≤ received ≤ claimed, and as many received as were inspected and there."""
    wrong = Q(quantity_handed_over__gt=F("quantity")) | Q(quantity_received__gt=F("quantity"))
    wrong |= Q(quantity_accepted__gt=F("quantity_received"))
    wrong |= Q(quantity__lt=F("quantity_accepted") + F("quantity_granted"))
    for number, state in _numbers(Case.objects.filter(wrong)):
        yield number, f"its counts of pieces are out of order ({state})"
    there = Count("items", filter=~Q(items__outcome=InspectionOutcome.MISSING))
    inspected = Inspection.objects.order_by().annotate(there=there)
    for number, received, found in (
        inspected.filter(case__quantity_accepted__isnull=False)
        .exclude(there=F("case__quantity_received"))
        .values_list("case__number", "case__quantity_received", "there")
        .iterator(CHUNK)
    ):
        yield number, f"{received} pieces received, {found} of them inspected"


def an_order_has_one_live_free_label(at: datetime) -> Found:
    """R12."""
    orders = (
        Parcel.objects.filter(label__in=(LabelState.LIVE, LabelState.USED))
        .order_by()
        .values("case__order__number")
        .annotate(labels=Count("id"), number=Max("case__number"))
    )
    for order in orders.filter(labels__gt=1).iterator(CHUNK):
        yield (
            order["number"],
            f"{order['labels']} live free labels on {order['case__order__number']}",
        )


def free_returns_of_a_month_are_counted(at: datetime) -> Found:
    """R10: a buyer-month has no more slots than the policy allows, and no free case is without."""
    held = FreeReturnSlot.objects.filter(released_at__isnull=True)
    months = (
        held.order_by()
        .values("buyer__ref", "month")
        .annotate(
            slots=Count("id"),
            allowed=Max("case__policy__free_per_month"),
            number=Max("case__number"),
        )
        .filter(slots__gt=F("allowed"))
    )
    for month in months.iterator(CHUNK):
        what = f"{month['slots']} free returns of {month['buyer__ref']} in {month['month']:%Y-%m}"
        yield month["number"], f"{what}, {month['allowed']} allowed"
    free = Case.objects.filter(terms=TermsOutcome.FREE, state__in=HOLDING)
    without = free.filter(Q(slot__isnull=True) | Q(slot__released_at__isnull=False))
    for number in without.values_list("number", flat=True).iterator(CHUNK):
        yield number, "is free, but holds no slot of its month"


def money_arrives_inside_the_window(at: datetime) -> Found:
    """R27: nothing is paid before day 3 or after day 20, counted from the journal's approval."""
    paid = Refund.objects.filter(state=RefundState.PAID).values_list(
        "case__number",
        "entry__at",
        "paid_at",
        "case__policy__refund_from_days",
        "case__policy__refund_to_days",
    )
    for number, approved_at, paid_at, first, last in paid.iterator(CHUNK):
        if paid_at is None:
            yield number, "paid, and nobody knows when"
        elif not timedelta(days=first) <= paid_at - approved_at <= timedelta(days=last):
            yield (
                number,
                f"paid {(paid_at - approved_at) / timedelta(days=1):.2f} days after approval",
            )


def the_books_balance(at: datetime) -> Found:
    """R29: the ledger sums to zero for every booking, so for every case, in every currency."""
    sums = (
        LedgerEntry.objects.order_by()
        .values("case__number", "journal", "currency")
        .annotate(total=Sum("amount"))
        .filter(Q(total__gt=NOTHING) | Q(total__lt=-NOTHING))
    )
    for row in sums.iterator(CHUNK):
        what = f"{row['journal']} is off by {_sum(row['total'])} {row['currency']}"
        yield row["case__number"], what


def who_waits_has_a_deadline_and_an_owner(at: datetime) -> Found:
    """R35: every waiting case has a deadline and somebody to wait for; no case that is over has."""
    waiting = Case.objects.exclude(state__in=TERMINAL)
    for number, state in _numbers(waiting.filter(deadline_at__isnull=True)):
        yield number, f"waits in {state} without a deadline"
    for number, state in _numbers(waiting.exclude(state__in=WAITS_FOR)):
        yield number, f"waits in {state} for nobody"
    for number, state in _numbers(
        Case.objects.filter(state__in=TERMINAL, deadline_at__isnull=False)
    ):
        yield number, f"is over ({state}) and has a deadline"


def the_journal_tells_the_state(at: datetime) -> Found:
    """R33: replaying a case's journal through the table of moves gives the state that is stored."""
    rows = (
        Entry.objects.exclude(event__in=NOTES)
        .order_by("case_id", "id")
        .values_list("case__number", "case__state", "event", "state")
    )
    for (number, state), entries in groupby(rows.iterator(CHUNK), key=itemgetter(0, 1)):
        told = _replayed([(event, reached) for _, _, event, reached in entries])
        if told != state:
            yield number, f"is {state}, but its journal says: {told}"
    for number, state in _numbers(Case.objects.filter(entries__isnull=True)):
        yield number, f"is {state}, but its journal is empty"


def _replayed(entries: Iterable[tuple[str, str]]) -> str:
    """The state that the journal leads to, or what is wrong with it."""
    state: State | None = None
    for event, reached in entries:
        try:
            state = (
                MACHINE.replay([Event(event)])
                if state is None
                else MACHINE.after(state, Event(event))
            )
        except (NotNow, ValueError) as error:
            return str(error)
        if state != reached:
            return f"{event} led to {reached}, not to {state}"
    return str(state)


def no_reaction_is_forgotten(at: datetime) -> Found:
    """Every reaction is done, waits for its time, or rests with its error in support's sight."""
    resting = Reaction.objects.filter(done_at__isnull=True, next_try_at__isnull=True)
    lost = resting.filter(Q(attempts__lte=len(BACKOFF)) | Q(last_error=""))
    for number, name in lost.values_list("case__number", "name").iterator(CHUNK):
        yield number, f"{name} is neither done, nor waiting, nor failed five times"
    late = Reaction.objects.filter(next_try_at__lt=at - PATIENCE)
    for number, name in late.values_list("case__number", "name").iterator(CHUNK):
        yield number, f"{name} is due for more than an hour"


def no_case_is_stuck(at: datetime) -> Found:
    """R35: a case whose deadline has passed has moved, however long it was set aside."""
    late = Case.objects.filter(deadline_at__lt=at - PATIENCE)
    for number, state, error in late.values_list("number", "state", "clock_error").iterator(CHUNK):
        yield number, f"waits in {state} past its deadline" + (f": {error}" if error else "")
    refunds = Refund.objects.filter(next_try_at__lt=at - PATIENCE)
    for number in refunds.values_list("case__number", flat=True).iterator(CHUNK):
        yield number, "its refund is due for more than an hour"


def vans_have_the_places_that_are_taken(at: datetime) -> Found:
    """R23: a slot's places are taken by the vans still expected in it, and by nothing else."""
    slots = PickupSlot.objects.order_by().annotate(
        asked=Count("bookings", distinct=True),
        kept=Count("kept_by", filter=~Q(kept_by__slot=F("pk")), distinct=True),
    )
    wrong = slots.exclude(taken=F("asked") + F("kept"), taken__lte=F("capacity"))
    for slot in wrong.select_related("window__service__courier").iterator(CHUNK):
        held = slot.asked + slot.kept
        yield str(slot), f"{slot.taken} of {slot.capacity} taken, by {held} vans"
    over = PickupBooking.objects.exclude(state__in=OPEN_PICKUPS)
    for number in over.exclude(slot=None, kept_slot=None).values_list("case__number", flat=True):
        yield number, "a van that does not come holds a place"


def no_van_is_waited_for_in_vain(at: datetime) -> Found:
    """R35: of a van whose window is over for two days there was an attempt, or the desk knows."""
    late = PickupBooking.objects.filter(
        state__in=OPEN_PICKUPS, ends_at__lt=at - LATE_VAN, tries=None, anomalies=None
    )
    for number, reference in late.values_list("case__number", "reference").iterator(CHUNK):
        yield number, f"{reference} should have come long ago, and nobody looks after it"
    due = PickupBooking.objects.filter(due_at__lt=at - PATIENCE)
    for number, reference in due.values_list("case__number", "reference").iterator(CHUNK):
        yield number, f"{reference} is due for more than an hour"


def no_report_is_forgotten(at: datetime) -> Found:
    """What a courier reported of a parcel is worked out within the hour, or set aside."""
    late = TrackingEvent.objects.due().filter(received_at__lt=at - PATIENCE)
    rows = late.values_list("parcel__case__number", "event_id")
    for number, event_id in rows.iterator(CHUNK):
        yield number, f"report {event_id} is not worked out for more than an hour"


def what_waits_at_the_desk_is_about_something(at: datetime) -> Found:
    """Whoever opens it finds a courier, a parcel, a van, a report or a message to look at."""
    nothing = Anomaly.objects.open().filter(
        courier=None, parcel=None, pickup=None, event=None, delivery=None
    )
    for key in nothing.values_list("key", flat=True).iterator(CHUNK):
        yield key, "waits for a person, and is about nothing"


def the_bank_agrees(at: datetime) -> Found:
    """The bank's own book holds each refund that we call paid, once, and nothing else.

    Asked of the sandbox bank only, in a simulation: a real one reconciles by statement.
    """
    if not (settings.SIMULATION and settings.BANK_URL):
        return
    ours = {
        reference: (number, state, amount + postage, bank_reference)
        for reference, number, state, amount, postage, bank_reference in Refund.objects.values_list(
            *("reference", "case__number", "state", "amount", "postage", "bank_reference")
        ).iterator(CHUNK)
    }
    seen = set[str]()
    for theirs in _bank_book():
        reference, amount = theirs["reference"], Decimal(theirs["amount"])
        number, state, total, bank_reference = ours.get(reference, (reference, "", 0, None))
        if reference in seen:
            yield number, f"the bank paid {reference} twice"
        elif state not in (RefundState.PAID, RefundState.SENDING, RefundState.UNKNOWN):
            yield number, f"the bank paid {reference}, which we do not call paid"
        elif (amount, bank_reference or theirs["id"]) != (total, theirs["id"]):
            yield number, f"the bank paid {amount} as {theirs['id']}, not {total}"
        seen.add(reference)
    for reference, (number, state, *_) in ours.items():
        if state == RefundState.PAID and reference not in seen:
            yield number, f"{reference} is paid, but not in the bank's book"


def _bank_book() -> Iterator[dict[str, Any]]:
    """Every entry of the sandbox bank's book, page by page."""
    since, page = 0, [dict[str, Any]()]
    while page:
        url = f"{settings.BANK_URL.rstrip('/')}/refunds?since={since}"
        key = {"Authorization": f"Bearer {settings.BANK_KEY}"}
        reply = outside.call("GET", url, headers=key, loopback=True, most=PAGE)
        if not reply.ok:
            raise ConnectionError(f"the bank's book cannot be read: {reply.status} {reply.error}")
        answer = json.loads(reply.body)
        page, since = answer["refunds"], answer["next"]
        yield from page


INVARIANTS: tuple[Invariant, ...] = (
    refunds_are_within_what_was_paid,
    money_follows_what_was_accepted,
    the_four_counts_are_in_order,
    an_order_has_one_live_free_label,
    free_returns_of_a_month_are_counted,
    money_arrives_inside_the_window,
    the_books_balance,
    who_waits_has_a_deadline_and_an_owner,
    the_journal_tells_the_state,
    no_reaction_is_forgotten,
    no_case_is_stuck,
    vans_have_the_places_that_are_taken,
    no_van_is_waited_for_in_vain,
    no_report_is_forgotten,
    what_waits_at_the_desk_is_about_something,
    the_bank_agrees,
)


def violations(at: datetime) -> Iterator[Violation]:
    """All that is broken at this moment (aware)."""
    for invariant in INVARIANTS:
        name = invariant.__name__.replace("_", " ")
        for case, what in invariant(at):
            yield Violation(name, case, what)


def _numbers(cases: QuerySet[Case]) -> Iterator[tuple[str, str]]:
    return cases.values_list("number", "state").iterator(CHUNK)


def _sum(amount: Decimal) -> Decimal:
    """A sum as the database made it, in the digits that money has."""
    return amount.quantize(Decimal("0.001")).normalize()
