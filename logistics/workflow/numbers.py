"""Tracking numbers that couriers let us give out, and the alarm before they run out."""

from django.db.models import F

from logistics import s10
from logistics.models import Courier
from returns.drain import locked


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
