"""Requests → doors."""

from django.contrib import admin
from django.urls import path

from backoffice.health import healthz

urlpatterns = [
    path("healthz", healthz),
    path("admin/", admin.site.urls),
]
