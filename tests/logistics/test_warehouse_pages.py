"""The warehouse's door: who may come in, what a scan leads to, and that a double Enter is one."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from logistics import workflow
from logistics.models import Inspection, InspectionPhoto, Parcel, UnexpectedItem
from logistics.warehouse.boxes import LONGEST, Unread, find, read
from returns import clock
from returns import workflow as returns
from returns.models import Case
from returns.states import State
from tests import make
from tests.logistics.story import DAY, T0, awaiting, parcel_of
from tests.shop.pictures import jpeg_with_metadata, mp4

pytestmark = pytest.mark.django_db

HOME = "/warehouse/"


@pytest.fixture
def worker(client: Client) -> Client:
    """Somebody with a hand scanner, and no other right."""
    user = User.objects.create_user("wanda")
    user.user_permissions.add(Permission.objects.get(codename="receive_parcel"))
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doors read the clock: two days after the label was issued."""
    monkeypatch.setattr(clock, "now", lambda: T0 + 2 * DAY)


def scan(client: Client, code: str) -> HttpResponse:
    return client.get(HOME, {"code": code}, follow=True)  # type: ignore[return-value]


def text(answer: HttpResponse) -> str:
    return " ".join(answer.content.decode().split())


def own_parcel(number: str, *, courier: str = "DHL", **of_dispute: Any) -> Case:
    case = make.case_at(State.AWAITING_RETURN, free_return=False, **of_dispute)
    workflow.register_own_parcel(
        case,
        courier_name=courier,
        tracking_number=number,
        registered=True,
        postage=Decimal(7),
        at=T0,
    )
    return case


def receive(client: Client, case: Case, **said: Any) -> HttpResponse:
    path = reverse("warehouse:receive", args=[parcel_of(case).pk])
    return client.post(path, said, follow=True)  # type: ignore[return-value]


def inspect(client: Client, case: Case, *outcomes: str, **said: Any) -> HttpResponse:
    told = {f"{case.pk}-{n}-outcome": outcome for n, outcome in enumerate(outcomes, start=1)}
    path = reverse("warehouse:inspect", args=[parcel_of(case).pk, case.pk])
    return client.post(path, {"token": str(uuid4()), **told, **said}, follow=True)  # type: ignore[return-value]


# Who may come in ----------------------------------------------------------------------------------


def test_a_stranger_signs_in_first(client: Client) -> None:
    case = awaiting()
    box = reverse("warehouse:box", args=[parcel_of(case).pk])
    for path in (HOME, box):
        assert client.get(path).headers["Location"] == f"/warehouse/sign-in/?next={path}"
    assert receive(client, case).redirect_chain  # type: ignore[attr-defined]
    case.refresh_from_db()
    assert case.state == State.AWAITING_RETURN
    assert client.get("/warehouse/sign-in/").status_code == 200


def test_who_may_not_receive_parcels_may_not_see_them(client: Client) -> None:
    client.force_login(User.objects.create_user("finn", is_staff=True))
    case = awaiting()
    assert client.get(HOME).status_code == 403
    assert client.get(reverse("warehouse:box", args=[parcel_of(case).pk])).status_code == 403
    assert receive(client, case).status_code == 403


def test_a_page_runs_only_our_own_files_and_is_not_kept(worker: Client) -> None:
    answer = worker.get(HOME)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<style" not in text(answer)
    assert "onclick" not in text(answer)


# What was scanned ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scanned", "number"),
    [
        ("BA100000003FR", "BA100000003FR"),
        (" ba100000003fr\r", "BA100000003FR"),
        ("BA 1000 0000 3FR", "BA100000003FR"),
        ("]C1BA100000003FR", "BA100000003FR"),
        ("\x1dBA100000003FR\x1d", "BA100000003FR"),
        ("BA100000003FR/RMA00000001", "RMA00000001"),
        ("BA100000003FR-RMA00000001", "RMA00000001"),
        ("https://r.example/d/BA100000003FR?t=ABCDEFGHJK", "BA100000003FR"),
        ("HTTPS:--R.EXAMPLE-D-BA100000003FR", "BA100000003FR"),
        ("AB-1234-C", "AB-1234-C"),
    ],
)
def test_a_scan_is_read_however_it_was_typed(scanned: str, number: str) -> None:
    assert number in read(scanned)


