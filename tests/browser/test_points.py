"""A courier's file of points in a browser: brought, looked at, applied."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from logistics import workflow
from logistics.models import Courier
from returns import clock
from tests import make
from tests.logistics.points_files import ROW, csv_file
from tests.logistics.test_points_importing import listed

pytestmark = pytest.mark.django_db(transaction=True)

#: Where pictures of the pages go, for somebody to look at.
LOOK = os.environ.get("BROWSER_PICTURES", "")


def look(page: Page, name: str) -> None:
    """Keep a picture at both widths, where somebody asked for them; no page is wider than it."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        if LOOK:
            page.screenshot(path=Path(LOOK) / f"{name}-{width}.png", full_page=True)


def test_a_file_is_brought_looked_at_and_applied(
    live_server: LiveServer, page: Page, tmp_path: Path
) -> None:
    user = make.staff("vera")
    user.set_password("secret")
    user.save()
    inpost = Courier.objects.get(slug="inpost-pl")
    rows = listed(inpost, without=2)
    rows[0] = rows[0].replace("24/7", "Mo-Su 06:00-22:00")
    file = tmp_path / "lockers.csv"
    file.write_bytes(csv_file(ROW, *rows, ROW.replace("52.2362", "0").replace("WAW900A", "BAD1")))

    # The admin has no icon, and a browser asks for one all the same.
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    page.goto(f"{live_server.url}/admin/logistics/pointimport/add/")
    page.fill("[name=username]", "vera")
    page.fill("[name=password]", "secret")
    page.click("[type=submit]")
    look(page, "points-bring")
    page.select_option("[name=courier]", str(inpost.pk))
    page.check("[name=mode][value=full]")
    page.set_input_files("[name=file]", file)
    page.click("button.verb")
    workflow.import_due(5, at=clock.now())
    page.click("text=lockers.csv")
    expect(page.locator(".diff")).to_contain_text("Mo-Su 06:00-22:00")
    look(page, "points-diff")
    page.click("text=Apply these changes")
    look(page, "points-apply")
    page.click("button.verb")
    expect(page.locator(".headline")).to_contain_text("Being applied")
    workflow.import_due(5, at=clock.now())
    expect(page.locator(".headline")).to_contain_text("Applied by vera", timeout=10_000)
    look(page, "points-applied")
    assert inpost.points.filter(code="WAW900A").exists()
