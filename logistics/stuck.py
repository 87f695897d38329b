"""Why a parcel does not move: the sentence a person reads first, from plain facts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from logistics.states import LabelState, PickupState
from logistics.tracking import PAPER_STATES, ParcelState


@dataclass(frozen=True)
class Untold:
    """A message that its courier has not got: since when, how often tried, why not."""

    what: str
    since: datetime
    attempts: int
    error: str
    dead: bool


@dataclass(frozen=True)
class Van:
    """The last pick-up booked; it can be told of until `tell_until`."""

    state: PickupState
    starts_at: datetime
    ends_at: datetime
    tell_until: datetime
    attempts: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Facts:
    """What is known of a parcel `at` that moment. Sentences tell times in `zone` (IANA).

    `until` is when the return moves by itself, `over` whether nobody waits for it any more.
    """

    at: datetime
    zone: str
    courier: str
    issued_at: datetime
    state: ParcelState = ParcelState.LABELLED
    label: LabelState = LabelState.LIVE
    printed: bool = True
    label_error: str = ""
    first_scan_at: datetime | None = None
    last_news_at: datetime | None = None
    place: str = ""
    delivered_at: datetime | None = None
    received_at: datetime | None = None
    inspected: bool = False
    with_support: bool = False
    over: bool = False
    until: datetime | None = None
    has_endpoint: bool = True
    disabled_at: datetime | None = None
    failing_since: datetime | None = None
    untold: tuple[Untold, ...] = ()
    van: Van | None = None
    unread: int = 0
    set_aside: tuple[str, ...] = ()


def stuck_because(facts: Facts) -> list[str]:
    """Why the parcel stands where it stands, the most telling first. Never empty."""
    return list(_reasons(facts))


def _reasons(facts: Facts) -> Iterator[str]:
    if facts.unread:
        yield f"{_count(facts.unread, 'report')} not worked out yet: is a worker running?"
    yield from _where(facts)
    if len(facts.set_aside) == 1:
        yield f"One thing was set aside for a person: {facts.set_aside[0]}"
    elif facts.set_aside:
        yield f"{len(facts.set_aside)} things were set aside for a person: {facts.set_aside[0]} …"


def _where(facts: Facts) -> Iterator[str]:
    """What it waits for, by how far it has come."""
    if facts.received_at:
        yield _in_the_warehouse(facts, facts.received_at)
    elif facts.over:
        yield "The return is over: nobody waits for this parcel."
    elif facts.delivered_at:
        ago = _ago(facts.delivered_at, facts)
        yield (
            f"Delivered according to the courier {ago}, not yet scanned by the warehouse"
            f"{_until(facts, 'the inspection passes by itself')}."
        )
    elif facts.first_scan_at or facts.state not in PAPER_STATES:
        yield _on_the_road(facts)
    else:
        yield from _at_the_buyers(facts)


def _in_the_warehouse(facts: Facts, received_at: datetime) -> str:
    if facts.inspected:
        return f"Received {_ago(received_at, facts)} and inspected: it waits for nothing."
    passes = _until(facts, "it passes by itself")
    return f"In the warehouse since {_when(received_at, facts)}, not inspected{passes}."


def _on_the_road(facts: Facts) -> str:
    news = f"Last news {_ago(facts.last_news_at, facts)}" if facts.last_news_at else "No news yet"
    where = f" in {facts.place}" if facts.place else ""
    trouble = {
        ParcelState.LOST: f"{facts.courier} reports it lost. ",
        ParcelState.HELD: f"{facts.courier} or customs hold it. ",
        ParcelState.EXCEPTION: f"{facts.courier} reports trouble with it. ",
        ParcelState.RETURNING: f"{facts.courier} brings it back to the buyer. ",
        ParcelState.RETURNED: f"{facts.courier} brought it back to the buyer. ",
    }.get(facts.state, "")
    if facts.with_support:
        return f"{trouble}{news}{where}; support has the return{_until(facts, 'it is to decide')}."
    return f"{trouble}{news}{where}{_until(facts, 'support takes over')}."


def _at_the_buyers(facts: Facts) -> Iterator[str]:
    """Not handed over: no paper, nobody told, no van, or only the buyer's turn."""
    yield from _paper(facts)
    yield from (_untold(message, facts) for message in facts.untold)
    if facts.van:
        yield from _van(facts.van, facts)
    yield (
        f"No scan since the label was made {_ago(facts.issued_at, facts)}"
        f"{_until(facts, 'the return closes')}."
    )


