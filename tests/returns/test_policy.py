"""The rules of POLICY.md as truth tables. No database."""

import json
import re
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns import policy
from returns.policy import Claim, Declaration, Numbers
from returns.states import (
    MACHINE,
    TERMINAL,
    Event,
    Handover,
    InspectionOutcome,
    Kind,
    Reason,
    State,
    TermsOutcome,
)

FREE, BUYER_PAYS = TermsOutcome.FREE, TermsOutcome.BUYER_PAYS
SELLER_DECIDES, NOT_POSSIBLE = TermsOutcome.SELLER_DECIDES, TermsOutcome.NOT_POSSIBLE
RETURN, KEEP = Kind.RETURN_AND_REFUND, Kind.REFUND_ONLY

PARIS, NEW_YORK = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
RECEIVED = datetime(2025, 11, 1, 9, 30, tzinfo=UTC)
WINDOW = timedelta(days=15)
SECOND = timedelta(seconds=1)
INSTANT = timedelta(microseconds=1)
NUMBERS = Numbers()

ALL_IN_ORDER = Declaration(unused=True, undamaged=True, original_packaging=True, labels_intact=True)
DAMAGED = replace(ALL_IN_ORDER, undamaged=False)

ARRIVED_WRONG = {
    Reason.QUALITY_PROBLEMS,
    Reason.DAMAGED_GOODS,
    Reason.QUANTITY_SHORTAGE,
    Reason.COUNTERFEIT_GOODS,
    Reason.ACCESSORIES_PROBLEMS,
}
SELLERS_FAULT = ARRIVED_WRONG | {Reason.SHIPPING_METHOD}
NO_FAULT = {Reason.EASY_LOCAL_RETURNS, Reason.PERSONAL_REASONS}

A_FREE_RETURN = Claim(
    kind=RETURN,
    reason=Reason.PERSONAL_REASONS,
    quantity=1,
    declaration=ALL_IN_ORDER,
    evidence=0,
    at=RECEIVED + timedelta(days=2),
    received_at=RECEIVED,
    bought=1,
    taken=0,
    open_case=False,
    unit_price=Decimal("20.00"),
    shipping_cost=Decimal("5.00"),
    currency="EUR",
    free_return=True,
    free_used=0,
    label_used=False,
)
KEEP_IT = replace(A_FREE_RETURN, kind=KEEP, reason=Reason.DAMAGED_GOODS, evidence=1)


def found(claim: Claim, rule: str, numbers: Numbers = NUMBERS) -> policy.Finding:
    """The one finding on the rule."""
    [finding] = [f for f in policy.terms(claim, numbers).findings if f.rule == rule]
    return finding


def failed(terms: policy.Terms) -> list[str]:
    return [finding.rule for finding in terms.findings if not finding.holds]


def test_the_numbers_are_those_of_the_policy_by_default() -> None:
    """Every † of POLICY.md."""
    assert Numbers() == Numbers(
        free_window_days=15,
        free_per_month=3,
        review_days=3,
        info_days=2,
        offer_days=3,
        handover_days=10,
        transit_days=30,
        inspection_days=5,
        investigation_days=5,
        escalation_days=7,
        support_days=5,
        refund_from_days=3,
        refund_to_days=20,
        refund_alarm_days=15,
        pickup_attempts=2,
        four_eyes_limit=Decimal(500),
        currency="EUR",
        exchange_rates={},
        time_zone="Europe/Paris",
    )


# --- Terms of a return (R01, R05, R08–R14) ---------------------------------------------------


def ago(received_before: timedelta) -> dict[str, Any]:
    """Opened so long after receipt."""
    return {"at": RECEIVED + received_before}


