"""What the buyer may do, and what the doors let him do: the same."""

from datetime import timedelta
from typing import Any

import pytest

from logistics.models import DropOffPoint
from returns import clock, workflow
from returns.actions import ACTIONS
from returns.models import Case
from returns.states import State
from tests import make
from tests.shop.conftest import Shop

pytestmark = pytest.mark.django_db

#: A sensible body for each action.
BODIES: dict[str, Any] = {
    "cancel": {},
    "answer": {"text": "Since Monday."},
    "accept-offer": {},
    "decline-offer": {},
    "handover": {"method": "drop_off"},
    "shipped": {"courier": "DHL", "tracking_number": "RR 123 456", "registered": True},
    "escalate": {"text": "I disagree."},
    "messages": {"text": "Hello?"},
}
ALWAYS = {"messages"}
OPEN = {"evidence", "messages"}
AWAITING = {*OPEN, "cancel", "handover"}
EXPECTED: dict[State, set[str]] = {
    State.UNDER_REVIEW: {*OPEN, "cancel"},
    State.INFO_REQUESTED: {*OPEN, "cancel", "answer"},
    State.OFFER_MADE: {*OPEN, "cancel", "accept-offer", "decline-offer"},
    State.AWAITING_RETURN: AWAITING,
    State.IN_TRANSIT: OPEN,
    State.INSPECTING: OPEN,
    State.INVESTIGATING: OPEN,
    State.DECLINED: {*OPEN, "cancel", "escalate"},
    State.ESCALATED: {*OPEN, "cancel"},
    State.REFUND_PENDING: OPEN,
    State.REFUNDED: ALWAYS,
    State.CLOSED: ALWAYS,
}


@pytest.mark.parametrize("state", State)
def test_each_state_allows_what_the_table_says(shop: Shop, state: State) -> None:
    case = make.case_at(state)
    assert set(shop.get(f"/returns/{case.number}")["actions"]) == EXPECTED[state]


@pytest.mark.parametrize("action", BODIES)
@pytest.mark.parametrize("state", State)
def test_a_door_opens_just_when_the_case_says_so(shop: Shop, state: State, action: str) -> None:
    case = make.case_at(state)
    allowed = shop.get(f"/returns/{case.number}")["actions"]
    before = Case.objects.values().get()
    answer = shop.call("post", f"/returns/{case.number}/{action}", BODIES[action])
    if action in allowed:
        assert answer.status_code == (201 if action == "messages" else 200), answer.content
    else:
        refused = answer.json()
        assert (answer.status_code, refused["code"]) == (409, "not-now")
        assert refused["actions"] == allowed
        assert refused["detail"]
        assert Case.objects.values().get() == before


def test_each_action_leads_where_the_table_says(shop: Shop) -> None:
    for state, action, after in (
        (State.UNDER_REVIEW, "cancel", "closed"),
        (State.INFO_REQUESTED, "answer", "under_review"),
        (State.OFFER_MADE, "accept-offer", "refund_pending"),
        (State.OFFER_MADE, "decline-offer", "under_review"),
        (State.AWAITING_RETURN, "handover", "awaiting_return"),
        (State.DECLINED, "escalate", "escalated"),
    ):
        case = make.case_at(state)
        told = shop.post(f"/returns/{case.number}/{action}", BODIES[action])
        assert told["state"] == after, action
        assert told["journal"][-1]["actor"] == "buyer"


def test_a_parcel_handed_over_cannot_be_called_back(shop: Shop) -> None:
    """R19."""
    case = make.case_at(State.IN_TRANSIT)
    workflow.lose(case, at=make.T0, by="La Poste", text="Lost.")
    refused = shop.post(f"/returns/{case.number}/cancel", {}, status=409)
    assert refused["detail"] == (
        "You have handed the parcel over, so your return can no longer be cancelled."
    )
    assert "cancel" not in refused["actions"]


def test_support_is_called_until_the_last_instant_and_not_after(shop: Shop) -> None:
    """R30."""
    early, late = make.case_at(State.DECLINED), make.case_at(State.DECLINED)
    clock.advance(timedelta(days=7))
    shop.post(f"/returns/{early.number}/escalate", BODIES["escalate"])
    clock.advance(timedelta(seconds=1))
    refused = shop.post(f"/returns/{late.number}/escalate", BODIES["escalate"], status=409)
    assert refused["detail"].startswith("You could ask our support team to decide until")
    assert "escalate" not in refused["actions"]


