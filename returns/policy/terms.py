"""What a return costs and who decides on it, before the buyer commits (R01–R15)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from returns import money
from returns.policy.facts import Claim, Fact, Finding, Numbers, counted, iso, moment, month, utc
from returns.states import Kind, Reason, TermsOutcome

#: R09: the reasons that say the item arrived damaged, defective, wrong or counterfeit.
ARRIVED_WRONG = frozenset(
    {
        Reason.QUALITY_PROBLEMS,
        Reason.DAMAGED_GOODS,
        Reason.QUANTITY_SHORTAGE,
        Reason.COUNTERFEIT_GOODS,
        Reason.ACCESSORIES_PROBLEMS,
    }
)

#: R12, R28: the reasons that lay the fault at the seller's door.
SELLERS_FAULT = ARRIVED_WRONG | {Reason.SHIPPING_METHOD}


@dataclass(frozen=True)
class Terms:
    """R15: what comes out, whether the seller's decision is final (R13), and every finding."""

    outcome: TermsOutcome
    final: bool
    findings: tuple[Finding, ...]

    def explanation(self) -> list[dict[str, object]]:
        """The findings as plain JSON, in the order of the rules."""
        return [finding.as_json() for finding in self.findings]


def terms(claim: Claim, numbers: Numbers) -> Terms:
    """R15: the terms of what is asked, explained. Raises ValueError for a naive datetime."""
    if claim.kind == Kind.REFUND_ONLY:
        return _refund_only(claim, numbers)
    return _return(claim, numbers)


def seller_at_fault(reason: Reason) -> bool:
    """R12, R28: whether the reason lays the fault at the seller's door."""
    return reason in SELLERS_FAULT


def evidence_required(reason: Reason) -> bool:
    """R09, R18: whether the reason has to be shown: where it says the seller is at fault."""
    return seller_at_fault(reason)


def buyer_month(at: datetime, time_zone: str) -> date:
    """R10: the first day of the calendar month of `at` in the zone. ValueError for a naive `at`."""
    return utc(at).astimezone(ZoneInfo(time_zone)).date().replace(day=1)


def exchange_advice() -> str:
    """R06: the answer to whoever asks for an exchange."""
    return (
        "Items cannot be exchanged: return the item, take your refund and order again, "
        "from any seller you like."
    )


def _refund_only(claim: Claim, numbers: Numbers) -> Terms:
    asked = (_receipt(claim), _quantity(claim), _not_worth_sending_back(claim))
    if not all(finding.holds for finding in asked):
        return Terms(TermsOutcome.NOT_POSSIBLE, False, asked)
    review = _review_of_refund_only(claim, numbers)
    if _past_window(claim, numbers):
        return Terms(
            TermsOutcome.SELLER_DECIDES, True, (*asked, _sellers_last_word(claim, numbers), review)
        )
    return Terms(TermsOutcome.SELLER_DECIDES, False, (*asked, review))


def _return(claim: Claim, numbers: Numbers) -> Terms:
    receipt, quantity, condition = _receipt(claim), _quantity(claim), _condition(claim)
    received_at = _received_at(claim)
    window = (_free_return(claim, received_at, numbers),) if received_at else ()
    rest = (condition, _free_returns_of_month(claim, numbers), _worth_its_shipping(claim))
    so_far = (receipt, quantity, *window, *rest)
    # R12: the order's label is the only thing missing, and the fault is the seller's.
    due = all(finding.holds for finding in so_far) and seller_at_fault(claim.reason)
    label = _label(claim, due)
    findings = (*so_far, label)

    if not (receipt.holds and quantity.holds and condition.holds):
        return Terms(TermsOutcome.NOT_POSSIBLE, False, findings)
    if _past_window(claim, numbers):
        last_word = _sellers_last_word(claim, numbers)
        return Terms(TermsOutcome.SELLER_DECIDES, True, (*findings, last_word))
    if all(finding.holds for finding in findings):
        return Terms(TermsOutcome.FREE, False, findings)
    if due:
        return Terms(TermsOutcome.BUYER_PAYS, False, findings)
    return Terms(TermsOutcome.SELLER_DECIDES, False, (*findings, _needs_acceptance(numbers)))


