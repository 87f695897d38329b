"""The verbs: every exit of each, on a real database."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from returns import workflow
from returns.machine import NotNow
from returns.models import Case, Entry, FreeReturnSlot, Verdict
from returns.models.journal import AppendOnly
from returns.opening import NotPossible
from returns.states import (
    MACHINE,
    TERMINAL,
    WAITS_FOR,
    Actor,
    Event,
    Handover,
    InspectionOutcome,
    Kind,
    Reason,
    Resolution,
    State,
    TermsOutcome,
)
from tests import make
from tests.make import DAY, T0

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def test_a_dispute_waits_three_days_for_the_seller() -> None:
    """R16."""
    case = make.dispute()
    assert (case.state, case.deadline_at, case.waits_for) == (
        State.UNDER_REVIEW,
        T0 + 3 * DAY,
        Actor.SELLER,
    )
    assert case.terms == TermsOutcome.FREE
    assert make.events(case) == [Event.OPENED]


def test_the_explanation_of_the_terms_is_kept_on_the_case() -> None:
    """R15."""
    rules = {finding["rule"] for finding in make.dispute().terms_explanation}
    assert {"R01", "R05", "R08", "R09", "R10", "R11", "R12"} <= rules


def test_an_item_that_was_not_received_cannot_be_disputed() -> None:
    """R01."""
    with pytest.raises(NotPossible):
        make.dispute(received_at=None)
    assert not Case.objects.exists()


def test_one_item_has_one_open_case() -> None:
    """R05, by the policy."""
    first = make.dispute(quantity=1, lines=1)
    with pytest.raises(NotPossible):
        make.dispute(first.line)


def test_the_database_knows_one_open_case_an_item_too() -> None:
    """R05, by the constraint."""
    case = make.dispute()
    case.pk, case.number = None, "RMA-twin"
    with pytest.raises(IntegrityError), transaction.atomic():
        case.save(force_insert=True)


def test_pieces_that_came_back_are_not_returned_again() -> None:
    """R05: quantity 2 of 3 after 1 was returned is possible, 3 of 3 is not."""
    line = make.order(quantity=3, price="10.00").lines.get()
    make.walk(make.dispute(line, quantity=1), State.REFUNDED)
    with pytest.raises(NotPossible):
        make.dispute(line, quantity=3)
    assert make.dispute(line, quantity=2).quantity == 2


def test_a_cancelled_case_gives_its_pieces_back() -> None:
    """R05."""
    line = make.order(quantity=3).lines.get()
    workflow.cancel(make.dispute(line, quantity=3), at=T0)
    assert make.dispute(line, quantity=3).quantity == 3


def test_the_fourth_free_return_of_a_month_is_at_the_sellers_discretion() -> None:
    """R10, R14."""
    by = make.buyer()
    terms = [make.dispute(by=by).terms for _ in range(4)]
    assert terms == [TermsOutcome.FREE] * 3 + [TermsOutcome.SELLER_DECIDES]


def test_a_return_cancelled_before_its_label_gives_its_slot_back() -> None:
    """R10."""
    by = make.buyer()
    third = [make.dispute(by=by) for _ in range(3)][-1]
    workflow.cancel(third, at=T0)
    assert make.dispute(by=by).terms == TermsOutcome.FREE


def test_a_return_cancelled_after_its_label_keeps_its_slot() -> None:
    """R10."""
    by = make.buyer()
    third = [make.dispute(by=by) for _ in range(3)][-1]
    workflow.accept(third, at=T0, by="Seller")
    workflow.issue_label(third, at=T0, text="Label issued.")
    workflow.cancel(third, at=T0)
    assert make.dispute(by=by).terms == TermsOutcome.SELLER_DECIDES


def test_the_second_item_of_an_order_gets_no_second_label() -> None:
    """R12: subject to the reason or the seller's acceptance."""
    order = make.order(lines=3)
    make.dispute(order.lines.get(sku="sku-1"))
    mine = make.dispute(order.lines.get(sku="sku-2"))
    theirs = make.dispute(order.lines.get(sku="sku-3"), reason=Reason.QUALITY_PROBLEMS)
    assert mine.terms == TermsOutcome.SELLER_DECIDES
    assert theirs.terms == TermsOutcome.BUYER_PAYS


