"""The label as a shop fetches it for its buyer: sizes, formats, and the same bytes every time."""

from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from logistics import workflow
from logistics.models import CourierService, Parcel
from returns.actions import buyer_may
from returns.models import Case
from returns.states import Event, Handover, State
from tests import make
from tests.shop import pictures
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


# Postage (R21, R22)


def receipt(cost: str | None = "17.50", purpose: str = "proof_of_postage") -> dict[str, Any]:
    told = {"file": SimpleUploadedFile("receipt.jpg", pictures.jpeg()), "purpose": purpose}
    return told | ({"cost": cost} if cost is not None else {})


POSTED = {"courier": "DHL", "tracking_number": "RR 123 456", "registered": True, "cost": "17.50"}


def test_where_no_courier_serves_the_postage_comes_back_once_it_is_proved(shop: Shop) -> None:
    case = make.case_at(State.AWAITING_RETURN, country="BR")
    assert "shipped" in buyer_may(case, make.T0, services=())
    path = f"/returns/{case.number}"
    told = shop.post(f"{path}/handover", {"method": Handover.OWN_COURIER})
    assert told["handover"] == "own_courier"
    told = shop.post(f"{path}/shipped", POSTED)
    assert (told["postage"], told["parcel"]["carried"]) == ("0.00", "reimbursed")
    assert told["parcel"]["postage"] == {"paid": "17.50", "proof": "needed"}
    kept = shop.post(f"{path}/evidence", receipt(), status=201, format="multipart")
    assert kept["files"][0]["evidence"]["purpose"] == "proof_of_postage"
    told = shop.get(path)
    assert (told["postage"], told["parcel"]["postage"]["proof"]) == ("17.50", "accepted")


def test_a_proof_above_the_cap_is_given_and_waits(shop: Shop) -> None:
    case = make.case_at(State.AWAITING_RETURN, country="BR")
    path = f"/returns/{case.number}"
    shop.post(f"{path}/shipped", POSTED)
    shop.post(f"{path}/evidence", receipt("31.00"), status=201, format="multipart")
    assert shop.get(path)["parcel"]["postage"] == {"paid": "31.00", "proof": "given"}


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        (receipt(purpose="anything"), "/purpose"),
        (receipt("-1"), "/cost"),
        (receipt("1e3"), "/cost"),
        (receipt("a lot"), "/cost"),
        ({"file": SimpleUploadedFile("a.jpg", pictures.jpeg()), "cost": "5.00"}, "/cost"),
        (receipt() | {"currency": "USD"}, "/currency"),
    ],
)
def test_a_proof_that_makes_no_sense_is_refused_by_name(
    shop: Shop, told: dict[str, Any], pointer: str
) -> None:
    case = make.case_at(State.AWAITING_RETURN, country="BR")
    shop.post(f"/returns/{case.number}/shipped", POSTED)
    path = f"/returns/{case.number}/evidence"
    refused = shop.post(path, told, status=422, format="multipart")
    assert {error["pointer"] for error in refused["errors"]} == {pointer}
    assert not case.evidence.exists()


def test_a_proof_before_the_parcel_is_posted_is_senseless(shop: Shop) -> None:
    case = make.case_at(State.AWAITING_RETURN, country="BR")
    path = f"/returns/{case.number}/evidence"
    assert shop.post(path, receipt(), status=422, format="multipart")["code"] == "senseless"
    assert not case.evidence.exists()


def test_a_mistyped_number_is_told_to_the_buyer(shop: Shop) -> None:
    """R22: with what was typed, so that it can be compared with the receipt."""
    case = make.case_at(State.AWAITING_RETURN, free_return=False)
    wrong = {**POSTED, "tracking_number": "RR 123456784 DE"}
    refused = shop.post(f"/returns/{case.number}/shipped", wrong, status=422)
    assert refused["code"] == "senseless"
    assert "you typed RR123456784DE" in refused["detail"]


def test_one_key_with_another_cost_is_another_request(shop: Shop) -> None:
    case = make.case_at(State.AWAITING_RETURN, country="BR")
    path = f"/returns/{case.number}"
    shop.post(f"{path}/shipped", POSTED)
    shop.post(f"{path}/evidence", receipt("5.00"), status=201, format="multipart", key="k")
    again = shop.post(f"{path}/evidence", receipt("6.00"), status=422, format="multipart", key="k")
    assert again["code"] == "idempotency-key-reused"