RETURNS: list[tuple[str, dict[str, Any], TermsOutcome, bool, list[str]]] = [
    # what is special, what differs from a free return, outcome, final, the rules that fail
    ("nothing: a free return", {}, FREE, False, []),
    ("R01 not received", {"received_at": None}, NOT_POSSIBLE, False, ["R01"]),
    ("R01 received now", {"received_at": A_FREE_RETURN.at}, FREE, False, []),
    (
        "R01 received in the future",
        {"received_at": A_FREE_RETURN.at + SECOND},
        NOT_POSSIBLE,
        False,
        ["R01"],
    ),
    ("R05 none", {"quantity": 0}, NOT_POSSIBLE, False, ["R05"]),
    ("R05 two of one", {"quantity": 2}, NOT_POSSIBLE, False, ["R05"]),
    ("R05 2 of 3 after 1", {"quantity": 2, "bought": 3, "taken": 1}, FREE, False, []),
    ("R05 3 of 3 after 1", {"quantity": 3, "bought": 3, "taken": 1}, NOT_POSSIBLE, False, ["R05"]),
    ("R05 nothing left", {"bought": 1, "taken": 1}, NOT_POSSIBLE, False, ["R05"]),
    ("R05 an open case", {"bought": 3, "open_case": True}, NOT_POSSIBLE, False, ["R05"]),
    ("R08 exactly 15 days", ago(WINDOW), FREE, False, []),
    ("R08 R13 one second more", ago(WINDOW + SECOND), SELLER_DECIDES, True, ["R08", "R13"]),
    ("R08 R13 an instant more", ago(WINDOW + INSTANT), SELLER_DECIDES, True, ["R08", "R13"]),
    ("R08 R14 no option", {"free_return": False}, SELLER_DECIDES, False, ["R08", "R14"]),
    (
        "R08 R13 no option, past",
        {"free_return": False, **ago(WINDOW + SECOND)},
        SELLER_DECIDES,
        True,
        ["R08", "R13"],
    ),
    ("R10 the third of a month", {"free_used": 2}, FREE, False, []),
    ("R10 R14 the fourth", {"free_used": 3}, SELLER_DECIDES, False, ["R10", "R14"]),
    ("R10 R14 more than allowed", {"free_used": 4}, SELLER_DECIDES, False, ["R10", "R14"]),
    ("R11 above shipping", {"unit_price": Decimal("5.01")}, FREE, False, []),
    (
        "R11 equal to shipping",
        {"unit_price": Decimal("5.00")},
        SELLER_DECIDES,
        False,
        ["R11", "R14"],
    ),
    (
        "R11 below shipping",
        {"unit_price": Decimal("4.99")},
        SELLER_DECIDES,
        False,
        ["R11", "R14"],
    ),
    (
        "R11 a piece against its share: 3 at 2 with shipping 5",
        {"unit_price": Decimal("2.00"), "bought": 3},
        FREE,
        False,
        [],
    ),
    (
        "R11 a share that no decimal holds: 3 at 1.67 with shipping 5.01",
        {"unit_price": Decimal("1.67"), "shipping_cost": Decimal("5.01"), "bought": 3},
        SELLER_DECIDES,
        False,
        ["R11", "R14"],
    ),
    (
        "R11 what goes back does not count: 1 of 3",
        {"unit_price": Decimal("2.00"), "bought": 3, "quantity": 1},
        FREE,
        False,
        [],
    ),
    ("R12 label used, no fault", {"label_used": True}, SELLER_DECIDES, False, ["R12", "R14"]),
    *(
        (
            f"R12 label used, {reason}",
            {"label_used": True, "reason": reason},
            BUYER_PAYS,
            False,
            ["R12"],
        )
        for reason in sorted(SELLERS_FAULT)
    ),
    (
        "R12 R14 fault, but the quota is gone as well",
        {"label_used": True, "reason": Reason.DAMAGED_GOODS, "free_used": 3},
        SELLER_DECIDES,
        False,
        ["R10", "R12", "R14"],
    ),
    (
        "R14 fault, but no option",
        {"reason": Reason.DAMAGED_GOODS, "free_return": False},
        SELLER_DECIDES,
        False,
        ["R08", "R14"],
    ),
    (
        "R12 R13 fault and label, but past",
        {"label_used": True, "reason": Reason.DAMAGED_GOODS, **ago(WINDOW + SECOND)},
        SELLER_DECIDES,
        True,
        ["R08", "R12", "R13"],
    ),
    (
        "R09 past the window, too",
        {"declaration": replace(ALL_IN_ORDER, unused=False), **ago(WINDOW + SECOND)},
        NOT_POSSIBLE,
        False,
        ["R08", "R09"],
    ),
    (
        "R15 everything that can fail is told",
        {
            "quantity": 9,
            "declaration": DAMAGED,
            "free_return": False,
            "free_used": 3,
            "unit_price": Decimal(1),
            "label_used": True,
        },
        NOT_POSSIBLE,
        False,
        ["R05", "R08", "R09", "R10", "R11", "R12"],
    ),
]


@pytest.mark.parametrize(
    ("changes", "outcome", "final", "failing"),
    [row[1:] for row in RETURNS],
    ids=[row[0] for row in RETURNS],
)
def test_the_terms_of_a_return(
    changes: dict[str, Any], outcome: TermsOutcome, final: bool, failing: list[str]
) -> None:
    terms = policy.terms(replace(A_FREE_RETURN, **changes), NUMBERS)
    assert (terms.outcome, terms.final, failed(terms)) == (outcome, final, failing)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("field", [field.name for field in fields(Declaration)])
def test_only_undamaged_is_replaced_and_only_by_a_reason_that_says_it_arrived_wrong(
    field: str, reason: Reason
) -> None:
    """R09, for every part of the declaration and every reason."""
    declaration = replace(ALL_IN_ORDER, **{field: False})
    terms = policy.terms(replace(A_FREE_RETURN, reason=reason, declaration=declaration), NUMBERS)
    replaced = field == "undamaged" and reason in ARRIVED_WRONG
    assert terms.outcome == (FREE if replaced else NOT_POSSIBLE)
    assert failed(terms) == ([] if replaced else ["R09"])


@pytest.mark.parametrize("reason", Reason)
def test_inside_the_window_no_reason_withholds_a_free_return(reason: Reason) -> None:
    """R03, R08: no reason has to be proved."""
    assert policy.terms(replace(A_FREE_RETURN, reason=reason), NUMBERS).outcome == FREE


def test_every_rule_of_a_return_is_told_in_order() -> None:
    """R15."""
    looked_at = ["R01", "R05", "R08", "R09", "R10", "R11", "R12"]
    late = replace(A_FREE_RETURN, at=RECEIVED + WINDOW + SECOND)
    without = replace(A_FREE_RETURN, free_return=False)
    not_received = replace(A_FREE_RETURN, received_at=None)
    told = [
        [finding.rule for finding in policy.terms(claim, NUMBERS).findings]
        for claim in (A_FREE_RETURN, late, without, not_received)
    ]
    assert told == [
        looked_at,
        [*looked_at, "R13"],
        [*looked_at, "R14"],
        [rule for rule in looked_at if rule != "R08"],
    ]


