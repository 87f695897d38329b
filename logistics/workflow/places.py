"""Places in vans: which windows are offered, and a place in one taken and given back (R23)."""

from datetime import datetime, timedelta

from logistics import policy
from logistics.models import City, CourierService, PickupBooking, PickupSlot
from logistics.policy import Slot
from returns.models import Buyer, Case


class NoPlace(Exception):
    """Somebody else took the last place of that window."""


def zone_of(buyer: Buyer, service: CourierService) -> str:
    """The IANA zone of the address where the van comes; of the service where it is not known."""
    city = City.objects.called(buyer.country, buyer.address.get("city", "")).first()
    return city.time_zone if city else service.time_zone


def offered(case: Case, service: CourierService, *, at: datetime) -> list[Slot]:
    """What the service offers the case's buyer now, full ones too, the earliest first."""
    since = (at - timedelta(days=1)).date()
    rows = PickupSlot.objects.filter(window__service=service, date__gte=since)
    return policy.slots(
        [window.weekly() for window in service.windows.filter(active=True)],
        set(service.courier.holidays.filter(date__gte=since).values_list("date", flat=True)),
        {(row.window_id, row.date): max(0, row.capacity - row.taken) for row in rows},
        zone_of(case.buyer, service),
        now=at,
        until=case.deadline_at or at,
    )


def row_of(slot: Slot) -> PickupSlot:
    """The row where the slot's places are counted, made for its first booking."""
    row, _ = PickupSlot.objects.get_or_create(
        window_id=slot.key, date=slot.window.date, defaults={"capacity": slot.left}
    )
    return row


def settle(booking: PickupBooking, slot: PickupSlot | None, kept: PickupSlot | None = None) -> None:
    """Have the booking hold these places and no other; on the booking it is not saved yet.

    Raises NoPlace. The rows everybody wants are locked last of all, the oldest first.
    """
    before = {pk for pk in (booking.slot_id, booking.kept_slot_id) if pk}
    after = {each.pk for each in (slot, kept) if each}
    for pk in sorted(before ^ after):
        row = PickupSlot.objects.select_for_update().get(pk=pk)
        row.taken += 1 if pk in after else -1
        if row.taken > row.capacity:
            raise NoPlace
        row.save(update_fields=["taken"])
    booking.slot, booking.kept_slot = slot, kept
