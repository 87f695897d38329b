"""What must follow is kept until it is done: once, whatever fails, repeats or is lost."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from returns import journal, workflow
from returns.models import Case, Entry, FreeReturnSlot, Reaction
from returns.states import Actor, Event, State
from tests import make
from tests.make import T0

pytestmark = pytest.mark.django_db

ran: list[str] = []
broken: set[str] = set()
crossed: set[str] = set()


def greet(entry: Entry, *, at: datetime) -> None:
    """A reaction of this test: notes on the timeline, and then fails when told to."""
    workflow.note(entry.case, text="greeted", at=at, actor=Actor.POLICY)
    ran.append(entry.case.number)
    if entry.case.number in broken:
        raise RuntimeError("no greeting today")
    if entry.case.number in crossed:
        crossed.clear()
        raise OperationalError("deadlock detected")


reactions = {Event.CANCELLED: [greet]}


@pytest.fixture(autouse=True)
def _page(settings: pytest.FixtureRequest) -> Iterator[None]:
    settings.ROOT_REACTIONS = __name__  # type: ignore[attr-defined]
    journal._page.cache_clear()
    ran.clear()
    broken.clear()
    crossed.clear()
    yield
    journal._page.cache_clear()


def cancelled() -> Case:
    case = make.dispute()
    workflow.cancel(case, at=T0)
    return case


def greetings(case: Case) -> int:
    return case.entries.filter(event=Event.NOTED).count()


def test_an_event_leaves_what_must_follow_in_the_same_commit() -> None:
    case = cancelled()
    reaction = Reaction.objects.get()
    assert (reaction.case, reaction.name, reaction.next_try_at) == (case, f"{__name__}.greet", T0)


def test_nothing_follows_from_what_was_rolled_back() -> None:
    case = make.dispute()
    with transaction.atomic():
        workflow.cancel(case, at=T0)
        transaction.set_rollback(True)
    assert not Reaction.objects.exists()


def test_it_is_done_once_however_often_the_bell_rings() -> None:
    case = cancelled()
    assert journal.run_due(10, at=T0) == 1
    assert journal.run_due(10, at=T0) == 0
    assert (ran, greetings(case)) == ([case.number], 1)
    assert Reaction.objects.get().done_at == T0


def test_one_that_fails_leaves_no_half_effect_and_does_not_hinder_the_others() -> None:
    bad, good = cancelled(), cancelled()
    broken.add(bad.number)
    assert journal.run_due(10, at=T0) == 2
    assert (greetings(bad), greetings(good)) == (0, 1)
    failed = Reaction.objects.get(case=bad)
    assert (failed.attempts, failed.next_try_at, failed.done_at) == (
        1,
        T0 + timedelta(minutes=1),
        None,
    )
    assert "no greeting today" in failed.last_error


def test_a_chunk_that_crossed_another_goes_one_by_one_and_nobody_has_failed() -> None:
    """Six workers met so over the same number ranges: their labels came late, or rested."""
    first, second = cancelled(), cancelled()
    crossed.add(second.number)
    assert journal.run_due(10, at=T0) == 2
    assert (greetings(first), greetings(second)) == (1, 1)
    assert not Reaction.objects.exclude(attempts=0).exists()


def test_after_five_failures_it_rests_until_support_runs_it_again() -> None:
    case = cancelled()
    broken.add(case.number)
    at = T0
    for _ in range(5):
        reaction = Reaction.objects.get()
        assert reaction.next_try_at is not None
        at = reaction.next_try_at
        journal.run_due(10, at=at)
    assert Reaction.objects.get().resting
    assert journal.run_due(10, at=at + timedelta(days=30)) == 0
    broken.clear()
    journal.run_again(Reaction.objects.get(), at=at)
    journal.run_due(10, at=at)
    assert greetings(case) == 1


def test_what_is_not_due_is_not_run() -> None:
    cancelled()
    assert journal.run_due(10, at=T0 - timedelta(seconds=1)) == 0


def test_the_same_entry_is_followed_once_in_the_database_too() -> None:
    cancelled()
    twin = Reaction.objects.get()
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


def test_triggers_refuse_an_edit_behind_the_applications_back() -> None:
    """R33."""
    cancelled()
    with (
        pytest.raises(Exception, match="never edited"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE returns_entry SET text = 'nothing happened'")


def test_a_chunk_of_due_cases_is_moved_in_few_statements(
    django_assert_max_num_queries: object,
) -> None:
    """Written as a set: one statement for the states, one for the journal, one for what follows."""
    cases = [make.dispute(free_return=False) for _ in range(20)]
    at = T0 + 3 * make.DAY
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        assert workflow.lapse_due(200, at=at) == 20
    assert {Case.objects.get(pk=case.pk).state for case in cases} == {State.DECLINED}
    assert workflow.lapse_due(200, at=at) == 0


def test_cases_that_change_differently_are_written_in_one_chunk_as_they_are_one_by_one() -> None:
    """R10, R17, R24: what changes alike is one statement, and nobody gets another's change."""
    states = (State.UNDER_REVIEW, State.AWAITING_RETURN, State.OFFER_MADE, State.DECLINED)
    at = T0 + 30 * make.DAY
    sets = [make.case_at(state) for state in (*states, *states)]
    assert workflow.lapse_due(200, at=at) == len(sets)
    singles = [make.case_at(state) for state in (*states, *states)]
    assert all(workflow.lapse(case, at=at) for case in singles)

    def written(case: Case) -> list[object]:
        now, slot = Case.objects.get(pk=case.pk), FreeReturnSlot.objects.get(case=case)
        columns = ("state", "state_since", "deadline_at", "closed_at", "resolution", "review_left")
        return [*(getattr(now, name) for name in columns), slot.released_at, make.events(case)]

    assert [written(case) for case in sets] == [written(case) for case in singles]


def test_a_case_that_objects_is_set_aside_and_blocks_nobody() -> None:
    """A state the application does not know (a bug, a manual edit) stays one case's trouble."""
    poisoned, sound = make.case_at(State.OFFER_MADE), make.case_at(State.OFFER_MADE)
    poisoned.offers.update(answer="declined")  # Now there is no standing offer to lapse.
    at = T0 + 3 * make.DAY
    assert workflow.lapse_due(10, at=at) == 2
    poisoned.refresh_from_db()
    sound.refresh_from_db()
    assert (sound.state, poisoned.state) == (State.UNDER_REVIEW, State.OFFER_MADE)
    assert poisoned.clock_attempts == 1
    assert poisoned.clock_retry_at == at + timedelta(minutes=1)
    assert "DoesNotExist" in poisoned.clock_error
    assert workflow.lapse_due(10, at=at) == 0
