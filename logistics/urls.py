"""Requests under /api/couriers/v1/ → the couriers' door."""

from django.urls import path

from logistics import webhooks

urlpatterns = [
    path("<str:courier>/events", webhooks.events, name="courier-events"),
    path("<str:courier>/ping", webhooks.ping, name="courier-ping"),
    path("<str:courier>/pickups", webhooks.pickups, name="courier-pickups"),
    path("<str:courier>/parcels/<str:tracking>", webhooks.parcel, name="courier-parcel"),
]
