"""Refunds that arrive at the same moment: eight threads with a connection each, 200 rounds (R28).

Needs PostgreSQL. Without the row lock and the CHECK the race is real: the last test shows it.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection, connections, transaction
from django.db.models import F, Sum

from refunds import workflow
from refunds.gateways import GatewayAnswer, Outcome
from refunds.models import LedgerEntry, PaidLine, Payment, Refund
from returns.models import Entry
from returns.states import Event
from tests.refunds.make import DAY, NOON, an_approval, an_order

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 8
ROUNDS = 200
DUE = NOON + 5 * DAY

Race = Callable[[Callable[[int], object]], list[object]]


@pytest.fixture
def race() -> Iterator[Race]:
    """Run a function in eight threads at the same moment, each on a connection of its own."""
    start = threading.Barrier(THREADS)

    def run(function: Callable[[int], object], n: int) -> object:
        connection.ensure_connection()
        start.wait()
        return function(n)

    with ThreadPoolExecutor(THREADS) as pool:
        yield lambda function: list(pool.map(lambda n: run(function, n), range(THREADS)))
        hang_up = threading.Barrier(THREADS)
        list(pool.map(lambda _: (hang_up.wait(), connections.close_all()), range(THREADS)))


def approvals(rounds: int) -> Iterator[list[Entry]]:
    """Eight approvals on one order a round, of which what was paid covers two."""
    for _ in range(rounds):
        line = an_order(quantity=1, shipping="0.00", captured="60.00", lines=THREADS)
        entries = [an_approval(one) for one in line.order.lines.all()]
        yield entries


def test_eight_approvals_at_once_never_promise_more_than_was_paid(race: Race) -> None:
    """R28, on the order's money; the first ones also race to make its row."""
    for entries in approvals(ROUNDS):
        refunds = race(lambda n, e=entries: workflow.open_refund(e[n], at=NOON))  # type: ignore[misc]
        payment = Payment.objects.get(order_id=entries[0].case.order_id)
        assert sum(refund is not None for refund in refunds) == 2
        assert (payment.reserved, payment.left) == (60, 0)
    assert LedgerEntry.objects.filter(account="buyer").count() == 2 * ROUNDS
    assert Entry.objects.filter(event=Event.REFUND_REFUSED).count() == 6 * ROUNDS


def test_the_check_alone_holds_where_nobody_looks(race: Race) -> None:
    """R28: the counters move in the database: without the lock a promise is refused, not lost."""

    def promise(_: int) -> bool:
        try:
            with transaction.atomic():
                Payment.objects.get().move(reserved=Decimal(30))
        except Exception as error:
            assert "payment_never_more_than_paid" in str(error)  # noqa: PT017
            return False
        return True

    order = an_order(quantity=1, shipping="0.00", captured="60.00").order
    payment = Payment.objects.create(order=order, currency="EUR", paid=60)
    for _ in range(ROUNDS):
        assert sum(map(bool, race(promise))) == 2
        payment.move(reserved=Decimal(-60))


def test_one_approval_told_eight_times_at_once_is_one_promise(race: Race) -> None:
    for _ in range(ROUNDS):
        entry = an_approval(an_order())
        refunds = race(lambda _, e=entry: workflow.open_refund(e, at=NOON))  # type: ignore[misc]
        assert len(set(refunds)) == 1
    assert Payment.objects.aggregate(Sum("reserved"))["reserved__sum"] == 33 * ROUNDS


def test_eight_workers_take_eight_different_refunds_in_hand(race: Race) -> None:
    """R28: what is claimed is claimed by one."""
    for _ in range(ROUNDS):
        workflow.open_refund(an_approval(an_order()), at=NOON)
    taken = [
        claim.refund_id
        for _ in range(2 * ROUNDS // THREADS)
        for claims in race(lambda _: workflow.claim_due(1, at=DUE))
        for claim in claims
    ]  # type: ignore[attr-defined]
    assert sorted(taken) == sorted(Refund.objects.values_list("pk", flat=True))


def test_worker_and_bank_telling_at_once_are_recorded_once(race: Race) -> None:
    """R28: API answer, webhook and reconciliation end in one recorder, and move the money once."""
    for n in range(ROUNDS):
        refund = workflow.open_refund(an_approval(an_order()), at=NOON)
        assert refund is not None
        (claim,) = workflow.claim_due(1, at=DUE)
        paid = GatewayAnswer(Outcome.PAID, bank_reference=f"BK{n}")
        tokens = [claim.token, None] * (THREADS // 2)
        race(lambda i, r=refund, t=tokens, p=paid: workflow.record(r.pk, t[i], p, at=DUE))  # type: ignore[misc]
    for balances in (Payment, PaidLine):
        sums = balances.objects.aggregate(Sum("refunded"), Sum("reserved"))
        assert sums == {"refunded__sum": 33 * ROUNDS, "reserved__sum": 0}
    assert Entry.objects.filter(event=Event.REFUND_PAID).count() == ROUNDS
    assert LedgerEntry.objects.aggregate(Sum("amount"))["amount__sum"] == 0


def test_the_race_is_real_where_neither_lock_nor_check_guards(race: Race) -> None:
    """What the two guards above prevent: look, compare, write, and too much is promised."""
    order = an_order(quantity=1, shipping="0.00", captured="60.00").order
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE refunds_payment DROP CONSTRAINT payment_never_more_than_paid")
    try:
        payment = Payment.objects.create(order=order, currency="EUR", paid=60)

        def naive(_: int) -> None:
            with transaction.atomic():
                if Payment.objects.get().left >= 30:
                    Payment.objects.update(reserved=F("reserved") + 30)

        worst = 0
        for _ in range(20):
            race(naive)
            payment.refresh_from_db()
            worst = max(worst, int(payment.reserved))
            Payment.objects.update(reserved=0)
        assert worst > 60
    finally:
        Payment.objects.all().delete()
        constraint = next(c for c in Payment._meta.constraints if "never_more" in c.name)
        with connection.schema_editor() as editor:
            editor.add_constraint(Payment, constraint)
