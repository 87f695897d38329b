"""Requests → doors."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from backoffice.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    # Until buyers and sellers have pages, whoever comes to the house is staff.
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/couriers/v1/", include("logistics.urls")),
    path("api/v1/", include("backoffice.shop.urls")),
]

handler400 = "backoffice.problems.bad_request"
handler404 = "backoffice.problems.not_found"
handler500 = "backoffice.problems.server_error"
