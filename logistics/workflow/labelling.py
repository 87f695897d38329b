"""The free label: issued once an order, voided when not needed, issued anew when it is lost."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from logistics.models import CourierService, Parcel
from logistics.states import HANDS_OUT_NUMBERS, Bearer, Carried, LabelState, MessageType
from logistics.workflow.holding import hold, tell
from logistics.workflow.numbers import take_number
from logistics.workflow.ordering import ask_for_label, forget_order, new_token
from logistics.workflow.pickups import call_off
from returns import workflow as returns
from returns.bell import ring_on_commit
from returns.machine import NotNow
from returns.models import Case, Entry
from returns.states import Actor, Event, State


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
            live_label(case, parcels, service, at=at)
        elif not case.entries.filter(event=Event.NOTED, facts__reimbursed=True).exists():
            returns.note(
                case,
                text="No courier of ours serves your country: send the parcel by registered mail. "
                "We reimburse the postage once you show what it cost (R21).",
                at=at,
                actor=Actor.POLICY,
                facts={"reimbursed": True},
            )


def live_label(
    case: Case, parcels: list[Parcel], service: CourierService, *, at: datetime
) -> Parcel:
    """The case's free label by this service, issued now when there is none. Under their locks.

    A label that was taken back but whose parcel is on its way all the same counts again. Its cost
    is the contract's price of the service the buyer chose last (R29).
    """
    courier = service.courier
    for parcel in parcels:
        if parcel.carried == Carried.FREE_LABEL and parcel.first_scan_at:
            return _revive(parcel)
        if parcel.label in (LabelState.ORDERED, LabelState.LIVE):
            if parcel.courier_id == courier.pk:
                return _priced(parcel, service)
            take_back(parcel, LabelState.VOIDED, at=at)
    if courier.gateway in HANDS_OUT_NUMBERS:
        return ask_for_label(case, service, at=at)
    parcel = Parcel.objects.create(
        case=case,
        order=case.order,
        carried=Carried.FREE_LABEL,
        courier=courier,
        courier_name=courier.name,
        tracking_number=take_number(courier),
        token=new_token(),
        label=LabelState.LIVE,
        issued_at=at,
        last_use_on=(case.deadline_at or at).date(),
        label_cost=service.price,
        label_currency=service.currency,
        borne_by=Bearer.MARKETPLACE,
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
            if parcel.label in (LabelState.ORDERED, LabelState.LIVE):
                take_back(parcel, LabelState.EXPIRED if expired else LabelState.VOIDED, at=at)


def void_by_staff(parcel: Parcel, *, why: str, by: str, at: datetime) -> None:
    """Support takes back a live label; the buyer chooses again and gets another (R12).

    Its van is called off, and it costs nothing. Raises NotNow for a label that is not live.
    """
    with transaction.atomic():
        _taken_back(parcel, why, by, at, "Label {} taken back")


def reissue_label(parcel: Parcel, *, why: str, by: str, at: datetime) -> Parcel:
    """Support replaces a live label by one with another number: lost, spoilt or seen by others.

    The order has one label that counts all the time (R12). A van has to be booked again.
    """
    with transaction.atomic():
        case = _taken_back(parcel, why, by, at, "Label {} replaced")
        offered = services_in(case.buyer.country)
        same = offered.filter(courier=parcel.courier)
        service = same.filter(method=case.handover).first() or same.first() or offered.first()
        if service is None:
            raise ValueError("no courier of ours serves the buyer's country any more")
        return live_label(case, hold(case), service, at=at)


def _taken_back(parcel: Parcel, why: str, by: str, at: datetime, text: str) -> Case:
    why = " ".join(why.split())
    if not why:
        raise ValueError("a label is taken back with a reason")
    case = parcel.case
    held = {each.pk: each for each in hold(case)}[parcel.pk]
    if held.label != LabelState.LIVE or case.state != State.AWAITING_RETURN:
        raise NotNow(held.label, "take_back", (), "Only a label that waits to be used.")
    take_back(held, LabelState.VOIDED, at=at)
    text = f"{text.format(held.tracking_number)}: {why}"
    returns.note(case, text=text, at=at, actor=Actor.SUPPORT, by=by)
    return case


def take_back(parcel: Parcel, label: LabelState, *, at: datetime) -> None:
    """End a live label, and with it the van that was to come for it."""
    if booking := parcel.pickups.open().first():
        call_off(booking, at=at)
    ordered = parcel.label == LabelState.ORDERED
    parcel.label = label
    parcel.save(update_fields=["label"])
    if ordered:
        # Nothing to take back there yet; an answer that is on its way is, when it comes.
        forget_order(parcel, at=at)
    else:
        tell(MessageType.LABEL_VOIDED, parcel, at=at)


def _revive(parcel: Parcel) -> Parcel:
    """A physical scan beats paperwork: the label is used, and its reports are told on once more."""
    if parcel.label != LabelState.USED:
        parcel.label = LabelState.USED
        parcel.save(update_fields=["label"])
    parcel.events.again()
    ring_on_commit("logistics.tasks.project_events")
    return parcel


def label_cost(parcel: Parcel) -> dict[str, str]:
    """R29, as facts of the handing over: what the marketplace owes the courier for the label."""
    if parcel.label_cost is None:
        return {}
    return {"label_cost": str(parcel.label_cost), "label_currency": parcel.label_currency}


def _priced(parcel: Parcel, service: CourierService) -> Parcel:
    """A van and a counter of the same courier may cost differently."""
    parcel.label_cost, parcel.label_currency = service.price, service.currency
    parcel.save(update_fields=["label_cost", "label_currency"])
    return parcel


def services_in(country: str) -> QuerySet[CourierService]:
    """What active couriers offer in a country, first choice first (R21)."""
    offered = CourierService.objects.filter(
        country=country.upper(), active=True, courier__active=True
    )
    return offered.select_related("courier").order_by("priority", "id")
