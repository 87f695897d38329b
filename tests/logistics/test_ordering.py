"""Labels that a carrier makes: ordered, issued with its number, taken back in time or too late."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from logistics import workflow
from logistics.couriers import Answer, Fate, LabelResult
from logistics.labels import FIRST, SHEETS
from logistics.models import Anomaly, Courier, Delivery, Parcel
from logistics.states import CARRIER_DETAILS, Carrier, Ending, LabelState, MessageType
from logistics.workflow.ordering import issue_ordered_label
from returns import workflow as returns
from returns.models import Case
from returns.states import Event
from tests.logistics.story import HOUR, T0, awaiting, parcel_of

pytestmark = pytest.mark.django_db

PAGE = b"%PDF-1.7 made by the carrier"
MADE = LabelResult(
    Answer(Fate.TAKEN, 200),
    number="7023210039414604",
    page=PAGE,
    cost=Decimal("9.10"),
    currency="CAD",
)


@pytest.fixture(autouse=True)
def _canada_has_a_carrier_that_makes_its_labels() -> None:
    workflow.open_account(
        Courier.objects.get(slug="neighborhood-ca"),
        Carrier.CANADA_POST,
        dict.fromkeys(CARRIER_DETAILS[Carrier.CANADA_POST], "x"),
        service="canadapost_expedited_parcel",
        time_zone="America/Toronto",
        by="ann",
        at=T0,
    )


def asked(case: Case) -> Delivery:
    """The order in a worker's hands, just before the carrier answers."""
    courier = Courier.objects.get(slug="neighborhood-ca")
    (claimed,) = workflow.claim(courier.pk, at=T0)
    assert claimed.parcel.case_id == case.pk
    return claimed


def answered(case: Case, result: LabelResult = MADE) -> Parcel:
    workflow.record(asked(case), result, at=T0 + HOUR)
    return parcel_of(case)


def test_a_label_is_ordered_with_both_addresses_and_has_no_number_yet() -> None:
    case = awaiting("CA")
    parcel = parcel_of(case)
    assert (parcel.label, parcel.tracking_number) == (LabelState.ORDERED, "")
    order = parcel.deliveries.get()
    assert order.type == MessageType.LABEL_ORDERED
    data = order.payload["data"]
    assert data["sender"]["name"] == case.buyer.name
    assert data["recipient"]["country"] == case.seller.country
    case.slot.refresh_from_db()
    assert case.slot.label_issued_at is None


def test_until_the_carrier_answers_there_is_nothing_to_print() -> None:
    case = awaiting("CA")
    with pytest.raises(ValueError, match="no label"):
        workflow.label_page(parcel_of(case), at=T0)
    assert workflow.render_due_labels(10, at=T0) == 0


def test_the_carriers_answer_issues_the_label_r20_r29() -> None:
    case = awaiting("CA")
    parcel = answered(case)
    assert (parcel.label, parcel.tracking_number) == (LabelState.LIVE, MADE.number)
    assert (parcel.label_cost, parcel.label_currency) == (Decimal("9.10"), "CAD")
    case.slot.refresh_from_db()
    assert case.slot.label_issued_at == T0 + HOUR
    with workflow.label_page(parcel, at=T0).file.open() as page:
        assert page.read() == PAGE


def test_a_label_without_a_price_costs_what_the_contract_says() -> None:
    case = awaiting("CA")
    price = Courier.objects.get(slug="neighborhood-ca").services.get().price
    parcel = answered(case, LabelResult(Answer(Fate.TAKEN, 200), number="1", page=PAGE))
    assert (parcel.label_cost, parcel.label_currency) == (price, "EUR")


def test_an_answer_that_comes_twice_counts_once() -> None:
    parcel = answered(awaiting("CA"))
    again = {"number": "2", "page": PAGE, "cost": None, "currency": "", "at": T0 + 2 * HOUR}
    issue_ordered_label(parcel, **again)
    parcel.refresh_from_db()
    assert parcel.tracking_number == MADE.number
    assert parcel.pages.count() == 1


def test_an_answer_without_a_number_is_none() -> None:
    case = awaiting("CA")
    parcel = answered(case, LabelResult(Answer(Fate.TAKEN, 200)))
    assert parcel.label == LabelState.ORDERED
    assert parcel.deliveries.get().next_try_at is not None


def test_an_order_the_carrier_has_not_had_is_forgotten_with_the_case_r19() -> None:
    case = awaiting("CA")
    returns.cancel(case, at=T0)
    workflow.void_label(case.entries.get(event=Event.CANCELLED), at=T0)
    assert parcel_of(case).label == LabelState.VOIDED
    assert [(each.type, each.ending) for each in parcel_of(case).deliveries.all()] == [
        (MessageType.LABEL_ORDERED, Ending.OVERTAKEN)
    ]


def test_a_label_made_after_it_was_taken_back_is_taken_back_from_the_carrier_too() -> None:
    case = awaiting("CA")
    order = asked(case)
    returns.cancel(case, at=T0)
    workflow.void_label(case.entries.get(event=Event.CANCELLED), at=T0)
    workflow.record(order, MADE, at=T0 + HOUR)
    parcel = parcel_of(case)
    assert (parcel.label, parcel.tracking_number) == (LabelState.VOIDED, MADE.number)
    voided = parcel.deliveries.get(type=MessageType.LABEL_VOIDED)
    assert voided.payload["data"]["tracking_numbers"] == [MADE.number]


def test_a_label_without_a_page_is_put_before_a_person() -> None:
    case = awaiting("CA")
    parcel = answered(case, LabelResult(Answer(Fate.TAKEN, 200), number="1", page=b"<html>"))
    assert not parcel.pages.exists()
    assert Anomaly.objects.get(code="label-without-page").parcel == parcel


def test_an_order_nobody_could_place_is_put_before_a_person() -> None:
    case = awaiting("CA")
    unclear = Answer(Fate.ABORTED, error="Whether it was done is unclear: ReadTimeout")
    parcel = answered(case, LabelResult(unclear))
    assert Anomaly.objects.get(code="dead-letter").parcel == parcel


def test_a_carriers_label_is_printed_as_the_carrier_made_it_only() -> None:
    parcel = answered(awaiting("CA"))
    sheets = [sheet for sheet in SHEETS if sheet != FIRST]
    for sheet in sheets:
        with pytest.raises(ValueError, match="makes its labels itself"):
            workflow.label_page(parcel, sheet, at=T0)


def test_the_database_refuses_a_second_order_for_an_order_r12() -> None:
    parcel = parcel_of(awaiting("CA"))
    parcel.pk = None
    with pytest.raises(IntegrityError, match=r"one_free_label|UNIQUE"), transaction.atomic():
        parcel.save(force_insert=True)


def test_changing_the_way_of_return_does_not_order_twice() -> None:
    case = awaiting("CA")
    workflow.choose_drop_off(case, point_code="", at=T0 + HOUR)
    assert case.parcels.count() == Delivery.objects.count() == 1
