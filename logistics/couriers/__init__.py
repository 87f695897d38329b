"""Couriers as we call them, one file a way of speaking, all of one shape; see contract.py."""

from datetime import datetime

from django.utils.module_loading import import_string

from logistics.couriers.contract import (
    Address,
    Answer,
    CancelOutcome,
    CancelSaid,
    Capability,
    CourierGateway,
    LabelResult,
    LabelSpec,
    PickupOutcome,
    PickupSaid,
    PickupSpec,
    PointRecord,
    TrackingRecord,
)
from logistics.models import Courier
from logistics.states import Fate, Gateway, Mode

__all__ = [
    "GATEWAYS",
    "Address",
    "Answer",
    "CancelOutcome",
    "CancelSaid",
    "Capability",
    "CourierGateway",
    "Fate",
    "LabelResult",
    "LabelSpec",
    "PickupOutcome",
    "PickupSaid",
    "PickupSpec",
    "PointRecord",
    "TrackingRecord",
    "gateway_for",
]

#: By name, so that what is slow to import or not installed costs nobody who does not use it.
GATEWAYS: dict[str, str] = {
    Gateway.PARTNER: "logistics.couriers.partner.PartnerWebhookGateway",
    Gateway.INTERNAL: "logistics.couriers.internal.InternalLabelGateway",
    Gateway.SIMULATOR: "logistics.couriers.simulator.SimulatorGateway",
    Gateway.KARRIO: "logistics.couriers.karrio.KarrioGateway",
}


def gateway_for(courier: Courier, *, at: datetime, mode: Mode = Mode.LIVE) -> CourierGateway:
    """How this courier is spoken to at that moment. Raises LookupError when we do not know how.

    `mode` says with which secrets it signs. To be built where the database may be asked; its calls
    ask it nothing and may run in a thread.
    """
    try:
        gateway = import_string(GATEWAYS[courier.gateway])
    except (KeyError, ImportError) as error:
        raise LookupError(f"{courier}: no gateway “{courier.gateway}” is installed") from error
    made: CourierGateway = gateway(courier, at=at, mode=mode)
    return made