@pytest.mark.parametrize("nonsense", ["", "   ", "\x1d", "]C1", "\x00\x01"])
def test_a_scan_of_nothing_says_so(worker: Client, nonsense: str) -> None:
    assert "Nothing was scanned" in text(scan(worker, nonsense))


@pytest.mark.parametrize("nonsense", ["12345678", "<b>x</b>", "ש" * 50, "x" * 9000, "' OR 1=1 --"])
def test_a_number_nobody_knows_is_answered_in_a_sentence(worker: Client, nonsense: str) -> None:
    answer = text(scan(worker, nonsense))
    assert "is not known here. Scan again, or type the RMA number." in answer
    assert "<b>" not in answer
    assert len(read("x" * 9000)[0]) == LONGEST


def test_the_label_the_rma_number_and_both_in_one_are_one_box() -> None:
    case = awaiting()
    number = parcel_of(case).tracking_number
    boxes = [find(code) for code in (number, case.number, f"{number}/{case.number}")]
    assert [[box.parcel.case for box in found] for found in boxes] == [[case]] * 3


def test_a_case_without_a_parcel_is_put_aside(worker: Client) -> None:
    case = make.dispute()
    answer = text(scan(worker, case.number))
    assert f"{case.number} has no parcel: it is “Under review”" in answer
    with pytest.raises(Unread):
        find(case.number)


def test_two_couriers_with_one_number_are_asked_about(worker: Client) -> None:
    first, second = own_parcel("RR0001", courier="DHL"), own_parcel("RR0001", courier="Hermes")
    answer = text(scan(worker, "rr0001"))
    assert "2 couriers use this number" in answer
    assert "DHL" in answer
    assert "Hermes" in answer
    # The case's own number says which is meant.
    assert find(f"RR0001/{second.number}")[0].parcel.case == second
    assert len(find(first.number)) == 1


def test_two_cases_posted_in_one_box_are_shown_and_received_together(worker: Client) -> None:
    order = make.order(lines=2, free_return=False)
    cases = [own_parcel("RR0002", line=line) for line in order.lines.all()]
    shown = text(scan(worker, "RR0002"))
    assert all(case.number in shown for case in cases)
    receive(worker, cases[0])
    assert {case.state for case in Case.objects.all()} == {State.INSPECTING}


@pytest.mark.parametrize(
    ("happened", "sentence"),
    [
        (lambda case: returns.lapse(case, at=T0 + 10 * DAY), "is closed: parcel not handed over"),
        (lambda case: returns.cancel(case, at=T0), "is closed: cancelled by the buyer"),
    ],
)
def test_a_box_of_a_closed_case_is_put_aside_for_support(
    worker: Client, happened: Any, sentence: str
) -> None:
    case = awaiting()
    happened(case)
    answer = text(scan(worker, parcel_of(case).tracking_number))
    assert sentence in answer
    assert "Put the box aside for support." in answer
    assert "Not received" in text(receive(worker, case)) or not parcel_of(case).received_at


def test_a_label_that_was_taken_back_is_put_aside(worker: Client) -> None:
    case = awaiting()
    Parcel.objects.filter(case=case).update(label="voided")
    assert "This label is voided" in text(scan(worker, parcel_of(case).tracking_number))


def test_what_was_inspected_says_by_whom_and_what(worker: Client) -> None:
    case = awaiting()
    receive(worker, case)
    inspect(worker, case, "opened")
    answer = text(scan(worker, case.number))
    assert "Inspected by wanda" in answer
    assert "Opened, in good condition → Back into inventory" in answer


# Receive and inspect ------------------------------------------------------------------------------


