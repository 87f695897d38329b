"""The roof: settings, the choreography, the processes. Knows every app; no app imports it."""

from backoffice.celery import app as celery_app

__all__ = ["celery_app"]
