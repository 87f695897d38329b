"""Requests → doors."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from backoffice.health import healthz, readyz
from logistics import counter
from logistics.handbook import pages as handbook

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    # Until buyers and sellers have pages, whoever comes to the house is staff.
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    # Short, since it is what the code on a label spells.
    re_path(r"^d/(?P<tracking>[A-Z0-9]{4,40})\Z", counter.drop_off),
    path("warehouse/", include("logistics.warehouse.urls")),
    path("api/couriers/v1/", include("logistics.urls")),
    path("api/v1/", include("backoffice.shop.urls")),
    path("docs/couriers/", include("logistics.handbook.urls")),
    path("problems/", handbook.problems, name="problems"),
    path("problems/<str:code>", handbook.problem, name="problem"),
]

handler400 = "backoffice.problems.bad_request"
handler404 = "backoffice.problems.not_found"
handler500 = "backoffice.problems.server_error"
