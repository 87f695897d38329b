"""A case as the shop reads it: plain JSON, a fixed number of queries for however many cases."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypedDict

from django.db.models import Prefetch, QuerySet

from backoffice.shop import parcels
from logistics.models import Parcel, PickupBooking
from logistics.states import Carried, LabelState, PickupState
from refunds.models import Refund
from returns.actions import buyer_may
from returns.models import Case, Entry, Evidence, Offer, Order, OrderLine
from returns.money import display
from returns.policy import Terms
from returns.states import Event, Purpose

#: Said among support people; the verdict they lead to is told to everybody (R32).
_INTERNAL = frozenset({Event.VERDICT_PROPOSED, Event.VERDICT_REJECTED})


class DeadlineJson(TypedDict):
    at: str
    waits_for: str
    then: str


class FindingJson(TypedDict):
    rule: str
    facts: dict[str, Any]
    holds: bool
    text: str


class LabelCostJson(TypedDict):
    """R29: by contract; due once the label is used."""

    amount: str
    currency: str
    borne_by: str


class LabelJson(TypedDict):
    state: str
    url: str
    qr: str
    cost: LabelCostJson | None
    courier: str
    tracking_number: str
    last_use_on: str | None


class ConfirmedJson(TypedDict):
    start_at: str
    end_at: str
    number: str


class TryJson(TypedDict):
    attempt: int
    at: str
    reason: str


class PickupCancelJson(TypedDict):
    asked_at: str
    counts_at: str


class PickupJson(TypedDict):
    """`window` is what the buyer asked for, `confirmed` what the courier agreed to last.

    `cancel` says when a cancellation counts that the courier does not answer.
    """

    state: str
    window: dict[str, str]
    confirmed: ConfirmedJson | None
    attempts: int
    failed_attempts: list[TryJson]
    cancel: PickupCancelJson | None


class PostageJson(TypedDict):
    """R21, R22: what the buyer paid, and whether it is given back: `proof` of it is "needed",
    "given" and read by support, "accepted", or "" where nothing is given back.
    """

    paid: str
    proof: str


class ParcelJson(TypedDict):
    state: str
    carried: str
    postage: PostageJson | None
    courier: str
    tracking_number: str
    point: str | None
    pickup: PickupJson | None


class RefundJson(TypedDict):
    state: str
    amount: str
    due_at: str
    paid_at: str | None


class PiecesJson(TypedDict):
    """The four counts; money follows `accepted`, and what was granted beyond it."""

    claimed: int
    handed_over: int | None
    received: int | None
    accepted: int | None
    granted: int


class OfferJson(TypedDict):
    amount: str
    made_at: str
    answer: str


class EvidenceJson(TypedDict):
    id: int
    name: str
    content_type: str
    size: int
    purpose: str
    url: str


class EntryJson(TypedDict):
    at: str
    actor: str
    event: str
    text: str


class CaseJson(TypedDict):
    number: str
    order: str
    item: str
    buyer: str
    state: str
    resolution: str
    kind: str
    reason: str
    terms: str
    explanation: list[FindingJson]
    quantity: int
    pieces: PiecesJson
    amount: str
    postage: str
    currency: str
    opened_at: str
    deadline: DeadlineJson | None
    actions: list[str]
    handover: str
    offer: OfferJson | None
    label: LabelJson | None
    parcel: ParcelJson | None
    refund: RefundJson | None
    evidence: list[EvidenceJson]
    journal: list[EntryJson]


class ItemJson(TypedDict):
    sku: str
    title: str
    quantity: int
    unit_price: str
    shipping_cost: str
    free_return: bool
    returns: list[str]


class OrderJson(TypedDict):
    number: str
    seller: dict[str, Any]
    buyer: dict[str, Any]
    currency: str
    placed_at: str
    received_at: str | None
    items: list[ItemJson]
    payment: dict[str, str]


class MoneyJson(TypedDict):
    amount: str
    currency: str


class TermsJson(TypedDict):
    terms: str
    explanation: list[FindingJson]
    handover: list[str]
    refund: MoneyJson


class MessageJson(TypedDict):
    id: int
    at: str
    text: str


class FileJson(TypedDict, total=False):
    """What became of one file: its `evidence`, or why not."""

    name: str
    accepted: bool
    evidence: EvidenceJson
    code: str
    detail: str


class FilesJson(TypedDict):
    files: list[FileJson]


class PageJson(TypedDict):
    next: str | None
    previous: str | None
    results: list[CaseJson]


def cases() -> QuerySet[Case]:
    """Cases with all that `case_json` reads."""
    return Case.objects.select_related("order", "line", "buyer", "policy").prefetch_related(
        "entries",
        Prefetch("offers", Offer.objects.order_by("id")),
        "evidence",
        "refunds",
        Prefetch("parcels", Parcel.objects.select_related("drop_off_point")),
        "parcels__pickups__tries",
    )


def cases_json(cases: Sequence[Case], *, at: datetime) -> list[CaseJson]:
    """The cases at that moment. Money in decimal strings of their currency, moments in UTC."""
    offered = parcels.services(cases)
    return [
        _case(case, buyer_may(case, at, services=offered[case.buyer.country])) for case in cases
    ]


def _case(case: Case, actions: list[str]) -> CaseJson:
    parcel = next(iter(case.parcels.all()), None)
    refund = next(iter(case.refunds.all()), None)
    offer = next(reversed(case.offers.all()), None)
    return {
        "number": case.number,
        "order": case.order.number,
        "item": case.line.sku,
        "buyer": case.buyer.ref,
        "state": case.state,
        "resolution": case.resolution,
        "kind": case.kind,
        "reason": case.reason,
        "terms": case.terms,
        "explanation": case.terms_explanation,
        "quantity": case.quantity,
        "pieces": _pieces(case),
        "amount": display(case.amount, case.currency),
        "postage": display(case.postage, case.currency),
        "currency": case.currency,
        "opened_at": moment(case.opened_at),
        "deadline": _deadline(case),
        "actions": actions,
        "handover": case.handover,
        "offer": _offer(offer, case.currency) if offer else None,
        "label": _label(parcel, case.number) if parcel else None,
        "parcel": _parcel(parcel, case) if parcel else None,
        "refund": _refund(refund) if refund else None,
        "evidence": [evidence_json(kept, case.number) for kept in case.evidence.all()],
        "journal": [_entry(entry) for entry in case.entries.all()],
    }


def order_json(order: Order) -> OrderJson:
    """The order as it was told, and the cases opened on each item."""
    opened: dict[int, list[str]] = {}
    for line_id, number in order.cases.order_by("id").values_list("line_id", "number"):
        opened.setdefault(line_id, []).append(number)
    seller, buyer = order.seller, order.buyer
    parties = {
        party: {name: getattr(row, name) for name in ("ref", "name", "email", "country", "address")}
        for party, row in (("seller", seller), ("buyer", buyer))
    }
    return {
        "number": order.number,
        "seller": parties["seller"],
        "buyer": parties["buyer"],
        "currency": order.currency,
        "placed_at": moment(order.placed_at),
        "received_at": _moment(order.received_at),
        "items": [
            _item(line, order.currency, opened.get(line.pk, []))
            for line in order.lines.order_by("id")
        ],
        "payment": {
            "provider": order.payment_provider,
            "reference": order.payment_reference,
            "captured": display(order.captured, order.currency),
            "method": order.payment_method,
        },
    }


def evidence_json(kept: Evidence, number: str) -> EvidenceJson:
    return {
        "id": kept.pk,
        "name": kept.name,
        "content_type": kept.content_type,
        "size": kept.size,
        "purpose": kept.purpose,
        "url": f"/api/v1/returns/{number}/evidence/{kept.pk}",
    }


def money_json(amount: Decimal, currency: str) -> MoneyJson:
    return {"amount": display(amount, currency), "currency": currency}


def findings(terms: Terms) -> list[FindingJson]:
    """R15, in the order of the rules."""
    return [
        {
            "rule": finding.rule,
            "facts": dict(finding.facts),
            "holds": finding.holds,
            "text": finding.text,
        }
        for finding in terms.findings
    ]


def moment(at: datetime) -> str:
    """ISO 8601 in UTC, with a Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _moment(at: datetime | None) -> str | None:
    return moment(at) if at else None


