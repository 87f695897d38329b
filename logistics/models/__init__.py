"""What logistics remembers: partners, parcels and pick-ups, and messages both ways."""

from logistics.models.accounts import CarrierAccount
from logistics.models.credentials import CourierReadKey, CourierSecret
from logistics.models.deliveries import Deliveries, Delivery, DeliveryAttempt, EndpointHealth
from logistics.models.desk import Anomaly, CourierEntry
from logistics.models.inspections import (
    InspectedItem,
    Inspection,
    InspectionPhoto,
    UnexpectedItem,
)
from logistics.models.labels import LabelPage
from logistics.models.messages import BadMessage, TrackingEvent, WebhookReceipt
from logistics.models.parcels import Parcel, Parcels, PickupAttempt, PickupBooking
from logistics.models.partners import (
    Courier,
    CourierService,
    NumberRange,
)
from logistics.models.point_imports import PointChange, PointImport
from logistics.models.points import City, DropOffPoint
from logistics.models.windows import CourierHoliday, PickupSlot, PickupWindow

__all__ = [
    "Anomaly",
    "BadMessage",
    "CarrierAccount",
    "City",
    "Courier",
    "CourierEntry",
    "CourierHoliday",
    "CourierReadKey",
    "CourierSecret",
    "CourierService",
    "Deliveries",
    "Delivery",
    "DeliveryAttempt",
    "DropOffPoint",
    "EndpointHealth",
    "InspectedItem",
    "Inspection",
    "InspectionPhoto",
    "LabelPage",
    "NumberRange",
    "Parcel",
    "Parcels",
    "PickupAttempt",
    "PickupBooking",
    "PickupSlot",
    "PickupWindow",
    "PointChange",
    "PointImport",
    "TrackingEvent",
    "UnexpectedItem",
    "WebhookReceipt",
]
