"""Support's door to logistics: partners are edited, what was reported and told is only read."""

from . import desk, messages, parcels, partners, points, warehouse

__all__ = ["desk", "messages", "parcels", "partners", "points", "warehouse"]
