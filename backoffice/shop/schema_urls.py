"""What the published schema covers: the shop's door, where it stands."""

from django.urls import include, path

urlpatterns = [path("api/v1/", include("backoffice.shop.urls"))]
