"""Returns that the marketplace does not pay for: the fourth, the second item, the late ones."""

from decimal import Decimal

import pytest

from returns import workflow
from returns.machine import NotNow
from returns.models import Entry
from returns.states import Event, InspectionOutcome
from tests import make
from tests.stories.teller import START, Story

pytestmark = pytest.mark.django_db(transaction=True)

POSTED = {"courier": "Colissimo", "tracking_number": "RR123456785FR", "registered": True}


def test_three_returns_of_a_month_are_free_and_the_fourth_is_not(story: Story) -> None:
    """R10, R14, R22: it needs the seller's yes, and goes back by registered mail."""
    free = [story.opens() for _ in range(3)]
    assert {case.json["terms"] for case in free} == {"free"}
    fourth = story.opens()
    said = {finding["rule"]: finding["text"] for finding in fourth.json["explanation"]}
    assert said["R10"] == "You have used 3 of 3 free returns in May 2026, so this one is not free."
    story.day(1)
    fourth.seller(workflow.accept)
    assert fourth.json["label"] is None
    story.day(3)
    fourth.buyer("shipped", **POSTED)
    assert "handed the parcel over" in fourth.may_not("cancel")
    story.day(6)
    fourth.warehouse_receives()
    story.day(7)
    fourth.warehouse_finds(InspectionOutcome.AS_NEW)
    story.day(12)
    fourth.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 3: buyer handed_over → buyer, seller
        day 6: warehouse received → buyer, seller
        day 7: warehouse inspection_passed → buyer, seller
        day 12: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
        terms="seller_decides",
        handover="",
        postage="0.00",
        refund="40.00 paid on day 12",
    )
    assert fourth.books == {"bank": "-40.00", "seller": "40.00"}


def test_the_second_item_of_an_order_goes_back_at_the_buyers_cost(story: Story) -> None:
    """R12, R17, R28: the order had its label; as the fault is the seller's, silence is a yes."""
    order = story.order(items=2)
    story.opens(order, "sku-1")
    second = story.opens(order, "sku-2", reason="quality_problems")
    assert second.json["terms"] == "buyer_pays"
    second.shows_a_picture()
    story.day(5)
    second.buyer("shipped", **POSTED)
    story.day(8)
    second.warehouse_receives()
    second.warehouse_finds(InspectionOutcome.DAMAGED_AS_DESCRIBED)
    story.day(30)
    second.ends(
        """
        day 0: buyer opened → buyer, seller
        day 0: buyer evidence_added
        day 3: clock accepted → buyer, seller
        day 5: buyer handed_over → buyer, seller
        day 8: warehouse received → buyer, seller
        day 8: warehouse inspection_passed → buyer, seller
        day 13: payment refund_paid → buyer, seller
        """,
        paid=["45.00 EUR"],
        state="refunded",
        refund="45.00 paid on day 13",
    )


def test_on_the_sixteenth_day_the_seller_may_still_say_yes(story: Story) -> None:
    """R13, R22: a normal return, at the buyer's cost."""
    case = story.opens(story.order(received_on=-16))
    assert case.json["terms"] == "seller_decides"
    story.day(2)
    case.seller(workflow.accept)
    story.day(4)
    case.buyer("shipped", **POSTED)
    story.day(7)
    case.warehouse_receives()
    story.day(8)
    case.warehouse_finds(InspectionOutcome.AS_NEW)
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 2: seller accepted → buyer, seller
        day 4: buyer handed_over → buyer, seller
        day 7: warehouse received → buyer, seller
        day 8: warehouse inspection_passed → buyer, seller
        day 13: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
        refund="40.00 paid on day 13",
    )


def test_on_the_sixteenth_day_the_sellers_no_is_the_last_word(story: Story) -> None:
    """R13: nothing to escalate, neither through the shop's door nor past it."""
    case = story.opens(story.order(received_on=-16))
    story.day(2)
    case.seller(workflow.refuse, why="The order was completed.")
    assert case.may_not("escalate", text="I disagree.")
    with pytest.raises(NotNow, match="R13"):
        workflow.escalate(case.case, text="I disagree.", at=START)
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 2: seller refused_finally → buyer, seller
        """,
        state="closed",
        resolution="declined",
        refund=None,
    )


def test_a_seller_who_says_nothing_at_his_discretion_has_declined(story: Story) -> None:
    """R14, R17, R30: by lapse, which counts on his record; then nobody calls support."""
    case = story.opens(story.order(free_return=False))
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 3: clock lapsed → buyer, seller
        day 10: clock escalation_lapsed → buyer, seller
        """,
        state="closed",
        resolution="declined",
        refund=None,
    )
    seller = case.case.seller
    on_record = Entry.objects.filter(case__seller=seller, event=Event.LAPSED)
    assert [entry.case_id for entry in on_record] == [case.case.pk]


def test_a_late_return_that_nobody_answers_is_over_at_once(story: Story) -> None:
    """R13, R17: a lapse past the window is final as a refusal is."""
    case = story.opens(story.order(received_on=-20))
    story.day(4)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 3: clock lapsed_finally → buyer, seller
        """,
        state="closed",
        resolution="declined",
    )


def test_support_overrules_a_refusal_and_gives_a_part(story: Story) -> None:
    """R14, R28, R30, R31: not free, but inside the window, so the buyer may call support."""
    case = story.opens(story.order(free_return=False))
    story.day(1)
    case.seller(workflow.refuse, why="It was worn.")
    assert case.json["actions"] == ["evidence", "cancel", "escalate", "messages"]
    story.day(5)
    case.buyer("escalate", text="I never wore it.")
    story.day(7)
    case.support(
        workflow.decide,
        outcome=make.PART,
        amount=Decimal("15.00"),
        explanation="The seal was broken, but nothing more.",
    )
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller refused → buyer, seller
        day 5: buyer escalated → buyer, seller
        day 7: support refund_ordered → buyer, seller
        day 12: payment refund_paid → buyer, seller
        """,
        paid=["15.00 EUR"],
        state="refunded",
        resolution="partly_refunded",
        amount="15.00",
        refund="15.00 paid on day 12",
    )
    assert case.books == {"bank": "-15.00", "seller": "15.00"}