def test_fifteen_days_are_days_of_24_hours_also_when_the_clocks_change() -> None:
    """R08: Paris goes back by an hour on 26 October 2025, so it ends at 11:00."""
    received = datetime(2025, 10, 20, 12, tzinfo=PARIS)
    end = datetime(2025, 11, 4, 11, tzinfo=PARIS)
    claim = replace(A_FREE_RETURN, received_at=received, at=end)
    assert policy.terms(claim, NUMBERS).outcome == FREE
    assert policy.terms(replace(claim, at=end + SECOND), NUMBERS).outcome == SELLER_DECIDES
    assert "until 4 November 2025, 11:00." in found(claim, "R08").text


def test_the_numbers_of_the_policy_decide_and_not_a_constant() -> None:
    """R08, R10: † are settings."""
    numbers = Numbers(free_window_days=1, free_per_month=1)
    claim = replace(A_FREE_RETURN, at=RECEIVED + timedelta(days=1))
    assert policy.terms(claim, numbers).outcome == FREE
    assert policy.terms(replace(claim, free_used=1), numbers).outcome == SELLER_DECIDES
    late = replace(claim, at=claim.at + SECOND)
    assert policy.terms(late, numbers).final
    assert "1 day for" in found(late, "R08", numbers).text


def test_the_values_of_a_row_do_as_well_as_the_members_of_the_lists() -> None:
    """A database hands out plain strings."""
    plain = replace(KEEP_IT, kind="refund_only", reason="damaged_goods")  # type: ignore[arg-type]
    assert policy.terms(plain, NUMBERS) == policy.terms(KEEP_IT, NUMBERS)


@pytest.mark.parametrize("naive", ["at", "received_at"])
@pytest.mark.parametrize("kind", Kind)
def test_a_moment_without_a_time_zone_is_an_error(kind: Kind, naive: str) -> None:
    changes: dict[str, Any] = {"kind": kind, naive: datetime(2025, 11, 2)}  # noqa: DTZ001
    claim = replace(A_FREE_RETURN, **changes)
    with pytest.raises(ValueError, match="no time zone"):
        policy.terms(claim, NUMBERS)


# --- What the explanation says (R15) ---------------------------------------------------------

TEXTS: list[tuple[str, dict[str, Any], str]] = [
    ("R01", {}, "You have confirmed that you received this item."),
    (
        "R01",
        {"received_at": None},
        "Please confirm first that you received this item; then you can return it.",
    ),
    ("R05", {"quantity": 2, "bought": 3}, "You want to return 2 of the 3 you bought."),
    ("R05", {"bought": 2, "taken": 1}, "You want to return 1 of the 2 you bought."),
    ("R05", {"quantity": 0}, "Please say how many pieces you want to return, at least one."),
    ("R05", {"taken": 1}, "You have already returned everything you bought of this item."),
    (
        "R05",
        {"quantity": 3, "bought": 3, "taken": 1},
        "You can return at most 2 of this item: you bought 3 and 1 went back before.",
    ),
    (
        "R05",
        {"open_case": True},
        "You already have an open case for this item, and it has to end first.",
    ),
    (
        "R08",
        {},
        (
            "Your item can go back free of charge within 15 days of receipt, "
            "until 16 November 2025, 10:30."
        ),
    ),
    ("R08", {"free_return": False}, "Your item was sold without the Free Return option."),
    (
        "R08",
        ago(WINDOW + SECOND),
        "Your 15 days for a free return ended on 16 November 2025, 10:30.",
    ),
    (
        "R09",
        {},
        (
            "You declared your item unused, undamaged, in its original packaging "
            "and with all labels and seals intact."
        ),
    ),
    (
        "R09",
        {"declaration": DAMAGED},
        "To go back, your item has to be undamaged, which you did not declare.",
    ),
    (
        "R09",
        {"declaration": replace(DAMAGED, unused=False)},
        "To go back, your item has to be unused and undamaged, which you did not declare.",
    ),
    (
        "R09",
        {"reason": Reason.DAMAGED_GOODS},
        "Please add pictures or videos that show how your item arrived.",
    ),
    (
        "R09",
        {"reason": Reason.DAMAGED_GOODS, "evidence": 1},
        "Your pictures or videos show how your item arrived.",
    ),
    ("R10", {"free_used": 2}, "You have used 2 of 3 free returns in November 2025."),
    (
        "R10",
        {"free_used": 3},
        "You have used 3 of 3 free returns in November 2025, so this one is not free.",
    ),
    ("R11", {}, "What you bought cost 20.00 EUR, more than its shipping at 5.00 EUR."),
    (
        "R11",
        {"unit_price": Decimal("5.000"), "currency": "JPY"},
        (
            "What you bought cost 5 JPY, no more than its shipping at 5 JPY, "
            "so it cannot go back free of charge."
        ),
    ),
    ("R12", {}, "Your order still has its free return label."),
    (
        "R12",
        {"label_used": True},
        (
            "Your order has already used its one free return label, "
            "so this item would go back at your own cost."
        ),
    ),
    (
        "R12",
        {"label_used": True, "reason": Reason.DAMAGED_GOODS},
        (
            "Your order has already used its one free return label, so you pay for sending this "
            "item back; because of your reason the seller has to take it."
        ),
    ),
    *(
        (
            "R12",
            {"label_used": True, "reason": Reason.DAMAGED_GOODS, **but},
            (
                "Your order has already used its one free return label, "
                "so this item would go back at your own cost."
            ),
        )
        for but in ({"received_at": None}, {"open_case": True}, ago(WINDOW + SECOND))
    ),
    (
        "R13",
        ago(WINDOW + SECOND),
        (
            "Your 15 days are over: you can still ask for a return at your own cost, "
            "and the seller's decision is final."
        ),
    ),
    (
        "R14",
        {"free_used": 3},
        (
            "You would pay for sending it back and the seller has to agree; after a refusal you "
            "have 7 days to ask our support team to decide."
        ),
    ),
]


