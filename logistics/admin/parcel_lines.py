"""The lines of a parcel's timeline, each kind from its own rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from logistics.models import Anomaly, Delivery, Parcel, PickupBooking
from logistics.states import Fate, LabelState


@dataclass(frozen=True)
class Line:
    """One line of the timeline. `kind` names its colour; `raw` is what came or went, as JSON."""

    at: datetime
    kind: str
    title: str
    who: str
    text: str = ""
    struck: str = ""
    raw: str = ""
    address: str = ""
    take_back: int | None = None


def tried(message: Delivery) -> Iterator[Line]:
    """Each try that failed; the one that was taken stands with the message."""
    for attempt in message.tried.all():
        if attempt.fate != Fate.TAKEN:
            status = f"HTTP {attempt.status}. " if attempt.status else ""
            text = f"{status}{attempt.error} ({attempt.milliseconds} ms)"
            title = f"Try {attempt.number}: {message.get_type_display()}"
            yield Line(
                attempt.at, "untold", title, attempt.get_fate_display(), text, raw=attempt.answer
            )


def booked(booking: PickupBooking) -> Iterator[Line]:
    window = booking.window()
    for attempt in booking.tries.all():
        title, why = f"Pick-up attempt {attempt.n} failed", attempt.get_reason_display()
        yield Line(attempt.at, "odd", title, booking.courier.name, why)
    if booking.cancel_asked_at:
        yield Line(booking.cancel_asked_at, "van", "Pick-up to be cancelled", "buyer")
    if booking.confirmed_told_at and booking.confirmed_start_at:
        number = booking.confirmation_number or "no number"
        yield Line(
            booking.confirmed_told_at, "van", "Pick-up confirmed", booking.courier.name, number
        )
    yield Line(
        at=booking.requested_at,
        kind="van",
        title="Pick-up asked for",
        who="buyer",
        text=f"{window['date']}, {window['start']}–{window['end']} {window['tz']}. Now: "
        f"{booking.get_state_display()}, {booking.attempts} attempts. {booking.reason}",
        address=reverse("admin:logistics_pickupbooking_change", args=[booking.pk]),
    )


def odd(anomaly: Anomaly) -> Iterator[Line]:
    address = reverse("admin:logistics_anomaly_change", args=[anomaly.pk])
    yield Line(anomaly.found_at, "odd", "Set aside", anomaly.code, anomaly.text, address=address)
    if anomaly.closed_at:
        who, why = anomaly.closed_by, anomaly.closed_why
        yield Line(anomaly.closed_at, "done", "Closed", who, why, address=address)


def milestones(parcel: Parcel) -> Iterator[Line]:
    ours = parcel.label != LabelState.NONE
    title = "Label made" if ours else "Registered by the buyer"
    text = f"{parcel.tracking_number}, {parcel.get_carried_display().lower()}"
    if parcel.last_use_on:
        text += f", to be used until {parcel.last_use_on:%d %B %Y}"
    yield Line(parcel.issued_at, "label", title, "" if ours else "buyer", text)
    if parcel.received_at:
        yield Line(parcel.received_at, "done", "Received", "warehouse")
    if parcel.claim_opened_at:
        text = "Damaged in transport, claimed from the courier (R26)."
        yield Line(parcel.claim_opened_at, "odd", "Claim", "warehouse", text)
