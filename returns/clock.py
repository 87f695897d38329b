"""What time it is: real, or simulated for every process alike when SIMULATION=1."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from returns.models.clock import SimulatedClock


def real_now() -> datetime:
    """The machine's own clock, in UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """The time for every door: real, or the stored clock's when settings.SIMULATION is on."""
    if not settings.SIMULATION:
        return real_now()
    clock = SimulatedClock.objects.filter(pk=1).first()
    return _reading(clock) if clock else real_now()


def advance(by: timedelta) -> datetime:
    """Step the simulated clock forward; returns what it shows then. Never backwards."""
    if by < timedelta(0):
        raise ValueError("time goes forward only")
    return set_to(now() + by)


def set_to(moment: datetime, *, speed: float | None = None) -> datetime:
    """Set the simulated clock to `moment` (aware), keeping its speed unless told otherwise.

    Raises ImproperlyConfigured without SIMULATION=1, ValueError when that would turn time back.
    """
    if not settings.SIMULATION:
        raise ImproperlyConfigured("the clock moves with SIMULATION=1 only")
    clock = SimulatedClock.objects.filter(pk=1).first()
    if clock and moment < _reading(clock):
        raise ValueError(f"the clock shows {_reading(clock):%Y-%m-%d %H:%M} already")
    if speed is None:
        speed = clock.speed if clock else 0.0
    SimulatedClock.objects.update_or_create(
        pk=1, defaults={"reads": moment, "set_at": real_now(), "speed": speed}
    )
    return moment


def run_at(speed: float) -> datetime:
    """Let the simulated clock run at `speed` simulated seconds a real second; 0 stops it."""
    return set_to(now(), speed=speed)


def _reading(clock: SimulatedClock) -> datetime:
    if clock.speed == 0.0:
        return clock.reads
    return clock.reads + (real_now() - clock.set_at) * clock.speed
