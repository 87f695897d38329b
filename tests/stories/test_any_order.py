"""Anybody does anything at any time, and every promise is kept all the same.

Hypothesis makes up the story: verbs of all three apps in an order of its own, time that passes,
couriers who report what they like, banks that fail. What must come of it is worked out a second
time by tests/stories/expected.py, which shares no line with the code; the invariants are looked at
after every step. CHANCE_EXAMPLES stories are made up, 25 unless told otherwise.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.core import mail
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from pytest_django import Settings

from backoffice.invariants import violations
from logistics import s10
from logistics import workflow as logistics
from logistics.inspection import usual
from logistics.models import Parcel
from logistics.reports import Report
from logistics.tracking import TrackingCode
from refunds.sandbox_bank import Book, SandboxBank
from returns import clock, workflow
from returns.machine import NotNow
from returns.models import Case, Order, Reaction
from returns.opening import NotPossible
from returns.states import InspectionOutcome, Kind, Reason
from tests import make
from tests.stories.expected import BANKS, FROM, OVER, Expected, Slots
from tests.stories.teller import START, until, work

pytestmark = pytest.mark.django_db

PROFILE = settings(
    max_examples=int(os.environ.get("CHANCE_EXAMPLES", "25")),
    stateful_step_count=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
SELLER, HOUSE = "Teapots & Co", "Warehouse 1"
ITEMS = ("sku-1", "sku-2")
#: Of each item.
BOUGHT = 3


def _inspect(
    first: InspectionOutcome, others: InspectionOutcome
) -> Callable[[Case, datetime], object]:
    def inspect(case: Case, at: datetime) -> object:
        items = [usual(first), *[usual(others)] * (case.at_stake - 1)]
        return logistics.inspect(case, items=items, at=at, by=HOUSE)

    return inspect


def _decide(outcome: str) -> Callable[[Case, datetime], object]:
    def decide(case: Case, at: datetime) -> object:
        part = outcome == make.PART
        return workflow.decide(
            case,
            outcome=make.FULL.__class__(outcome),
            amount=case.amount / 2 if part else None,
            explanation="After hearing both sides.",
            by=make.staff("ann"),
            at=at,
        )

    return decide


def _ship(case: Case, at: datetime) -> object:
    return logistics.register_own_parcel(
        case,
        courier_name="Colissimo",
        tracking_number=s10.tracking_number("RR", case.pk, "FR"),
        registered=True,
        postage=Decimal(4),
        at=at,
    )


def _find_some(case: Case, at: datetime) -> object:
    if case.at_stake < 2:
        raise ValueError("of one piece there is no some")
    return _inspect(InspectionOutcome.AS_NEW, InspectionOutcome.MISSING)(case, at)


#: How each thing is done for real; the words are those of tests/stories/expected.py.
ACTS: dict[str, Callable[[Case, datetime], object]] = {
    "accept": lambda case, at: workflow.accept(case, at=at, by=SELLER),
    "refuse": lambda case, at: workflow.refuse(case, why="It was worn.", at=at, by=SELLER),
    "ask": lambda case, at: workflow.ask(case, question="Which one?", at=at, by=SELLER),
    "answer": lambda case, at: workflow.answer(case, text="The blue one.", at=at),
    "offer": lambda case, at: workflow.offer(case, amount=Decimal(5), at=at, by=SELLER),
    "accept_offer": lambda case, at: workflow.accept_offer(case, at=at),
    "decline_offer": lambda case, at: workflow.decline_offer(case, at=at),
    "cancel": lambda case, at: workflow.cancel(case, at=at),
    "pack_fewer": lambda case, at: logistics.pack(case, pieces=case.at_stake - 1, at=at),
    "drop_off": lambda case, at: logistics.choose_drop_off(case, point_code="", at=at),
    "ship": _ship,
    "receive": lambda case, at: logistics.receive_parcel(case, at=at, by=HOUSE),
    "find_good": _inspect(InspectionOutcome.AS_NEW, InspectionOutcome.OPENED),
    "find_damage": _inspect(InspectionOutcome.DAMAGED_IN_TRANSIT, InspectionOutcome.MISSING),
    "find_some": _find_some,
    "grant": lambda case, at: workflow.grant(case, at=at, by=SELLER),
    "escalate": lambda case, at: workflow.escalate(case, text="I disagree.", at=at),
    "order_refund": _decide(make.FULL),
    "order_part": _decide(make.PART),
    "order_return": _decide(make.SEND_BACK),
    "uphold": _decide(make.UPHELD),
    "confirm": lambda case, at: workflow.confirm_verdict(case, by=make.staff("ben"), at=at),
    "reject": lambda case, at: workflow.reject_verdict(
        case, why="Ask again.", by=make.staff("ben"), at=at
    ),
    "reopen": lambda case, at: workflow.reopen(case, why="Ill.", by=make.staff("ann"), at=at),
}
assert ACTS.keys() == FROM.keys()

#: Where a courier's report may lead a case, whatever was reported before.
REPORTED = {
    "awaiting_return": {"awaiting_return", "in_transit", "inspecting", "escalated"},
    "in_transit": {"in_transit", "inspecting", "escalated"},
    "escalated": {"escalated", "inspecting"},
}


@dataclass(frozen=True)
class Wish:
    """What a dispute is about; the first four go for the whole order."""

    option: bool
    bank: str
    dear: bool
    late: bool
    refund_only: bool
    fault: bool
    pieces: int
    far: tuple[str, ...]


#: How far a case has come when its made-up story begins: chance alone seldom gets there.
FAR = (
    (),
    ("ask", "answer"),
    ("offer", "decline_offer"),
    ("refuse", "escalate"),
    ("accept", "ship", "receive"),
    ("accept", "ship", "receive", "find_good"),
    ("accept", "ship", "receive", "find_damage", "refuse", "escalate"),
    ("accept", "pack_fewer", "ship", "receive", "find_some"),
    ("accept", "ship", "receive", "find_some", "refuse"),
)
WISHES = st.builds(
    lambda refund_only, fault, **order: Wish(
        refund_only=refund_only, fault=fault or refund_only, **order
    ),
    option=st.sampled_from([True, True, False]),
    bank=st.sampled_from(sorted(BANKS)),
    dear=st.booleans(),
    late=st.sampled_from([False, False, True]),
    refund_only=st.sampled_from([False, False, True]),
    fault=st.booleans(),
    pieces=st.integers(1, 3),
    far=st.sampled_from(FAR),
)
#: Couriers report anything; what moves a case most often.
CODES = st.sampled_from(
    [*TrackingCode, *[TrackingCode.DROPPED_OFF, TrackingCode.DELIVERED, TrackingCode.LOST] * 4]
)
HOURS = st.one_of(st.integers(1, 24), st.integers(24, 72), st.integers(72, 240))


class AnyOrder(RuleBasedStateMachine):
    """One buyer, a few orders of two items each, from day 0 on."""

    bank: ClassVar[SandboxBank]

    def __init__(self) -> None:
        super().__init__()
        # Each example is rolled back, and the bank forgets it too.
        self.example = transaction.atomic()
        self.example.__enter__()
        self.bank.book.db.close()
        self.bank.book = Book(None, self.bank.book.key_ttl)
        mail.outbox.clear()
        self.slots = Slots()
        self.orders: list[tuple[Order, bool, str]] = []
        self.seen: list[Expected] = []

    def teardown(self) -> None:
        """As if it had never been."""
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    @initialize(first=st.lists(WISHES, min_size=2, max_size=4))
    def day_0(self, first: list[Wish]) -> None:
        """The first disputes are opened, each on an order that came this moment."""
        clock.set_to(START)
        self.buyer = make.buyer()
        for wish in first:
            self._opens(wish, len(self.orders), "sku-1")

    # What anybody may do

    @rule(wish=WISHES, place=st.integers(0, 5), item=st.sampled_from(ITEMS))
    def the_buyer_opens_another(self, wish: Wish, place: int, item: str) -> None:
        """On a new order, or on one that came before."""
        self._opens(wish, min(place, len(self.orders)), item)

    def _opens(self, wish: Wish, place: int, item: str) -> None:
        """R05–R15: the terms are as the rules say; an item has one open case and is paid once."""
        if place == len(self.orders):
            self.orders.append(self._arrives(wish))
        order, option, bank = self.orders[place]
        line, at = order.lines.get(sku=item), clock.now()
        told: dict[str, Any] = {
            "kind": Kind.REFUND_ONLY if wish.refund_only else Kind.RETURN_AND_REFUND,
            "reason": Reason.DAMAGED_GOODS if wish.fault else Reason.PERSONAL_REASONS,
            "quantity": wish.pieces,
        }
        twins = self._of_item(place, item)
        before = sum(each.took() for each in twins)
        if any(each.state not in OVER for each in twins) or wish.pieces > BOUGHT - before:
            with pytest.raises(NotPossible):
                make.dispute(line, at=at, **told)
            return
        case = make.dispute(line, at=at, **told)
        expected = Expected(
            key=case.pk,
            order=place,
            item=item,
            refund_only=wish.refund_only,
            fault=wish.fault,
            option=option,
            opened_at=at,
            received_order_at=order.received_at or at,
            price=line.unit_price,
            shipping=line.shipping_cost,
            bought=BOUGHT,
            before=before,
            pieces=wish.pieces,
            bank=bank,
            slots=self.slots,
        )
        assert (case.terms, case.final) == (expected.terms, expected.final)
        self.seen.append(expected)
        work()
        for act in wish.far:
            if expected.may(act):
                self._acts(expected, act)

    @rule(nth=st.integers(0, 11), act=st.sampled_from(sorted(ACTS)))
    def somebody_tries(self, nth: int, act: str) -> None:
        """Any verb on any case: what the rules forbid changes nothing."""
        self._acts(self.seen[nth % len(self.seen)], act)

    @rule(data=st.data())
    def somebody_tries_what_only_the_facts_forbid(self, data: st.DataObject) -> None:
        """The state would allow it: asked before, handed over already, decided by oneself."""
        forbidden = [
            (nth, act)
            for nth, each in enumerate(self.seen)
            for act in ACTS
            if each.state in FROM[act] and not each.may(act, others_open=self._in_the_way(each))
        ]
        if forbidden:
            nth, act = data.draw(st.sampled_from(forbidden))
            self._acts(self.seen[nth], act)

    @rule(data=st.data(), nth=st.integers(0, 11), times=st.integers(1, 3))
    def a_case_moves_on(self, data: st.DataObject, nth: int, times: int) -> None:
        """By verbs that the rules allow, and that lead somewhere."""
        expected = self.seen[nth % len(self.seen)]
        for _ in range(times):
            possible = [
                act
                for act in ACTS
                if act not in ("cancel", "drop_off", "pack_fewer")
                and expected.may(act, others_open=self._in_the_way(expected))
            ]
            if possible:
                self._acts(expected, data.draw(st.sampled_from(possible)))
                self.every_case_is_where_the_rules_lead()

    @rule(
        nth=st.integers(0, 11),
        codes=st.lists(CODES, min_size=1, max_size=4),
        hours=st.integers(0, 23),
        again=st.booleans(),
    )
    def the_courier_reports(
        self, nth: int, codes: list[TrackingCode], hours: int, again: bool
    ) -> None:
        """What it likes, in any order, of any time of the last day, and perhaps the same again."""
        expected = self.seen[nth % len(self.seen)]
        parcel = Parcel.objects.filter(case=expected.key, courier__isnull=False).first()
        if parcel is None or parcel.courier is None:
            return
        at = clock.now()
        reports = [
            Report(
                type="tracking.updated",
                event_id=f"{parcel.pk}-{code}-{hours + later}",
                occurred_at=at - timedelta(hours=hours, minutes=later),
                tracking_number=parcel.tracking_number,
                code=code,
            )
            for later, code in enumerate(codes)
        ]
        logistics.accept_reports(parcel.courier, reports, at=at)
        work()
        if again:
            logistics.accept_reports(parcel.courier, reports, at=at)
            work()
        self._learn(expected, REPORTED.get(expected.state, {expected.state}))

    @rule(hours=HOURS)
    def time_passes(self, hours: int) -> None:
        """R35: all that is due on the way is done by the clock, the workers and the bank."""
        moment = clock.now() + timedelta(hours=hours)
        until(moment)
        for expected in self.seen:
            expected.passes(moment)

    # What must hold after every step

    @invariant()
    def every_case_is_where_the_rules_lead(self) -> None:
        stored = dict(Case.objects.values_list("pk", "state"))
        assert stored == {each.key: each.state for each in self.seen}
        amounts = dict(Case.objects.values_list("pk", "amount"))
        assert amounts == {each.key: each.amount for each in self.seen}
        waits = dict(Case.objects.values_list("pk", "deadline_at"))
        assert waits == {each.key: each.until for each in self.seen}

    @invariant()
    def the_bank_paid_what_the_rules_owe_and_no_more(self) -> None:
        owed = [each.paid for each in self.seen if each.paid]
        assert sorted(Decimal(paid.amount) for paid in self.bank.book.select()) == sorted(owed)

    @invariant()
    def every_promise_is_kept(self) -> None:
        if self.seen:
            assert list(violations(clock.now())) == []
            assert not Case.objects.exclude(clock_error="").exists()
            assert not Reaction.objects.exclude(last_error="").exists()

    # By which hands

    def _arrives(self, wish: Wish) -> tuple[Order, bool, str]:
        """An order of two items, received this moment or a second too long ago (R08)."""
        order = make.order(
            lines=2,
            quantity=BOUGHT,
            price="640.00" if wish.dear else "40.00",
            free_return=wish.option,
            received_at=clock.now() - wish.late * (timedelta(days=15, seconds=1)),
            by=self.buyer,
            reference=f"{wish.bank}-{len(self.orders)}",
        )
        return order, wish.option, wish.bank

    def _acts(self, expected: Expected, act: str) -> None:
        case, at = Case.objects.get(pk=expected.key), clock.now()
        lines = case.entries.count()
        if not expected.may(act, others_open=self._in_the_way(expected)):
            # The warehouse may hold once more in its hands what it has received.
            if act != "receive":
                with pytest.raises((NotNow, ValueError)), transaction.atomic():
                    ACTS[act](case, at)
                assert case.entries.count() == lines
            return
        ACTS[act](case, at)
        work()
        expected.did(act, at)
        if act in ("reopen", "confirm", "order_return") and expected.state == "awaiting_return":
            # Its parcel may have been on its way all the time.
            self._learn(expected, REPORTED["awaiting_return"])

    def _learn(self, expected: Expected, allowed: set[str]) -> None:
        """What only the courier knows, taken from the row; where it may lead is checked."""
        case = Case.objects.get(pk=expected.key)
        assert case.state in allowed
        if case.state != expected.state:
            expected.proposed = ""
        expected.state, expected.until = case.state, case.deadline_at
        if case.handed_over_at:
            expected.hands_over()
        expected.received = case.received_at is not None

    def _of_item(self, order: int, item: str) -> list[Expected]:
        return [each for each in self.seen if (each.order, each.item) == (order, item)]

    def _in_the_way(self, expected: Expected) -> bool:
        """Of a case that is to be reopened: another one is open, or took its pieces (R05)."""
        twins = [e for e in self._of_item(expected.order, expected.item) if e is not expected]
        gone = sum(each.took() for each in twins)
        return any(each.state not in OVER for each in twins) or expected.pieces > BOUGHT - gone


def test_whatever_happens_in_whatever_order_every_promise_is_kept(
    bank: SandboxBank, settings: Settings
) -> None:
    """R01–R35."""
    settings.SIMULATION = True
    AnyOrder.bank = bank
    run_state_machine_as_test(AnyOrder, settings=PROFILE)
