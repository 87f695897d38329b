"""Kill, flush, crash, cut: no case is lost, none is moved twice, and all goes on by itself."""

import os
import signal
import time
from collections.abc import Callable
from http import HTTPStatus

import httpx
import pytest
import redis
from django.db import OperationalError, connection
from django.db.models import Count

from backoffice.processes import Stack
from returns import clock, keys
from returns.models import Case, Entry, Notice, Reaction
from returns.states import Event, State
from tests import make
from tests.chaos.conftest import Cluster, until
from tests.make import DAY, T0

CASES = int(os.environ.get("CHAOS_CASES", "300"))


def flush(stack: Stack, cluster: Cluster) -> None:
    redis.Redis.from_url(stack.redis_url).flushall()


def kill_main(stack: Stack, cluster: Cluster) -> None:
    stack.kill("worker", signal.SIGKILL)
    stack.start("worker")


def kill_child(stack: Stack, cluster: Cluster) -> None:
    os.kill(stack.children("worker")[0], signal.SIGKILL)


def crash_database(stack: Stack, cluster: Cluster) -> None:
    connection.close()
    cluster.crash_and_restart()


def nothing(stack: Stack, cluster: Cluster) -> None:
    """Two beats ring all the while; that is fault enough."""


FAULTS: list[Callable[[Stack, Cluster], None]] = [
    flush,
    kill_main,
    kill_child,
    crash_database,
    nothing,
]


def counted(query: Callable[[], int]) -> int:
    """A count that survives a database that is away for a moment."""
    try:
        return query()
    except OperationalError:
        connection.close()
        return -1


def open_reactions() -> int:
    return counted(lambda: Reaction.objects.filter(done_at__isnull=True).count())


def unsent() -> int:
    return counted(lambda: Notice.objects.filter(sent_at__isnull=True).count())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_in_the_middle_of_the_work(
    fault: Callable[[Stack, Cluster], None], stack: Stack, cluster: Cluster
) -> None:
    """All cases come due at once; when the work is half done the fault strikes."""
    lines = [line for _ in range(CASES // 50) for line in _fifty_lines()]
    for line in lines:
        make.dispute(line, at=T0)
    clock.set_to(T0 + 3 * DAY)
    until(
        lambda: (
            0 <= open_reactions() <= 3 * CASES // 2
            and Case.objects.filter(state=State.UNDER_REVIEW).count() < CASES
        ),
        seconds=60,
        what="the middle",
    )
    fault(stack, cluster)
    took = until(
        lambda: open_reactions() == 0 and unsent() == 0, seconds=90, what="the end of the work"
    )
    print(f"{fault.__name__}: done {took:.1f} s after the fault, {CASES} cases")  # noqa: T201
    assert Case.objects.count() == CASES
    assert not Case.objects.filter(state=State.UNDER_REVIEW).exists()
    moves = Entry.objects.filter(event__in=(Event.ACCEPTED, Event.LAPSED)).values("case")
    assert set(moves.annotate(times=Count("id")).values_list("times", flat=True)) == {1}
    assert moves.distinct().count() == CASES
    letters = Notice.objects.values("entry", "party").annotate(times=Count("id"))
    assert set(letters.values_list("times", flat=True)) == {1}


def _fifty_lines() -> list[make.OrderLine]:
    return list(make.order(lines=50).lines.all())


AWAY = 20.0
#: Publishing gives up after this; a person would not notice the rest.
PATIENCE = 3.0


def test_while_the_broker_is_away_disputes_are_opened_and_none_is_lost(stack: Stack) -> None:
    """A row is the message: the web answers, and what must follow is done afterwards."""
    _, secret = keys.create("chaos", at=T0)
    lines = [line for _ in range(2) for line in _fifty_lines()]
    slowest, opened = 0.0, 0
    stack.kill("broker")
    gone = time.monotonic()
    with httpx.Client(
        base_url=stack.url, headers={"Authorization": f"Bearer {secret}"}, trust_env=False
    ) as shop:
        for line in lines:
            if time.monotonic() - gone > AWAY:
                break
            asked = time.monotonic()
            answer = shop.post("/api/v1/returns", json=_wish(line), timeout=30)
            slowest = max(slowest, time.monotonic() - asked)
            assert answer.status_code == HTTPStatus.CREATED, answer.text
            opened += 1
            time.sleep(0.2)
    assert slowest < PATIENCE, f"a buyer waited {slowest:.1f} s"
    assert Case.objects.count() == opened
    time.sleep(max(0.0, AWAY - (time.monotonic() - gone)))
    stack.start("broker")
    took = until(lambda: open_reactions() == 0 and unsent() == 0, seconds=60, what="the letters")
    assert Notice.objects.count() == 2 * opened
    print(f"{opened} opened, slowest {slowest:.2f} s; {took:.1f} s to catch up")  # noqa: T201


def _wish(line: make.OrderLine) -> dict[str, object]:
    return {
        "order": line.order.number,
        "item": line.sku,
        "kind": "return_and_refund",
        "reason": "personal_reasons",
        "quantity": 1,
        "explanation": "Not mine after all.",
        "declaration": make.DECLARED,
    }
