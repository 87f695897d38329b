"""The refunds app."""

from django.apps import AppConfig


class RefundsConfig(AppConfig):
    """Money: what goes back to buyers, when, and who bears it."""

    name = "refunds"
    default_auto_field = "django.db.models.BigAutoField"
