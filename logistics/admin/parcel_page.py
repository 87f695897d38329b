"""What the page of a parcel shows: why it is stuck, the facts, and one timeline of everything."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.urls import reverse

from logistics.models import Delivery, Parcel, PickupBooking, TrackingEvent
from logistics.states import Ending, LabelState, MessageType, PickupState
from logistics.stuck import Facts, Untold, Van, stuck_because
from logistics.tracking import SCANS, ParcelState, TrackingCode
from returns.states import State

from .parcel_lines import Line, booked, milestones, odd, tried

#: So many rows of a kind are on the page; a parcel has a dozen, junk has more.
SHOWN = 200


class Told:
    """All that is kept about one parcel, read once."""

    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel
        told = parcel.events.select_related("courier").order_by("-occurred_at", "-id")
        self.events = list(told[:SHOWN])
        courier = parcel.courier
        self.has_endpoint = bool(courier and courier.is_told)
        self.health = getattr(courier, "health", None)
        tried = parcel.deliveries.prefetch_related("tried")
        self.deliveries = list(tried.order_by("-id")[:SHOWN])
        self.pickups = list(
            parcel.pickups.prefetch_related("tries").select_related("courier").order_by("-id")
        )
        self.anomalies = list(parcel.anomalies.order_by("-id")[:SHOWN])
        self.inspected = hasattr(parcel, "inspection")
        self.voids = {event.voids: event for event in self.events if event.voids}

    def facts(self, at: datetime) -> Facts:
        """What the headline is worked out from."""
        parcel, case = self.parcel, self.parcel.case
        scans = [e for e in self.events if e.code in SCANS and e.event_id not in self.voids]
        return Facts(
            at=at,
            zone=case.policy.time_zone,
            courier=parcel.courier_name,
            issued_at=parcel.issued_at,
            state=ParcelState(parcel.state),
            label=LabelState(parcel.label),
            printed=parcel.printed,
            label_error=parcel.label_error,
            first_scan_at=parcel.first_scan_at,
            last_news_at=parcel.last_news_at,
            place=next(filter(None, (scan.location.get("city", "") for scan in scans)), ""),
            delivered_at=parcel.delivered_at,
            received_at=parcel.received_at,
            inspected=self.inspected,
            with_support=case.state == State.ESCALATED,
            over=case.over,
            until=case.deadline_at,
            has_endpoint=self.has_endpoint,
            disabled_at=self.health.disabled_at if self.health else None,
            failing_since=self.health.failing_since if self.health else None,
            untold=tuple(map(_untold, filter(self._matters, self.deliveries))),
            van=_van(self.pickups[0]) if self.pickups else None,
            unread=sum(event.projected_at is None for event in self.events),
            set_aside=tuple(each.text for each in self.anomalies if not each.closed_at),
        )

    def lines(self) -> list[Line]:
        """Everything, the newest first."""
        found = [
            *map(self._reported, self.events),
            *map(self._sent, self.deliveries),
            *(line for message in self.deliveries for line in tried(message)),
            *(line for pickup in self.pickups for line in booked(pickup)),
            *(line for anomaly in self.anomalies for line in odd(anomaly)),
            *milestones(self.parcel),
        ]
        return sorted(found, key=lambda line: line.at, reverse=True)

    def _reported(self, event: TrackingEvent) -> Line:
        title = TrackingCode(event.code).label if event.is_tracking else event.type
        if event.voids:
            title = f"Takes back {event.voids}"
        void = self.voids.get(event.event_id)
        details = " ".join(f"{key}: {value}." for key, value in event.details.items())
        return Line(
            at=event.occurred_at,
            kind="courier" if event.is_tracking else "van",
            title=title,
            who=f"{event.told_by}, by hand" if event.told_by else str(event.courier or ""),
            text=" · ".join(
                filter(
                    None,
                    [
                        ", ".join(map(str, event.location.values())),
                        event.get_reason_display(),
                        event.note,
                        details,
                    ],
                )
            ),
            struck=f"taken back on {self._local(void.occurred_at)}" if void else "",
            raw=event.raw,
            address=reverse("admin:logistics_trackingevent_change", args=[event.pk]),
            take_back=event.pk if event.told_by and not event.voids and not void else None,
        )

    def _sent(self, message: Delivery) -> Line:
        tries = f"{message.attempts} tries" if message.attempts != 1 else "1 try"
        if message.delivered_at:
            text = f"Told on {self._local(message.delivered_at)}, {tries}."
        elif message.dead_at:
            text = f"Given up on {self._local(message.dead_at)}, {tries}: {message.last_error}."
        else:
            text = f"Not told yet, {tries}. {message.last_error}"
        return Line(
            at=message.created_at,
            kind="told" if message.delivered_at else "untold",
            title=message.get_type_display(),
            who="to the courier",
            text=text,
            raw=json.dumps(message.payload, indent=1, ensure_ascii=False),
            address=reverse("admin:logistics_delivery_change", args=[message.pk]),
        )

    def _matters(self, message: Delivery) -> bool:
        """Whether the parcel may wait because its courier was not told this."""
        if message.delivered_at or message.ending in (Ending.OVERTAKEN, Ending.DISCARDED):
            return False
        # Without an endpoint a courier reads of labels from us; of a van it must be told.
        return self.has_endpoint or message.type != MessageType.LABEL_CREATED

    def _local(self, moment: datetime) -> str:
        here = moment.astimezone(ZoneInfo(self.parcel.case.policy.time_zone))
        return f"{here.day} {here:%b, %H:%M}"


def _untold(message: Delivery) -> Untold:
    return Untold(
        what=message.get_type_display(),
        since=message.created_at,
        attempts=message.attempts,
        error=message.last_error.rstrip("."),
        dead=message.dead_at is not None,
    )


def _van(booking: PickupBooking) -> Van:
    from_, to = booking.starts_at, booking.ends_at
    return Van(
        state=PickupState(booking.state),
        starts_at=booking.confirmed_start_at or from_,
        ends_at=booking.confirmed_end_at or to,
        tell_until=booking.cut_off_at,
        attempts=booking.attempts,
        reason=booking.reason,
    )


def page(
    parcel: Parcel, user: User | AbstractBaseUser | AnonymousUser, *, at: datetime
) -> dict[str, Any]:
    """All of it, as the template wants it. `at` is now."""
    told = Told(parcel)
    headline, *also = stuck_because(told.facts(at))
    may = isinstance(user, User) and user.has_perm("logistics.work_anomalies")
    return {
        "title": str(parcel),
        "parcel": parcel,
        "case": parcel.case,
        "headline": headline,
        "also": also,
        "lines": told.lines(),
        "set_aside": [each for each in told.anomalies if not each.closed_at],
        "may_work": may,
        "may_receive": isinstance(user, User) and user.has_perm("logistics.receive_parcel"),
        "at": at,
    }
