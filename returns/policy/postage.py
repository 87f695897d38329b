"""What a buyer who had to post at own cost gets back for it (R21)."""

from datetime import datetime
from decimal import Decimal

from returns import money
from returns.policy.facts import Fact, Finding, Numbers
from returns.states import TERMINAL, State


def postage_covered(amount: Decimal, currency: str, numbers: Numbers) -> Finding:
    """R21: `holds` when proved postage is given back by itself; else a support person confirms it.

    That is above the cap, or in a currency without a rate to compare it by.
    """
    rate = Decimal(1) if currency == numbers.currency else numbers.exchange_rates.get(currency)
    cap = money.display(numbers.postage_cap, numbers.currency)
    facts: dict[str, Fact] = {
        "amount": money.display(amount, currency),
        "currency": currency,
        "cap": cap,
        "cap_currency": numbers.currency,
        "rate": None if rate is None else str(rate),
    }
    shown = f"{facts['amount']} {currency}"
    if rate is None:
        text = f"Support looks at {shown}: it has no exchange rate to the currency of the cap."
        return Finding("R21", facts, False, text)
    # The cap is multiplied, not the amount divided: a division would round.
    if amount > numbers.postage_cap * rate:
        text = f"Support looks at {shown}: it is above {cap} {numbers.currency}."
        return Finding("R21", facts, False, text)
    text = f"Your postage of {shown} is given back with the refund."
    return Finding("R21", facts, True, text)


def postage_may_follow(state: State, handed_over_at: datetime | None) -> bool:
    """R21: whether postage can still be added to what is refunded: handed over, nothing opened."""
    return handed_over_at is not None and state not in TERMINAL | {State.REFUND_PENDING}
