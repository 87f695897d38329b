"""Receipt and inspection: what the warehouse says of a parcel (R25, R26)."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from logistics.inspection import Picture, Piece
from logistics.models import InspectedItem, Inspection, InspectionPhoto, Parcel, UnexpectedItem
from logistics.states import Carried, LabelState, PickupEvent
from logistics.tracking import ParcelState
from logistics.workflow.desk import raise_anomaly
from logistics.workflow.holding import carrying, hold
from logistics.workflow.labelling import label_cost, take_back
from logistics.workflow.pickups import apply
from returns import policy
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case
from returns.states import Actor, Disposition, Event, InspectionOutcome, Reason, State

#: R26: what our courier answers for.
_COURIERS = (InspectionOutcome.DAMAGED_IN_TRANSIT, InspectionOutcome.MISSING)
#: No machine of ours sends these on their way: a person does.
_SENT_ON = (Disposition.RETURN_TO_BUYER, Disposition.RETURN_TO_SELLER)


def receive_parcel(case: Case, *, at: datetime, by: str, pieces: int | None = None) -> Parcel:
    """The warehouse holds the parcel in its hands, whatever couriers reported (R25). Once.

    `pieces` is how many of the case's were counted, where somebody did; at most the claimed ones.
    """
    with transaction.atomic():
        parcel = _parcel(case)
        if parcel.received_at:
            return parcel
        if case.state == State.AWAITING_RETURN:
            facts = label_cost(parcel)
            returns.hand_over(
                case, at=at, actor=Actor.WAREHOUSE, by=by, text="It arrived.", facts=facts
            )
        if case.received_at is None:
            returns.receive(case, at=at, actor=Actor.WAREHOUSE, by=by, pieces=pieces)
        elif pieces is not None and case.state == State.INSPECTING:
            returns.count_received(case, pieces=pieces, at=at, by=by)
        _arrived(parcel, at)
    return parcel


def inspect(
    case: Case,
    *,
    items: Sequence[Piece],
    by: str,
    at: datetime,
    note: str = "",
    token: UUID | None = None,
) -> Inspection:
    """What the warehouse found of each piece, kept and told in one transaction (R25, R26).

    One item for each piece that was handed over or is there. What our courier lost or damaged is
    claimed from it, never from the buyer. A form sent twice (`token`) is done once; a second
    inspection raises NotNow.
    """
    with transaction.atomic():
        parcel = _parcel(case)
        if token and (known := Inspection.objects.filter(token=token).first()):
            return known
        _no_refund_and_item(case, items)
        ours = parcel.carried == Carried.FREE_LABEL
        claimed = sum(piece.outcome in _COURIERS for piece in items) if ours else 0
        facts: dict[str, Any] = {
            "dispositions": {
                str(where.value): n
                for where, n in Counter(piece.disposition for piece in items).items()
            }
        }
        if claimed:
            facts["courier_claim"] = claimed
            parcel.claim_opened_at = at
            parcel.save(update_fields=["claim_opened_at"])
        outcomes = [piece.outcome for piece in items]
        returns.inspect(case, outcomes=outcomes, at=at, by=by, note=note, facts=facts)
        if parcel.received_at is None:
            _arrived(parcel, at)
        kept = Inspection.objects.create(
            case=case, parcel=parcel, note=note, by=by, at=at, token=token
        )
        _keep(kept, items)
    return kept


def found_in(case: Case, parcel: Parcel, *, at: datetime, by: str) -> Parcel:
    """Another open return of the same buyer lay in this parcel's box: received with it (R25).

    Its own label, if it has one, is taken back. Told twice, done once. Raises ValueError for
    another buyer's, NotNow for one that was received already.
    """
    with transaction.atomic():
        box = Parcel.objects.select_for_update().select_related("case").get(pk=parcel.pk)
        parcels = hold(case)
        if case.buyer_id != box.case.buyer_id or case.pk == box.case_id:
            raise ValueError(f"{case} is not another return of the buyer of {box.case}")
        for own in parcels:
            if own.received_at and own.found_in_id == box.pk:
                return own
            if own.received_at:
                why = f"{case} was received already, in {own}."
                raise NotNow(case.state, Event.RECEIVED, (), why)
            if own.label == LabelState.LIVE:
                take_back(own, LabelState.VOIDED, at=at)
        Parcel.objects.create(
            case=case,
            order=case.order,
            carried=Carried.OWN,
            courier_name=box.courier_name,
            tracking_number=box.tracking_number,
            found_in=box,
            issued_at=at,
            currency=case.currency,
        )
        return receive_parcel(case, at=at, by=by)


def record_unexpected(
    parcel: Parcel,
    *,
    description: str,
    at: datetime,
    by: str,
    token: UUID,
    picture: Picture | None = None,
) -> UnexpectedItem:
    """Something lay in the box that no case announced: a person finds out whose it is.

    A form sent twice (`token`) is done once. Raises ValueError without words.
    """
    description = " ".join(description.split())[:300]
    if not description:
        raise ValueError("an unexpected item is described in a few words")
    with transaction.atomic():
        kept, new = UnexpectedItem.objects.get_or_create(
            token=token,
            defaults={
                "parcel": parcel,
                "description": description,
                "file": picture.file if picture else "",
                "content_type": picture.content_type if picture else "",
                "by": by[:200],
                "at": at,
            },
        )
        if new:
            text = f"In the box of {parcel}, and nobody announced it: {description}"
            key = f"unexpected-item:{kept.pk}"
            raise_anomaly(key, code="unexpected-item", text=text, at=at, parcel=parcel)
    return kept


def _no_refund_and_item(case: Case, items: Sequence[Piece]) -> None:
    """A piece that is paid for without more ado does not go back to the buyer."""
    reason = Reason(case.reason)
    for piece in items:
        if piece.disposition == Disposition.RETURN_TO_BUYER and policy.piece_accepted(
            piece.outcome, reason
        ):
            raise ValueError("a piece that is refunded does not go back to the buyer")


def _keep(inspection: Inspection, items: Sequence[Piece]) -> None:
    """The pieces with their photos; what must be sent on is put before a person."""
    rows = InspectedItem.objects.bulk_create(
        InspectedItem(
            inspection=inspection,
            n=n,
            outcome=piece.outcome,
            grade=piece.grade or "",
            disposition=piece.disposition,
            note=piece.note,
        )
        for n, piece in enumerate(items, start=1)
    )
    InspectionPhoto.objects.bulk_create(
        (
            InspectionPhoto(item=row, **vars(photo))
            for row, piece in zip(rows, items, strict=True)
            for photo in piece.photos
        ),
        ignore_conflicts=True,  # the same photo twice is one
    )
    sent_on = Counter(piece.disposition for piece in items if piece.disposition in _SENT_ON)
    for where, n in sent_on.items():
        code = str(where.value).replace("_", "-")
        text = f"{inspection.case}: {n} × {where.label.lower()}, to be sent."
        raise_anomaly(
            f"{code}:{inspection.pk}",
            code=code,
            text=text,
            at=inspection.at,
            parcel=inspection.parcel,
        )


def _arrived(parcel: Parcel, at: datetime) -> None:
    """It lies here: no van is to come for it, and its label is used."""
    if booking := parcel.pickups.open().first():
        apply(booking, PickupEvent.COMPLETED, at=at, completed_at=at)
    parcel.received_at, parcel.state = at, ParcelState.DELIVERED
    if parcel.label == LabelState.LIVE:
        parcel.label = LabelState.USED
    parcel.save(update_fields=["received_at", "state", "label"])


def _parcel(case: Case) -> Parcel:
    """The parcel of the case, held. Raises ValueError when there is none."""
    parcel = carrying(hold(case))
    if parcel is None:
        raise ValueError("no parcel travels for this case")
    return parcel
