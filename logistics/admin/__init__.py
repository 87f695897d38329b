"""Support's door to logistics: partners are edited, what was reported and told is only read."""

from . import (
    accounts,
    deliveries,
    desk,
    endpoints,
    messages,
    parcels,
    partners,
    pickups,
    point_imports,
    points,
    warehouse,
)

__all__ = [
    "accounts",
    "deliveries",
    "desk",
    "endpoints",
    "messages",
    "parcels",
    "partners",
    "pickups",
    "point_imports",
    "points",
    "warehouse",
]