def test_under_r13_support_cannot_be_called(shop: Shop) -> None:
    """R13."""
    case = make.dispute(at=make.T0 + timedelta(days=16))
    clock.advance(timedelta(days=16))
    workflow.refuse(case, why="Too late.", at=clock.now(), by="Seller")
    refused = shop.post(f"/returns/{case.number}/escalate", BODIES["escalate"], status=409)
    assert refused["actions"] == ["messages"]


def test_a_free_return_is_dropped_off_with_its_label(shop: Shop) -> None:
    """R20."""
    case = make.case_at(State.AWAITING_RETURN)
    point = DropOffPoint.objects.filter(country="FR").first()
    assert point
    told = shop.post(
        f"/returns/{case.number}/handover", {"method": "drop_off", "point": point.code}
    )
    assert told["handover"] == "drop_off"
    assert told["parcel"]["point"] == point.code
    label = shop.call("get", f"/returns/{case.number}/label.pdf")
    assert label.status_code == 200
    assert label.content.startswith(b"%PDF")
    assert told["label"]["url"] == f"/api/v1/returns/{case.number}/label.pdf"
    assert label["Content-Type"] == "application/pdf"
    assert label["Content-Disposition"] == f'attachment; filename="{case.number}-4x6.pdf"'
    assert label["Cache-Control"] == "private, no-store"


def test_a_pick_up_is_booked_in_the_local_time_of_the_address(shop: Shop) -> None:
    """R23."""
    case = make.case_at(State.AWAITING_RETURN, country="CZ")
    window = {"date": "2026-03-04", "start": "09:00", "end": "12:00"}
    told = shop.post(f"/returns/{case.number}/handover", {"method": "pickup", "window": window})
    assert told["parcel"]["pickup"]["window"] == {**window, "tz": "Europe/Prague"}


@pytest.mark.parametrize(
    "body",
    [
        {"method": "pickup"},
        {"method": "own_courier"},
        {"method": "drop_off", "point": "nowhere"},
        {"method": "pickup", "window": {"date": "2026-02-30", "start": "09:00", "end": "12:00"}},
        {"method": "pickup", "window": {"date": "2026-03-04", "start": "99:00", "end": "12:00"}},
        {"method": "drop_off", "window": {"date": "2026-03-04"}},
        {"method": "by hand"},
        {},
    ],
)
def test_a_way_that_is_not_there_is_refused(shop: Shop, body: Any) -> None:
    """R20, R21."""
    case = make.case_at(State.AWAITING_RETURN)
    refused = shop.post(f"/returns/{case.number}/handover", body, status=422)
    assert refused["code"] in ("senseless", "invalid")
    assert Case.objects.get().handover == ""


def test_at_the_buyers_cost_the_parcel_is_posted_by_registered_mail(shop: Shop) -> None:
    """R22."""
    case = make.case_at(State.AWAITING_RETURN, free_return=False)
    assert "shipped" in shop.get(f"/returns/{case.number}")["actions"]
    path = f"/returns/{case.number}/shipped"
    plain = {**BODIES["shipped"], "registered": False}
    assert shop.post(path, plain, status=422)["errors"][0]["pointer"] == "/registered"
    told = shop.post(path, {**BODIES["shipped"], "cost": "7.50"})
    assert (told["state"], told["postage"]) == ("in_transit", "0.00")
    assert told["parcel"]["tracking_number"] == "RR123456"
    assert told["parcel"]["carried"] == "own"


def test_words_that_say_nothing_are_refused(shop: Shop) -> None:
    case = make.case_at(State.INFO_REQUESTED)
    for action in ("answer", "messages", "escalate"):
        for text in ("", "   ", "\n", None, 5.5, ["x"], "x" * 4_001, "a\x00", "\udfff"):
            path = f"/returns/{case.number}/{action}"
            refused = shop.call("post", path, {"text": text})
            if text == 5.5:  # A number is written out.
                continue
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid"), text


def test_every_action_has_a_door(shop: Shop) -> None:
    case = make.dispute()
    for action in ACTIONS:
        assert shop.call("get", f"/returns/{case.number}/{action}").status_code == 405


def test_strangers_do_nothing(stranger: Shop, shop: Shop) -> None:
    case = make.dispute()
    for action in ACTIONS:
        path = f"/returns/{case.number}/{action}"
        assert stranger.call("post", path, BODIES.get(action)).status_code == 401
        if action != "evidence":
            missing = f"/returns/RMA99999999/{action}"
            assert shop.call("post", missing, BODIES[action]).status_code == 404
