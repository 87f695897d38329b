"""Buyers, sellers, warehouse and support: how each answers what happened to a case.

Nobody here looks at the clock or at ids: what is done, and how long after what, comes from the
story's dice. Buyers come through the shop's door over HTTP; the others have no door of their own
yet and use the verbs behind it.
"""

import io
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from PIL import Image

from backoffice.simulation.agenda import Agenda
from backoffice.simulation.couriers import Couriers
from backoffice.simulation.dice import Dice
from backoffice.simulation.shop import Json, Refused, Shop
from logistics import workflow as logistics
from logistics.inspection import usual
from returns import pieces
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case, Verdict
from returns.money import rounded
from returns.policy import evidence_required, handover_methods
from returns.states import (
    Event,
    Handover,
    InspectionOutcome,
    Kind,
    Reason,
    State,
    TermsOutcome,
)


@dataclass
class Story:
    """One dispute of the simulation: what the dice say about it, and where it has come to."""

    index: int
    dice: Dice
    wish: Json
    country: str
    opens_at: datetime
    number: str = ""
    refused: str = ""  # why it never became a case: the rule, or the problem's code
    state: str = ""
    handed_over: bool = False
    been: Counter[str] = field(default_factory=Counter)

    @property
    def kind(self) -> str:
        return str(self.wish["kind"])

    @property
    def reason(self) -> Reason:
        return Reason(self.wish["reason"])

    def told(self) -> Json:
        """What the couriers' sandbox needs to have its parcel fare as the dice say."""
        return {"seed": self.dice.seed, "name": str(self.index), "script": dict(self.dice.script)}

    def nth(self, what: str) -> str:
        """`what 1`, `what 2`, …: the same question asked again is another roll of the dice."""
        self.been[what] += 1
        return f"{what} {self.been[what]}"


@dataclass(frozen=True)
class Heard:
    """A line of a case's journal, as its people hear of it."""

    event: str
    state: str
    at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Staff:
    """Who decides: support, and the second person of R32."""

    support: User
    lead: User


