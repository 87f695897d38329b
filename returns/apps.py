"""The app as Django knows it."""

from django.apps import AppConfig


class ReturnsConfig(AppConfig):
    name = "returns"
