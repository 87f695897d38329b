"""The free label: issued once an order, printed when a worker has time, voided when not needed."""

import logging
from collections.abc import Mapping
from datetime import datetime

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F, QuerySet

from logistics import s10
from logistics.labels import LabelSpec, Party, render_pdf
from logistics.models import Courier, CourierService, Parcel, Parcels
from logistics.states import Carried, LabelState, MessageType, PickupEvent
from logistics.workflow.holding import hold, tell
from logistics.workflow.pickups import apply, overtake
from returns import workflow as returns
from returns.bell import ring_on_commit
from returns.drain import locked
from returns.models import Case, Entry
from returns.states import Actor, Event, State

log = logging.getLogger(__name__)


class NoNumbers(Exception):
    """A courier's number ranges are used up: staff must add one."""


def order_label(entry: Entry, *, at: datetime) -> None:
    """Follows ACCEPTED, RETURN_ORDERED and REOPENED: a free return gets its label (R12, R20).

    Where no courier serves the buyer's country the timeline says that postage is reimbursed (R21).
    At the buyer's cost nothing happens (R22). Run twice it does once.
    """
    case = entry.case
    with transaction.atomic():
        parcels = hold(case)
        if case.state != State.AWAITING_RETURN or not case.is_free:
            return
        if service := services_in(case.buyer.country).first():
            live_label(case, parcels, service.courier, at=at)
        elif not case.entries.filter(event=Event.NOTED, facts__reimbursed=True).exists():
            returns.note(
                case,
                text="No courier of ours serves your country: send the parcel by registered mail. "
                "We reimburse the postage once you show what it cost (R21).",
                at=at,
                actor=Actor.POLICY,
                facts={"reimbursed": True},
            )


def live_label(case: Case, parcels: list[Parcel], courier: Courier, *, at: datetime) -> Parcel:
    """The case's free label by this courier, issued now when there is none. Under their locks.

    A label that was taken back but whose parcel is on its way all the same counts again.
    """
    for parcel in parcels:
        if parcel.carried == Carried.FREE_LABEL and parcel.first_scan_at:
            return _revive(parcel)
        if parcel.label == LabelState.LIVE:
            if parcel.courier_id == courier.pk:
                return parcel
            take_back(parcel, LabelState.VOIDED, at=at)
    parcel = Parcel.objects.create(
        case=case,
        order=case.order,
        carried=Carried.FREE_LABEL,
        courier=courier,
        courier_name=courier.name,
        tracking_number=_take_number(courier),
        label=LabelState.LIVE,
        issued_at=at,
        last_use_on=(case.deadline_at or at).date(),
        currency=case.currency,
    )
    returns.issue_label(case, at=at, text=f"Return label {parcel.tracking_number}, {courier.name}.")
    tell(
        MessageType.LABEL_CREATED,
        parcel,
        at=at,
        last_use_on=parcel.last_use_on.isoformat() if parcel.last_use_on else None,
        destination={key: case.seller.address.get(key, "") for key in ("city", "country")},
    )
    ring_on_commit("logistics.tasks.render_labels")
    return parcel


def void_label(entry: Entry, *, at: datetime) -> None:
    """Follows CANCELLED and NOT_HANDED_OVER: the live label ends, and the van is not to come.

    The order has had its free label all the same (R12).
    """
    case = entry.case
    expired = entry.event == Event.NOT_HANDED_OVER
    with transaction.atomic():
        parcels = hold(case)
        if not case.over:
            return
        for parcel in parcels:
            if parcel.label == LabelState.LIVE:
                take_back(parcel, LabelState.EXPIRED if expired else LabelState.VOIDED, at=at)


def take_back(parcel: Parcel, label: LabelState, *, at: datetime) -> None:
    """End a live label, and with it the van that was to come for it."""
    if booking := parcel.pickups.open().first():
        apply(booking, PickupEvent.CANCELLED, at=at)
        overtake(booking, at=at)
    parcel.label = label
    parcel.save(update_fields=["label"])
    tell(MessageType.LABEL_VOIDED, parcel, at=at)


