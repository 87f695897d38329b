"""Free returns, day by day: by counter, by van, and those that were never sent."""

import pytest

from logistics.models import Courier, CourierService
from returns import workflow
from returns.states import Handover, InspectionOutcome
from tests.stories.teller import Story

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_free_return_is_dropped_off_inspected_and_paid_five_days_later(story: Story) -> None:
    """R08, R20, R25, R26, R27: the way that most returns go."""
    case = story.opens()
    assert case.json["terms"] == "free"
    story.day(1)
    case.seller(workflow.accept)
    assert case.json["actions"] == ["evidence", "cancel", "handover", "messages"]
    assert story.shop.get(case.json["label"]["url"].removeprefix("/api/v1")).content[:4] == b"%PDF"
    story.day(2)
    case.buyer("handover", method="drop_off", point="PAR01")
    story.day(3)
    case.courier("dropped_off")
    story.day(4)
    case.courier("in_transit")
    story.day(5)
    case.courier("delivered")
    story.day(6)
    case.warehouse_finds(InspectionOutcome.AS_NEW)
    assert case.json["refund"]["state"] == "scheduled"
    assert not case.paid
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 1: policy noted
        day 2: buyer handover_chosen → buyer
        day 3: courier handed_over → buyer, seller
        day 4: courier scanned
        day 5: courier received → buyer, seller
        day 6: warehouse inspection_passed → buyer, seller
        day 11: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
        resolution="refunded",
        refund="40.00 paid on day 11",
    )
    assert case.books == {"bank": "-40.00", "seller": "40.00"}


def test_nobody_is_home_once_and_the_van_comes_again(story: Story) -> None:
    """R20, R23: one of two attempts may fail."""
    case = story.opens(story.order(country="CZ", currency="CZK", price="900.00"))
    story.day(1)
    case.seller(workflow.accept)
    case.buyer("handover", method="pickup", window=_window("2026-05-07"))
    case.van("confirmed", confirmation_number="C1")
    story.day(3)
    case.van("attempted", attempt=1, reason="not_home")
    assert case.json["parcel"]["pickup"]["attempts"] == 1
    story.day(4)
    case.van("completed")
    case.courier("picked_up")
    story.day(6)
    case.courier("delivered")
    story.day(7)
    case.warehouse_finds(InspectionOutcome.OPENED)
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 1: policy noted
        day 1: buyer handover_chosen → buyer
        day 1: courier noted
        day 3: courier noted
        day 4: courier handed_over → buyer, seller
        day 4: courier scanned
        day 6: courier received → buyer, seller
        day 7: warehouse inspection_passed → buyer, seller
        day 12: payment refund_paid → buyer, seller
        """,
        paid=["900.00 CZK"],
        state="refunded",
        handover="pickup",
        refund="900.00 paid on day 12",
    )


def test_a_van_that_comes_twice_in_vain_leaves_the_choice_to_the_buyer_again(story: Story) -> None:
    """R21, R23, R24: staff have added a counter of PPL; a day is added where the van failed.

    PPL never answered that it comes: on day 2 the buyer is told so.
    """
    ppl = Courier.objects.get(slug="ppl-cz")
    zone = "Europe/Prague"
    CourierService.objects.create(
        courier=ppl, country="CZ", method=Handover.DROP_OFF, priority=20, time_zone=zone
    )
    case = story.opens(story.order(country="CZ"))
    story.day(1)
    case.seller(workflow.accept)
    case.buyer("handover", method="pickup", window=_window("2026-05-07"))
    story.day(3)
    case.van("attempted", attempt=1, reason="not_home")
    story.day(4)
    case.van("attempted", attempt=2, reason="courier_missed")
    assert case.json["parcel"]["pickup"]["state"] == "failed"
    story.day(5)
    case.buyer("handover", method="drop_off")
    # The tenth day is over, but the van had cost one.
    story.day(11.5)
    case.courier("dropped_off")
    story.day(13)
    case.courier("delivered")
    story.day(14)
    case.warehouse_finds(InspectionOutcome.AS_NEW)
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 1: policy noted
        day 1: buyer handover_chosen → buyer
        day 2: clock noted
        day 3: courier noted
        day 4: policy handover_extended → buyer
        day 4: courier noted
        day 5: buyer handover_chosen → buyer
        day 11: courier handed_over → buyer, seller
        day 13: courier received → buyer, seller
        day 14: warehouse inspection_passed → buyer, seller
        day 19: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
        handover="drop_off",
        refund="40.00 paid on day 19",
    )


def test_a_seller_who_says_nothing_to_a_free_return_has_accepted_it(story: Story) -> None:
    """R03, R17: inside the free window silence is a yes."""
    case = story.opens()
    story.day(4)
    case.buyer("handover", method="drop_off")
    case.courier("dropped_off")
    story.day(6)
    case.courier("delivered")
    # The warehouse says nothing either (R25), and the refund is approved all the same.
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 3: clock accepted → buyer, seller
        day 3: policy noted
        day 4: buyer handover_chosen → buyer
        day 4: courier handed_over → buyer, seller
        day 6: courier received → buyer, seller
        day 11: clock inspection_lapsed → buyer, seller
        day 16: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
        refund="40.00 paid on day 16",
    )


def test_a_courier_that_stutters_and_shuffles_is_understood(story: Story) -> None:
    """Told twice, done once: the delivery is reported first, the counter last, each again."""
    case = story.opens()
    case.seller(workflow.accept)
    case.buyer("handover", method="drop_off")
    story.day(5)
    reports = [("delivered", 4.0), ("in_transit", 3.0), ("dropped_off", 2.0)]
    first = [case.courier(code, on=day, event_id=code)["status"] for code, day in reports]
    again = [case.courier(code, on=day, event_id=code)["status"] for code, day in reports]
    assert (first, again) == (["accepted"] * 3, ["duplicate"] * 3)
    case.warehouse_finds(InspectionOutcome.AS_NEW)
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 0: seller accepted → buyer, seller
        day 0: policy noted
        day 0: buyer handover_chosen → buyer
        day 4: courier handed_over → buyer, seller
        day 4: courier received → buyer, seller
        day 5: warehouse inspection_passed → buyer, seller
        day 10: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
    )


def test_a_parcel_that_is_never_handed_over_closes_the_case_until_support_reopens_it(
    story: Story,
) -> None:
    """R24: ten days; then a new label, as the old one has expired."""
    case = story.opens()
    story.day(1)
    case.seller(workflow.accept)
    first_label = case.json["label"]["tracking_number"]
    story.day(12)
    assert (case.json["state"], case.json["label"]) == ("closed", None)
    assert case.may_not("handover", method="drop_off")
    story.day(13)
    case.support(workflow.reopen, why="She was in hospital.")
    assert case.json["label"]["tracking_number"] != first_label
    story.day(14)
    case.courier("dropped_off")
    story.day(16)
    case.courier("delivered")
    case.warehouse_finds(InspectionOutcome.AS_NEW)
    story.day(40)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 1: policy noted
        day 11: clock not_handed_over → buyer, seller
        day 13: support reopened → buyer, seller
        day 13: policy noted
        day 14: courier handed_over → buyer, seller
        day 16: courier received → buyer, seller
        day 16: warehouse inspection_passed → buyer, seller
        day 21: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
        resolution="refunded",
    )


def test_a_return_cancelled_in_time_gives_its_free_slot_back(story: Story) -> None:
    """R10, R19: of three used, the third is cancelled before its label; a fourth is free again."""
    for _ in range(2):
        assert story.opens().json["terms"] == "free"
    third = story.opens()
    story.day(1)
    third.buyer("cancel")
    third.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: buyer cancelled → buyer, seller
        """,
        state="closed",
        resolution="cancelled",
        refund=None,
    )
    fourth = story.opens()
    assert fourth.json["terms"] == "free"
    fourth.seller(workflow.accept)
    story.day(2)
    fourth.buyer("cancel")
    fourth.ends(
        """
        day 1: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 1: policy noted
        day 2: buyer cancelled → buyer, seller
        """,
        state="closed",
        resolution="cancelled",
        label=None,
    )
    # Its label had been issued: that slot is used up.
    assert story.opens().json["terms"] == "seller_decides"


