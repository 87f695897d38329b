"""Support's door to logistics: partners are edited, what was reported and told is only read."""

from . import accounts, desk, messages, parcels, partners, pickups, point_imports, points, warehouse

__all__ = [
    "accounts",
    "desk",
    "messages",
    "parcels",
    "partners",
    "pickups",
    "point_imports",
    "points",
    "warehouse",
]