def _received_at(claim: Claim) -> datetime | None:
    """When it was received, in UTC; None while that is still to come (R01)."""
    at, received_at = utc(claim.at), claim.received_at
    return utc(received_at) if received_at and utc(received_at) <= at else None


def _window_end(received_at: datetime, numbers: Numbers) -> datetime:
    return utc(received_at) + timedelta(days=numbers.free_window_days)


def _past_window(claim: Claim, numbers: Numbers) -> bool:
    """R08, R13: whether the free window is over; its last instant is still inside."""
    received_at = _received_at(claim)
    return received_at is not None and utc(claim.at) > _window_end(received_at, numbers)


def _receipt(claim: Claim) -> Finding:
    holds = _received_at(claim) is not None
    facts: dict[str, Fact] = {
        "received_at": iso(claim.received_at) if claim.received_at else None,
        "opened_at": iso(claim.at),
    }
    if holds:
        text = "You have confirmed that you received this item."
    else:
        text = "Please confirm first that you received this item; then you can return it."
    return Finding("R01", facts, holds, text)


def _quantity(claim: Claim) -> Finding:
    left = claim.bought - claim.taken
    if claim.open_case:
        text = "You already have an open case for this item, and it has to end first."
    elif claim.quantity < 1:
        text = "Please say how many pieces you want to return, at least one."
    elif left < 1:
        text = "You have already returned everything you bought of this item."
    elif claim.quantity > left:
        text = (
            f"You can return at most {left} of this item: you bought {claim.bought} "
            f"and {claim.taken} went back before."
        )
    else:
        text = f"You want to return {claim.quantity} of the {claim.bought} you bought."
    facts: dict[str, Fact] = {
        "quantity": claim.quantity,
        "bought": claim.bought,
        "taken": claim.taken,
        "open_case": claim.open_case,
    }
    return Finding("R05", facts, not claim.open_case and 1 <= claim.quantity <= left, text)


def _price_above_shipping(claim: Claim) -> bool:
    """R11: one piece against the shipping of one piece, multiplied out so that nothing rounds."""
    return claim.unit_price * claim.bought > claim.shipping_cost


def _price_and_shipping(claim: Claim) -> dict[str, Fact]:
    return {
        "price": money.display(claim.unit_price * claim.bought, claim.currency),
        "shipping": money.display(claim.shipping_cost, claim.currency),
        "currency": claim.currency,
        "pieces": claim.bought,
    }


def _not_worth_sending_back(claim: Claim) -> Finding:
    """R07. The item itself may be anything; it stays with the buyer, so R09 is not looked at."""
    label = str(Reason(claim.reason).label)
    cheap, fault = not _price_above_shipping(claim), seller_at_fault(claim.reason)
    if cheap:
        text = "Your item is worth no more than its shipping, so you may ask to keep it."
    elif fault:
        text = f"Your reason “{label}” lets you ask for your money without sending the item back."
    else:
        text = (
            f"Your reason “{label}” does not let you keep this item: "
            "please choose Return & Refund instead."
        )
    facts = {**_price_and_shipping(claim), "reason": str(Reason(claim.reason).value)}
    return Finding("R07", facts, cheap or fault, text)


def _free_return(claim: Claim, received_at: datetime, numbers: Numbers) -> Finding:
    end, past = _window_end(received_at, numbers), _past_window(claim, numbers)
    days, until = counted(numbers.free_window_days, "day"), moment(end, numbers.time_zone)
    if not claim.free_return:
        text = "Your item was sold without the Free Return option."
    elif past:
        text = f"Your {days} for a free return ended on {until}."
    else:
        text = f"Your item can go back free of charge within {days} of receipt, until {until}."
    facts: dict[str, Fact] = {
        "free_return": claim.free_return,
        "received_at": iso(received_at),
        "opened_at": iso(claim.at),
        "window_days": numbers.free_window_days,
        "window_ends_at": iso(end),
    }
    return Finding("R08", facts, claim.free_return and not past, text)


