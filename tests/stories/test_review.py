"""Between buyer and seller, and what support makes of it: questions, offers, verdicts."""

from decimal import Decimal

import pytest

from returns import workflow
from returns.states import InspectionOutcome
from tests import make
from tests.stories.teller import Story

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_broken_item_is_refunded_and_kept(story: Story) -> None:
    """R07, R18, R28: Refund Only, with its shipping, as the fault is the seller's."""
    case = story.opens(kind="refund_only", reason="damaged_goods")
    case.shows_a_picture()
    story.day(2)
    case.seller(workflow.accept)
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 0: buyer evidence_added
        day 2: seller refund_accepted → buyer, seller
        day 7: payment refund_paid → buyer, seller
        """,
        paid=["45.00 EUR"],
        state="refunded",
        resolution="refunded",
        parcel=None,
        refund="45.00 paid on day 7",
    )
    assert case.books == {"bank": "-45.00", "seller": "45.00"}


def test_a_claim_without_a_picture_goes_to_support_when_the_seller_is_silent(story: Story) -> None:
    """R18, R31: support upholds, and that is final."""
    case = story.opens(kind="refund_only", reason="damaged_goods")
    story.day(5)
    assert case.json["deadline"]["waits_for"] == "support"
    case.support(
        workflow.decide, outcome=make.UPHELD, amount=None, explanation="Nothing shows a damage."
    )
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 3: clock handed_to_support → buyer, seller
        day 5: support refusal_upheld → buyer, seller
        """,
        state="closed",
        resolution="refusal_upheld",
        refund=None,
    )


def test_the_seller_asks_once_and_the_clock_waits_for_the_answer(story: Story) -> None:
    """R16: a day of three was used when he asked, two are left when the buyer has answered."""
    case = story.opens(story.order(free_return=False))
    story.day(1)
    case.seller(workflow.ask, question="Which colour did you get?")
    story.day(2)
    case.buyer("answer", text="Blue, and I had ordered green.")
    story.day(3.9)
    assert case.json["state"] == "under_review"
    story.day(4)
    assert case.json["state"] == "declined"
    story.day(5)
    case.buyer("cancel")
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller info_requested → buyer
        day 2: buyer info_given → seller
        day 4: clock lapsed → buyer, seller
        day 5: buyer cancelled → buyer, seller
        """,
        state="closed",
        resolution="cancelled",
    )


def test_a_question_that_nobody_answers_does_not_hold_up_the_review(story: Story) -> None:
    """R16, R17: after two days the review goes on, and ends as silence does."""
    case = story.opens()
    story.day(2)
    case.seller(workflow.ask, question="Which colour did you get?")
    story.day(5)
    case.buyer("cancel")
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 2: seller info_requested → buyer
        day 4: clock info_lapsed → buyer, seller
        day 5: clock accepted → buyer, seller
        day 5: policy noted
        day 5: buyer cancelled → buyer, seller
        """,
        state="closed",
        resolution="cancelled",
    )


def test_an_offer_is_declined_and_a_better_one_accepted(story: Story) -> None:
    """R16: the buyer keeps the item; R10: no label was issued, but the slot is used."""
    case = story.opens()
    story.day(1)
    case.seller(workflow.offer, amount=Decimal("5.00"))
    assert case.json["offer"] == {"amount": "5.00", "made_at": "2026-05-05T10:00:00Z", "answer": ""}
    story.day(2)
    case.buyer("decline-offer")
    story.day(3)
    case.seller(workflow.offer, amount=Decimal("12.50"))
    story.day(4)
    case.buyer("accept-offer")
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller offered → buyer
        day 2: buyer offer_declined → seller
        day 3: seller offered → buyer
        day 4: buyer offer_accepted → buyer, seller
        day 9: payment refund_paid → buyer, seller
        """,
        paid=["12.50 EUR"],
        state="refunded",
        resolution="partly_refunded",
        refund="12.50 paid on day 9",
    )


def test_after_two_offers_nobody_took_support_decides(story: Story) -> None:
    """R16, R31: one lapsed, one declined; support sends the item back."""
    case = story.opens()
    case.seller(workflow.offer, amount=Decimal("5.00"))
    story.day(4)
    case.seller(workflow.offer, amount=Decimal("6.00"))
    story.day(5)
    case.buyer("decline-offer")
    story.day(6)
    case.support(
        workflow.decide, outcome=make.SEND_BACK, amount=None, explanation="It may come back."
    )
    story.day(7)
    case.courier("dropped_off")
    story.day(9)
    case.courier("delivered")
    case.warehouse_finds(InspectionOutcome.AS_NEW)
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 0: seller offered → buyer
        day 3: clock offer_lapsed → buyer, seller
        day 4: seller offered → buyer
        day 5: buyer handed_to_support → buyer, seller
        day 6: support return_ordered → buyer, seller
        day 6: policy noted
        day 7: courier handed_over → buyer, seller
        day 9: courier received → buyer, seller
        day 9: warehouse inspection_passed → buyer, seller
        day 14: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
        resolution="refunded",
    )


def test_a_dear_item_needs_a_second_person_and_alarms_until_there_is_one(story: Story) -> None:
    """R31, R32: above 500 nobody decides alone; overdue cases alarm every day."""
    case = story.opens(story.order(price="640.00", free_return=False))
    story.day(1)
    case.seller(workflow.refuse, why="It was used.")
    case.buyer("escalate", text="It was not.")
    story.day(3)
    case.support(workflow.decide, outcome=make.FULL, amount=None, explanation="The seal is whole.")
    with pytest.raises(PermissionError, match="R32"):
        case.support(workflow.confirm_verdict)
    assert case.json["journal"][-1]["text"] == ""
    story.day(7.5)
    case.support(workflow.confirm_verdict, by="ben")
    story.day(40)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller refused → buyer, seller
        day 1: buyer escalated → buyer, seller
        day 3: support verdict_proposed
        day 6: clock alarmed
        day 7: clock alarmed
        day 7: support refund_ordered → buyer, seller
        day 12: payment refund_paid → buyer, seller
        """,
        paid=["640.00 EUR"],
        state="refunded",
        refund="640.00 paid on day 12",
    )
