"""The buttons of the case page: who may press each, when it is there, what it asks and calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db import transaction

from returns import pieces, policy, workflow
from returns.machine import NotNow
from returns.models import Case, Verdict
from returns.money import display
from returns.states import MACHINE, Actor, Event, Resolution, State
from returns.workflow.review import OFFERS

Said = Mapping[str, Any]


class Words(forms.Form):
    """Words, and nothing else."""

    text = forms.CharField(
        max_length=4000, widget=forms.Textarea(attrs={"rows": 6, "maxlength": 4000})
    )


class Amount(forms.Form):
    """An amount in the case's currency."""

    amount = forms.DecimalField(max_digits=15, decimal_places=3)


class Deciding(forms.Form):
    """R31: what is decided, and why."""

    outcome = forms.ChoiceField(choices=Verdict.Outcome.choices, widget=forms.RadioSelect)
    amount = forms.DecimalField(
        max_digits=15, decimal_places=3, required=False, help_text="For a partial refund only."
    )
    explanation = forms.CharField(
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 6, "maxlength": 4000}),
        help_text="Both sides read this.",
    )


class Confirming(forms.Form):
    """R32: which verdict was read before it is confirmed."""

    verdict = forms.IntegerField(widget=forms.HiddenInput)


class Rejecting(Confirming, Words):
    """R32: which verdict goes back, and why."""


@dataclass(frozen=True)
class CaseVerb:
    """One button. `offered`: what the state of things allows; `permission`: what the person may."""

    label: str
    permission: str
    says: Callable[[Case], str]
    offered: Callable[[Case], bool]
    call: Callable[[Case, Said, User, datetime], object]
    form: type[forms.Form] = forms.Form
    initial: Callable[[Case], Said] = lambda case: {}
    for_seller: bool = False

    def may(self, user: User) -> bool:
        """Whether this person may do it at all."""
        return user.has_perm(self.permission)


def knows(*events: Event) -> Callable[[Case], bool]:
    """Whether the table of moves knows one of them from the case's state."""
    return lambda case: any(event in MACHINE.allowed(State(case.state)) for event in events)


def proposed(case: Case) -> Verdict | None:
    """The verdict that waits for a second person (R32)."""
    return case.verdicts.filter(status=Verdict.Status.PROPOSED).first()


def money(case: Case) -> str:
    """What the case is about, in its currency."""
    return f"{display(case.amount, case.currency)} {case.currency}"


def _behalf(by: User) -> str:
    return f"{by.get_username()} (support) for the seller"


def _name(by: User) -> str:
    return by.get_username()


def _decide(case: Case, said: Said, by: User, at: datetime) -> object:
    return workflow.decide(
        case,
        outcome=Verdict.Outcome(said["outcome"]),
        amount=said["amount"],
        explanation=said["explanation"],
        by=by,
        at=at,
    )


def _read_before(case: Case, said: Said) -> None:
    """Lock the case and see that its verdict is the one that was read."""
    Case.objects.select_for_update().get(pk=case.pk)
    standing = proposed(case)
    if standing is None or standing.pk != said["verdict"]:
        allowed = MACHINE.allowed(State(case.state))
        why = "The verdict you read does not stand any more; please read again."
        raise NotNow(case.state, Event.REFUND_ORDERED, allowed, why)


def _confirm(case: Case, said: Said, by: User, at: datetime) -> object:
    with transaction.atomic():
        _read_before(case, said)
        return workflow.confirm_verdict(case, by=by, at=at)


def _reject(case: Case, said: Said, by: User, at: datetime) -> object:
    with transaction.atomic():
        _read_before(case, said)
        return workflow.reject_verdict(case, why=said["text"], by=by, at=at)


def _hand_to_support(case: Case, said: Said, by: User, at: datetime) -> object:
    # Before the parcel is on its way the decision is the seller's (R16).
    if case.state != State.IN_TRANSIT:
        why = "Support takes over a parcel on its way only (R24)."
        raise NotNow(case.state, Event.HANDED_TO_SUPPORT, MACHINE.allowed(State(case.state)), why)
    why = f"{_name(by)}: {said['text']}"
    return workflow.hand_to_support(case, at=at, actor=Actor.SUPPORT, why=why)


def _decide_says(case: Case) -> str:
    four_eyes = policy.second_person_needed(case.amount, case.currency, case.policy.numbers)
    return (
        f"The claim is {money(case)}. Your decision is final. {four_eyes.text}{_paid_anyway(case)}"
    )


def _paid_anyway(case: Case) -> str:
    """What no refusal takes away (R26)."""
    if not case.owes_accepted:
        return ""
    amount = f"{display(pieces.owed(case), case.currency)} {case.currency}"
    return f" {case.quantity_accepted} of {case.at_stake} pieces passed: {amount} is paid anyway."


def _standing(case: Case) -> str:
    verdict = proposed(case)
    if verdict is None:
        return ""
    amount = f"{display(verdict.amount, case.currency)} {case.currency}"
    return (
        f"{verdict.proposed_by.get_username()} proposes: {verdict.get_outcome_display()}, "
        f"{amount}. “{verdict.explanation}” Somebody else has to confirm it (R32)."
    )