def _deadline(case: Case) -> DeadlineJson | None:
    if case.deadline_at is None or case.waits_for is None:
        return None
    return {
        "at": moment(case.deadline_at),
        "waits_for": case.waits_for.value,
        "then": case.what_then,
    }


def _pieces(case: Case) -> PiecesJson:
    return {
        "claimed": case.quantity,
        "handed_over": case.quantity_handed_over,
        "received": case.quantity_received,
        "accepted": case.quantity_accepted,
        "granted": case.quantity_granted,
    }


def _label(parcel: Parcel, number: str) -> LabelJson | None:
    if parcel.label not in (LabelState.LIVE, LabelState.USED):
        return None
    return {
        "state": parcel.label,
        "url": f"/api/v1/returns/{number}/label.pdf",
        "qr": f"/api/v1/returns/{number}/qr",
        "cost": _cost(parcel),
        "courier": parcel.courier_name,
        "tracking_number": parcel.tracking_number,
        "last_use_on": parcel.last_use_on.isoformat() if parcel.last_use_on else None,
    }


def _cost(parcel: Parcel) -> LabelCostJson | None:
    if parcel.label_cost is None:
        return None
    return {
        "amount": display(parcel.label_cost, parcel.label_currency),
        "currency": parcel.label_currency,
        "borne_by": parcel.borne_by,
    }


