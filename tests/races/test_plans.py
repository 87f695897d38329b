"""What the clock asks costs the same however much is waiting: the plans, with PLAN_ROWS waiting.

The queries are taken from the workers' own functions as they run, so none can drift from its test.
What a plan costs is counted in pages it touched: rows alone hide an index read from end to end.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, models, transaction

from logistics import workflow as logistics
from logistics.models import Courier, Delivery
from logistics.models.messages import PARKED
from logistics.states import MessageType
from refunds import workflow as refunds
from returns import journal, notices, workflow
from returns.models import Notice, Reaction
from tests import make
from tests.copies import copies
from tests.logistics.story import awaiting, parcel_of, report
from tests.make import DAY, T0
from tests.refunds.make import a_refund

# Committed and truncated: rolled back, a million dead rows would slow every test that follows.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

#: A million takes minutes, and the plans are the same.
WAITING = int(os.environ.get("PLAN_ROWS", "200_000"))
#: An idle look, and each row of a full chunk, with its joins and its lock.
PAGES, PAGES_A_ROW = 50, 25
SECOND = timedelta(seconds=1)
WAITS = "+ n * interval '1 second'"

Query = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Plan:
    """What PostgreSQL did for one query: its steps, flattened, and the pages it looked at."""

    steps: tuple[dict[str, Any], ...]
    pages: int

    def reads_all(self, table: str) -> bool:
        return any(
            (s["Node Type"], s.get("Relation Name")) == ("Seq Scan", table) and s["Actual Loops"]
            for s in self.steps
        )

    def uses(self, index: str) -> bool:
        return any(step.get("Index Name") == index for step in self.steps)

    def sorts(self) -> bool:
        return any("Sort" in step["Node Type"] for step in self.steps)


def asked(table: str, look: Callable[[], object]) -> list[Query]:
    """The queries with which a worker's function looks into a table."""
    found: list[Query] = []

    def listen(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if sql.startswith("SELECT") and f'FROM "{table}"' in sql:
            found.append((sql, tuple(params)))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        look()
    return found


def plan(query: Query) -> Plan:
    sql, params = query
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
        (((top,),),) = cursor.fetchall()
    root = top["Plan"]
    return Plan(tuple(_steps(root)), root["Shared Hit Blocks"] + root["Shared Read Blocks"])


def _steps(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for below in step.get("Plans", ()):
        yield from _steps(below)


def plans_without(index: str, queries: list[Query]) -> list[Plan]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {index}")
        found = [plan(query) for query in queries]
        transaction.set_rollback(True)
    return found


def check(table: str, indexes: set[str], look: Callable[[], object]) -> list[Query]:
    """An idle look touches a handful of pages, by these indexes, and many without one of them."""
    queries = asked(table, look)
    plans = [plan(query) for query in queries]
    assert {index for index in indexes for each in plans if each.uses(index)} == indexes
    for each in plans:
        assert each.pages <= PAGES
        assert not each.reads_all(table)
    for index in indexes:
        assert max(each.pages for each in plans_without(index, queries)) > 5 * PAGES, (
            f"{index} is not needed, or this test does not see that it is"
        )
    return queries


def check_backlog(
    table: str, index: str, queries: list[Query], idle: datetime, later: datetime, chunk: int
) -> None:
    """With half of all rows due a chunk is read off the index, in its order."""
    for sql, params in queries:
        late = (sql, tuple(later if each == idle else each for each in params))
        assert late[1] != params
        full = plan(late)
        assert full.uses(index)
        assert not full.reads_all(table)
        assert not full.sorts()
        assert full.steps[0]["Actual Rows"] == chunk
        assert full.pages <= PAGES_A_ROW * chunk
        (without,) = plans_without(index, [late])
        assert without.pages > full.pages
        assert without.sorts()


def waiting_case() -> models.Model:
    case = make.dispute()
    copies(
        case,
        WAITING,
        number="'W' || n",
        line_id="-n",
        terms_explanation="'[]'",
        deadline_at=f"deadline_at {WAITS}",
    )
    return case


def waiting_reaction() -> models.Model:
    make.dispute()
    reaction = Reaction.objects.get()
    copies(reaction, WAITING, name="name || n", next_try_at=f"next_try_at {WAITS}")
    return reaction


def waiting_notice() -> models.Model:
    make.dispute()
    journal.run_due(10, at=T0)
    notice = Notice.objects.order_by("id")[0]
    copies(notice, WAITING, entry_id="-n", text="''", html="''", next_try_at=f"next_try_at {WAITS}")
    return notice


def waiting_refund() -> models.Model:
    refund = a_refund()
    copies(
        refund,
        WAITING,
        entry_id="-n",
        case_id="-n",
        reference="'W' || n",
        next_try_at=f"next_try_at {WAITS}",
    )
    return refund


def waiting_delivery() -> models.Model:
    Courier.objects.filter(slug="la-poste-fr").update(endpoint_url="https://post.example/")
    awaiting()
    delivery = Delivery.objects.get()
    copies(
        delivery,
        WAITING,
        type=f"'{MessageType.PICKUP_REQUESTED}'",
        message_id="'W' || n",
        payload="'{}'",
        next_try_at=f"next_try_at {WAITS}",
    )
    return delivery


TIMERS = {
    "cases": (waiting_case, "case_due", 3 * DAY, 200, lambda n, at: workflow.lapse_due(n, at=at)),
    "reactions": (
        waiting_reaction,
        "reaction_due",
        0 * DAY,
        50,
        lambda n, at: journal.run_due(n, at=at),
    ),
    "notices": (
        waiting_notice,
        "notice_due",
        0 * DAY,
        50,
        lambda n, at: notices.send_due(n, at=at),
    ),
    "refunds": (
        waiting_refund,
        "refund_due",
        5 * DAY,
        1,
        lambda n, at: refunds.claim_due(n, at=at),
    ),
}


@pytest.mark.parametrize("what", TIMERS)
def test_a_look_at_the_clock_reads_a_handful_of_pages(what: str) -> None:
    """R35: whether none of them is due, or half of them."""
    make_waiting, index, first_due, chunk, take = TIMERS[what]
    table = make_waiting()._meta.db_table
    idle = T0 + first_due - SECOND
    queries = check(table, {index}, lambda: take(chunk, idle))
    check_backlog(table, index, queries, idle, idle + WAITING / 2 * SECOND, chunk)


@pytest.mark.parametrize("never", [0.1, 0.5, 0.9])
def test_a_look_for_news_among_many_reports_reads_a_handful_of_pages(never: float) -> None:
    """What was told on is not read again, nor what waited in vain for its label.

    However many never match: PostgreSQL takes the two NULLs for independent, and with an index on
    the parcel alone expects to meet what is due soon on its way through all reports.
    """
    make.courier("la-poste-fr")
    parcel = parcel_of(awaiting())
    report(parcel, "dropped_off", at=T0 + DAY)
    event = parcel.events.get()
    among = {"parcel_id": "1 + n %% 50000"}
    copies(event, round(WAITING * (1 - never)), event_id="'told' || n", raw="''", **among)
    unknown = {"parcel_id": "NULL", "projected_at": "NULL"}
    copies(event, round(WAITING * never), event_id="'unknown' || n", raw="''", **unknown)
    table = event._meta.db_table
    late = T0 + DAY + PARKED
    check(table, {"event_due", "event_parked"}, lambda: logistics.project_due(100, at=late))


def test_a_look_for_messages_to_tell_reads_a_handful_of_pages() -> None:
    """R35: a look for all couriers, and into one lane, while nothing is due."""
    table = waiting_delivery()._meta.db_table
    (courier,) = set(Delivery.objects.values_list("courier_id", flat=True)[:1])

    def look(at: datetime) -> None:
        logistics.couriers_to_tell(at=at)
        logistics.claim(courier, at=at)

    check(table, {"delivery_due"}, lambda: look(T0 - SECOND))


def test_a_look_for_labels_to_print_among_many_reads_a_handful_of_pages() -> None:
    make.courier("la-poste-fr")
    parcel = parcel_of(awaiting())
    logistics.render_due_labels(50, at=T0)
    copies(parcel.order, WAITING, number="'W' || n")
    printed = parcel_of(parcel.case)
    copies(printed, WAITING, order_id="order_id + n", tracking_number="'W' || n")
    check(
        parcel._meta.db_table, {"parcel_unprinted"}, lambda: logistics.render_due_labels(50, at=T0)
    )
