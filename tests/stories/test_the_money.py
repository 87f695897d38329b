"""The refund on its way: banks that fail, refuse, or pay without saying so."""

from typing import Any

import pytest

from returns import workflow
from tests import make
from tests.stories.teller import Story, Told

pytestmark = pytest.mark.django_db(transaction=True)


def _approved(story: Story, **order: Any) -> Told:
    """A Refund Only of 45.00 that the seller accepted on day 0."""
    case = story.opens(story.order(**order), kind="refund_only", reason="damaged_goods")
    case.seller(workflow.accept)
    return case


def test_a_bank_that_fails_five_times_has_paid_on_day_14(story: Story) -> None:
    """R27: a postal order is sent on day 13; what fails is repeated inside the window."""
    case = _approved(story, bank="fails-five-times", method="postal_order")
    story.day(12.9)
    assert story.bank.book.attempts() == {}
    story.day(13.1)
    assert sum(story.bank.book.attempts().values()) == 4
    assert case.json["refund"]["state"] == "unknown"
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 0: seller refund_accepted → buyer, seller
        day 14: payment refund_paid → buyer, seller
        """,
        paid=["45.00 EUR"],
        state="refunded",
        refund="45.00 paid on day 14",
    )
    assert list(story.bank.book.attempts().values()) == [6]


def test_a_bank_that_pays_and_then_hangs_up_is_asked_and_not_paid_again(story: Story) -> None:
    """R28: the money left on day 5, and nobody said so."""
    case = _approved(story, bank="dropped")
    story.day(5)
    assert case.paid == ["45.00 EUR"]
    story.day(6)
    assert list(story.bank.book.attempts().values()) == [1]
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 0: seller refund_accepted → buyer, seller
        day 5: payment refund_paid → buyer, seller
        """,
        paid=["45.00 EUR"],
        state="refunded",
        refund="45.00 paid on day 5",
    )


def test_a_bank_that_says_no_leaves_the_case_to_support(story: Story) -> None:
    """R27, R29, R31: nothing is owed any more by these books; support writes to the buyer."""
    case = _approved(story, bank="closed-account")
    story.day(6)
    assert case.json["refund"]["state"] == "refused"
    case.support(
        workflow.decide,
        outcome=make.UPHELD,
        amount=None,
        explanation="Your account is closed: we have sent you a cheque.",
    )
    story.day(30)
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 0: seller refund_accepted → buyer, seller
        day 5: payment refund_refused → buyer
        day 6: support refusal_upheld → buyer, seller
        """,
        state="closed",
        resolution="refusal_upheld",
        refund="45.00 refused on day 5",
    )
    assert case.books == {}


def test_a_bank_that_never_answers_alarms_support_while_there_are_days_left(story: Story) -> None:
    """R27: from day 15, every day; when the window is over and the bank surely has nothing, R31."""
    case = _approved(story, bank="never-available")
    story.day(14)
    assert case.json["deadline"]["waits_for"] == "payment"
    story.day(23)
    assert case.json["deadline"]["waits_for"] == "support"
    case.support(
        workflow.decide, outcome=make.UPHELD, amount=None, explanation="We have sent you a cheque."
    )
    case.ends(
        """
        day 0: buyer opened → buyer, seller
        day 0: seller refund_accepted → buyer, seller
        day 15: clock alarmed
        day 16: clock alarmed
        day 17: clock alarmed
        day 18: clock alarmed
        day 19: clock alarmed
        day 20: clock alarmed
        day 20: payment refund_refused → buyer
        day 23: support refusal_upheld → buyer, seller
        """,
        state="closed",
        resolution="refusal_upheld",
        refund="45.00 refused on day 5",
    )
    assert case.books == {}