@pytest.mark.parametrize(("rule", "changes", "text"), TEXTS, ids=[row[2][:50] for row in TEXTS])
def test_an_explanation_is_a_sentence_to_the_buyer(
    rule: str, changes: dict[str, Any], text: str
) -> None:
    assert found(replace(A_FREE_RETURN, **changes), rule).text == text


FACTS: list[tuple[str, dict[str, Any]]] = [
    ("R01", {"received_at": "2025-11-01T09:30:00+00:00", "opened_at": "2025-11-03T09:30:00+00:00"}),
    ("R05", {"quantity": 1, "bought": 1, "taken": 0, "open_case": False}),
    (
        "R08",
        {
            "free_return": True,
            "received_at": "2025-11-01T09:30:00+00:00",
            "opened_at": "2025-11-03T09:30:00+00:00",
            "window_days": 15,
            "window_ends_at": "2025-11-16T09:30:00+00:00",
        },
    ),
    (
        "R09",
        {
            "unused": True,
            "undamaged": True,
            "original_packaging": True,
            "labels_intact": True,
            "evidence_instead_of_undamaged": False,
            "evidence": 0,
        },
    ),
    ("R10", {"used": 0, "allowed": 3, "month": "2025-11", "time_zone": "Europe/Paris"}),
    ("R11", {"price": "20.00", "shipping": "5.00", "currency": "EUR", "pieces": 1}),
    ("R12", {"label_used": False, "sellers_fault": False}),
]


@pytest.mark.parametrize(("rule", "facts"), FACTS, ids=[row[0] for row in FACTS])
def test_an_explanation_names_the_facts_it_saw(rule: str, facts: dict[str, Any]) -> None:
    """R15."""
    assert found(A_FREE_RETURN, rule).facts == facts


def test_an_explanation_says_whether_a_refusal_would_be_final() -> None:
    """R13, R14."""
    late = replace(A_FREE_RETURN, at=RECEIVED + WINDOW + SECOND)
    assert found(late, "R13").facts == {
        "opened_at": "2025-11-16T09:30:01+00:00",
        "window_days": 15,
        "final": True,
    }
    fourth = replace(A_FREE_RETURN, free_used=3)
    assert found(fourth, "R14").facts == {"final": False, "escalation_days": 7}


def test_an_explanation_is_what_the_shop_and_the_row_receive() -> None:
    """R15, issue §5: rule, facts, holds, text."""
    first = policy.terms(replace(A_FREE_RETURN, received_at=None), NUMBERS).explanation()[0]
    assert first == {
        "rule": "R01",
        "facts": {"received_at": None, "opened_at": "2025-11-03T09:30:00+00:00"},
        "holds": False,
        "text": "Please confirm first that you received this item; then you can return it.",
    }


# --- Refund Only (R07, R18) ------------------------------------------------------------------


@pytest.mark.parametrize("price", ["4.99", "5.00", "5.01"])
@pytest.mark.parametrize("reason", Reason)
def test_refund_only_fits_a_fault_of_the_seller_or_an_item_not_worth_its_shipping(
    reason: Reason, price: str
) -> None:
    """R07, R11: the whole table."""
    terms = policy.terms(replace(KEEP_IT, reason=reason, unit_price=Decimal(price)), NUMBERS)
    fits = reason in SELLERS_FAULT or price != "5.01"
    assert terms.outcome == (SELLER_DECIDES if fits else NOT_POSSIBLE)
    assert failed(terms) == ([] if fits else ["R07"])


KEPT: list[tuple[str, dict[str, Any], TermsOutcome, bool, list[str]]] = [
    ("with evidence", {}, SELLER_DECIDES, False, []),
    ("R18 without evidence", {"evidence": 0}, SELLER_DECIDES, False, ["R18"]),
    ("R01 not received", {"received_at": None}, NOT_POSSIBLE, False, ["R01"]),
    ("R05 an open case", {"open_case": True}, NOT_POSSIBLE, False, ["R05"]),
    ("R13 on the last instant", ago(WINDOW), SELLER_DECIDES, False, []),
    ("R13 after it", ago(WINDOW + SECOND), SELLER_DECIDES, True, ["R13"]),
    ("R09 is not looked at", {"declaration": DAMAGED}, SELLER_DECIDES, False, []),
    (
        "R08, R10, R12 are not looked at",
        {"free_return": False, "free_used": 3, "label_used": True},
        SELLER_DECIDES,
        False,
        [],
    ),
]


@pytest.mark.parametrize(
    ("changes", "outcome", "final", "failing"),
    [row[1:] for row in KEPT],
    ids=[row[0] for row in KEPT],
)
def test_the_terms_of_a_refund_only(
    changes: dict[str, Any], outcome: TermsOutcome, final: bool, failing: list[str]
) -> None:
    terms = policy.terms(replace(KEEP_IT, **changes), NUMBERS)
    assert (terms.outcome, terms.final, failed(terms)) == (outcome, final, failing)


def test_every_rule_of_a_refund_only_is_told_in_order() -> None:
    """R15."""
    late = replace(KEEP_IT, at=RECEIVED + WINDOW + SECOND)
    assert [finding.rule for finding in policy.terms(late, NUMBERS).findings] == [
        "R01",
        "R05",
        "R07",
        "R13",
        "R18",
    ]


