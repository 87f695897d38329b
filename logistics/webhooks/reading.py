"""What a courier may look up: its parcels, and its pick-ups since it last heard of them."""

import base64
import re
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpResponse, JsonResponse

from logistics.models import PickupBooking
from logistics.reports import Wrong, moment
from logistics.webhooks.callers import Reader, reader
from logistics.webhooks.door import Refused, door
from logistics.workflow.holding import told

PAGE = 100
#: Somebody may be writing what happened so long ago: it is asked for again the next time.
BEING_WRITTEN = timedelta(minutes=1)
_NUMBER = re.compile(r"[0-9A-Za-z-]{1,40}", re.ASCII)


@door("GET", reader)
def parcel(caller: Reader, tracking: str) -> HttpResponse:
    """Where a parcel of this courier stands; nothing of the people it travels between."""
    number = tracking.upper() if _NUMBER.fullmatch(tracking) else ""
    found = caller.courier.parcels.filter(tracking_number=number).order_by("-id").first()
    if found is None:
        raise Refused("unknown-parcel", "We gave this number to no parcel.")
    last_use = found.last_use_on.isoformat() if found.last_use_on else None
    return JsonResponse(
        {
            "tracking_number": found.tracking_number,
            "status": found.state,
            "label": found.label,
            "last_use_on": last_use,
            "destination": found.case.seller.country,
        }
    )


@door("GET", reader)
def pickups(caller: Reader) -> HttpResponse:
    """What changed `since` a moment, oldest change first, in pages; `until` is the next `since`.

    Addresses are in the signed messages only.
    """
    since, after = _position(caller)
    changed = caller.courier.pickups.filter(changed_at__gte=since)
    changed = changed.filter(Q(changed_at__gt=since) | Q(id__gt=after))
    found = list(changed.select_related("parcel").order_by("changed_at", "id")[: PAGE + 1])
    page = found[:PAGE]
    return JsonResponse(
        {
            "results": [_told(booking) for booking in page],
            "next_cursor": _cursor(page[-1]) if len(found) > PAGE else None,
            "until": told(caller.at - BEING_WRITTEN),
        }
    )


def _position(caller: Reader) -> tuple[datetime, int]:
    """Where to begin: after the row the cursor names, or at the first changed since."""
    name = "cursor" if "cursor" in caller.query else "since"
    try:
        if name == "cursor":
            raw = base64.b64decode(
                caller.query.get("cursor", "").encode(), altchars=b"-_", validate=True
            )
            since, _, after = raw.decode().partition("|")
            if not (after.isdecimal() and len(after) <= 18):
                raise ValueError(after)
            return moment(since, "?cursor"), int(after)
        # A plus that was not escaped came as a blank.
        return moment(caller.query.get("since", "").replace(" ", "+"), "?since"), 0
    except Wrong as wrong:
        raise _unfit(wrong) from wrong
    except ValueError as error:
        raise _unfit(Wrong("?cursor", "unknown-cursor", "Take next_cursor as it was.")) from error


def _unfit(wrong: Wrong) -> Refused:
    return Refused("validation-failed", str(wrong), errors=[wrong.as_json()])


def _cursor(booking: PickupBooking) -> str:
    place = f"{told(booking.changed_at)}|{booking.pk}"
    return base64.urlsafe_b64encode(place.encode()).decode()


def _told(booking: PickupBooking) -> dict[str, Any]:
    start, end = booking.confirmed_start_at, booking.confirmed_end_at
    confirmed = {"start": told(start), "end": told(end)} if start and end else None
    return {
        "pickup_id": booking.reference,
        "tracking_number": booking.parcel.tracking_number,
        "status": booking.state,
        "window": booking.window(),
        "confirmed_window": confirmed,
        "confirmation_number": booking.confirmation_number,
        "attempts": booking.attempts,
        "requested_at": told(booking.requested_at),
        "changed_at": told(booking.changed_at),
    }
