"""Support prints labels, takes them back, reads receipts; staff keep numbers and prices (R29)."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from backoffice.reactions import reactions
from logistics import workflow
from logistics.labels import SHEETS
from logistics.models import Anomaly, Courier, CourierService, Delivery, NumberRange, Parcel
from logistics.states import LabelState, MessageType, PickupState
from refunds.models import LedgerEntry
from returns import clock
from returns.journal import run_again, run_due
from returns.machine import NotNow
from returns.models import Reaction
from returns.states import Event, State
from tests import make
from tests.logistics.story import DAY, HOUR, T0, awaiting, parcel_of, report
from tests.logistics.test_posting import nobody_serves, post, prove

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _monday_morning(settings: Settings, db: None) -> None:
    settings.SIMULATION = True
    clock.set_to(T0 + HOUR)


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(make.staff())
    return client


@pytest.fixture
def onlooker() -> Client:
    """Staff who may look at parcels, and nothing else."""
    user = User.objects.create(username="bob", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client


def at(name: str, parcel: Parcel, *more: str) -> str:
    return reverse(f"admin:logistics_parcel_{name}", args=[parcel.pk, *more])


def shown(answer: HttpResponse) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


# Labels


def test_the_page_of_a_parcel_prints_its_label_in_every_format(desk: Client) -> None:
    parcel = parcel_of(awaiting())
    page = shown(desk.get(at("change", parcel)))
    assert "4.50 EUR" in page
    assert "due once it is used" in page
    for sheet in SHEETS:
        assert at("label", parcel, sheet.name) in page
        answer = desk.get(at("label", parcel, sheet.name))
        assert answer["Content-Type"] == sheet.content_type
        with workflow.label_page(parcel, sheet, at=T0).file.open() as kept:
            assert answer.content == kept.read()
    assert desk.get(at("label", parcel, "a5.pdf")).status_code == 404


def test_a_label_is_replaced_by_one_with_another_number_and_one_counts_r12(desk: Client) -> None:
    case = awaiting()
    old = parcel_of(case)
    answer = desk.post(at("reissue", old), {"why": "The printer ate it."})
    assert answer.status_code == 302
    old.refresh_from_db()
    new = parcel_of(case)
    assert (old.label, new.label) == (LabelState.VOIDED, LabelState.LIVE)
    assert new.tracking_number != old.tracking_number
    assert new.token != old.token
    assert (new.label_cost, new.label_currency) == (old.label_cost, "EUR")
    told = Delivery.objects.filter(type=MessageType.LABEL_VOIDED).get()
    assert told.parcel == old
    note = case.entries.get(text__contains="The printer ate it.")
    assert (note.actor, note.by) == ("support", "ann")
    assert Parcel.objects.filter(order=case.order, label=LabelState.LIVE).count() == 1


def test_a_label_taken_back_ends_its_van_and_the_buyer_chooses_again_r12(desk: Client) -> None:
    case = awaiting()
    old = parcel_of(case)
    assert desk.post(at("void", old), {"why": "Sent to the wrong person."}).status_code == 302
    old.refresh_from_db()
    assert old.label == LabelState.VOIDED
    assert not case.pickups.exclude(state=PickupState.CANCELLED).exists()
    workflow.choose_drop_off(case, point_code="", at=T0 + 2 * HOUR)
    assert parcel_of(case).label == LabelState.LIVE
    assert case.parcels.count() == 2


def test_a_label_is_taken_back_with_a_reason_and_only_while_it_waits(desk: Client) -> None:
    case = awaiting()
    parcel = parcel_of(case)
    assert "This field is required" in shown(desk.post(at("void", parcel), {"why": " "}))
    report(parcel, "dropped_off", at=T0 + HOUR)
    assert "waits to be used" in shown(desk.post(at("void", parcel), {"why": "Too late."}))
    assert at("void", parcel) not in shown(desk.get(at("change", parcel)))
    with pytest.raises(NotNow):
        workflow.reissue_label(parcel, why="Too late.", by="ann", at=T0 + 2 * HOUR)


@pytest.mark.parametrize("door", ["void", "reissue", "postage"])
def test_who_may_only_look_changes_nothing(onlooker: Client, door: str) -> None:
    parcel = parcel_of(awaiting())
    assert at(door, parcel) not in shown(onlooker.get(at("change", parcel)))
    told = {"why": "I want to.", "amount": "1"}
    assert onlooker.post(at(door, parcel), told).status_code == 403
    parcel.refresh_from_db()
    assert parcel.label == LabelState.LIVE


def test_a_stranger_prints_nothing(client: Client) -> None:
    user = User.objects.create(username="eve", is_staff=True)
    parcel = parcel_of(awaiting())
    assert client.get(at("label", parcel, "4x6.pdf")).status_code == 302
    client.force_login(user)
    assert client.get(at("label", parcel, "4x6.pdf")).status_code == 403


def test_support_reads_the_receipt_and_confirms_the_postage_r21(desk: Client) -> None:
    case = nobody_serves()
    parcel = post(case, postage="45.00")
    prove(case)
    page = shown(desk.get(at("change", parcel)))
    assert "receipt.png" in page
    assert "45.00 EUR" in page
    assert "at most" in shown(desk.post(at("postage", parcel), {"amount": "46"})).lower()
    assert desk.post(at("postage", parcel), {"amount": "40"}).status_code == 302
    case.refresh_from_db()
    assert case.postage == 40
    assert at("postage", parcel) not in shown(desk.get(at("change", parcel)))


# What a label costs


def ledger() -> dict[str, Decimal]:
    return {row.account: row.amount for row in LedgerEntry.objects.filter(kind="label")}


def react() -> None:
    while run_due(50, at=T0 + 9 * DAY):
        pass


def test_a_used_label_costs_what_it_did_when_it_was_issued_r29() -> None:
    parcel = parcel_of(awaiting())
    CourierService.objects.update(price=99)
    report(parcel, "dropped_off", at=T0 + DAY)
    react()
    assert ledger() == {"marketplace": Decimal("4.50"), "courier": Decimal("-4.50")}


def test_a_label_that_the_warehouse_sees_first_costs_as_well_r29() -> None:
    case = awaiting()
    workflow.receive_parcel(case, at=T0 + DAY, by="Warehouse 1")
    react()
    assert ledger() == {"marketplace": Decimal("4.50"), "courier": Decimal("-4.50")}


def test_a_label_taken_back_before_it_was_used_costs_nothing_r29() -> None:
    case = awaiting()
    workflow.reissue_label(parcel_of(case), why="Lost.", by="ann", at=T0 + HOUR)
    report(parcel_of(case), "dropped_off", at=T0 + DAY)
    react()
    assert ledger()["courier"] == Decimal("-4.50")


def test_planted_prices_are_made_up_until_somebody_confirms_them(desk: Client) -> None:
    service = CourierService.objects.get(courier__slug="la-poste-fr")
    assert service.price_confirmed_at is None
    page = reverse("admin:logistics_courierservice_change", args=[service.pk])
    form = desk.get(page).context["adminform"].form
    told = {name: value for name, value in form.initial.items() if value is not None}
    for inline in desk.get(page).context["inline_admin_formsets"]:
        told |= {f"{inline.formset.prefix}-{n}_FORMS": 0 for n in ("TOTAL", "INITIAL")}
    told["price"] = "5.20"
    assert desk.post(page, told).status_code == 302
    service.refresh_from_db()
    assert (service.price, service.price_confirmed_at) == (Decimal("5.20"), T0 + HOUR)
    entry = service.courier.entries.get(what="price_confirmed")
    assert entry.by == "ann"
    assert "5.20" in entry.text
    assert not CourierService.objects.exclude(pk=service.pk).exclude(price_confirmed_at=None)


def test_prices_are_confirmed_as_they_are(desk: Client) -> None:
    services = CourierService.objects.filter(courier__country__in=("FR", "IT"))
    told = {"action": "confirm_prices", "_selected_action": list(services.values_list("pk"))}
    told["_selected_action"] = [service.pk for service in services]
    desk.post(reverse("admin:logistics_courierservice_changelist"), told)
    assert CourierService.objects.exclude(price_confirmed_at=None).count() == services.count() > 0


# Numbers


@pytest.fixture
def last(db: None) -> Callable[[int], NumberRange]:
    """La Poste with one range of so many numbers."""

    def make_range(left: int) -> NumberRange:
        courier = Courier.objects.get(slug="la-poste-fr")
        courier.ranges.exclude(prefix="BA").delete()
        courier.ranges.update(next_serial=100_000 - left, last_serial=99_999, alarm_left=3)
        return courier.ranges.get()

    return make_range


def test_a_range_that_runs_low_is_told_once(last: Callable[[int], NumberRange]) -> None:
    last(4)
    for _ in range(2):
        workflow.watch_numbers(at=T0)
    assert not Anomaly.objects.exists()
    awaiting()
    for _ in range(3):
        workflow.watch_numbers(at=T0)
    found = Anomaly.objects.get()
    assert found.code == "numbers-low"
    assert "3 numbers left under BA" in found.text
    awaiting()
    workflow.watch_numbers(at=T0)
    assert Anomaly.objects.count() == 1


def test_without_numbers_a_label_waits_until_somebody_adds_a_range_and_runs_it_again(
    last: Callable[[int], NumberRange],
) -> None:
    assert workflow.order_label in reactions[Event.ACCEPTED]
    used = last(0)
    case = make.case_at(State.AWAITING_RETURN)
    when = T0
    for _ in range(5):
        run_due(50, at=when)
        when += 4 * HOUR
    stuck = Reaction.objects.get(case=case, name__endswith="order_label")
    assert (stuck.done_at, stuck.next_try_at) == (None, None)
    assert "La Poste has no tracking numbers left" in stuck.last_error
    assert not case.parcels.exists()
    for _ in range(2):
        workflow.watch_numbers(at=when)
    assert Anomaly.objects.filter(code="numbers-out").count() == 1

    fresh = NumberRange.objects.create(
        courier=used.courier, prefix="BC", next_serial=1, last_serial=9
    )
    run_again(stuck, at=when)
    run_due(50, at=when)
    assert case.parcels.get().tracking_number.startswith("BC00000001")
    fresh.delete()
    NumberRange.objects.create(courier=used.courier, prefix="BD", next_serial=10, last_serial=9)
    workflow.watch_numbers(at=when)
    assert Anomaly.objects.filter(code="numbers-out").count() == 2


def test_a_suspended_courier_is_nobodys_worry(last: Callable[[int], NumberRange]) -> None:
    last(0)
    Courier.objects.update(active=False)
    workflow.watch_numbers(at=T0)
    assert not Anomaly.objects.exists()


def test_the_page_of_the_ranges_says_how_long_they_last(
    desk: Client, last: Callable[[int], NumberRange]
) -> None:
    range_ = last(10)
    assert workflow.days_left(range_, at=T0) is None
    for _ in range(2):
        awaiting()
    range_.refresh_from_db()
    assert workflow.days_left(range_, at=T0 + HOUR) == 120
    page = shown(desk.get(reverse("admin:logistics_numberrange_changelist")))
    assert "120 days" in page
    assert "not in use" in page
    assert workflow.days_left(range_, at=T0 + 31 * DAY) is None


def test_a_range_is_not_sent_back_to_numbers_that_were_given_out(
    desk: Client, last: Callable[[int], NumberRange]
) -> None:
    range_ = last(10)
    page = reverse("admin:logistics_numberrange_change", args=[range_.pk])
    told = {"next_serial": "1", "last_serial": "200000", "alarm_left": "50", "prefix": "BB"}
    assert desk.post(page, told).status_code == 302
    before = (range_.prefix, range_.next_serial)
    range_.refresh_from_db()
    assert (range_.prefix, range_.next_serial) == before
    assert (range_.last_serial, range_.alarm_left) == (200_000, 50)
