"""Deliveries to couriers: claim, call, record. Each has its own lane: none waits for another.

The calls run in threads, which see no database; claims and records are this thread's alone.
"""

import logging
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from time import monotonic

from logistics import workflow
from logistics.couriers import (
    Answer,
    CourierGateway,
    Fate,
    LabelSpec,
    PickupSpec,
    gateway_for,
)
from logistics.models import Courier, Delivery
from logistics.models.messages import new_message_id
from logistics.states import MessageType, Mode
from logistics.workflow.holding import told
from logistics.workflow.outgoing import Result
from returns.drain import Drained

log = logging.getLogger(__name__)

#: Calls at the same time in one process. A courier has four at most, and one when it is not well.
THREADS = 64
#: Seconds: how often those who wait for an answer look whether somebody else can be told.
LOOK_AGAIN = 0.25
LATE = 100

Running = dict[Future[Result], Delivery]


def deliver_due(limit: int, *, at: datetime) -> int:
    """Tell couriers up to about `limit` messages that are due; returns how many were tried."""
    return deliver(lambda: at, limit=limit).handled


def deliver(now: Callable[[], datetime], *, limit: int = 2_000, seconds: float = 20.0) -> Drained:
    """Tell couriers what is due until nothing is, or after `seconds`; `now` is asked for the time.

    A courier that hangs holds its own lane only: meanwhile the others' messages are claimed, those
    that became due meanwhile too.
    """
    tried, started = 0, monotonic()
    running: Running = {}
    with ThreadPoolExecutor(THREADS, thread_name_prefix="courier") as pool:
        while True:
            at = now()
            late = workflow.expire(LATE, at=at)
            over = tried >= limit or monotonic() - started > seconds
            claimed = [] if over else _claim(THREADS - len(running), at)
            for delivery in claimed:
                running[_begin(pool, delivery, at)] = delivery
            tried += late + len(claimed)
            if not running:
                return Drained(tried, more=over or late == LATE)
            _record(running, now)


def _claim(room: int, at: datetime) -> list[Delivery]:
    """What may be told now, a few of each courier."""
    claimed: list[Delivery] = []
    for courier in workflow.couriers_to_tell(at=at):
        if room - len(claimed) < workflow.IN_FLIGHT:
            break
        claimed += workflow.claim(courier, at=at)
    return claimed


def _begin(pool: ThreadPoolExecutor, delivery: Delivery, at: datetime) -> Future[Result]:
    try:
        gateway = gateway_for(delivery.courier, at=at)
    except LookupError as unknown:
        not_spoken = Answer(Fate.HOPELESS, error=str(unknown)[:300])
        return pool.submit(lambda: not_spoken)
    number = delivery.pickup.confirmation_number if delivery.pickup else ""
    return pool.submit(call, gateway, delivery, confirmation_number=number)


def call(gateway: CourierGateway, delivery: Delivery, *, confirmation_number: str = "") -> Result:
    """Say it the way the courier is spoken to. Never raises for what the other side does."""
    key, message = delivery.message_id, delivery.payload
    match delivery.type:
        case MessageType.LABEL_ORDERED | MessageType.LABEL_CREATED:
            return gateway.create_label(LabelSpec.read(message), key)
        case MessageType.LABEL_VOIDED:
            return gateway.void_label(LabelSpec.read(message), key)
    van = PickupSpec.read(message, confirmation_number=confirmation_number)
    match delivery.type:
        case MessageType.PICKUP_REQUESTED:
            return gateway.book_pickup(van, key)
        case MessageType.PICKUP_RESCHEDULE_REQUESTED:
            return gateway.move_pickup(van, key)
    return gateway.cancel_pickup(van, key)


def _record(running: Running, now: Callable[[], datetime]) -> None:
    """Wait a moment for answers, and write down those that came."""
    done, _ = wait(running, timeout=LOOK_AGAIN, return_when=FIRST_COMPLETED)
    for future in done:
        delivery = running.pop(future)
        error = future.exception()
        if error:
            # Ours, not the courier's: a message that cannot be read must not be tried for days.
            log.error("%s cannot be told", delivery.message_id, exc_info=error)
            result: Result = Answer(Fate.HOPELESS, error=f"{type(error).__name__}: {error}"[:300])
        else:
            result = future.result()
        try:
            workflow.record(delivery, result, at=now())
        except Exception:
            # One message's affair: its lease will end, and it is told again under the same id.
            log.exception("%s was not recorded", delivery.message_id)


def send_test_message(courier: Courier, *, at: datetime) -> Answer:
    """`courier.ping`, now, while somebody waits for the answer; signed with the test secret."""
    ping = MessageType.PING
    message = {"type": ping.value, "timestamp": told(at), "data": {"courier": courier.slug}}
    return gateway_for(courier, at=at, mode=Mode.TEST).ping(message, new_message_id())
