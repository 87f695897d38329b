"""What happens to parcels: damaged, lost, found, and found out by the warehouse."""

import pytest

from returns import workflow
from returns.states import InspectionOutcome
from tests import make
from tests.stories.teller import Story, Told

pytestmark = pytest.mark.django_db(transaction=True)


def _on_its_way(story: Story) -> Told:
    """A free return, handed over on day 2."""
    case = story.opens()
    story.day(1)
    case.seller(workflow.accept)
    story.day(2)
    case.courier("dropped_off")
    return case


def test_what_was_damaged_in_transport_is_the_couriers_to_pay(story: Story) -> None:
    """R26, R29: the seller investigates and says nothing; the claim is against La Poste."""
    case = _on_its_way(story)
    story.day(4)
    case.courier("exception", reason="damaged")
    story.day(5)
    case.courier("delivered")
    case.warehouse_finds(InspectionOutcome.DAMAGED_IN_TRANSIT, note="The box is crushed.")
    assert case.json["deadline"]["waits_for"] == "seller"
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 1: policy noted
        day 2: courier handed_over → buyer, seller
        day 4: courier noted
        day 5: courier received → buyer, seller
        day 5: warehouse inspection_disputed → buyer, seller
        day 10: clock refund_granted_by_lapse → buyer, seller
        day 15: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
        refund="40.00 paid on day 15",
    )
    assert case.books == {"bank": "-40.00", "courier_claim": "40.00"}


def test_damage_that_nobody_declared_is_refused_and_support_agrees(story: Story) -> None:
    """R26, R30, R31: after the investigation the seller refuses the refund, with a reason."""
    case = _on_its_way(story)
    story.day(4)
    case.courier("delivered")
    case.warehouse_finds(InspectionOutcome.DAMAGED_UNDECLARED, note="A crack in the lid.")
    story.day(6)
    case.seller(workflow.refuse, why="It left us whole.")
    story.day(8)
    case.buyer("escalate", text="It came like that.")
    story.day(9)
    case.support(
        workflow.decide, outcome=make.UPHELD, amount=None, explanation="It was declared undamaged."
    )
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 1: policy noted
        day 2: courier handed_over → buyer, seller
        day 4: courier received → buyer, seller
        day 4: warehouse inspection_disputed → buyer, seller
        day 6: seller refused → buyer, seller
        day 8: buyer escalated → buyer, seller
        day 9: support refusal_upheld → buyer, seller
        """,
        state="closed",
        resolution="refusal_upheld",
        refund=None,
    )


def test_a_lost_parcel_is_refunded_by_support_at_the_couriers_cost(story: Story) -> None:
    """R24, R26, R29."""
    case = _on_its_way(story)
    story.day(3)
    case.courier("in_transit")
    story.day(12)
    case.courier("lost", reason="lost")
    assert case.may_not("cancel")
    story.day(14)
    case.support(workflow.decide, outcome=make.FULL, amount=None, explanation="La Poste lost it.")
    story.day(40)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 1: policy noted
        day 2: courier handed_over → buyer, seller
        day 3: courier scanned
        day 12: courier lost → buyer, seller
        day 14: support refund_ordered → buyer, seller
        day 19: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
        refund="40.00 paid on day 19",
    )
    assert case.books == {"bank": "-40.00", "courier_claim": "40.00"}


def test_a_lost_parcel_that_turns_up_is_inspected_like_any_other(story: Story) -> None:
    """R24, R25: lost is not final."""
    case = _on_its_way(story)
    story.day(12)
    case.courier("lost", reason="lost")
    story.day(13)
    case.courier("out_for_delivery")
    story.day(14)
    case.courier("delivered")
    case.warehouse_finds(InspectionOutcome.AS_NEW)
    story.day(40)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 1: policy noted
        day 2: courier handed_over → buyer, seller
        day 12: courier lost → buyer, seller
        day 13: courier noted
        day 14: courier received → buyer, seller
        day 14: warehouse inspection_passed → buyer, seller
        day 19: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
        refund="40.00 paid on day 19",
    )
    assert case.books == {"bank": "-40.00", "seller": "40.00"}


def test_a_parcel_without_news_for_thirty_days_goes_to_support(story: Story) -> None:
    """R24, R35: nobody reports it lost, and still it is not forgotten."""
    case = _on_its_way(story)
    story.day(20)
    case.courier("in_transit")
    story.day(49)
    assert case.json["state"] == "in_transit"
    story.day(51)
    case.support(workflow.decide, outcome=make.FULL, amount=None, explanation="It will not come.")
    story.day(60)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 1: seller accepted → buyer, seller
        day 1: policy noted
        day 2: courier handed_over → buyer, seller
        day 20: courier scanned
        day 50: clock handed_to_support → buyer, seller
        day 51: support refund_ordered → buyer, seller
        day 56: payment refund_paid → buyer, seller
        """,
        paid=["40.00 EUR"],
        state="refunded",
    )