KEPT_TEXTS: list[tuple[str, dict[str, Any], str]] = [
    (
        "R07",
        {"unit_price": Decimal("5.00")},
        "Your item is worth no more than its shipping, so you may ask to keep it.",
    ),
    (
        "R07",
        {},
        "Your reason “Damaged goods” lets you ask for your money without sending the item back.",
    ),
    (
        "R07",
        {"reason": Reason.PERSONAL_REASONS},
        (
            "Your reason “Personal reasons” does not let you keep this item: "
            "please choose Return & Refund instead."
        ),
    ),
    ("R13", ago(WINDOW + SECOND), "Your 15 days are over, so the seller's decision is final."),
    (
        "R18",
        {},
        "If the seller does not answer you within 3 days, your refund is accepted.",
    ),
    (
        "R18",
        {"evidence": 0},
        (
            "Please add pictures or videos: with them your refund is accepted if the seller does "
            "not answer within 3 days, without them our support team decides."
        ),
    ),
]


@pytest.mark.parametrize(("rule", "changes", "text"), KEPT_TEXTS)
def test_a_refund_only_is_explained_in_sentences_to_the_buyer(
    rule: str, changes: dict[str, Any], text: str
) -> None:
    assert found(replace(KEEP_IT, **changes), rule).text == text


def test_whoever_asks_for_an_exchange_hears_what_to_do_instead() -> None:
    """R06."""
    advice = policy.exchange_advice()
    assert "cannot be exchanged" in advice
    for step in ("return the item", "refund", "order again", "any seller"):
        assert step in advice


# --- Months (R10) ----------------------------------------------------------------------------

MONTHS = [
    # Paris: summer time (+2) until 26 October 2025, from 29 March 2026; else +1.
    ("summer, last instant", datetime(2025, 8, 31, 21, 59, 59, 999999, UTC), PARIS, (2025, 8)),
    ("summer, midnight", datetime(2025, 8, 31, 22, tzinfo=UTC), PARIS, (2025, 9)),
    ("winter, last second", datetime(2025, 10, 31, 22, 59, 59, tzinfo=UTC), PARIS, (2025, 10)),
    ("winter, midnight", datetime(2025, 10, 31, 23, tzinfo=UTC), PARIS, (2025, 11)),
    ("in March, after the change", datetime(2026, 3, 31, 22, tzinfo=UTC), PARIS, (2026, 4)),
    ("the year ends", datetime(2025, 12, 31, 23, tzinfo=UTC), PARIS, (2026, 1)),
    ("in another zone", datetime(2025, 11, 1, 2, tzinfo=UTC), NEW_YORK, (2025, 10)),
    ("told in local time", datetime(2025, 11, 30, 18, tzinfo=NEW_YORK), PARIS, (2025, 12)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "zone", "month"), [row[1:] for row in MONTHS], ids=[row[0] for row in MONTHS]
)
def test_a_month_ends_at_midnight_in_the_marketplaces_time_zone(
    at: datetime, zone: ZoneInfo, month: tuple[int, int]
) -> None:
    """R10."""
    assert policy.buyer_month(at, zone.key) == date(*month, 1)


def test_the_month_that_is_told_is_the_one_that_is_counted() -> None:
    """R10, R15."""
    midnight = datetime(2025, 10, 31, 23, tzinfo=UTC)
    claim = replace(A_FREE_RETURN, received_at=midnight - WINDOW, at=midnight, free_used=3)
    assert "November 2025" in found(claim, "R10").text
    assert "October 2025" in found(replace(claim, at=midnight - SECOND), "R10").text


def test_the_month_of_a_naive_moment_is_an_error() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        policy.buyer_month(datetime(2025, 11, 1), "Europe/Paris")  # noqa: DTZ001


# --- Review without an answer (R17, R18) -----------------------------------------------------

LAPSES = [
    # kind, outcome, final, reason, evidence, event, rule, holds
    (RETURN, FREE, False, Reason.PERSONAL_REASONS, 0, Event.ACCEPTED, "R17", True),
    (RETURN, FREE, False, Reason.DAMAGED_GOODS, 0, Event.ACCEPTED, "R17", True),
    (RETURN, BUYER_PAYS, False, Reason.DAMAGED_GOODS, 0, Event.ACCEPTED, "R17", True),
    (RETURN, SELLER_DECIDES, False, Reason.PERSONAL_REASONS, 0, Event.LAPSED, "R17", False),
    (RETURN, SELLER_DECIDES, False, Reason.DAMAGED_GOODS, 1, Event.LAPSED, "R17", False),
    (RETURN, SELLER_DECIDES, True, Reason.DAMAGED_GOODS, 1, Event.LAPSED_FINALLY, "R17", False),
    (KEEP, SELLER_DECIDES, False, Reason.DAMAGED_GOODS, 1, Event.REFUND_ACCEPTED, "R18", True),
    (KEEP, SELLER_DECIDES, False, Reason.DAMAGED_GOODS, 0, Event.HANDED_TO_SUPPORT, "R18", False),
    (KEEP, SELLER_DECIDES, True, Reason.DAMAGED_GOODS, 1, Event.REFUND_ACCEPTED, "R18", True),
    (KEEP, SELLER_DECIDES, True, Reason.DAMAGED_GOODS, 0, Event.HANDED_TO_SUPPORT, "R18", False),
    (KEEP, SELLER_DECIDES, False, Reason.PERSONAL_REASONS, 0, Event.REFUND_ACCEPTED, "R18", True),
    (KEEP, SELLER_DECIDES, False, Reason.SHIPPING_METHOD, 0, Event.HANDED_TO_SUPPORT, "R18", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "outcome", "final", "reason", "evidence", "event", "rule", "holds"), LAPSES
)
def test_a_review_without_an_answer(
    kind: Kind,
    outcome: TermsOutcome,
    final: bool,
    reason: Reason,
    evidence: int,
    event: Event,
    rule: str,
    holds: bool,
) -> None:
    lapse = policy.lapse(kind, outcome, final, reason, evidence, NUMBERS)
    assert (lapse.event, lapse.finding.rule, lapse.finding.holds) == (event, rule, holds)
    assert lapse.finding.text.startswith("The seller did not answer you within 3 days")
    json.dumps(lapse.finding.as_json())