def test_where_no_courier_serves_the_buyer_posts_the_parcel_and_gets_the_postage_back(
    story: Story,
) -> None:
    """R21, R22, R29: the marketplace bears the postage, the seller the item."""
    case = story.opens(story.order(country="DE"))
    assert case.json["terms"] == "free"
    story.day(1)
    case.seller(workflow.accept)
    assert case.json["label"] is None
    story.day(2)
    case.buyer(
        "shipped", courier="DHL", tracking_number="RR123456785DE", registered=True, cost="6.90"
    )
    assert (case.json["postage"], case.json["parcel"]["postage"]["proof"]) == ("0.00", "needed")
    story.day(3)
    case.shows_the_receipt("6.90")
    story.day(5)
    case.warehouse_receives()
    case.warehouse_finds(InspectionOutcome.AS_NEW)
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 1: policy noted
        day 2: buyer handed_over → buyer, seller
        day 3: buyer evidence_added
        day 3: policy noted
        day 5: warehouse received → buyer, seller
        day 5: warehouse inspection_passed → buyer, seller
        day 10: payment refund_paid → buyer, seller
        """,
        paid=["46.90 EUR"],
        state="refunded",
        amount="40.00",
        postage="6.90",
        refund="46.90 paid on day 10",
    )
    assert case.books == {"bank": "-46.90", "marketplace": "6.90", "seller": "40.00"}


def test_two_of_three_pieces_go_back_after_the_first_one(story: Story) -> None:
    """R05: at most what was bought and is not returned; R12: the label was the first one's."""
    order = story.order(quantity=3, price="10.00", shipping="3.00")
    first = story.opens(order)
    first.seller(workflow.accept)
    assert story.may_not_open(order)["code"] == "not-possible"
    story.day(1)
    first.courier("dropped_off")
    story.day(2)
    first.courier("delivered")
    first.warehouse_finds(InspectionOutcome.AS_NEW)
    story.day(8)
    assert first.json["state"] == "refunded"
    assert "at most 2" in story.may_not_open(order, quantity=3)["detail"]
    second = story.opens(order, quantity=2)
    assert second.json["terms"] == "seller_decides"
    second.seller(workflow.accept)
    second.buyer("shipped", courier="DHL", tracking_number="RR1234", registered=True)
    story.day(10)
    second.warehouse_receives()
    second.warehouse_finds(InspectionOutcome.AS_NEW, InspectionOutcome.AS_NEW)
    story.day(40)
    second.ends(
        """
        day 8: buyer opened → buyer, seller
        day 8: seller accepted → buyer, seller
        day 8: buyer handed_over → buyer, seller
        day 10: warehouse received → buyer, seller
        day 10: warehouse inspection_passed → buyer, seller
        day 15: payment refund_paid → buyer, seller
        """,
        paid=["10.00 EUR", "20.00 EUR"],
        state="refunded",
        quantity=2,
        refund="20.00 paid on day 15",
    )
    assert "everything" in story.may_not_open(order)["detail"]


def _window(date: str) -> dict[str, str]:
    """From nine to noon on that day."""
    return {"date": date, "start": "09:00", "end": "12:00"}
