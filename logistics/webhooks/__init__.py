"""The couriers' door: who says it, is it new, keep it, answer."""

from logistics.webhooks.events import events, ping
from logistics.webhooks.reading import parcel, pickups

__all__ = ["events", "parcel", "pickups", "ping"]
