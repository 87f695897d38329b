"""The app as Django knows it."""

from django.apps import AppConfig


class LogisticsConfig(AppConfig):
    name = "logistics"