def test_enter_receives_what_is_expected_and_another_label_does_not(worker: Client) -> None:
    case = awaiting(line=make.order(quantity=2).lines.get(), quantity=2)
    assert "was not received" in text(receive(worker, case, code="RR9999"))
    assert parcel_of(case).received_at is None
    receive(worker, case, code=case.number.lower(), **{f"pieces-{case.pk}": "1"})
    receive(worker, case)
    case.refresh_from_db()
    assert (case.state, case.quantity_received) == (State.INSPECTING, 1)
    assert make.events(case).count("received") == 1


@pytest.mark.parametrize("count", ["-1", "3", "1.5", "two", "²", "9" * 400])
def test_a_count_that_cannot_be_receives_nothing(worker: Client, count: str) -> None:
    case = awaiting(line=make.order(quantity=2).lines.get(), quantity=2)
    answer = text(receive(worker, case, **{f"pieces-{case.pk}": count}))
    assert "a number from 0 to 2" in answer
    assert parcel_of(case).received_at is None


def test_each_piece_is_kept_with_its_photos_and_the_next_box_is_asked_for(worker: Client) -> None:
    case = awaiting(line=make.order(quantity=2).lines.get(), quantity=2)
    receive(worker, case)
    photo = SimpleUploadedFile("../crack.jpg", jpeg_with_metadata())
    said = {f"{case.pk}-2-photos": photo, f"{case.pk}-2-grade": "D", f"{case.pk}-2-note": "Crack"}
    answer = inspect(worker, case, "as_new", "damaged_undeclared", **said)
    assert answer.redirect_chain == [(HOME, 302)]  # type: ignore[attr-defined]
    assert f"{case.number}: 1 of 2 accepted." in text(answer)
    kept = InspectionPhoto.objects.get()
    assert (kept.name, kept.item.n, kept.item.note) == ("crack.jpg", 2, "Crack")
    assert b"GPS" not in kept.file.read()
    shown = worker.get(reverse("warehouse:photo", args=[kept.pk]))
    assert shown.headers["Content-Type"] == "image/jpeg"
    assert "sandbox" in shown.headers["Content-Security-Policy"]


def test_many_pieces_are_told_of_in_groups_that_are_alike(worker: Client) -> None:
    """A page with hundreds of pieces is no page, and a browser may not send so many fields."""
    case = awaiting(line=make.order(quantity=300).lines.get(), quantity=300)
    receive(worker, case, **{f"pieces-{case.pk}": "298"})
    shown = text(scan(worker, case.number))
    assert shown.count("<fieldset") == 6
    assert 'value="298"' in shown
    said = {f"{case.pk}-{n}-alike": str(pieces) for n, pieces in ((1, 297), (2, 2), (3, 0))}
    inspect(worker, case, "as_new", "missing", "opened", **said)
    assert not Inspection.objects.exists()
    said |= {f"{case.pk}-3-alike": "1"} | {f"{case.pk}-{n}-alike": "0" for n in (4, 5, 6)}
    answer = inspect(worker, case, "as_new", "missing", "opened", **said)
    assert "298 of 300 accepted." in text(answer)
    assert Inspection.objects.get().items.count() == 300


