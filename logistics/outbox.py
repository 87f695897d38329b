"""Deliveries to couriers: claim, call, record. Each has its own lane: none waits for another.

The calls run in threads, which see no database; claims and records are this thread's alone.
"""

import logging
from collections import Counter
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
    started, tried = monotonic(), workflow.expire(LATE, at=now())
    running: Running = {}
    more = tried == LATE
    with ThreadPoolExecutor(THREADS, thread_name_prefix="courier") as pool:
        while True:
            over = tried >= limit or monotonic() - started > seconds
            begun = {} if over else _begin(pool, running, now())
            running |= begun
            tried += len(begun)
            if not running:
                return Drained(tried, more=over or more)
            _record(running, now)


def _begin(pool: ThreadPoolExecutor, running: Running, at: datetime) -> Running:
    """Claim what may be told now, a few messages of each courier, and begin to tell it."""
    lanes = Counter(delivery.courier_id for delivery in running.values())
    begun: Running = {}
    for courier in workflow.couriers_to_tell(at=at):
        if len(running) + len(begun) + workflow.IN_FLIGHT > THREADS:
            break
        # A claim costs the same for one as for several.
        if lanes[courier] <= workflow.IN_FLIGHT // 2:
            claimed = workflow.claim(courier, at=at)
            begun |= _tell(pool, claimed, at) if claimed else {}
    return begun


def _tell(pool: ThreadPoolExecutor, claimed: list[Delivery], at: datetime) -> Running:
    """Messages of one courier, on their way."""
    try:
        gateway = gateway_for(claimed[0].courier, at=at)
    except LookupError as unknown:
        nobody = Answer(Fate.HOPELESS, error=str(unknown)[:300])
        return {pool.submit(lambda: nobody): each for each in claimed}
    return {pool.submit(call, gateway, each): each for each in claimed}


def call(gateway: CourierGateway, delivery: Delivery) -> Result:
    """Say it the way the courier is spoken to. Never raises for what the other side does."""
    key, message = delivery.message_id, delivery.payload
    match delivery.type:
        case MessageType.LABEL_ORDERED | MessageType.LABEL_CREATED:
            return gateway.create_label(LabelSpec.read(message), key)
        case MessageType.LABEL_VOIDED:
            return gateway.void_label(LabelSpec.read(message), key)
    number = delivery.pickup.confirmation_number if delivery.pickup else ""
    van = PickupSpec.read(message, confirmation_number=number)
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


def send_test_message(courier: Courier, *, by: str, at: datetime) -> Answer:
    """`courier.ping`, now, while somebody waits for the answer; signed with the test secret."""
    ping = MessageType.PING
    message = {"type": ping.value, "timestamp": told(at), "data": {"courier": courier.slug}}
    try:
        gateway = gateway_for(courier, at=at, mode=Mode.TEST)
    except LookupError as unknown:
        return Answer(Fate.HOPELESS, error=str(unknown))
    answer = gateway.ping(message, new_message_id())
    text = f"A test message was sent: {answer.status or answer.error}."
    workflow.keep_entry(courier, "tested", text, by=by, at=at)
    return answer