def _paper(facts: Facts) -> Iterator[str]:
    if facts.label == LabelState.ORDERED:
        yield f"{facts.courier} has not made the label yet, asked {_ago(facts.issued_at, facts)}."
    elif facts.label in (LabelState.VOIDED, LabelState.EXPIRED):
        yield f"Its label is {facts.label.label.lower()}: the parcel cannot travel on it."
    elif facts.label_error:
        yield f"The label cannot be printed: {facts.label_error}"
    elif facts.label == LabelState.LIVE and not facts.printed:
        yield f"The label is not printed yet, made {_ago(facts.issued_at, facts)}."


def _untold(message: Untold, facts: Facts) -> str:
    tries = _count(message.attempts, "try", "tries")
    error = f": {message.error}" if message.error else ""
    what = f"{facts.courier} was never told (“{message.what}”)"
    if message.dead:
        return f"{what}, given up after {tries}{error}."
    if not facts.has_endpoint:
        return f"{what}: it has no endpoint, there is nobody to tell."
    if facts.disabled_at:
        return f"{what}: its endpoint is disabled since {_when(facts.disabled_at, facts)}{error}."
    if facts.failing_since:
        return f"{what}: its endpoint fails since {_when(facts.failing_since, facts)}{error}."
    return f"{what} since {_when(message.since, facts)}, {tries}{error}."


def _van(van: Van, facts: Facts) -> Iterator[str]:
    starts = _when(van.starts_at, facts)
    if van.state == PickupState.REQUESTED and facts.at < van.tell_until:
        left = _ahead(van.tell_until, facts)
        yield (
            f"Pick-up asked for {starts}, {facts.courier} has not answered; "
            f"too late for the van {left}."
        )
    elif van.state == PickupState.REQUESTED:
        yield f"Pick-up asked for {starts}, {facts.courier} never answered: the van was not booked."
    elif van.state == PickupState.CONFIRMED and facts.at > van.ends_at:
        yield f"The van was to come until {_when(van.ends_at, facts)}; nobody said whether it did."
    elif van.state == PickupState.CONFIRMED:
        yield f"The van is to come on {starts}, confirmed by {facts.courier}."
    elif van.state == PickupState.MOVE_REQUESTED:
        yield f"The van comes on {starts}; {facts.courier} was asked to move it, no answer yet."
    elif van.state == PickupState.CANCEL_REQUESTED:
        yield f"{facts.courier} was asked to cancel the van of {starts}, no answer yet."
    elif van.state in (PickupState.FAILED, PickupState.REJECTED, PickupState.CANCELLED):
        why = f" ({van.reason.replace('_', ' ')})" if van.reason else ""
        yield (
            f"The pick-up of {starts} came to nothing: {van.state.label.lower()}{why}, "
            f"{_count(van.attempts, 'attempt')}; the buyer must choose again."
        )


def _until(facts: Facts, then: str) -> str:
    """What happens by itself, and when; a moment that passed in vain is said as that."""
    if facts.until is None:
        return ""
    if facts.until <= facts.at:
        return f"; overdue: {then}, and should have on {_when(facts.until, facts)}"
    return f"; {then} on {_when(facts.until, facts)}"


def _when(moment: datetime, facts: Facts) -> str:
    here = moment.astimezone(ZoneInfo(facts.zone))
    return f"{here.day} {here:%B, %H:%M}"


def _ago(moment: datetime, facts: Facts) -> str:
    return "just now" if moment >= facts.at else f"{_span(facts.at - moment)} ago"


def _ahead(moment: datetime, facts: Facts) -> str:
    return f"in {_span(moment - facts.at)}"


def _span(length: timedelta) -> str:
    """A length as people say it, in its largest unit."""
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour")):
        if length >= unit:
            return _count(length // unit, name)
    return _count(max(length // timedelta(minutes=1), 1), "minute")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"