def _verdict_read(case: Case) -> Said:
    verdict = proposed(case)
    return {"verdict": verdict.pk if verdict else None}


VERBS: Mapping[str, CaseVerb] = {
    "confirm": CaseVerb(
        label="Confirm the verdict",
        permission="returns.decide_case",
        says=_standing,
        offered=lambda case: knows(Event.REFUND_ORDERED)(case) and proposed(case) is not None,
        call=_confirm,
        form=Confirming,
        initial=_verdict_read,
    ),
    "reject": CaseVerb(
        label="Send the verdict back",
        permission="returns.decide_case",
        says=_standing,
        offered=lambda case: knows(Event.REFUND_ORDERED)(case) and proposed(case) is not None,
        call=_reject,
        form=Rejecting,
        initial=_verdict_read,
    ),
    "decide": CaseVerb(
        label="Decide",
        permission="returns.decide_case",
        says=_decide_says,
        offered=lambda case: knows(Event.REFUND_ORDERED)(case) and proposed(case) is None,
        call=_decide,
        form=Deciding,
    ),
    "reopen": CaseVerb(
        label="Reopen",
        permission="returns.reopen_case",
        says=lambda case: "The buyer may hand the parcel over again, within the days of R24.",
        offered=lambda case: case.resolution == Resolution.NOT_HANDED_OVER,
        call=lambda case, said, by, at: workflow.reopen(case, why=said["text"], by=by, at=at),
        form=Words,
    ),
    "hand-to-support": CaseVerb(
        label="Take over",
        permission="returns.handle_case",
        says=lambda case: "Something is wrong with the parcel: support finds out and decides.",
        offered=lambda case: case.state == State.IN_TRANSIT,
        call=_hand_to_support,
        form=Words,
    ),
    "assign": CaseVerb(
        label="Assign to me",
        permission="returns.handle_case",
        says=lambda case: (
            f"It is {case.assignee.get_username()}'s now."
            if case.assignee
            else "It is nobody's yet."
        ),
        offered=lambda case: not case.over,
        call=lambda case, said, by, at: workflow.assign(case, to=by, at=at),
    ),
    "message": CaseVerb(
        label="Write a message",
        permission="returns.handle_case",
        says=lambda case: "Buyer and seller both get it by e-mail (R34).",
        offered=lambda case: True,
        call=lambda case, said, by, at: workflow.add_message(
            case, text=said["text"], at=at, actor=Actor.SUPPORT, by=_name(by)
        ),
        form=Words,
    ),
    "note": CaseVerb(
        label="Add a note",
        permission="returns.handle_case",
        says=lambda case: "It stands on the timeline for good and moves nothing (R33).",
        offered=lambda case: True,
        call=lambda case, said, by, at: workflow.note(
            case, text=said["text"], at=at, actor=Actor.SUPPORT, by=_name(by)
        ),
        form=Words,
    ),
    "accept": CaseVerb(
        label="Accept",
        permission="returns.act_for_seller",
        says=lambda case: f"The seller accepts: {case.get_kind_display()}, {money(case)} (R16).",
        offered=knows(Event.ACCEPTED, Event.REFUND_ACCEPTED),
        call=lambda case, said, by, at: workflow.accept(case, at=at, by=_behalf(by)),
        for_seller=True,
    ),
    "refuse": CaseVerb(
        label="Refuse",
        permission="returns.act_for_seller",
        says=lambda case: (
            (
                "Final: the buyer cannot call support (R13)."
                if case.final
                else "The buyer may call support (R30)."
            )
            + _paid_anyway(case)
        ),
        offered=knows(Event.REFUSED),
        call=lambda case, said, by, at: workflow.refuse(
            case, why=said["text"], at=at, by=_behalf(by)
        ),
        form=Words,
        for_seller=True,
    ),
    "ask": CaseVerb(
        label="Ask the buyer",
        permission="returns.act_for_seller",
        says=lambda case: "Once only; the review clock stands until the buyer answers (R16).",
        offered=lambda case: knows(Event.INFO_REQUESTED)(case) and not case.info_asked,
        call=lambda case, said, by, at: workflow.ask(
            case, question=said["text"], at=at, by=_behalf(by)
        ),
        form=Words,
        for_seller=True,
    ),
    "offer": CaseVerb(
        label="Offer a part",
        permission="returns.act_for_seller",
        says=lambda case: f"A part of {money(case)}; the buyer keeps the item (R16).",
        offered=lambda case: knows(Event.OFFERED)(case) and case.offers.count() < OFFERS,
        call=lambda case, said, by, at: workflow.offer(
            case, amount=said["amount"], at=at, by=_behalf(by)
        ),
        form=Amount,
        for_seller=True,
    ),
    "grant": CaseVerb(
        label="Grant the refund",
        permission="returns.act_for_seller",
        says=lambda case: f"The seller investigated and grants {money(case)} (R26).",
        offered=knows(Event.REFUND_GRANTED),
        call=lambda case, said, by, at: workflow.grant(case, at=at, by=_behalf(by)),
        for_seller=True,
    ),
}


def offered(case: Case, user: User) -> dict[str, CaseVerb]:
    """What this person may do on this case now, in the order of the buttons."""
    return {name: verb for name, verb in VERBS.items() if verb.may(user) and verb.offered(case)}
