"""Requests under /warehouse/ → the door of the warehouse."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from logistics.warehouse import files, pages
from logistics.warehouse.guard import strict

app_name = "warehouse"

urlpatterns = [
    path("", pages.home, name="home"),
    path("box/<int:pk>/", pages.box, name="box"),
    path("box/<int:pk>/receive", pages.receive, name="receive"),
    path("box/<int:pk>/inspect/<int:case>", pages.inspect, name="inspect"),
    path("box/<int:pk>/unexpected", pages.unexpected, name="unexpected"),
    path("box/<int:pk>/found", pages.found, name="found"),
    path("evidence/<int:pk>", files.evidence, name="evidence"),
    path("photos/<int:pk>", files.photo, name="photo"),
    path("unexpected/<int:pk>", files.unexpected, name="unexpected-photo"),
    path(
        "sign-in/",
        strict(
            LoginView.as_view(
                template_name="logistics/warehouse/sign_in.html", next_page="warehouse:home"
            )
        ),
        name="sign-in",
    ),
    path("sign-out/", LogoutView.as_view(next_page="warehouse:sign-in"), name="sign-out"),
]