class People:
    """All who act on cases, but for couriers."""

    def __init__(
        self,
        *,
        run: str,
        shop: Shop,
        couriers: Couriers,
        agenda: Agenda,
        staff: Staff,
        services: Mapping[str, Mapping[str, str]],
    ) -> None:
        """`run` keeps one run's keys from another's; `services`: country → handover → time zone."""
        self.run, self.shop, self.couriers, self.agenda = run, shop, couriers, agenda
        self.staff, self.services = staff, services
        self.too_late = Counter[str]()

    def hear(self, story: Story, heard: Heard) -> None:
        """Whoever is concerned decides what to do about it, and when."""
        story.state = heard.state
        answer = _ANSWERS.get(Event(heard.event))
        if "pickup" in heard.facts and heard.facts.get("state") in ("failed", "rejected"):
            # R23: no van came, so the buyer has to choose again.
            answer = People._may_hand_over
        if answer:
            answer(self, story, heard.at)

    # --- Opening

    def open(self, story: Story, now: datetime) -> None:
        """The buyer opens the dispute; some ask first, some for what there is not, some twice."""
        dice, key = story.dice, f"{self.run}-{story.index}"
        if dice.happens("asks for an exchange", 0.02):
            self._expect(story, "no-exchange", {**story.wish, "kind": "exchange"})
        if dice.happens("asks first", 0.2):
            wish = {
                name: story.wish[name] for name in ("kind", "reason", "quantity", "declaration")
            }
            self.shop.terms(story.wish["order"], story.wish["item"], wish)
        try:
            case = self.shop.open_return(story.wish, key=key)
            if dice.happens("sends twice", 0.05):
                again = self.shop.open_return(story.wish, key=key)
                if again["number"] != case["number"]:
                    raise AssertionError(f"one key opened {case['number']} and {again['number']}")
        except Refused as no:
            story.refused = _why(no)
            return
        story.number = case["number"]
        if dice.happens("shows", 0.8 if evidence_required(story.reason) else 0.05):
            self.shop.show(story.number, "item.png", _picture(story.index), key=f"{key}-picture")

    def _expect(self, story: Story, code: str, wish: Json) -> None:
        try:
            self.shop.open_return(wish, key=f"{self.run}-{story.index}-{code}")
        except Refused as no:
            if no.code == code:
                return
            raise
        raise AssertionError(f"a wish was granted that should have met {code}")

    def _opened(self, story: Story, at: datetime) -> None:
        dice = story.dice
        if dice.happens("writes", 0.05):
            words = {"text": "When will you decide?"}
            self._later(story, at + dice.days("writes after", 0.1, 2), "messages", words)
        if dice.one_of("second thoughts", no=0.93, cancel=0.07) == "cancel":
            self._later(story, at + dice.days("cancels after", 0.2, 7), "cancel", {})
        self._review(story, at)

    # --- Review

    def _review(self, story: Story, at: datetime) -> None:
        again = story.nth("review")
        first = again == "review 1"
        choice = story.dice.one_of(
            again,
            accept=0.45,
            silent=0.2,
            refuse=0.15,
            ask=0.08 if first else 0,
            offer=0.1 if story.kind == Kind.RETURN_AND_REFUND else 0.05,
            holiday=0.02,
        )
        verbs: dict[str, Callable[[Case, datetime], object]] = {
            "accept": lambda case, now: returns.accept(case, at=now, by=case.seller.name),
            "refuse": lambda case, now: returns.refuse(
                case, why="The item was fine when it left.", at=now, by=case.seller.name
            ),
            "ask": lambda case, now: returns.ask(
                case, question="What exactly is wrong?", at=now, by=case.seller.name
            ),
            "offer": self._offer,
            # Back from holiday, too late.
            "holiday": lambda case, now: returns.accept(case, at=now, by=case.seller.name),
        }
        if choice in verbs:
            days = (4, 6) if choice == "holiday" else (0.1, 2.5)
            after = story.dice.days(f"{again} after", *days)
            self._do(story, at + after, f"seller: {choice}", verbs[choice])

    def _offer(self, case: Case, now: datetime) -> object:
        amount = rounded(case.amount / 2, case.currency)
        return returns.offer(case, amount=amount, at=now, by=case.seller.name)

    def _asked(self, story: Story, at: datetime) -> None:
        choice = story.dice.one_of("answers", answer=0.7, silent=0.2, cancel=0.1)
        after = at + story.dice.days("answers after", 0.1, 1.8)
        if choice == "answer":
            self._later(story, after, "answer", {"text": "It does not fit what was described."})
        elif choice == "cancel":
            self._later(story, after, "cancel", {})

    def _offered(self, story: Story, at: datetime) -> None:
        again = story.nth("offer")
        choice = story.dice.one_of(again, accept=0.5, decline=0.3, silent=0.2)
        if choice != "silent":
            after = at + story.dice.days(f"{again} after", 0.1, 2.5)
            self._later(story, after, f"{choice}-offer", {})

    # --- The way back

    def _may_hand_over(self, story: Story, at: datetime) -> None:
        again = story.nth("hand over")
        choice = story.dice.one_of(again, prompt=0.75, slow=0.15, never=0.1)
        if choice == "never":
            return
        days = (0.2, 3) if choice == "prompt" else (5, 8)
        self.agenda.add(
            at + story.dice.days(f"{again} after", *days),
            story.index,
            partial(self._hand_over, story, again),
        )

    def _hand_over(self, story: Story, again: str, now: datetime) -> None:
        case = Case.objects.get(number=story.number)
        if case.state != State.AWAITING_RETURN:
            self.too_late["buyer: hand over"] += 1
            return
        ways = handover_methods(TermsOutcome(case.terms), self.services.get(story.country, {}))
        shares = {str(way): 1.0 for way in ways}
        way = story.dice.one_of("way", **shares)
        if way not in shares:
            way = next(iter(shares))
        if way == Handover.OWN_COURIER:
            self._ship(story, now)
        elif way == Handover.PICKUP:
            self._call_a_van(story, again, now)
        elif self._act(story, "handover", {"method": way, **self._packed(story)}, now):
            walks = now + story.dice.days(f"{again} walks", 0.1, 1.5)
            self.agenda.add(walks, story.index, partial(self._drop_off, story))

    def _packed(self, story: Story) -> Json:
        """Now and then a buyer of several pieces keeps one."""
        count = int(story.wish["quantity"])
        keeps = count > 1 and story.dice.happens("keeps one", 0.15)
        return {"pieces": count - 1} if keeps else {}

    def _call_a_van(self, story: Story, again: str, now: datetime) -> None:
        """One of the next windows that are free, for as many as there are."""
        free = [slot for slot in self.shop.pickup_slots(story.number) if slot["places"] != "none"]
        if not free:
            self.too_late["buyer: call a van"] += 1
            return
        slot = free[story.dice.between(f"{again} van in", 0, min(5, len(free) - 1))]
        window = {name: slot[name] for name in ("date", "start", "end")}
        told = {"method": Handover.PICKUP, "window": window, **self._packed(story)}
        self._act(story, "handover", told, now)

    def _drop_off(self, story: Story, now: datetime) -> None:
        case = Case.objects.get(number=story.number)
        if case.state != State.AWAITING_RETURN or not self.couriers.take(story.number, now):
            self.too_late["buyer: drop off"] += 1

    def _ship(self, story: Story, now: datetime) -> None:
        """R22: by a courier of the buyer's own, whose parcels nobody reports to us about."""
        number = f"RR{70_000_000 + story.index:08d}{story.country}"
        body: Json = {"courier": "The post", "tracking_number": number, "registered": True}
        body |= self._packed(story)
        case = Case.objects.get(number=story.number)
        if case.is_free:
            body["cost"] = str(rounded(Decimal(9), case.currency))
        if not self._act(story, "shipped", body, now):
            return
        if "cost" in body:
            # Where no partner serves, the receipt brings the postage back (R21).
            key = f"{self.run}-{story.index}-postage"
            picture = _picture(story.index + 1)
            self.shop.prove_postage(story.number, body["cost"], picture, key=key)
        if story.dice.one_of("own courier", arrives=0.95, lost=0.05) == "arrives":
            arrives = now + story.dice.days("own courier after", 2, 9)
            self._do(story, arrives, "warehouse: receive", self._receive)

    def _receive(self, case: Case, now: datetime) -> object:
        return logistics.receive_parcel(case, at=now, by="Warehouse 1")

    # --- Warehouse and investigation

    def _received(self, story: Story, at: datetime) -> None:
        damaged = self.couriers.damaged(story.number)
        choice = story.dice.one_of(
            "inspection",
            as_new=0.6,
            opened=0.12,
            damaged_as_described=0.05,
            damaged_undeclared=0.08,
            wrong_item=0.03,
            damaged_in_transit=1.0 if damaged else 0.01,
            never=0.08,
        )
        if choice == "never":
            return

        def inspect(case: Case, now: datetime) -> object:
            found = [InspectionOutcome(choice)]
            # Of several pieces most are like the first, and now and then one is not.
            for n in range(2, min(case.at_stake, 6) + 1):
                other = story.dice.one_of(
                    f"piece {n}", same=0.8, as_new=0.1, missing=0.05, damaged_undeclared=0.05
                )
                found.append(found[0] if other == "same" else InspectionOutcome(other))
            found += found[:1] * (case.at_stake - len(found))
            items = [usual(outcome) for outcome in found]
            return logistics.inspect(case, items=items, at=now, by="Warehouse 1")

        after = story.dice.days("inspection after", 0.2, 3.5)
        self._do(story, at + after, "warehouse: inspect", inspect)

    def _investigate(self, story: Story, at: datetime) -> None:
        choice = story.dice.one_of("investigation", grant=0.4, refuse=0.3, silent=0.3)
        verbs: dict[str, Callable[[Case, datetime], object]] = {
            "grant": lambda case, now: returns.grant(case, at=now, by=case.seller.name),
            "refuse": lambda case, now: returns.refuse(
                case, why="It came back broken.", at=now, by=case.seller.name
            ),
        }
        if choice in verbs:
            after = story.dice.days("investigation after", 0.2, 4.5)
            self._do(story, at + after, f"seller: {choice}", verbs[choice])

    # --- Escalation and verdict

    def _refused(self, story: Story, at: datetime) -> None:
        choice = story.dice.one_of("refusal", accepts=0.4, escalates=0.5, too_late=0.1)
        if choice != "accepts":
            days = (7.5, 9) if choice == "too_late" else (0.2, 6)
            after = at + story.dice.days("escalates after", *days)
            self._later(story, after, "escalate", {"text": "I do not agree."})

    def _support_decides(self, story: Story, at: datetime) -> None:
        again = story.nth("verdict")
        choice = story.dice.one_of(again, full=0.4, partial=0.25, send_back=0.15, upheld=0.2)
        days = (5.5, 8) if story.dice.happens(f"{again} is slow", 0.1) else (0.3, 4)
        after = at + story.dice.days(f"{again} after", *days)
        self._do(story, after, "support: decide", partial(self._decide, choice))

    def _refund_refused(self, story: Story, at: datetime) -> None:
        """Neither the bank nor what is left allows it: support closes with an explanation (R28)."""
        after = at + story.dice.days("closing after", 0.3, 3)
        self._do(story, after, "support: decide", partial(self._decide, "upheld"))

    def _decide(self, choice: str, case: Case, now: datetime) -> object:
        outcome = {
            "full": Verdict.Outcome.FULL_REFUND,
            "partial": Verdict.Outcome.PARTIAL_REFUND,
            "send_back": Verdict.Outcome.RETURN_REQUIRED,
            "upheld": Verdict.Outcome.REFUSAL_UPHELD,
        }[choice]
        on_its_way = case.handed_over_at is not None
        lost = on_its_way and case.received_at is None
        if (lost and choice != "upheld") or (on_its_way and choice == "send_back"):
            outcome = Verdict.Outcome.FULL_REFUND
        # What passed inspection is owed whatever anybody decides.
        part = rounded((pieces.owed(case) + case.amount) / 2, case.currency)
        if outcome == Verdict.Outcome.PARTIAL_REFUND and part >= case.amount:
            outcome = Verdict.Outcome.FULL_REFUND
        return returns.decide(
            case,
            outcome=outcome,
            amount=part if outcome == Verdict.Outcome.PARTIAL_REFUND else None,
            explanation="After hearing both sides.",
            by=self.staff.support,
            at=now,
        )

    def _second_person(self, story: Story, at: datetime) -> None:
        choice = story.dice.one_of(story.nth("second person"), confirms=0.9, rejects=0.1)
        choice = str(story.dice.script.get("second person", choice))
        lead = self.staff.lead
        verbs: dict[str, Callable[[Case, datetime], object]] = {
            "confirms": lambda case, now: returns.confirm_verdict(case, by=lead, at=now),
            "rejects": lambda case, now: returns.reject_verdict(
                case, why="Ask the seller for proof.", by=lead, at=now
            ),
        }
        after = story.dice.days("second person after", 0.1, 2)
        self._do(story, at + after, f"second person: {choice}", verbs[choice])

    def _not_handed_over(self, story: Story, at: datetime) -> None:
        if story.dice.happens("reopens", 0.1) and not story.been["reopened"]:
            story.been["reopened"] += 1
            after = story.dice.days("reopens after", 1, 4)
            self._do(story, at + after, "support: reopen", self._reopen)

    def _reopen(self, case: Case, now: datetime) -> object:
        why = "The buyer was in hospital."
        return returns.reopen(case, why=why, by=self.staff.support, at=now)

    # --- How they act

    def _later(self, story: Story, at: datetime, action: str, body: Json) -> None:
        self.agenda.add(at, story.index, lambda now: self._act(story, action, body, now))

    def _act(self, story: Story, action: str, body: Json, now: datetime) -> bool:
        """The buyer does something through the shop's door; False when it is not the time."""
        key = f"{self.run}-{story.index}-{story.nth(action)}".replace(" ", "-")
        try:
            self.shop.act(story.number, action, body, key=key)
        except Refused as no:
            # A van that would come after the last day is senseless: too late as well.
            if no.code not in ("not-now", "senseless", "window-full"):
                raise
            self.too_late[f"buyer: {action}"] += 1
            return False
        return True

    def _do(
        self, story: Story, at: datetime, what: str, verb: Callable[[Case, datetime], object]
    ) -> None:
        """Somebody without a door uses a verb, unless the case has moved on by then."""

        def act(now: datetime) -> None:
            case = Case.objects.select_related("seller").get(number=story.number)
            try:
                verb(case, now)
            except NotNow:
                self.too_late[what] += 1

        self.agenda.add(at, story.index, act)


