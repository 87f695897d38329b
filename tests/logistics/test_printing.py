"""A label's pages are drawn once and stay; a counter learns what a code is worth (R20)."""

import hashlib

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import Settings

from logistics import workflow
from logistics.labels import FIRST, SHEETS, Sheet
from logistics.labels import page as drawing
from logistics.models import Anomaly, LabelPage, Parcel
from logistics.states import LabelFormat, LabelSize, LabelState
from returns import clock
from returns import workflow as returns
from returns.models import Buyer
from returns.states import Event
from tests.logistics.story import DAY, HOUR, T0, awaiting, parcel_of, report

pytestmark = pytest.mark.django_db


def read(page: LabelPage) -> bytes:
    with page.file.open() as file:
        return bytes(file.read())


def test_a_worker_draws_the_first_page_of_what_has_none() -> None:
    parcel = parcel_of(awaiting())
    assert workflow.render_due_labels(10, at=T0) == 1
    assert workflow.render_due_labels(10, at=T0) == 0
    page = parcel.pages.get()
    assert (page.size, page.format, page.dpi) == ("4x6", "pdf", 0)
    assert read(page).startswith(b"%PDF")
    assert page.sha256 == hashlib.sha256(read(page)).hexdigest()


def test_a_reprint_is_the_same_bytes_whatever_draws_labels_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """R20: another Typst, another font, another address: what was issued stays as it is."""
    parcel = parcel_of(awaiting())
    first = {sheet: read(workflow.label_page(parcel, sheet, at=T0)) for sheet in SHEETS}
    Buyer.objects.update(name="Somebody Else")
    monkeypatch.setattr(drawing, "GRID", 300)
    monkeypatch.setattr(drawing, "FONT_PACKAGES", ())
    again = {sheet: read(workflow.label_page(parcel, sheet, at=T0 + DAY)) for sheet in SHEETS}
    assert again == first
    assert (
        parcel.pages.count() == len(SHEETS) == len({page.file.name for page in parcel.pages.all()})
    )


def test_the_database_keeps_a_page_once() -> None:
    parcel = parcel_of(awaiting())
    page = workflow.label_page(parcel, at=T0)
    page.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        page.save(force_insert=True)


def test_who_draws_a_page_second_hands_out_the_first() -> None:
    """Two ask for the same page at once: one is kept, and no file is left behind."""
    parcel = parcel_of(awaiting())
    kept = workflow.label_page(parcel, at=T0)
    Buyer.objects.update(name="Somebody Else")
    other = workflow.printing._draw(Parcel.objects.get(pk=parcel.pk), FIRST, T0)
    assert other == kept
    folder, _, name = kept.file.name.rpartition("/")
    assert kept.file.storage.listdir(folder)[1] == [name]


def test_a_label_that_cannot_be_drawn_is_in_nobodys_way() -> None:
    parcel = parcel_of(awaiting())
    Parcel.objects.filter(pk=parcel.pk).update(tracking_number="Ω")
    assert workflow.render_due_labels(10, at=T0) == 1
    assert workflow.render_due_labels(10, at=T0) == 0
    assert "Code 128" in parcel_of(parcel.case).label_error
    with pytest.raises(ValueError, match="Code 128"):
        workflow.label_page(parcel, at=T0)


def test_a_letter_we_do_not_have_is_a_box_on_the_label_and_a_line_on_the_desk() -> None:
    parcel = parcel_of(awaiting())
    Buyer.objects.update(name="สมชาย ใจดี")
    assert workflow.render_due_labels(10, at=T0) == 1
    assert parcel.pages.exists()
    workflow.label_page(parcel, Sheet(LabelSize.A4, LabelFormat.PDF), at=T0)
    found = Anomaly.objects.get()
    assert (found.code, found.parcel) == ("label-glyph-missing", parcel)


# The counter


def scan(parcel: Parcel, token: str | None = None) -> tuple[int, str]:
    given = parcel.token if token is None else token
    answer = Client().get(f"/d/{parcel.tracking_number}", {"t": given})
    return answer.status_code, answer.content.decode()


@pytest.fixture
def parcel(settings: Settings) -> Parcel:
    settings.SIMULATION = True
    clock.set_to(T0 + HOUR)
    return parcel_of(awaiting())


def test_the_label_spells_the_address_a_counter_opens(parcel: Parcel, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://returns.shop.example"
    said = workflow.printing.spec(parcel)
    assert said.qr_text == (
        f"https://returns.shop.example/d/{parcel.tracking_number}?t={parcel.token}"
    )
    assert len(parcel.token) == 10
    assert said.code.replace("-", "") == parcel.token


def test_a_counter_sees_a_code_that_is_ready_and_nothing_of_the_buyer(parcel: Parcel) -> None:
    status, page = scan(parcel)
    assert status == 200
    assert "<h1>Ready</h1>" in page
    assert parcel.token[:5] in page
    buyer, seller = parcel.case.buyer, parcel.case.seller
    secrets = (buyer.name, buyer.email, buyer.address["street"], buyer.address["city"])
    for secret in (*secrets, seller.name, parcel.case.number, parcel.order.number):
        assert secret not in page
    assert "<script" not in page
    assert "style=" not in page


def test_a_clerk_may_type_the_code_as_it_is_printed(parcel: Parcel) -> None:
    assert "Ready" in scan(parcel, workflow.short_code(parcel).lower())[1]


@pytest.mark.parametrize("token", ["", "AAAAAAAAAA", "é" * 10, "\x00", "A" * 5_000, "'--"])
def test_a_wrong_code_is_invalid_like_that_of_a_number_nobody_knows(
    parcel: Parcel, token: str
) -> None:
    status, page = scan(parcel, token)
    assert status == 404
    assert "<h1>Invalid</h1>" in page
    assert parcel.token not in page
    stranger = Client().get("/d/BA100000007XX", {"t": token})
    assert (stranger.status_code, stranger.content.decode()) == (status, page)


def test_a_parcel_without_a_code_is_not_opened_by_an_empty_one(parcel: Parcel) -> None:
    Parcel.objects.update(token="")
    assert scan(parcel, "")[0] == 404


def test_a_code_is_used_once_its_parcel_is_scanned(parcel: Parcel) -> None:
    report(parcel, "dropped_off", at=T0 + HOUR)
    assert "<h1>Used</h1>" in scan(parcel)[1]


def test_a_code_expires_with_its_last_day_and_with_its_case(parcel: Parcel) -> None:
    clock.set_to(T0 + 10 * DAY)
    assert "<h1>Ready</h1>" in scan(parcel)[1]
    clock.set_to(T0 + 11 * DAY)
    assert "<h1>Expired</h1>" in scan(parcel)[1]


def test_the_code_of_an_expired_label_says_so(parcel: Parcel) -> None:
    Parcel.objects.update(label=LabelState.EXPIRED)
    assert "<h1>Expired</h1>" in scan(parcel)[1]


def test_the_code_of_a_label_taken_back_is_invalid(parcel: Parcel) -> None:
    returns.cancel(parcel.case, at=T0 + HOUR)
    workflow.void_label(parcel.case.entries.get(event=Event.CANCELLED), at=T0 + HOUR)
    assert scan(parcel)[0] == 404


def test_the_counters_page_tells_nobody_its_address_and_is_only_read(parcel: Parcel) -> None:
    address = f"/d/{parcel.tracking_number}?t={parcel.token}"
    answer = Client().get(address)
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert Client().post(address).status_code == 405
    assert Client().get(f"/d/{'A' * 41}").status_code == 404
