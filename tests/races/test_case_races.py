"""What two people do to a case at the same moment, on a real PostgreSQL."""

import os
from collections.abc import Callable
from datetime import date
from functools import partial

import pytest
from django.db import transaction

from returns import journal, opening, workflow
from returns.machine import NotNow
from returns.models import Case, FreeReturnSlot, Notice, Reaction
from returns.states import MACHINE, Event, State, TermsOutcome
from tests import make
from tests.make import DAY, T0
from tests.races.together import failed, succeeded, together

pytestmark = pytest.mark.django_db(transaction=True)

EIGHT = 8
ROUNDS = int(os.environ.get("RACE_ROUNDS", "25"))


def legal(case: Case) -> bool:
    """Does the journal, replayed through the table of moves, give the stored state?"""
    case.refresh_from_db()
    return MACHINE.replay(make.events(case)) == case.state


def test_eight_requests_for_the_last_free_slot_give_exactly_one() -> None:
    """R10: two of three are used, eight orders ask at the same moment."""
    for _ in range(ROUNDS):
        by = make.buyer()
        for _ in range(2):
            assert make.dispute(by=by).is_free
        lines = [make.order(by=by).lines.get() for _ in range(EIGHT)]
        cases = succeeded(together([partial(make.dispute, line) for line in lines]))
        assert len(cases) == EIGHT
        assert sum(case.terms == TermsOutcome.FREE for case in cases) == 1
        numbers = FreeReturnSlot.objects.filter(buyer=by).values_list("number", flat=True)
        assert sorted(numbers) == [1, 2, 3]


def test_eight_items_of_one_order_get_one_free_label() -> None:
    """R12."""
    for _ in range(ROUNDS):
        order = make.order(lines=EIGHT)
        results = together([partial(make.dispute, line) for line in order.lines.all()])
        assert not failed(results)
        assert sum(case.terms == TermsOutcome.FREE for case in succeeded(results)) == 1


def test_without_the_lock_a_naive_count_lets_more_than_three_through() -> None:
    """Why the lock and the slots are there: counting first and writing then is a race."""
    month = date(2026, 3, 1)

    def naive(case: Case, counted: list[int]) -> None:
        with transaction.atomic():
            used = FreeReturnSlot.objects.filter(buyer=case.buyer, month=month).count()
            counted.append(used)

    over = 0
    for _ in range(ROUNDS):
        by, counted = make.buyer(), list[int]()
        cases = [make.dispute(by=by, free_return=False) for _ in range(EIGHT)]
        together([partial(naive, case, counted) for case in cases])
        over += sum(used < 3 for used in counted) > 3
    assert over > 0, "the race did not happen, so the tests beside this one prove nothing"


def test_the_unique_slot_holds_where_a_lock_is_forgotten() -> None:
    """R10: the constraint sees to it without the lock."""
    for _ in range(ROUNDS):
        by = make.buyer()
        cases = [make.dispute(by=by, free_return=False) for _ in range(EIGHT)]

        def claim(case: Case) -> object:
            with transaction.atomic():
                return opening.claim_slot(case, at=T0)

        together([partial(claim, case) for case in cases])
        assert FreeReturnSlot.objects.filter(buyer=by, released_at__isnull=True).count() <= 3


def test_one_item_disputed_eight_times_at_once_has_one_case() -> None:
    """R05."""
    for _ in range(ROUNDS):
        line = make.order().lines.get()
        results = together([partial(make.dispute, line) for _ in range(EIGHT)])
        assert len(succeeded(results)) == 1
        assert {type(error) for error in failed(results)} == {opening.NotPossible}


PAIRS: dict[str, tuple[State, Callable[[Case], object], Callable[[Case], object]]] = {
    "accept and refuse": (
        State.UNDER_REVIEW,
        lambda c: workflow.accept(c, at=T0, by="S"),
        lambda c: workflow.refuse(c, why="No.", at=T0, by="S"),
    ),
    "accept and cancel": (
        State.UNDER_REVIEW,
        lambda c: workflow.accept(c, at=T0, by="S"),
        lambda c: workflow.cancel(c, at=T0),
    ),
    "refuse and the clock": (
        State.UNDER_REVIEW,
        lambda c: workflow.refuse(c, why="No.", at=T0 + 3 * DAY, by="S"),
        lambda c: workflow.lapse(c, at=T0 + 3 * DAY),
    ),
    "cancel and hand over": (
        State.AWAITING_RETURN,
        lambda c: workflow.cancel(c, at=T0),
        lambda c: workflow.hand_over(c, at=T0, actor=make.Actor.COURIER, by="C"),
    ),
    "escalate and the clock": (
        State.DECLINED,
        lambda c: workflow.escalate(c, text="!", at=T0 + 7 * DAY),
        lambda c: workflow.lapse(c, at=T0 + 7 * DAY),
    ),
    "accept and decline an offer": (
        State.OFFER_MADE,
        lambda c: workflow.accept_offer(c, at=T0),
        lambda c: workflow.decline_offer(c, at=T0),
    ),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_of_two_verbs_at_once_the_journal_tells_a_possible_story(pair: str) -> None:
    """Each verb four times at once: whoever is late is told so, and nothing is written twice."""
    state, one, other = PAIRS[pair]
    for _ in range(ROUNDS):
        case = make.case_at(state)
        copies = [Case.objects.get(pk=case.pk) for _ in range(EIGHT)]
        calls = [partial(one if n % 2 else other, copy) for n, copy in enumerate(copies)]
        results = together(calls)
        assert {type(error) for error in failed(results)} <= {NotNow}
        assert legal(case)


def test_two_drains_at_once_move_every_due_case_once() -> None:
    """Two beats, four workers: SKIP LOCKED shares the work, looking again does the rest."""
    cases = [make.dispute(free_return=False) for _ in range(60)]
    at = T0 + 3 * DAY
    together([partial(workflow.lapse_due, 10, at=at) for _ in range(EIGHT)])
    while workflow.lapse_due(10, at=at):
        pass
    for case in cases:
        assert make.events(case) == [Event.OPENED, Event.LAPSED]


def test_two_workers_at_once_do_each_reaction_once() -> None:
    for _ in range(10):
        make.dispute()
    together([partial(journal.run_due, 5, at=T0) for _ in range(EIGHT)])
    while journal.run_due(5, at=T0):
        pass
    assert not Reaction.objects.filter(done_at__isnull=True).exists()
    assert Notice.objects.count() == 20


def test_one_of_two_people_approves_a_verdict() -> None:
    """R32: the refund is ordered once."""
    for _ in range(ROUNDS):
        case = make.case_at(State.ESCALATED, price="900.00")
        people = [make.staff(name) for name in ("bob", "cat", "dan", "eve")]
        workflow.decide(
            case, outcome=make.FULL, amount=None, explanation="Yes.", by=make.staff("ann"), at=T0
        )
        copies = [Case.objects.get(pk=case.pk) for _ in people]
        together(
            [
                partial(workflow.confirm_verdict, copy, by=person, at=T0)
                for copy, person in zip(copies, people, strict=True)
            ]
        )
        assert make.events(case).count(Event.REFUND_ORDERED) == 1