@pytest.mark.parametrize("evidence", [0, 1])
@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("outcome", TermsOutcome)
@pytest.mark.parametrize("kind", Kind)
def test_every_review_has_an_end_that_the_table_of_moves_knows(
    kind: Kind, outcome: TermsOutcome, final: bool, reason: Reason, evidence: int
) -> None:
    """R35."""
    event = policy.lapse(kind, outcome, final, reason, evidence, NUMBERS).event
    assert (State.UNDER_REVIEW, event) in MACHINE.moves


def test_what_the_terms_promise_of_silence_is_what_silence_does() -> None:
    """R15, R18: the explanation of a Refund Only and its lapse agree."""
    for evidence in (0, 1):
        for reason in Reason:
            claim = replace(KEEP_IT, reason=reason, evidence=evidence, unit_price=Decimal(1))
            terms = policy.terms(claim, NUMBERS)
            lapse = policy.lapse(KEEP, terms.outcome, terms.final, reason, evidence, NUMBERS)
            accepted = lapse.event == Event.REFUND_ACCEPTED
            assert found(claim, "R18").holds is accepted


@pytest.mark.parametrize("reason", Reason)
def test_what_lays_the_fault_at_the_seller_has_to_be_shown(reason: Reason) -> None:
    """R09, R12, R18, R28."""
    fault = reason in SELLERS_FAULT
    assert (policy.seller_at_fault(reason), policy.evidence_required(reason)) == (fault, fault)


# --- Cancelling and handing over (R19–R24) ---------------------------------------------------


def test_the_buyer_may_cancel_until_the_parcel_is_handed_over() -> None:
    """R19."""
    before, after = policy.may_cancel(None), policy.may_cancel(RECEIVED)
    assert (before.rule, before.holds, before.facts) == ("R19", True, {"handed_over_at": None})
    assert (after.rule, after.holds) == ("R19", False)
    assert after.facts == {"handed_over_at": "2025-11-01T09:30:00+00:00"}


WAYS: list[tuple[TermsOutcome, set[str], tuple[str, ...]]] = [
    (FREE, {"drop_off", "pickup"}, ("drop_off", "pickup")),  # R20
    (FREE, {"pickup"}, ("pickup",)),  # R20
    (FREE, {"drop_off"}, ("drop_off",)),  # R20
    (FREE, {"teleport"}, ("own_courier",)),  # R21
    (FREE, set(), ("own_courier",)),  # R21
    (BUYER_PAYS, {"drop_off", "pickup"}, ("own_courier",)),  # R22
    (SELLER_DECIDES, {"drop_off", "pickup"}, ("own_courier",)),  # R22
    (SELLER_DECIDES, set(), ("own_courier",)),  # R22
    (NOT_POSSIBLE, {"drop_off", "pickup"}, ()),
]


@pytest.mark.parametrize(("outcome", "services", "ways"), WAYS)
def test_how_a_parcel_may_be_handed_over(
    outcome: TermsOutcome, services: set[str], ways: tuple[str, ...]
) -> None:
    methods = policy.handover_methods(outcome, services)
    assert methods == ways
    assert all(isinstance(method, Handover) for method in methods)


@pytest.mark.parametrize(("attempts", "again"), [(0, False), (1, False), (2, True), (3, True)])
def test_after_two_failed_pickups_the_buyer_has_to_choose_again(attempts: int, again: bool) -> None:
    """R23."""
    assert policy.pickup_failed(attempts, NUMBERS) is again
    assert policy.pickup_failed(attempts, Numbers(pickup_attempts=4)) is False


@pytest.mark.parametrize("reason", ["courier_missed", "capacity", "weather"])
def test_a_pickup_that_the_courier_failed_gives_the_buyer_a_day_more(reason: str) -> None:
    """R24."""
    assert policy.handover_extension(reason) == timedelta(days=1)


@pytest.mark.parametrize("reason", ["not_home", "not_ready", "bad_address", "other", ""])
def test_a_pickup_that_the_buyer_missed_gives_no_day_more(reason: str) -> None:
    """R24."""
    assert policy.handover_extension(reason) == timedelta(0)


# --- Inspection (R26) ------------------------------------------------------------------------


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("outcome", InspectionOutcome)
def test_what_an_inspection_leads_to(outcome: InspectionOutcome, reason: Reason) -> None:
    """R26: the whole table."""
    passes = {
        InspectionOutcome.AS_NEW: set(Reason),
        InspectionOutcome.OPENED: set(Reason),
        InspectionOutcome.DAMAGED_AS_DESCRIBED: ARRIVED_WRONG,
        InspectionOutcome.DAMAGED_UNDECLARED: set(),
        InspectionOutcome.DAMAGED_IN_TRANSIT: set(),
        InspectionOutcome.WRONG_ITEM: {Reason.COUNTERFEIT_GOODS},
        InspectionOutcome.MISSING: set(),
    }
    passed = reason in passes[outcome]
    event = policy.after_inspection([outcome], reason)
    assert event == (Event.INSPECTION_PASSED if passed else Event.INSPECTION_DISPUTED)


# --- Escalation (R30, R13) -------------------------------------------------------------------

WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("final", "after", "rule", "holds"),
    [
        (False, timedelta(0), "R30", True),
        (False, WEEK - INSTANT, "R30", True),
        (False, WEEK, "R30", True),
        (False, WEEK + INSTANT, "R30", False),
        (False, WEEK + timedelta(days=1), "R30", False),
        (True, timedelta(0), "R13", False),
        (True, WEEK + INSTANT, "R13", False),
    ],
)
def test_a_refusal_can_be_escalated_until_the_last_instant_of_its_deadline(
    final: bool, after: timedelta, rule: str, holds: bool
) -> None:
    finding = policy.may_escalate(final, RECEIVED, RECEIVED + after, NUMBERS)
    assert (finding.rule, finding.holds) == (rule, holds)
    assert finding.facts["until"] == (RECEIVED + WEEK).isoformat()
    assert finding.facts["final"] is final
    json.dumps(finding.as_json())


def test_the_end_of_an_escalation_is_told_in_the_marketplaces_time() -> None:
    """R30, and the same moment as the deadline of the state."""
    finding = policy.may_escalate(False, RECEIVED, RECEIVED, NUMBERS)
    assert finding.text == "You can ask our support team to decide until 8 November 2025, 10:30."
    assert policy.deadline(State.DECLINED, RECEIVED, NUMBERS) == RECEIVED + WEEK
    late = policy.may_escalate(False, RECEIVED, RECEIVED + WEEK + INSTANT, NUMBERS)
    assert late.text == "You could ask our support team to decide until 8 November 2025, 10:30."


def test_an_escalation_at_a_naive_moment_is_an_error() -> None:
    naive = datetime(2025, 11, 1)  # noqa: DTZ001
    for declined_at, at in ((naive, RECEIVED), (RECEIVED, naive)):
        with pytest.raises(ValueError, match="no time zone"):
            policy.may_escalate(False, declined_at, at, NUMBERS)


# --- Four eyes (R32) -------------------------------------------------------------------------

RATES = Numbers(exchange_rates={"JPY": Decimal("160.5"), "USD": Decimal("1.1"), "XXX": Decimal(0)})


@pytest.mark.parametrize(
    ("amount", "currency", "needed"),
    [
        ("0", "EUR", False),
        ("500", "EUR", False),
        ("500.00", "EUR", False),
        ("500.01", "EUR", True),
        ("80250", "JPY", False),  # 500 times 160.5
        ("80251", "JPY", True),
        ("550.00", "USD", False),
        ("550.01", "USD", True),
        ("0.01", "CHF", True),  # no rate to compare it by
        ("0.01", "XXX", True),
    ],
)
def test_above_the_limit_a_second_person_decides(amount: str, currency: str, needed: bool) -> None:
    """R32."""
    finding = policy.second_person_needed(Decimal(amount), currency, RATES)
    assert (finding.rule, finding.holds) == ("R32", needed)
    json.dumps(finding.as_json())


def test_the_limit_is_a_number_of_the_policy_in_its_currency() -> None:
    """R32: †."""
    numbers = Numbers(four_eyes_limit=Decimal(50_000), currency="JPY")
    assert not policy.second_person_needed(Decimal(50_000), "JPY", numbers).holds
    assert policy.second_person_needed(Decimal(50_001), "JPY", numbers).holds
    assert policy.second_person_needed(Decimal(1), "EUR", numbers).holds


def test_a_need_for_a_second_person_is_explained_with_its_facts() -> None:
    finding = policy.second_person_needed(Decimal("80251.000"), "JPY", RATES)
    assert finding.facts == {
        "amount": "80251",
        "currency": "JPY",
        "limit": "500.00",
        "limit_currency": "EUR",
        "rate": "160.5",
    }
    assert finding.text == "You need a second person: 80251 JPY is above 500.00 EUR."
    unknown = policy.second_person_needed(Decimal(1), "CHF", RATES)
    assert unknown.facts["rate"] is None
    assert "no exchange rate" in unknown.text
    alone = policy.second_person_needed(Decimal(500), "EUR", RATES)
    assert alone.text == "You can decide this alone: 500.00 EUR is not above 500.00 EUR."


# --- Deadlines (R35) -------------------------------------------------------------------------

DAYS = {
    State.UNDER_REVIEW: 3,  # R16
    State.INFO_REQUESTED: 2,  # R16
    State.OFFER_MADE: 3,  # R16
    State.AWAITING_RETURN: 10,  # R24
    State.IN_TRANSIT: 30,  # R24
    State.INSPECTING: 5,  # R25
    State.INVESTIGATING: 5,  # R26
    State.DECLINED: 7,  # R30
    State.ESCALATED: 5,  # R31
    State.REFUND_PENDING: 15,  # R27: the alarm
    State.REFUNDED: None,
    State.CLOSED: None,
}


@pytest.mark.parametrize("state", State)
def test_every_waiting_state_has_a_deadline_and_no_terminal_one_has(state: State) -> None:
    """R35."""
    days, deadline = DAYS[state], policy.deadline(state, RECEIVED, NUMBERS)
    assert deadline == (None if days is None else RECEIVED + timedelta(days=days))
    assert (deadline is None) == (state in TERMINAL)