def _condition(claim: Claim) -> Finding:
    declared, shown = claim.declaration, claim.reason in ARRIVED_WRONG
    parts = {
        "unused": declared.unused,
        "undamaged": declared.undamaged or shown,
        "in its original packaging": declared.original_packaging,
        "with all labels and seals intact": declared.labels_intact,
    }
    missing = [part for part, ok in parts.items() if not ok]
    if missing:
        text = f"To go back, your item has to be {_listed(missing)}, which you did not declare."
    elif not shown:
        text = f"You declared your item {_listed(list(parts))}."
    elif claim.evidence > 0:
        text = "Your pictures or videos show how your item arrived."
    else:
        text = "Please add pictures or videos that show how your item arrived."
    facts: dict[str, Fact] = {
        "unused": declared.unused,
        "undamaged": declared.undamaged,
        "original_packaging": declared.original_packaging,
        "labels_intact": declared.labels_intact,
        "evidence_instead_of_undamaged": shown,
        "evidence": claim.evidence,
    }
    return Finding("R09", facts, not missing, text)


def _listed(parts: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _free_returns_of_month(claim: Claim, numbers: Numbers) -> Finding:
    first = buyer_month(claim.at, numbers.time_zone)
    name = month(first)
    used = f"{claim.free_used} of {numbers.free_per_month}"
    holds = claim.free_used < numbers.free_per_month
    facts: dict[str, Fact] = {
        "used": claim.free_used,
        "allowed": numbers.free_per_month,
        "month": f"{first:%Y-%m}",
        "time_zone": numbers.time_zone,
    }
    text = f"You have used {used} free returns in {name}."
    if not holds:
        text = f"You have used {used} free returns in {name}, so this one is not free."
    return Finding("R10", facts, holds, text)


def _worth_its_shipping(claim: Claim) -> Finding:
    facts, holds = _price_and_shipping(claim), _price_above_shipping(claim)
    price, shipping = (f"{facts[key]} {claim.currency}" for key in ("price", "shipping"))
    if holds:
        text = f"What you bought cost {price}, more than its shipping at {shipping}."
    else:
        text = (
            f"What you bought cost {price}, no more than its shipping at {shipping}, "
            "so it cannot go back free of charge."
        )
    return Finding("R11", facts, holds, text)


def _label(claim: Claim, due: bool) -> Finding:
    """R12. `due`: the label is all that is missing, and the reason makes the return due."""
    if not claim.label_used:
        text = "Your order still has its free return label."
    elif due:
        text = (
            "Your order has already used its one free return label, so you pay for sending this "
            "item back; because of your reason the seller has to take it."
        )
    else:
        text = (
            "Your order has already used its one free return label, so this item would go back "
            "at your own cost."
        )
    facts: dict[str, Fact] = {
        "label_used": claim.label_used,
        "sellers_fault": seller_at_fault(claim.reason),
    }
    return Finding("R12", facts, not claim.label_used, text)


def _sellers_last_word(claim: Claim, numbers: Numbers) -> Finding:
    days = counted(numbers.free_window_days, "day")
    if claim.kind == Kind.REFUND_ONLY:
        text = f"Your {days} are over, so the seller's decision is final."
    else:
        text = (
            f"Your {days} are over: you can still ask for a return at your own cost, "
            "and the seller's decision is final."
        )
    facts: dict[str, Fact] = {
        "opened_at": iso(claim.at),
        "window_days": numbers.free_window_days,
        "final": True,
    }
    return Finding("R13", facts, False, text)


def _needs_acceptance(numbers: Numbers) -> Finding:
    text = (
        "You would pay for sending it back and the seller has to agree; after a refusal you have "
        f"{counted(numbers.escalation_days, 'day')} to ask our support team to decide."
    )
    facts: dict[str, Fact] = {"final": False, "escalation_days": numbers.escalation_days}
    return Finding("R14", facts, False, text)


def _review_of_refund_only(claim: Claim, numbers: Numbers) -> Finding:
    required = evidence_required(claim.reason)
    holds = claim.evidence > 0 or not required
    days = counted(numbers.review_days, "day")
    if holds:
        text = f"If the seller does not answer you within {days}, your refund is accepted."
    else:
        text = (
            f"Please add pictures or videos: with them your refund is accepted if the seller does "
            f"not answer within {days}, without them our support team decides."
        )
    facts: dict[str, Fact] = {
        "evidence_required": required,
        "evidence": claim.evidence,
        "review_days": numbers.review_days,
    }
    return Finding("R18", facts, holds, text)