def test_a_double_enter_is_one_inspection(worker: Client) -> None:
    case, token = awaiting(), str(uuid4())
    receive(worker, case)
    for _ in range(2):
        answer = inspect(worker, case, "as_new", token=token)
        assert answer.redirect_chain == [(HOME, 302)]  # type: ignore[attr-defined]
    assert Inspection.objects.count() == 1
    assert "Not kept" in text(inspect(worker, case, "opened"))
    assert Inspection.objects.count() == 1


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ((), {}),
        (("marvellous",), {}),
        (("as_new",), {"grade": "E"}),
        (("as_new",), {"grade": "D", "disposition": "restock"}),
        (("as_new",), {"disposition": "return_to_buyer"}),
        (("missing",), {"disposition": "discard"}),
        (("as_new",), {"note": "x" * 501}),
        (("as_new",), {"photos": SimpleUploadedFile("a.jpg", b"no picture")}),
        (("as_new",), {"photos": SimpleUploadedFile("a.mp4", mp4())}),
        (("as_new",), {"token": "no uuid"}),
    ],
)
def test_nonsense_about_a_piece_is_shown_again_and_not_kept(
    worker: Client, outcomes: tuple[str, ...], said: dict[str, Any]
) -> None:
    case = awaiting()
    receive(worker, case)
    told = {
        name if name == "token" else f"{case.pk}-1-{name}": value for name, value in said.items()
    }
    answer = inspect(worker, case, *outcomes, **told)
    assert answer.status_code in (200, 422)
    assert "Inspect RMA" in text(answer)
    assert not Inspection.objects.exists()
    assert not InspectionPhoto.objects.exists()


def test_a_box_nobody_knows_is_not_found(worker: Client) -> None:
    case = awaiting()
    paths = [reverse(f"warehouse:{name}", args=[999]) for name in ("box",)]
    assert [worker.get(path).status_code for path in paths] == [404]
    for path in ("photo", "evidence", "unexpected-photo"):
        assert worker.get(reverse(f"warehouse:{path}", args=[999])).status_code == 404
    other = reverse("warehouse:inspect", args=[parcel_of(case).pk, 999])
    assert worker.post(other, {"token": str(uuid4())}).status_code == 404


# What else lies in the box ------------------------------------------------------------------------


def test_something_unexpected_is_kept_with_its_photo_once(worker: Client) -> None:
    case, token = awaiting(), str(uuid4())
    path = reverse("warehouse:unexpected", args=[parcel_of(case).pk])
    for _ in range(2):
        photo = SimpleUploadedFile("mug.jpg", jpeg_with_metadata())
        worker.post(path, {"token": token, "description": "A blue mug", "photo": photo})
    kept = UnexpectedItem.objects.get()
    assert worker.get(reverse("warehouse:unexpected-photo", args=[kept.pk])).status_code == 200
    assert "A blue mug" in text(scan(worker, case.number))
    for said in ({"token": str(uuid4())}, {"description": "x"}, {"token": "x", "description": "x"}):
        assert "Not kept" in text(worker.post(path, said, follow=True))  # type: ignore[arg-type]
    assert UnexpectedItem.objects.count() == 1


def test_another_return_of_the_buyer_is_offered_and_received(worker: Client) -> None:
    buyer = make.buyer()
    first, second = awaiting(by=buyer), awaiting(by=buyer)
    receive(worker, first)
    assert f"{second.number}: 1 ×" in text(scan(worker, first.number))
    path = reverse("warehouse:found", args=[parcel_of(first).pk])
    for _ in range(2):
        worker.post(path, {"code": second.number})
    second.refresh_from_db()
    assert (second.state, second.parcels.count()) == (State.INSPECTING, 2)
    for code in ("", "RMA00000000", awaiting().number):
        answer = worker.post(path, {"code": code}, follow=True)
        assert "That is no RMA number" in text(answer) or "Not received" in text(answer)  # type: ignore[arg-type]


# What waits ---------------------------------------------------------------------------------------


def test_what_waits_is_listed_by_its_deadline_and_today_is_counted(worker: Client) -> None:
    """R25, R35."""
    late, early = awaiting(), awaiting()
    workflow.receive_parcel(early, at=T0 + DAY, by="Ann")
    receive(worker, late)
    shown = text(worker.get(HOME))  # type: ignore[arg-type]
    assert shown.index(early.number) < shown.index(late.number)
    assert "<strong>1</strong> received today" in shown
    assert "<strong>2</strong> waiting" in shown
    inspect(worker, early, "as_new")
    shown = text(worker.get(HOME))  # type: ignore[arg-type]
    assert early.number not in shown.split("Received, not yet inspected")[1]
    assert "<strong>1</strong> inspected today" in shown
