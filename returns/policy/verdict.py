"""When support needs a second person to decide (R32)."""

from decimal import Decimal

from returns import money
from returns.policy.facts import Fact, Finding, Numbers


def second_person_needed(amount: Decimal, currency: str, numbers: Numbers) -> Finding:
    """R32: `holds` when the amount is above the limit, or has no rate to compare it by."""
    rate = Decimal(1) if currency == numbers.currency else numbers.exchange_rates.get(currency)
    limit = money.display(numbers.four_eyes_limit, numbers.currency)
    facts: dict[str, Fact] = {
        "amount": money.display(amount, currency),
        "currency": currency,
        "limit": limit,
        "limit_currency": numbers.currency,
        "rate": None if rate is None else str(rate),
    }
    shown = f"{facts['amount']} {currency}"
    if rate is None:
        text = f"You need a second person: {shown} has no exchange rate to the limit's currency."
        return Finding("R32", facts, True, text)
    # The limit is multiplied, not the amount divided: a division would round.
    if amount > numbers.four_eyes_limit * rate:
        text = f"You need a second person: {shown} is above {limit} {numbers.currency}."
        return Finding("R32", facts, True, text)
    text = f"You can decide this alone: {shown} is not above {limit} {numbers.currency}."
    return Finding("R32", facts, False, text)
