"""Where a request ends up that knows no more than the address of the house."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_bare_address_leads_to_the_door_that_has_a_page() -> None:
    answer = Client().get("/", follow=True)
    assert answer.redirect_chain == [("/admin/", 302), ("/admin/login/?next=/admin/", 302)]
    assert answer.status_code == 200


def test_probes_are_answered_without_a_login() -> None:
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/readyz").status_code == 200
