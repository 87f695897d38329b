"""The warehouse's pages with a hand scanner, which types what it reads and presses Enter."""

import os
import time
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from logistics.models import Inspection, InspectionPhoto
from returns.models import Case
from returns.states import InspectionOutcome, State
from tests import make
from tests.logistics.story import awaiting, parcel_of
from tests.shop.pictures import picture

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


def scan(page: Page, code: str) -> None:
    """As a keyboard wedge does, wherever the focus is."""
    with page.expect_navigation():
        page.keyboard.type(code)
        page.keyboard.press("Enter")


def signed_in(page: Page, live_server: LiveServer) -> None:
    worker = User.objects.create_user("wanda", password="boxes")
    worker.user_permissions.add(Permission.objects.get(codename="receive_parcel"))
    page.goto(f"{live_server.url}/warehouse/")
    look(page, "sign-in")
    page.fill("#id_username", "wanda")
    page.fill("#id_password", "boxes")
    page.keyboard.press("Enter")
    page.wait_for_selector("#code:focus")


def test_scan_enter_receive_inspect_two_pieces_photo_next(
    page: Page, live_server: LiveServer, tmp_path: Path
) -> None:
    """R25, R26: hands never leave the scanner and the keys."""
    case = awaiting(line=make.order(quantity=2).lines.get(), quantity=2)
    other = awaiting()
    number, photo = parcel_of(case).tracking_number, tmp_path / "crack.png"
    photo.write_bytes(picture("PNG"))
    signed_in(page, live_server)
    scan(page, "RMA00000000")
    assert "not known here" in page.inner_text("[role=status]")
    look(page, "unknown")

    begun = time.monotonic()
    scan(page, f"]C1{number.lower()}/{case.number}")
    assert page.input_value(f"#pieces-{case.pk}") == "2"
    assert time.monotonic() - begun < 2
    look(page, "receive")
    # Another label in between receives nothing, and is that box.
    scan(page, other.number)
    assert "was not received" in page.inner_text("[role=status]")
    assert not Case.objects.exclude(received_at=None).exists()
    page.goto(f"{live_server.url}/warehouse/?code={number}")
    scan(page, number)
    case.refresh_from_db()
    assert (case.state, case.quantity_received) == (State.INSPECTING, 2)

    page.wait_for_selector(".piece")
    look(page, "inspect")
    page.keyboard.press("1")
    expect(page.locator(".outcomes :checked")).to_have_count(1)
    page.keyboard.press("4")
    expect(page.locator(".outcomes :checked")).to_have_count(2)
    page.keyboard.press("d")
    page.set_input_files(f"[name='{case.pk}-2-photos']", photo)
    look(page, "inspected")
    page.focus(".piece:last-of-type .outcomes :checked")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_selector("#code:focus")
    assert "1 of 2 accepted" in page.inner_text("[role=status]")
    look(page, "next")

    items = Inspection.objects.get().items.all()
    told = [(item.outcome, item.grade, item.disposition) for item in items]
    assert told == [
        (InspectionOutcome.AS_NEW, "A", "restock"),
        (InspectionOutcome.DAMAGED_UNDECLARED, "D", "quarantine"),
    ]
    assert InspectionPhoto.objects.get().item == items[1]
    case.refresh_from_db()
    assert (case.state, case.quantity_accepted) == (State.INVESTIGATING, 1)
    scan(page, number)
    assert page.locator("img[alt='crack.png']").count() == 1
    look(page, "done")


def test_a_label_scanned_while_inspecting_is_another_box_and_answers_nothing(
    page: Page, live_server: LiveServer
) -> None:
    case = awaiting()
    signed_in(page, live_server)
    scan(page, case.number)
    scan(page, "")
    page.wait_for_selector(".piece")
    scan(page, "1234123412341")
    page.wait_for_selector("#code:focus")
    assert "1234123412341" in page.inner_text("[role=status]")
    assert not Inspection.objects.exists()


def test_without_javascript_it_works_the_same(page: Page, live_server: LiveServer) -> None:
    case = awaiting()
    page.route("**/*.js", lambda route: route.fulfill(body=""))
    signed_in(page, live_server)
    scan(page, case.number)
    scan(page, "")
    page.wait_for_selector(".piece")
    page.check(".outcomes label:nth-child(2) input")
    page.keyboard.press("Enter")
    page.wait_for_selector("#code:focus")
    case.refresh_from_db()
    assert case.state == State.REFUND_PENDING