def _postage(parcel: Parcel, case: Case) -> PostageJson | None:
    if parcel.carried == Carried.FREE_LABEL:
        return None
    proof = ""
    if parcel.carried == Carried.REIMBURSED:
        shown = any(kept.purpose == Purpose.POSTAGE for kept in case.evidence.all())
        proof = "accepted" if case.postage else "given" if shown else "needed"
    return {"paid": display(parcel.postage, parcel.currency), "proof": proof}


def _parcel(parcel: Parcel, case: Case) -> ParcelJson:
    pickup = next(iter(parcel.pickups.all()), None)
    return {
        "state": parcel.state,
        "carried": parcel.carried,
        "postage": _postage(parcel, case),
        "courier": parcel.courier_name,
        "tracking_number": parcel.tracking_number,
        "point": parcel.drop_off_point.code if parcel.drop_off_point else None,
        "pickup": _pickup(pickup) if pickup else None,
    }


def _pickup(pickup: PickupBooking) -> PickupJson:
    return {
        "state": pickup.state,
        "window": pickup.window(),
        "confirmed": _confirmed(pickup),
        "attempts": pickup.attempts,
        "failed_attempts": [
            {"attempt": each.n, "at": moment(each.at), "reason": each.reason}
            for each in pickup.tries.all()
        ],
        "cancel": _cancel(pickup),
    }


def _confirmed(pickup: PickupBooking) -> ConfirmedJson | None:
    if pickup.confirmed_start_at is None or pickup.confirmed_end_at is None:
        return None
    return {
        "start_at": moment(pickup.confirmed_start_at),
        "end_at": moment(pickup.confirmed_end_at),
        "number": pickup.confirmation_number,
    }


def _cancel(pickup: PickupBooking) -> PickupCancelJson | None:
    asked, counts = pickup.cancel_asked_at, pickup.due_at
    if pickup.state != PickupState.CANCEL_REQUESTED or asked is None or counts is None:
        return None
    return {"asked_at": moment(asked), "counts_at": moment(counts)}


def _refund(refund: Refund) -> RefundJson:
    return {
        "state": refund.state,
        "amount": display(refund.total, refund.currency),
        "due_at": moment(refund.due_at),
        "paid_at": _moment(refund.paid_at),
    }


def _offer(offer: Offer, currency: str) -> OfferJson:
    return {
        "amount": display(offer.amount, currency),
        "made_at": moment(offer.made_at),
        "answer": offer.answer,
    }


def _entry(entry: Entry) -> EntryJson:
    return {
        "at": moment(entry.at),
        "actor": entry.actor,
        "event": entry.event,
        "text": "" if entry.event in _INTERNAL else entry.text,
    }


def _item(line: OrderLine, currency: str, opened: list[str]) -> ItemJson:
    return {
        "sku": line.sku,
        "title": line.title,
        "quantity": line.quantity,
        "unit_price": display(line.unit_price, currency),
        "shipping_cost": display(line.shipping_cost, currency),
        "free_return": line.free_return,
        "returns": opened,
    }
