"""The roof as a Django app: commands, templates and checks; it has no models."""

from django.apps import AppConfig
from django.core.checks import Tags, register

from backoffice import checks


class BackofficeConfig(AppConfig):
    name = "backoffice"

    def ready(self) -> None:
        register(checks.celery_keeps_its_promises, "backoffice")
        register(checks.secrets_can_be_kept, "backoffice")
        register(checks.secrets_can_be_believed, Tags.database, deploy=True)
        register(checks.fit_to_deploy, "backoffice", deploy=True)
