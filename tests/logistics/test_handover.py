"""Drop-off and registered mail, as the buyer chooses them (R20–R22)."""

from datetime import date, time

import pytest

from logistics import workflow
from logistics.models import Courier, CourierService, DropOffPoint
from logistics.models.points import UNTIL_IT_SAYS
from logistics.policy import Window
from logistics.states import LabelState, PickupState
from returns.machine import NotNow
from returns.states import Handover, State
from tests import make
from tests.logistics.story import DAY, T0, awaiting

pytestmark = pytest.mark.django_db

MORNING = Window(date(2026, 3, 4), time(9), time(12))


# Drop-off


def test_the_buyer_chooses_a_point_of_the_countrys_courier_r20() -> None:
    case = awaiting()
    workflow.choose_drop_off(case, point_code="PAR01", at=T0)
    parcel = case.parcels.get()
    assert parcel.drop_off_point == DropOffPoint.objects.get(code="PAR01")
    assert case.handover == Handover.DROP_OFF


@pytest.mark.parametrize("unfit", ["NYC01", "closed", "hands out only", "nowhere"])
def test_a_point_that_cannot_take_the_parcel_is_refused(unfit: str) -> None:
    case = awaiting()
    points = DropOffPoint.objects.filter(code="PAR01")
    if unfit == "closed":
        points.update(active=False)
    if unfit == "hands out only":
        points.update(takes_parcels=False)
    code = "PAR01" if unfit in ("closed", "hands out only") else unfit
    with pytest.raises(ValueError, match="no drop-off point"):
        workflow.choose_drop_off(case, point_code=code, at=T0)


def test_a_point_closed_for_a_time_is_refused_until_it_opens_again() -> None:
    case = awaiting()
    DropOffPoint.objects.filter(code="PAR01").update(closed_until=T0 + DAY)
    with pytest.raises(ValueError, match="is closed until 2026-03-03 10:00 UTC; choose another"):
        workflow.choose_drop_off(case, point_code="PAR01", at=T0)
    DropOffPoint.objects.filter(code="PAR02").update(closed_until=UNTIL_IT_SAYS)
    with pytest.raises(ValueError, match="is closed until further notice; choose another"):
        workflow.choose_drop_off(case, point_code="PAR02", at=T0)
    workflow.choose_drop_off(case, point_code="PAR01", at=T0 + DAY)
    assert case.parcels.get().drop_off_point is not None


def test_where_there_is_no_drop_off_it_cannot_be_chosen_r20() -> None:
    with pytest.raises(ValueError, match="handed over by: pickup"):
        workflow.choose_drop_off(awaiting("CZ"), point_code="", at=T0)


def test_another_courier_for_the_other_way_gets_a_label_of_its_own_and_still_one_counts_r12() -> (
    None
):
    case = awaiting("CZ")
    other = Courier.objects.get(slug="inpost-pl")
    CourierService.objects.create(
        courier=other, country="CZ", method="drop_off", priority=20, time_zone="Europe/Prague"
    )
    workflow.book_pickup(case, window=MORNING, at=T0)
    workflow.choose_drop_off(case, point_code="", at=T0)
    old, new = case.parcels.order_by("id")
    assert (old.label, new.label) == (LabelState.VOIDED, LabelState.LIVE)
    assert new.courier == other
    # PPL may have heard of it, and may still say no.
    assert case.pickups.get().state == PickupState.CANCEL_REQUESTED


def test_nothing_is_chosen_for_a_case_that_does_not_wait_for_it() -> None:
    case = make.case_at(State.UNDER_REVIEW)
    with pytest.raises(NotNow):
        workflow.choose_drop_off(case, point_code="", at=T0)
    with pytest.raises(NotNow):
        workflow.book_pickup(case, window=MORNING, at=T0)