def test_the_slots_of_a_month_end_at_three_in_the_database_too() -> None:
    """R10: the number is unique a buyer and month, whatever the application counts."""
    slot = make.dispute().slot
    other = make.dispute(free_return=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        FreeReturnSlot.objects.create(
            case=other,
            buyer=slot.buyer,
            order=other.order,
            month=slot.month,
            number=slot.number,
            claimed_at=T0,
        )


def test_the_fault_of_the_seller_brings_the_shipping_back_too() -> None:
    """R28: a share of shipping, in exact decimals."""
    line = make.order(price="10.00", shipping="5.00", quantity=3).lines.get()
    assert make.dispute(line, reason=Reason.QUALITY_PROBLEMS).amount == Decimal("11.66")
    plain = make.order(price="10.00", shipping="5.00", quantity=3).lines.get()
    assert make.dispute(plain, reason=Reason.PERSONAL_REASONS).amount == Decimal("10.00")


# Review


def test_accepting_a_return_waits_ten_days_for_the_parcel() -> None:
    """R24."""
    case = make.case_at(State.AWAITING_RETURN)
    assert (case.deadline_at, case.waits_for) == (T0 + 10 * DAY, Actor.BUYER)


def test_accepting_a_refund_only_goes_straight_to_the_refund() -> None:
    """R18."""
    case = make.dispute(kind=Kind.REFUND_ONLY, reason=Reason.DAMAGED_GOODS)
    workflow.accept(case, at=T0, by="Seller")
    assert (case.state, case.approved_at) == (State.REFUND_PENDING, T0)


def test_a_refusal_needs_a_reason() -> None:
    """R30."""
    case = make.dispute()
    with pytest.raises(ValueError, match="R30"):
        workflow.refuse(case, why="  ", at=T0, by="Seller")
    assert make.events(case) == [Event.OPENED]


def test_a_refusal_past_the_window_is_final() -> None:
    """R13."""
    case = make.dispute(at=T0 + 15 * DAY)
    workflow.refuse(case, why="Too late.", at=T0 + 16 * DAY, by="Seller")
    assert (case.state, case.resolution) == (State.CLOSED, Resolution.DECLINED)
    with pytest.raises(NotNow, match="R13"):
        workflow.escalate(case, text="No!", at=T0 + 16 * DAY)


def test_a_question_stops_the_review_clock_and_the_answer_starts_it_again() -> None:
    """R16: a day was used, two are left."""
    case = make.dispute()
    workflow.ask(case, question="Which colour?", at=T0 + DAY, by="Seller")
    assert (case.state, case.deadline_at) == (State.INFO_REQUESTED, T0 + 3 * DAY)
    workflow.answer(case, text="Blue.", at=T0 + 2 * DAY)
    assert (case.state, case.deadline_at) == (State.UNDER_REVIEW, T0 + 4 * DAY)


def test_a_question_may_be_asked_once() -> None:
    """R16."""
    case = make.case_at(State.INFO_REQUESTED)
    workflow.answer(case, text="Blue.", at=T0)
    with pytest.raises(NotNow, match="once"):
        workflow.ask(case, question="Sure?", at=T0, by="Seller")


def test_an_unanswered_question_leads_back_to_review() -> None:
    """R16."""
    case = make.case_at(State.INFO_REQUESTED)
    assert workflow.lapse(case, at=T0 + 2 * DAY)
    assert (case.state, case.deadline_at) == (State.UNDER_REVIEW, T0 + 5 * DAY)


def test_an_accepted_offer_is_what_gets_refunded() -> None:
    """R16."""
    case = make.case_at(State.OFFER_MADE)
    workflow.accept_offer(case, at=T0)
    assert (case.state, case.amount) == (State.REFUND_PENDING, Decimal("10.00"))
    workflow.complete_refund(case, at=T0 + 5 * DAY, by="Bank")
    assert case.resolution == Resolution.PARTLY_REFUNDED


@pytest.mark.parametrize("amount", ["0", "-1", "40.00", "41", "0.001"])
def test_an_offer_is_a_part(amount: str) -> None:
    """R16."""
    case = make.dispute()
    with pytest.raises(ValueError, match="offer"):
        workflow.offer(case, amount=Decimal(amount), at=T0, by="Seller")


def test_a_declined_offer_leads_back_to_review_and_the_second_to_support() -> None:
    """R16."""
    case = make.case_at(State.OFFER_MADE)
    workflow.decline_offer(case, at=T0)
    assert case.state == State.UNDER_REVIEW
    workflow.offer(case, amount=Decimal(20), at=T0, by="Seller")
    workflow.decline_offer(case, at=T0)
    assert case.state == State.ESCALATED


def test_under_r13_no_declined_offer_leads_to_support() -> None:
    """R13: the seller's decision is final; a third offer cannot be made."""
    case = make.dispute(at=T0 + 15 * DAY)
    for amount in (10, 20):
        workflow.offer(case, amount=Decimal(amount), at=T0 + 15 * DAY, by="Seller")
        workflow.decline_offer(case, at=T0 + 15 * DAY)
    assert case.state == State.UNDER_REVIEW
    with pytest.raises(NotNow, match="offers"):
        workflow.offer(case, amount=Decimal(30), at=T0 + 15 * DAY, by="Seller")


def test_an_offer_nobody_answers_falls() -> None:
    """R16."""
    case = make.case_at(State.OFFER_MADE)
    workflow.lapse(case, at=T0 + 3 * DAY)
    assert case.state == State.UNDER_REVIEW
    assert case.offers.get().answer == "lapsed"


@pytest.mark.parametrize(
    ("facts", "ends"),
    [
        ({}, State.AWAITING_RETURN),
        ({"free_return": False}, State.DECLINED),
        ({"at": T0 + 15 * DAY}, State.CLOSED),
        ({"kind": Kind.REFUND_ONLY, "reason": Reason.DAMAGED_GOODS}, State.ESCALATED),
    ],
)
def test_an_unanswered_review_is_decided_by_the_policy(
    facts: dict[str, object], ends: State
) -> None:
    """R17, R18, R13."""
    case = make.dispute(**facts)  # type: ignore[arg-type]
    assert case.deadline_at is not None
    assert not workflow.lapse(case, at=case.deadline_at - SECOND)
    assert workflow.lapse(case, at=case.deadline_at)
    assert case.state == ends


def test_an_unanswered_refund_only_with_evidence_is_accepted() -> None:
    """R18."""
    case = make.dispute(kind=Kind.REFUND_ONLY, reason=Reason.DAMAGED_GOODS)
    picture(case)
    workflow.lapse(case, at=T0 + 3 * DAY)
    assert case.state == State.REFUND_PENDING


def picture(case: Case) -> None:
    workflow.add_evidence(
        case,
        file="evidence/crack.jpg",
        size=7,
        name="crack.jpg",
        content_type="image/jpeg",
        sha256="0" * 64,
        at=T0,
        actor=Actor.BUYER,
    )


# Cancelling (R19)


@pytest.mark.parametrize(
    "state",
    [
        State.UNDER_REVIEW,
        State.INFO_REQUESTED,
        State.OFFER_MADE,
        State.AWAITING_RETURN,
        State.DECLINED,
        State.ESCALATED,
    ],
)
def test_before_the_parcel_is_handed_over_the_buyer_may_cancel(state: State) -> None:
    """R19."""
    case = make.case_at(state)
    workflow.cancel(case, at=T0)
    assert (case.state, case.resolution, case.deadline_at) == (
        State.CLOSED,
        Resolution.CANCELLED,
        None,
    )


@pytest.mark.parametrize("state", [State.IN_TRANSIT, State.INSPECTING, State.REFUND_PENDING])
def test_after_that_it_is_too_late(state: State) -> None:
    """R19."""
    with pytest.raises(NotNow):
        workflow.cancel(make.case_at(state), at=T0)


def test_a_lost_parcel_cannot_be_cancelled() -> None:
    """R19: it was handed over, though the case is with support again."""
    case = make.case_at(State.IN_TRANSIT)
    workflow.lose(case, at=T0, by="La Poste", text="")
    with pytest.raises(NotNow):
        workflow.cancel(case, at=T0)


# The parcel


def test_choosing_a_way_does_not_move_the_deadline_and_may_be_done_again() -> None:
    """R20, R24."""
    case = make.case_at(State.AWAITING_RETURN)
    for method in (Handover.DROP_OFF, Handover.PICKUP):
        workflow.choose_handover(case, method=method, at=T0 + DAY)
    assert (case.handover, case.deadline_at) == (Handover.PICKUP, T0 + 10 * DAY)


def test_what_the_courier_failed_to_do_gives_the_buyer_more_time() -> None:
    """R24."""
    case = make.case_at(State.AWAITING_RETURN)
    workflow.extend_handover(case, by=DAY, why="The van did not come.", at=T0 + DAY)
    assert case.deadline_at == T0 + 11 * DAY


def test_a_parcel_nobody_hands_over_closes_the_case_and_support_can_reopen_it() -> None:
    """R24."""
    case = make.case_at(State.AWAITING_RETURN)
    workflow.lapse(case, at=T0 + 10 * DAY)
    assert (case.state, case.resolution) == (State.CLOSED, Resolution.NOT_HANDED_OVER)
    workflow.reopen(case, why="Was in hospital.", by=make.staff(), at=T0 + 12 * DAY)
    assert (case.state, case.deadline_at, case.resolution, case.closed_at) == (
        State.AWAITING_RETURN,
        T0 + 22 * DAY,
        "",
        None,
    )


def test_a_reopened_free_return_claims_its_slot_again_or_is_at_the_buyers_cost() -> None:
    """R10: closed before its label was issued it had given the slot back."""
    kept, late = make.case_at(State.AWAITING_RETURN), make.case_at(State.AWAITING_RETURN)
    for case in (kept, late):
        workflow.lapse(case, at=T0 + 10 * DAY)
    for _ in range(3):
        order = make.order(by=late.buyer, received_at=T0 + 9 * DAY)
        assert make.dispute(order.lines.get(), at=T0 + 10 * DAY).is_free
    for case in (kept, late):
        workflow.reopen(case, why="Was ill.", by=make.staff(), at=T0 + 11 * DAY)
    assert (kept.terms, late.terms) == (TermsOutcome.FREE, TermsOutcome.BUYER_PAYS)
    assert FreeReturnSlot.objects.get(case=kept).released_at is None


def test_a_cancelled_case_is_not_reopened() -> None:
    """R24."""
    with pytest.raises(NotNow):
        workflow.reopen(make.case_at(State.CLOSED), why="?", by=make.staff(), at=T0)


def test_a_case_is_not_reopened_beside_another() -> None:
    """R05."""
    case = make.case_at(State.AWAITING_RETURN)
    workflow.lapse(case, at=T0 + 10 * DAY)
    make.dispute(case.line, at=T0 + 11 * DAY)
    with pytest.raises(NotNow, match="R05"):
        workflow.reopen(case, why="?", by=make.staff(), at=T0 + 11 * DAY)


def test_news_of_the_parcel_start_the_thirty_days_again() -> None:
    """R24."""
    case = make.case_at(State.IN_TRANSIT)
    workflow.scan(case, at=T0 + 20 * DAY, by="La Poste", text="Sorted in Lyon")
    assert case.deadline_at == T0 + 50 * DAY


def test_old_news_never_shorten_the_wait() -> None:
    """R24: scans arrive in any order."""
    case = make.case_at(State.IN_TRANSIT)
    workflow.scan(case, at=T0 + 20 * DAY, by="La Poste", text="")
    workflow.scan(case, at=T0 + 2 * DAY, by="La Poste", text="")
    assert case.deadline_at == T0 + 50 * DAY


def test_thirty_days_without_news_lead_to_support() -> None:
    """R24."""
    case = make.case_at(State.IN_TRANSIT)
    workflow.lapse(case, at=T0 + 30 * DAY)
    assert (case.state, case.waits_for) == (State.ESCALATED, Actor.SUPPORT)


def test_a_lost_parcel_that_turns_up_is_inspected() -> None:
    """R25."""
    case = make.case_at(State.IN_TRANSIT)
    workflow.lose(case, at=T0 + DAY, by="La Poste", text="")
    assert case.state == State.ESCALATED
    workflow.receive(case, at=T0 + 3 * DAY, actor=Actor.COURIER, by="La Poste")
    assert case.state == State.INSPECTING


def test_without_a_parcel_nothing_is_received() -> None:
    """R25."""
    with pytest.raises(NotNow):
        workflow.receive(make.case_at(State.ESCALATED), at=T0, actor=Actor.WAREHOUSE, by="W")


def test_what_was_received_and_refused_is_not_received_again() -> None:
    """R25: support has it now, and the parcel is no news."""
    case = make.case_at(State.INVESTIGATING)
    workflow.refuse(case, why="Worn.", at=T0, by="Seller")
    workflow.escalate(case, text="No.", at=T0)
    with pytest.raises(NotNow, match="already"):
        workflow.receive(case, at=T0, actor=Actor.WAREHOUSE, by="W")
    assert case.state == State.ESCALATED


@pytest.mark.parametrize(
    ("outcome", "ends"),
    [
        (InspectionOutcome.AS_NEW, State.REFUND_PENDING),
        (InspectionOutcome.OPENED, State.REFUND_PENDING),
        (InspectionOutcome.DAMAGED_UNDECLARED, State.INVESTIGATING),
        (InspectionOutcome.DAMAGED_IN_TRANSIT, State.INVESTIGATING),
        (InspectionOutcome.WRONG_ITEM, State.INVESTIGATING),
    ],
)
def test_what_was_found_decides_who_is_asked_next_r26(
    outcome: InspectionOutcome, ends: State
) -> None:
    """R26."""
    case = make.case_at(State.INSPECTING)
    workflow.inspect(case, outcomes=[outcome], at=T0, by="Warehouse 1")
    assert case.state == ends


def test_an_inspection_that_does_not_happen_passes() -> None:
    """R26, R35."""
    case = make.case_at(State.INSPECTING)
    workflow.lapse(case, at=T0 + 5 * DAY)
    assert (case.state, case.approved_at) == (State.REFUND_PENDING, T0 + 5 * DAY)


def test_an_investigation_nobody_ends_grants_the_refund() -> None:
    """R26."""
    case = make.case_at(State.INVESTIGATING)
    workflow.lapse(case, at=T0 + 5 * DAY)
    assert case.state == State.REFUND_PENDING


def test_after_an_investigation_the_seller_may_grant_or_refuse() -> None:
    """R26, R30."""
    case = make.case_at(State.INVESTIGATING)
    workflow.grant(case, at=T0, by="Seller")
    assert case.state == State.REFUND_PENDING
    other = make.case_at(State.INVESTIGATING)
    workflow.refuse(other, why="Worn for weeks.", at=T0, by="Seller")
    assert (other.state, other.decline_reason) == (State.DECLINED, "Worn for weeks.")


# Escalation and verdict


def test_a_declined_case_may_be_escalated_for_seven_days() -> None:
    """R30."""
    case = make.case_at(State.DECLINED)
    workflow.escalate(case, text="I disagree.", at=T0 + 7 * DAY)
    assert case.state == State.ESCALATED
    late = make.case_at(State.DECLINED)
    with pytest.raises(NotNow):
        workflow.escalate(late, text="I disagree.", at=T0 + 7 * DAY + SECOND)


def test_nobody_escalates_and_the_case_closes() -> None:
    """R30."""
    case = make.case_at(State.DECLINED)
    workflow.lapse(case, at=T0 + 7 * DAY)
    assert (case.state, case.resolution) == (State.CLOSED, Resolution.DECLINED)


def test_an_overdue_escalation_alarms_every_day_and_stays() -> None:
    """R31."""
    case = make.case_at(State.ESCALATED)
    workflow.lapse(case, at=T0 + 5 * DAY)
    workflow.lapse(case, at=T0 + 6 * DAY)
    assert (case.state, case.alarms) == (State.ESCALATED, 2)


@pytest.mark.parametrize(
    ("outcome", "amount", "ends"),
    [
        (make.FULL, None, State.REFUND_PENDING),
        (make.PART, "12.50", State.REFUND_PENDING),
        (make.SEND_BACK, None, State.AWAITING_RETURN),
        (make.UPHELD, None, State.CLOSED),
    ],
)
def test_support_decides(outcome: Verdict.Outcome, amount: str | None, ends: State) -> None:
    """R31."""
    case = make.case_at(State.ESCALATED)
    workflow.decide(
        case,
        outcome=outcome,
        amount=Decimal(amount) if amount else None,
        explanation="We looked at the pictures.",
        by=make.staff(),
        at=T0,
    )
    assert case.state == ends
    if amount:
        assert case.amount == Decimal(amount)


def test_a_verdict_is_explained() -> None:
    """R31."""
    with pytest.raises(ValueError, match="R31"):
        decide(make.case_at(State.ESCALATED), explanation=" ")


@pytest.mark.parametrize("amount", [None, "0", "40.00", "100"])
def test_a_partial_refund_is_a_part(amount: str | None) -> None:
    """R31."""
    with pytest.raises(ValueError, match="partial"):
        decide(
            make.case_at(State.ESCALATED),
            outcome=make.PART,
            amount=Decimal(amount) if amount else None,
        )


def decide(
    case: Case,
    *,
    outcome: Verdict.Outcome = make.FULL,
    amount: Decimal | None = None,
    explanation: str = "We looked at it.",
    by: str = "ann",
) -> Verdict:
    return workflow.decide(
        case, outcome=outcome, amount=amount, explanation=explanation, by=make.staff(by), at=T0
    )


def test_above_the_limit_a_second_person_approves() -> None:
    """R32: 500.00 goes alone, 500.01 does not."""
    alone = make.case_at(State.ESCALATED, price="500.00")
    assert decide(alone).status == Verdict.Status.GIVEN
    case = make.case_at(State.ESCALATED, price="500.01")
    assert decide(case).status == Verdict.Status.PROPOSED
    assert case.state == State.ESCALATED
    workflow.confirm_verdict(case, by=make.staff("bob"), at=T0)
    assert case.state == State.REFUND_PENDING


def test_the_second_person_is_another() -> None:
    """R32."""
    case = make.case_at(State.ESCALATED, price="900.00")
    decide(case, by="ann")
    with pytest.raises(PermissionError, match="R32"):
        workflow.confirm_verdict(case, by=make.staff("ann"), at=T0)
    assert case.verdicts.get().status == Verdict.Status.PROPOSED


def test_the_database_knows_that_the_second_person_is_another() -> None:
    """R32."""
    case = make.case_at(State.ESCALATED, price="900.00")
    decide(case, by="ann")
    with pytest.raises(IntegrityError), transaction.atomic():
        case.verdicts.update(decided_by=make.staff("ann"))


def test_the_second_person_may_send_a_verdict_back_and_another_is_proposed() -> None:
    """R32."""
    case = make.case_at(State.ESCALATED, price="900.00")
    decide(case)
    with pytest.raises(NotNow):
        decide(case)
    workflow.reject_verdict(case, why="Look at page 2.", by=make.staff("bob"), at=T0)
    assert decide(case, by="cat").status == Verdict.Status.PROPOSED


def test_a_verdict_that_waits_is_overtaken_when_the_buyer_cancels() -> None:
    """R19, R32: it cannot be confirmed in a later escalation."""
    case = make.case_at(State.ESCALATED, price="900.00")
    verdict = decide(case)
    workflow.cancel(case, at=T0)
    verdict.refresh_from_db()
    assert verdict.status == Verdict.Status.OVERTAKEN


def test_a_refused_free_return_that_support_orders_gets_its_label_back() -> None:
    """R10, R31: the slot was given back on refusal and is claimed again."""
    case = make.case_at(State.ESCALATED)
    assert case.slot.released_at is not None
    decide(case, outcome=make.SEND_BACK)
    case.slot.refresh_from_db()
    assert (case.terms, case.slot.released_at) == (TermsOutcome.FREE, None)


def test_without_a_slot_left_the_ordered_return_is_at_the_buyers_cost() -> None:
    """R10: never a fourth."""
    by = make.buyer()
    case = make.case_at(State.ESCALATED, by=by)
    for _ in range(3):
        assert make.dispute(by=by).is_free
    decide(case, outcome=make.SEND_BACK)
    assert case.terms == TermsOutcome.BUYER_PAYS


def test_what_was_sent_back_is_not_ordered_back() -> None:
    """R31."""
    case = make.case_at(State.IN_TRANSIT)
    workflow.lose(case, at=T0, by="La Poste", text="")
    with pytest.raises(ValueError, match="sent back already"):
        decide(case, outcome=make.SEND_BACK)


# The money


def test_a_refund_that_the_bank_refuses_goes_to_support() -> None:
    """R27, R35."""
    case = make.case_at(State.REFUND_PENDING)
    workflow.refuse_refund(case, at=T0 + 4 * DAY, by="Bank", why="account closed")
    assert case.state == State.ESCALATED


def test_a_refund_on_its_way_alarms_on_day_fifteen() -> None:
    """R27."""
    case = make.case_at(State.REFUND_PENDING)
    assert case.deadline_at == T0 + 15 * DAY
    workflow.lapse(case, at=T0 + 15 * DAY)
    assert (case.state, case.alarms) == (State.REFUND_PENDING, 1)


def test_paid_is_over() -> None:
    """R28."""
    case = make.case_at(State.REFUNDED)
    assert (case.resolution, case.deadline_at) == (Resolution.REFUNDED, None)
    with pytest.raises(NotNow):
        workflow.complete_refund(case, at=T0, by="Bank")


# The journal


def test_nothing_in_the_journal_is_edited_or_deleted() -> None:
    """R33: neither by the model nor by a queryset nor behind the application's back."""
    entry = make.dispute().entries.get()
    entry.text = "Nothing happened."
    with pytest.raises(AppendOnly):
        entry.save()
    with pytest.raises(AppendOnly):
        entry.delete()
    with pytest.raises(AppendOnly):
        Entry.objects.all().delete()
    with pytest.raises(AppendOnly):
        Entry.objects.update(text="")


def test_the_same_picture_twice_is_kept_once() -> None:
    """R04."""
    case = make.dispute()
    picture(case)
    picture(case)
    assert case.evidence.count() == 1


def test_a_message_is_on_the_timeline_and_moves_nothing() -> None:
    """R33."""
    case = make.dispute()
    workflow.add_message(case, text="Hello?", at=T0 + DAY, actor=Actor.BUYER)
    assert (case.state, case.deadline_at) == (State.UNDER_REVIEW, T0 + 3 * DAY)
    assert case.entries.last().event == Event.MESSAGE_SENT


# The whole table

VERBS: dict[Event, Callable[[Case], object]] = {
    Event.ACCEPTED: lambda c: workflow.accept(c, at=T0, by="S"),
    Event.REFUSED: lambda c: workflow.refuse(c, why="No.", at=T0, by="S"),
    Event.INFO_REQUESTED: lambda c: workflow.ask(c, question="?", at=T0, by="S"),
    Event.INFO_GIVEN: lambda c: workflow.answer(c, text="!", at=T0),
    Event.OFFERED: lambda c: workflow.offer(c, amount=Decimal(5), at=T0, by="S"),
    Event.OFFER_ACCEPTED: lambda c: workflow.accept_offer(c, at=T0),
    Event.OFFER_DECLINED: lambda c: workflow.decline_offer(c, at=T0),
    Event.CANCELLED: lambda c: workflow.cancel(c, at=T0),
    Event.HANDOVER_CHOSEN: lambda c: workflow.choose_handover(c, method=Handover.PICKUP, at=T0),
    Event.HANDED_OVER: lambda c: workflow.hand_over(c, at=T0, actor=Actor.BUYER, by="B"),
    Event.SCANNED: lambda c: workflow.scan(c, at=T0, by="C", text=""),
    Event.LOST: lambda c: workflow.lose(c, at=T0, by="C", text=""),
    Event.RECEIVED: lambda c: workflow.receive(c, at=T0, actor=Actor.WAREHOUSE, by="W"),
    Event.REFUND_GRANTED: lambda c: workflow.grant(c, at=T0, by="S"),
    Event.ESCALATED: lambda c: workflow.escalate(c, text="!", at=T0),
    Event.REFUND_ORDERED: lambda c: decide(c),
    Event.REFUND_PAID: lambda c: workflow.complete_refund(c, at=T0, by="B"),
    Event.REFUND_REFUSED: lambda c: workflow.refuse_refund(c, at=T0, by="B", why="no"),
    Event.REOPENED: lambda c: workflow.reopen(c, why="?", by=make.staff(), at=T0),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", VERBS)
def test_a_verb_moves_as_the_table_says_or_not_at_all(state: State, event: Event) -> None:
    """No verb leaves a trace where the table of moves forbids it, and none is forgotten."""
    case = make.case_at(state)
    before = (case.state, case.deadline_at, case.entries.count())
    if (state, event) in MACHINE.moves and (state, event) != (State.CLOSED, Event.REOPENED):
        if (state, event) == (State.ESCALATED, Event.RECEIVED):
            return  # Only with a parcel: shown above.
        VERBS[event](case)
        assert case.state == MACHINE.after(state, event)
    else:
        with pytest.raises(NotNow):
            VERBS[event](case)
        case.refresh_from_db()
        assert (case.state, case.deadline_at, case.entries.count()) == before


@pytest.mark.parametrize("state", [state for state in State if state not in TERMINAL])
def test_every_waiting_state_is_left_or_alarmed_by_the_clock(state: State) -> None:
    """R35: no case can be stuck for ever."""
    case = make.case_at(state)
    assert case.deadline_at is not None
    assert state in WAITS_FOR
    assert workflow.lapse(case, at=case.deadline_at)
    assert case.state != state or case.alarms == 1