def _revive(parcel: Parcel) -> Parcel:
    """A physical scan beats paperwork: the label is used, and its reports are told on once more."""
    if parcel.label != LabelState.USED:
        parcel.label = LabelState.USED
        parcel.save(update_fields=["label"])
    parcel.events.again()
    ring_on_commit("logistics.tasks.project_events")
    return parcel


def services_in(country: str) -> QuerySet[CourierService]:
    """What active couriers offer in a country, first choice first (R21)."""
    offered = CourierService.objects.filter(
        country=country.upper(), active=True, courier__active=True
    )
    return offered.select_related("courier").order_by("priority", "id")


def _take_number(courier: Courier) -> str:
    """The next number of a range nobody else is taking from; waits only when all are held."""
    left = courier.ranges.filter(next_serial__lte=F("last_serial")).order_by("id")
    taken = locked(left).first() or left.select_for_update().first()
    if taken is None:
        raise NoNumbers(f"{courier.name} has no tracking numbers left")
    serial = taken.next_serial
    taken.next_serial = serial + 1
    taken.save(update_fields=["next_serial"])
    return s10.tracking_number(taken.prefix, serial, courier.country)


# The page (R20) -----------------------------------------------------------------------------------


def render_due_labels(limit: int) -> int:
    """Render up to `limit` labels that have no page yet; returns how many were looked at.

    No lock is held meanwhile: the same label has the same bytes, whoever renders it.
    """
    due = list(_printable().unprinted()[:limit])
    for parcel in due:
        _print(parcel)
    return len(due)


def label_pdf(parcel: Parcel) -> bytes:
    """The page to print, rendered now if need be. Raises ValueError where there is no label."""
    parcel = _printable().get(pk=parcel.pk)
    if parcel.label not in (LabelState.LIVE, LabelState.USED):
        raise ValueError("there is no label to print")
    if not parcel.label_pdf and (page := _print(parcel)):
        return page
    if parcel.label_error:
        raise ValueError(parcel.label_error)
    with parcel.label_pdf.open("rb") as file:
        return bytes(file.read())


def _printable() -> Parcels:
    return Parcel.objects.select_related("case__buyer", "case__seller", "order", "courier")


def _print(parcel: Parcel) -> bytes | None:
    rows = Parcel.objects.filter(pk=parcel.pk, label_pdf="")
    try:
        page = render_pdf(spec(parcel))
    except Exception as error:
        log.exception("label %s cannot be rendered", parcel.tracking_number)
        parcel.label_error = f"{type(error).__name__}: {error}"[:300]
        rows.update(label_error=parcel.label_error)
        return None
    storage = parcel.label_pdf.storage
    name = storage.save(f"labels/{parcel.tracking_number}.pdf", ContentFile(page))
    if not rows.update(label_pdf=name):
        storage.delete(name)
    return page


def spec(parcel: Parcel) -> LabelSpec:
    """What the label says: from the buyer to the seller's address (R20, R22)."""
    case, courier = parcel.case, parcel.courier
    if courier is None or parcel.last_use_on is None:
        raise ValueError("a parcel by own courier has no label")
    return LabelSpec(
        rma_number=case.number,
        order_number=parcel.order.number,
        tracking_number=parcel.tracking_number,
        courier_name=courier.name,
        service="Return parcel",
        sender=_party(case.buyer.name, case.buyer.address, case.buyer.country),
        recipient=_party(case.seller.name, case.seller.address, case.seller.country),
        issued_on=parcel.issued_at.date(),
        last_use_on=parcel.last_use_on,
        qr_text=f"{parcel.tracking_number}/{case.number}",
        weight_limit_g=courier.weight_limit_g,
    )


def _party(name: str, address: Mapping[str, str], country: str) -> Party:
    return Party(
        name=name,
        lines=tuple(address.get("street", "").splitlines()),
        city=address.get("city", ""),
        region=address.get("region", ""),
        postal_code=address.get("postal_code", ""),
        country=address.get("country", "") or country,
        phone=address.get("phone", ""),
    )
