"""What logistics remembers: partners, parcels and pick-ups, and messages both ways."""

from logistics.models.desk import Anomaly, CourierEntry
from logistics.models.messages import Delivery, TrackingEvent, WebhookReceipt
from logistics.models.parcels import Inspection, Parcel, Parcels, PickupBooking
from logistics.models.partners import (
    Courier,
    CourierSecret,
    CourierService,
    DropOffPoint,
    NumberRange,
)
from logistics.models.points import City

__all__ = [
    "Anomaly",
    "City",
    "Courier",
    "CourierEntry",
    "CourierSecret",
    "CourierService",
    "Delivery",
    "DropOffPoint",
    "Inspection",
    "NumberRange",
    "Parcel",
    "Parcels",
    "PickupBooking",
    "TrackingEvent",
    "WebhookReceipt",
]
