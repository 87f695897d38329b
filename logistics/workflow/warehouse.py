"""Receipt and inspection: what the warehouse says of a parcel (R25, R26)."""

from datetime import datetime

from django.db import transaction

from logistics.models import Inspection, Parcel
from logistics.states import LabelState, PickupEvent
from logistics.tracking import ParcelState
from logistics.workflow.holding import carrying, hold
from logistics.workflow.pickups import apply
from returns import workflow as returns
from returns.models import Case
from returns.states import Actor, Disposition, Grade, State


def receive_parcel(case: Case, *, at: datetime, by: str) -> Parcel:
    """The warehouse holds the parcel in its hands, whatever couriers reported (R25). Once."""
    with transaction.atomic():
        parcel = _parcel(case)
        if parcel.received_at:
            return parcel
        if case.state == State.AWAITING_RETURN:
            returns.hand_over(case, at=at, actor=Actor.WAREHOUSE, by=by, text="It arrived.")
        if case.received_at is None:
            returns.receive(case, at=at, actor=Actor.WAREHOUSE, by=by)
        if booking := parcel.pickups.open().first():
            apply(booking, PickupEvent.COMPLETED, at=at, completed_at=at)
        parcel.received_at, parcel.state = at, ParcelState.DELIVERED
        if parcel.label == LabelState.LIVE:
            parcel.label = LabelState.USED
        parcel.save(update_fields=["received_at", "state", "label"])
    return parcel


def inspect(
    case: Case, *, grade: Grade, disposition: Disposition, note: str, by: str, at: datetime
) -> Inspection:
    """The warehouse's finding, kept and told in one transaction (R25, R26).

    Damage in transport is a claim against our courier, never against the buyer.
    """
    with transaction.atomic():
        parcel = _parcel(case)
        returns.inspect(case, grade=grade, disposition=disposition, at=at, by=by, note=note)
        if grade == Grade.DAMAGED_IN_TRANSIT and parcel.courier_id:
            parcel.claim_opened_at = at
            parcel.save(update_fields=["claim_opened_at"])
        return Inspection.objects.create(
            case=case, parcel=parcel, grade=grade, disposition=disposition, note=note, by=by, at=at
        )


def _parcel(case: Case) -> Parcel:
    """The parcel of the case, held. Raises ValueError when there is none."""
    parcel = carrying(hold(case))
    if parcel is None:
        raise ValueError("no parcel travels for this case")
    return parcel
