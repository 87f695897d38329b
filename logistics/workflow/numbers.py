"""Tracking numbers that couriers let us give out, and the alarm before they run out."""

from datetime import datetime, timedelta

from django.db.models import F, Max, Q

from logistics import s10
from logistics.models import Courier, NumberRange, Parcel
from logistics.workflow.desk import raise_anomaly
from returns.drain import locked

#: Over so many days is counted how fast a range is used.
PACE = timedelta(days=30)


class NoNumbers(Exception):
    """A courier's number ranges are used up: staff must add one."""


def take_number(courier: Courier) -> str:
    """The next number of a range nobody else is taking from; waits only when all are held."""
    left = courier.ranges.filter(next_serial__lte=F("last_serial")).order_by("id")
    taken = locked(left).first() or left.select_for_update().first()
    if taken is None:
        raise NoNumbers(f"{courier.name} has no tracking numbers left: add a number range to it")
    serial = taken.next_serial
    taken.next_serial = serial + 1
    taken.save(update_fields=["next_serial"])
    return s10.tracking_number(taken.prefix, serial, courier.country)


def watch_numbers(*, at: datetime) -> None:
    """Raise what runs low, once a range, and who has run out, once until a range is added."""
    for low in NumberRange.objects.filter(
        next_serial__gte=F("last_serial") + 1 - F("alarm_left"), courier__active=True
    ).select_related("courier"):
        raise_anomaly(
            f"numbers-low:{low.pk}:{low.last_serial}:{low.alarm_left}",
            code="numbers-low",
            text=f"{low.courier} has {low.left} numbers left under {low.prefix}: ask it for more.",
            at=at,
            courier=low.courier,
        )
    for courier in _without_numbers():
        raise_anomaly(
            f"numbers-out:{courier.pk}:{courier.newest}",  # type: ignore[attr-defined]
            code="numbers-out",
            text=f"{courier} has no tracking numbers left: add a range, then run the labels again.",
            at=at,
            courier=courier,
        )


def _without_numbers() -> list[Courier]:
    """Who serves a country and cannot make a label."""
    able = NumberRange.objects.filter(next_serial__lte=F("last_serial")).values("courier")
    serving = Courier.objects.filter(active=True, services__active=True).distinct()
    return list(serving.exclude(pk__in=able).annotate(newest=Max("ranges__pk")))


def days_left(range_: NumberRange, *, at: datetime) -> int | None:
    """In how many days it is empty at the pace of the last 30; None when nothing was taken."""
    taken = Parcel.objects.filter(
        Q(courier=range_.courier_id, issued_at__gt=at - PACE, issued_at__lte=at),
        tracking_number__startswith=range_.prefix,
        token__gt="",
    ).count()
    return range_.left * PACE.days // taken if taken else None
