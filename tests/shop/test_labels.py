"""The label as a shop fetches it for its buyer: sizes, formats, and the same bytes every time."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from logistics import workflow
from logistics.models import CourierService, Parcel
from returns.models import Case
from returns.states import Event, State
from tests import make
from tests.shop.conftest import Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def case() -> Case:
    case = make.case_at(State.AWAITING_RETURN)
    workflow.order_label(case.entries.get(event=Event.ACCEPTED), at=make.T0)
    return case


@pytest.mark.parametrize(
    ("query", "name", "kind", "begins"),
    [
        ("label", "4x6.pdf", "application/pdf", b"%PDF"),
        ("label?size=a6&format=pdf", "a6.pdf", "application/pdf", b"%PDF"),
        ("label?size=a4", "a4.pdf", "application/pdf", b"%PDF"),
        ("label?format=png", "4x6-203.png", "image/png", b"\x89PNG"),
        ("label?size=a6&format=png&dpi=300", "a6-300.png", "image/png", b"\x89PNG"),
        ("label?format=zpl&dpi=300", "4x6-300.zpl", "application/zpl", b"^XA^CI28"),
        ("qr", "qr.svg", "image/svg+xml", b"<svg"),
        ("qr?format=png&dpi=300", "qr-300.png", "image/png", b"\x89PNG"),
        ("label.pdf", "4x6.pdf", "application/pdf", b"%PDF"),
    ],
)
def test_a_page_comes_as_an_attachment_that_nobody_keeps(
    shop: Shop, case: Case, query: str, name: str, kind: str, begins: bytes
) -> None:
    page = shop.call("get", f"/returns/{case.number}/{query}")
    assert page.status_code == 200, page.content
    assert page.content.startswith(begins)
    assert page["Content-Type"] == kind
    assert page["Content-Disposition"] == f'attachment; filename="{case.number}-{name}"'
    assert page["Cache-Control"] == "private, no-store"
    assert page["X-Content-Type-Options"] == "nosniff"
    again = shop.call("get", f"/returns/{case.number}/{query}")
    assert (again.content, again["ETag"]) == (page.content, page["ETag"])


def test_a_page_somebody_has_is_not_sent_again(shop: Shop, case: Case) -> None:
    path = f"/returns/{case.number}/label?format=png"
    page = shop.call("get", path)
    assert Image.open(BytesIO(page.content)).size == (812, 1218)
    for known in (page["ETag"], f'"x", {page["ETag"]}', "*"):
        same = shop.call("get", path, headers={"If-None-Match": known})
        assert (same.status_code, same.content, same["ETag"]) == (304, b"", page["ETag"])
    other = shop.call("get", path, headers={"If-None-Match": '"x"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("label?size=a5", "size"),
        ("label?size=qr", "size"),
        ("label?format=svg", "format"),
        ("label?format=gif", "format"),
        ("label?format=png&dpi=72", "dpi"),
        ("label?dpi=203", "dpi"),
        ("label?format=zpl&size=a4", "size"),
        ("label?page=2", "page"),
        ("label?size=", "size"),
        ("label?size=%00", "size"),
        ("qr?format=pdf", "format"),
        ("qr?dpi=300", "dpi"),
    ],
)
def test_a_page_there_is_not_is_refused_by_name(
    shop: Shop, case: Case, query: str, parameter: str
) -> None:
    refused = shop.expect(422, "get", f"/returns/{case.number}/{query}")
    assert {error["parameter"] for error in refused["errors"]} == {parameter}
    assert not Parcel.objects.get().pages.exists()


def test_without_a_label_there_is_no_page(shop: Shop) -> None:
    case = make.case_at(State.AWAITING_RETURN, free_return=False)
    for path in ("label", "label.pdf", "qr"):
        shop.expect(404, "get", f"/returns/{case.number}/{path}")


def test_a_label_that_cannot_be_drawn_says_why(shop: Shop, case: Case) -> None:
    Parcel.objects.update(tracking_number="Ω")
    refused = shop.expect(409, "get", f"/returns/{case.number}/label")
    assert (refused["code"], "Code 128" in refused["detail"]) == ("label-undrawn", True)


def test_the_case_says_where_the_label_is_and_what_it_costs_whom(shop: Shop, case: Case) -> None:
    """R29: the price by contract when it was issued, whatever the contract says later."""
    CourierService.objects.update(price="99")
    label: dict[str, Any] = shop.get(f"/returns/{case.number}")["label"]
    assert label["qr"] == f"/api/v1/returns/{case.number}/qr"
    assert label["cost"] == {"amount": "4.50", "currency": "EUR", "borne_by": "marketplace"}