_ANSWERS: dict[Event, Callable[[People, Story, datetime], None]] = {
    Event.OPENED: People._opened,
    Event.INFO_GIVEN: People._review,
    Event.INFO_LAPSED: People._review,
    Event.OFFER_DECLINED: People._review,
    Event.OFFER_LAPSED: People._review,
    Event.INFO_REQUESTED: People._asked,
    Event.OFFERED: People._offered,
    Event.ACCEPTED: People._may_hand_over,
    Event.RETURN_ORDERED: People._may_hand_over,
    Event.REOPENED: People._may_hand_over,
    Event.RECEIVED: People._received,
    Event.INSPECTION_DISPUTED: People._investigate,
    Event.REFUSED: People._refused,
    Event.LAPSED: People._refused,
    Event.ESCALATED: People._support_decides,
    Event.HANDED_TO_SUPPORT: People._support_decides,
    Event.LOST: People._support_decides,
    Event.VERDICT_REJECTED: People._support_decides,
    Event.REFUND_REFUSED: People._refund_refused,
    Event.VERDICT_PROPOSED: People._second_person,
    Event.NOT_HANDED_OVER: People._not_handed_over,
}


#: The rules that make a dispute impossible; all others only change its terms.
_DECISIVE = ("R01", "R05", "R09", "R07")


def _why(no: Refused) -> str:
    """The rule by which a wish was refused, else the problem's code."""
    against = {
        finding["rule"] for finding in no.problem.get("explanation", []) if not finding["holds"]
    }
    return next((rule for rule in _DECISIVE if rule in against), no.code)


def _picture(index: int) -> bytes:
    """A small picture, another one for each story."""
    content = io.BytesIO()
    colour = (index % 256, index // 256 % 256, 128)
    Image.new("RGB", (16, 16), colour).save(content, "PNG")
    return content.getvalue()
