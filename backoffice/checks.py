"""System checks: what would break a promise when it is set wrong."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from logistics import vault


def celery_keeps_its_promises(**_: Any) -> list[CheckMessage]:
    """What the queues rely on, wherever this runs."""
    return list(_broken_queue_promises())


def secrets_can_be_kept(**_: Any) -> list[CheckMessage]:
    """What couriers' secrets are encrypted with."""
    return [
        Error(
            f"COURIER_SECRETS_KEYS: {flaw}.",
            hint="Fernet.generate_key() of the package cryptography makes one.",
            id="backoffice.E005",
        )
        for flaw in vault.flaws()
    ]


def secrets_can_be_believed(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Whether each secret in the database can be read and is long enough (`--database default`)."""
    if not databases:
        return []
    secrets = apps.get_model("logistics", "CourierSecret").objects.select_related("courier")
    return [
        Error(
            f"The secret {secret} cannot be read or is too short: nobody signs with it.",
            hint="Give back the key it was encrypted with, or end it and make a new one.",
            id="backoffice.E108",
        )
        for secret in secrets.iterator()
        if not secret.key
    ]


def fit_to_deploy(**_: Any) -> list[CheckMessage]:
    """What must hold where real money moves (`check --deploy`)."""
    return list(_unfit_to_deploy())


def _broken_queue_promises() -> Iterator[CheckMessage]:
    if list(settings.CELERY_ACCEPT_CONTENT) != ["json"]:
        yield Error("A message can run code: only JSON may be accepted.", id="backoffice.E001")
    if not (settings.CELERY_TASK_ACKS_LATE and settings.CELERY_TASK_REJECT_ON_WORKER_LOST):
        yield Error("A task is lost with the worker that held it.", id="backoffice.E002")
    visible_again = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    if visible_again <= settings.CELERY_TASK_TIME_LIMIT:
        yield Error("A task still running would be handed out again.", id="backoffice.E003")
    if not settings.USE_TZ:
        yield Error("Times are aware UTC datetimes.", id="backoffice.E004")


def _unfit_to_deploy() -> Iterator[CheckMessage]:
    if settings.SIMULATION:
        yield Error(
            "The clock can be moved: SIMULATION is on.",
            hint="Unset SIMULATION; deadlines and refunds follow real time then.",
            id="backoffice.E101",
        )
    if not settings.HTTPS:
        yield checks.Warning(
            "Pages and cookies travel in the clear: set HTTPS=1.", id="backoffice.W102"
        )
    if settings.CELERY_BROKER_URL.startswith("memory:"):
        yield Error("Nothing rings: set REDIS_URL.", id="backoffice.E103")
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        yield checks.Warning("One writer at a time: set DATABASE_URL.", id="backoffice.W104")
    if not settings.BANK_URL or not settings.BANK_KEY:
        yield Error("No refund can be paid: set BANK_URL and BANK_KEY.", id="backoffice.E105")
    if settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
        yield checks.Warning("Mail goes into a folder: set EMAIL_URL.", id="backoffice.W106")
    if settings.COURIERS_ON_LOOPBACK:
        yield Error(
            "A courier's address may lead into our own network: COURIERS_ON_LOOPBACK is on.",
            id="backoffice.E107",
        )