@pytest.mark.parametrize("state", sorted(set(State) - TERMINAL))
def test_a_deadline_is_made_of_one_number_of_the_policy(state: State) -> None:
    """†: each number set apart moves exactly its own deadline."""
    of_state = {
        State.UNDER_REVIEW: "review_days",
        State.INFO_REQUESTED: "info_days",
        State.OFFER_MADE: "offer_days",
        State.AWAITING_RETURN: "handover_days",
        State.IN_TRANSIT: "transit_days",
        State.INSPECTING: "inspection_days",
        State.INVESTIGATING: "investigation_days",
        State.DECLINED: "escalation_days",
        State.ESCALATED: "support_days",
        State.REFUND_PENDING: "refund_alarm_days",
    }
    for number in of_state.values():
        days = 99 if number == of_state[state] else DAYS[state]
        assert days is not None
        changed: dict[str, Any] = {number: 99}
        numbers = replace(NUMBERS, **changed)
        assert policy.deadline(state, RECEIVED, numbers) == RECEIVED + timedelta(days=days)


def test_a_deadline_is_in_utc_and_its_days_have_24_hours() -> None:
    before_the_change = datetime(2025, 10, 25, 12, tzinfo=PARIS)
    deadline = policy.deadline(State.UNDER_REVIEW, before_the_change, NUMBERS)
    assert deadline == datetime(2025, 10, 28, 10, tzinfo=UTC)
    assert deadline.tzinfo is UTC


def test_a_deadline_from_a_naive_moment_is_an_error() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        policy.deadline(State.CLOSED, datetime(2025, 11, 1), NUMBERS)  # noqa: DTZ001


# --- For any claim ---------------------------------------------------------------------------

moments = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, PARIS, ZoneInfo("Asia/Tokyo")]),
)
counts = st.integers(-2, 6)
amounts = st.decimals(0, 999_999_999_999, places=3)

claims = st.builds(
    lambda received_after, **values: Claim(
        received_at=None if received_after is None else values["at"] - received_after, **values
    ),
    received_after=st.none()
    | st.sampled_from([timedelta(0), WINDOW, WINDOW + INSTANT])
    | st.timedeltas(timedelta(days=-5), timedelta(days=40)),
    kind=st.sampled_from(Kind),
    reason=st.sampled_from(Reason),
    quantity=counts,
    declaration=st.builds(
        Declaration,
        unused=st.booleans(),
        undamaged=st.booleans(),
        original_packaging=st.booleans(),
        labels_intact=st.booleans(),
    ),
    evidence=st.integers(0, 3),
    at=moments,
    bought=counts,
    taken=counts,
    open_case=st.booleans(),
    unit_price=amounts,
    shipping_cost=amounts | st.just(Decimal("5.00")),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "ZZZ"]),
    free_return=st.booleans(),
    free_used=st.integers(0, 5),
    label_used=st.booleans(),
)
#: Claims that differ from a free return in a few things, so that every outcome is met.
nearly_free = st.builds(
    lambda claim, names: replace(A_FREE_RETURN, **{name: getattr(claim, name) for name in names}),
    claims,
    st.sets(st.sampled_from([f.name for f in fields(Claim)]), max_size=4),
)
settings = st.builds(
    Numbers,
    free_window_days=st.integers(0, 60),
    free_per_month=st.integers(0, 5),
    time_zone=st.sampled_from(["Europe/Paris", "UTC", "Pacific/Kiritimati"]),
)


@given(claims | nearly_free, settings)
def test_any_claim_has_terms_that_add_up(claim: Claim, numbers: Numbers) -> None:
    """R08–R15: terms never raise, say why, and say what they mean."""
    terms = policy.terms(claim, numbers)
    rules = [finding.rule for finding in terms.findings]
    holds = {finding.rule: finding.holds for finding in terms.findings}

    assert rules == sorted(set(rules))
    assert json.loads(json.dumps(terms.explanation())) == terms.explanation()
    for finding in terms.findings:
        assert re.search(r"\b(You|Your|you|your|Please)\b", finding.text)
        assert re.fullmatch(r"[^.]+(\d\.\d[^.]*)*\.", finding.text), finding.text
        assert not re.search(r"R\d\d|None|True|False|\bNaN\b", finding.text)

    assert (terms.outcome == FREE) == (
        claim.kind == RETURN
        and {"R08", "R09", "R10", "R11", "R12"} <= holds.keys()
        and all(holds.values())
    )
    assert terms.final == (terms.outcome == SELLER_DECIDES and "R13" in holds)
    if terms.outcome == NOT_POSSIBLE:
        assert not all(holds.get(rule, True) for rule in ("R01", "R05", "R07", "R09"))
    else:
        assert all(holds.get(rule, True) for rule in ("R01", "R05", "R07", "R09"))
    if terms.outcome == BUYER_PAYS:
        assert failed(terms) == ["R12"]
        assert claim.reason in SELLERS_FAULT


@given(nearly_free, st.sampled_from(["Asia/Tokyo", "America/New_York", "Europe/Paris"]))
def test_the_zone_in_which_a_moment_is_told_changes_nothing(claim: Claim, zone: str) -> None:
    told = ZoneInfo(zone)
    same = replace(
        claim,
        at=claim.at.astimezone(told),
        received_at=claim.received_at and claim.received_at.astimezone(told),
    )
    assert policy.terms(same, NUMBERS) == policy.terms(claim, NUMBERS)


@given(claims | nearly_free)
def test_terms_never_get_better_by_waiting_or_by_having_used_more(claim: Claim) -> None:
    """R08, R10, R12: a free return is never what a claim that stands worse would get alone."""
    worse = replace(claim, free_used=claim.free_used + 1, label_used=True, free_return=False)
    assert policy.terms(worse, NUMBERS).outcome != FREE
    if policy.terms(claim, NUMBERS).final:
        later = replace(claim, at=claim.at + timedelta(days=1))
        assert policy.terms(later, NUMBERS).final
