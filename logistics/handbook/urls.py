"""Requests under /docs/couriers/ → the couriers' handbook."""

from django.urls import path

from logistics.handbook import pages

urlpatterns = [
    path("", pages.start, name="handbook"),
    path("events/", pages.events, name="handbook-events"),
    path("requests/", pages.requests, name="handbook-requests"),
    path("signing/", pages.signing, name="handbook-signing"),
    path("<str:name>", pages.file, name="handbook-file"),
]
