"""Carriers with an interface of their own, spoken to through Karrio (an optional extra).

Karrio is LGPL-3.0 and takes seconds to import: only workers build this gateway. It is trusted with
the carriers' formats, not with the network (all calls go through returns.outside) and not with what
it is known to get wrong; each such place says what.
"""

import base64
import binascii
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError
from zoneinfo import ZoneInfo

import attr
import karrio.lib as lib
import karrio.sdk as sdk
from django.conf import settings
from karrio.core import models as unified

from logistics.couriers.contract import (
    Address,
    Answer,
    CancelOutcome,
    CancelSaid,
    Capability,
    LabelResult,
    LabelSpec,
    PickupOutcome,
    PickupSaid,
    PickupSpec,
    PointRecord,
    TrackingRecord,
)
from logistics.models import CarrierAccount, Courier
from logistics.states import Carrier, Fate, Mode
from logistics.tracking import TrackingCode, TrackingReason
from returns import outside

LARGEST = 2_000_000  # bytes: a label's page comes in the answer

_ALL = frozenset({Capability.LABEL, Capability.NUMBERS, Capability.TRACK})
_VAN = frozenset({Capability.PICKUP, Capability.MOVE, Capability.CANCEL})
#: What these carriers can do by Karrio 2026.1.32, with returns. Only USPS charges an unused label
#: of a return, and only there can it be taken back.
CAPABILITIES = {
    Carrier.AUSTRALIA_POST: _ALL,
    Carrier.CANADA_POST: _ALL | _VAN,
    Carrier.USPS: _ALL | _VAN | {Capability.VOID},
}

#: Karrio's words for where a parcel is. `in_transit` is also what it says when it does not know.
_CODES = {
    "pending": TrackingCode.INFO_RECEIVED,
    "picked_up": TrackingCode.PICKED_UP,
    "in_transit": TrackingCode.IN_TRANSIT,
    "on_hold": TrackingCode.ON_HOLD,
    "delivery_delayed": TrackingCode.DELAYED,
    "out_for_delivery": TrackingCode.OUT_FOR_DELIVERY,
    "delivery_failed": TrackingCode.DELIVERY_FAILED,
    "delivered": TrackingCode.DELIVERED,
    "return_to_sender": TrackingCode.RETURNING_TO_CUSTOMER,
    # At a counter on its way back to us: not for the buyer to fetch.
    "ready_for_pickup": TrackingCode.IN_TRANSIT,
    "cancelled": TrackingCode.CANCELLED,
}
# In Australia Post's own words, where Karrio files a cancelled or damaged article under failed.
_SAID = {
    "cancelled": TrackingCode.CANCELLED,
    "delivered": TrackingCode.DELIVERED,
    "onboard for delivery": TrackingCode.OUT_FOR_DELIVERY,
    "on board for delivery": TrackingCode.OUT_FOR_DELIVERY,
    "article damaged": TrackingCode.EXCEPTION,
}


#: Calls that only fetch a key to ask with.
_KEYS = ("/oauth2/", "/payment-authorization")
#: How a call that never reached the carrier is told by returns.outside.
_NOT_SENT = ("ConnectError", "ConnectTimeout", "Forbidden", "gaierror", "InvalidURL")
_UNCLEAR = frozenset({500, 502, 504})


class _NoAnswer(Exception):
    """The carrier did not answer."""


@dataclass(frozen=True)
class _Call:
    """One call and what came of it."""

    method: str
    url: str
    reply: outside.Reply

    @property
    def asks(self) -> bool:
        """Something is to be done, and not only told."""
        return self.method != "GET" and not any(word in self.url for word in _KEYS)

    @property
    def unclear(self) -> bool:
        """Something was to be done, and whether it was is not known."""
        if self.reply.status is None:
            return self.asks and not self.reply.error.startswith(_NOT_SENT)
        return self.asks and self.reply.status in _UNCLEAR


@dataclass
class _Heard:
    """All calls of one question, and where they go instead of the carrier's own address."""

    instead: tuple[str, str] | None
    calls: list[_Call]
    trouble: str = ""


_heard: ContextVar[_Heard] = ContextVar("karrio_heard")


def _request(
    decoder: Callable[[bytes], Any] = lib.decode,
    on_ok: Callable[[Any], Any] | None = None,
    on_error: Callable[[HTTPError], Any] | None = None,
    *,
    url: str,
    method: str = "GET",
    data: str | bytes | None = None,
    headers: Mapping[str, str] | None = None,
    **_: Any,
) -> Any:
    """Karrio's own way out, replaced by ours. One try: when to try again is the outbox's to say."""
    heard = _heard.get()
    body = data.encode() if isinstance(data, str) else data or b""
    if heard.instead:
        url = url.replace(*heard.instead)
    reply = outside.call(
        method,
        url,
        body=body,
        headers=headers,
        loopback=settings.COURIERS_ON_LOOPBACK,
        most=LARGEST,
    )
    heard.calls.append(_Call(method, url, reply))
    if reply.status is None:
        raise _NoAnswer(reply.error)
    if not reply.ok and on_error:
        plain: Any = dict(reply.headers)
        return on_error(HTTPError(url, reply.status, reply.error, plain, io.BytesIO(reply.body)))
    return on_ok(io.BytesIO(reply.body)) if reply.ok and on_ok else decoder(reply.body)


lib.request = _request


class KarrioGateway:
    """One carrier's account. See CAPABILITIES for what may be asked of it.

    None of these carriers knows a request again: where it is unclear whether one was acted on it is
    not repeated, and a person looks (Fate.ABORTED).
    """

    slug = "karrio"

    def __init__(self, courier: Courier, *, at: datetime, mode: Mode = Mode.LIVE) -> None:
        account = CarrierAccount.objects.get(courier=courier)
        self._carrier, self._service = Carrier(account.carrier), account.service
        self.capabilities = CAPABILITIES[self._carrier]
        self._zone = ZoneInfo(account.time_zone)
        self._speaker = sdk.gateway[self._carrier.value].create(
            {**account.details, "test_mode": account.test_mode}
        )
        own = self._speaker.settings.server_url
        self._instead = (own, account.base_url) if account.base_url else None

    def create_label(self, spec: LabelSpec, key: str) -> LabelResult:
        """Buy a return label: its number, page and cost come with the answer."""
        told = self._ask(lambda: self._buy(_shipment(spec, self._service)))
        made, answer = told.made, told.answer
        if answer.fate != Fate.TAKEN:
            return LabelResult(answer)
        rate = made.selected_rate
        return LabelResult(
            answer,
            number=made.tracking_number,
            page=_page(made.docs.label),
            cost=Decimal(str(rate.total_charge)) if rate else None,
            currency=rate.currency if rate else "",
        )

    def void_label(self, spec: LabelSpec, key: str) -> Answer:
        """Take it back; where an unused label costs nothing there is nothing to say."""
        if Capability.VOID not in self.capabilities:
            return Answer(Fate.TAKEN)
        request = unified.ShipmentCancelRequest(shipment_identifier=spec.number)
        return self._ask(lambda: sdk.Shipment.cancel(request).from_(self._speaker).parse()).answer

    def book_pickup(self, spec: PickupSpec, key: str) -> PickupOutcome:
        """Ask for a van in the wall time of the address, which is how these carriers read it.

        What Karrio says it costs is not used: with Canada Post it counts the tax twice.
        """
        asked = sdk.Pickup.schedule(_pickup(spec))
        return _van(self._ask(lambda: asked.from_(self._speaker).parse()))

    def move_pickup(self, spec: PickupSpec, key: str) -> PickupOutcome:
        """Ask for another window of the van that was confirmed."""
        moved = {**_pickup(spec), "confirmation_number": spec.confirmation_number}
        asked = sdk.Pickup.update(moved)
        return _van(self._ask(lambda: asked.from_(self._speaker).parse()))

    def cancel_pickup(self, spec: PickupSpec, key: str) -> CancelOutcome:
        """Call the van off."""
        answer = self._ask(lambda: self._call_off(spec)).answer
        taken = answer.fate == Fate.TAKEN
        return CancelOutcome(answer, CancelSaid.CANCELLED if taken else CancelSaid.REQUESTED)

    def ping(self, message: Mapping[str, Any], key: str) -> Answer:
        """Ask after a parcel that is not there: that the carrier answers is what counts."""
        told = self._ask(lambda: (self._fetch(["0" * 12]), []))
        reply = told.calls[-1].reply if told.calls else outside.Reply(None, told.answer.error)
        if reply.status is None or reply.status in (401, 403) or reply.status >= 500:
            return Answer.of(reply)
        return Answer(Fate.TAKEN, reply.status, milliseconds=reply.milliseconds)

    def poll_tracking(self, numbers: Sequence[str]) -> list[TrackingRecord]:
        """What the carrier knows of these parcels; nothing of those it cannot tell of now."""
        told = self._ask(lambda: (self._fetch(numbers), []))
        records = (
            self._record(each.tracking_number, event, newest=n == 0)
            for each in told.made or ()
            for n, event in enumerate(each.events or ())
        )
        return list({record.event_id: record for record in records if record}.values())

    def points(self, since: datetime | None = None) -> Iterable[PointRecord]:
        return ()

    def _buy(self, request: Any) -> tuple[Any, list[Any]]:
        mapper, proxy = self._speaker.mapper, self._speaker.proxy
        asked = mapper.create_return_shipment_request(request)
        if self._carrier == Carrier.AUSTRALIA_POST:
            # Karrio asks for a despatch also where it is a return.
            for shipment in asked.value["shipment"].shipments:
                shipment.movement_type = "RETURN"
        made, messages = mapper.parse_return_shipment_response(proxy.create_return_shipment(asked))
        return (made if made and made.tracking_number else None), messages

    def _call_off(self, spec: PickupSpec) -> tuple[Any, list[Any]]:
        mapper = self._speaker.mapper
        request = unified.PickupCancelRequest(confirmation_number=spec.confirmation_number)
        asked = mapper.create_cancel_pickup_request(request)
        # Karrio's Canada Post has named the reading of the answer otherwise than its caller does,
        # and says that it failed when it was done.
        read = getattr(mapper, "parse_pickup_cancel_response", mapper.parse_cancel_pickup_response)
        done, messages = read(self._speaker.proxy.cancel_pickup(asked))
        return (done if done and done.success else None), messages

    def _fetch(self, numbers: Sequence[str]) -> list[Any]:
        if self._carrier == Carrier.CANADA_POST and len(numbers) == 1:
            # Karrio looks for parcels below the answer's root, which is the parcel if it is alone.
            numbers = [*numbers, *numbers]
        asked = unified.TrackingRequest(tracking_numbers=list(numbers))
        found, _ = sdk.Tracking.fetch(asked).from_(self._speaker).parse()
        return found or []

    def _record(self, number: str, event: Any, *, newest: bool) -> TrackingRecord | None:
        occurred_at = self._moment(event)
        if occurred_at is None:
            return None
        # Karrio gives every event of an Australian parcel the state the parcel is in now.
        own = newest or self._carrier != Carrier.AUSTRALIA_POST
        code, reason = _code(event, own=own)
        told = f"{number}-{occurred_at:%Y%m%d%H%M%S}-{event.code or event.description or code}"
        return TrackingRecord(
            event_id=told[:80],
            tracking_number=number,
            code=code,
            occurred_at=occurred_at,
            reason=reason,
            city=str(event.location or "")[:80],
            note=str(event.description or "")[:300],
        )

    def _moment(self, event: Any) -> datetime | None:
        """When it happened.

        Canada Post tells the time of the place and Australia Post an offset with it; Karrio calls
        both UTC. So the account's zone is taken: in the other zones of the country an event is
        some hours off, in all of them alike.
        """
        try:
            told = datetime.fromisoformat(str(event.timestamp))
        except ValueError:
            return None
        if self._carrier != Carrier.USPS or told.tzinfo is None:
            told = told.replace(tzinfo=self._zone)
        return told.astimezone(UTC)

    def _ask(self, question: Callable[[], tuple[Any, list[Any]]]) -> "_Told":
        """Ask through Karrio and note each call; nothing that it makes of the answers is raised."""
        heard = _Heard(self._instead, [])
        token = _heard.set(heard)
        made: Any = None
        messages: list[Any] = []
        try:
            made, messages = question()
        except Exception as error:
            heard.trouble = f"{type(error).__name__}: {error}"[:300]
        finally:
            _heard.reset(token)
        return _Told(made, _answer(heard, made, messages), heard.calls)


@dataclass(frozen=True)
class _Told:
    """What Karrio made of the answers, and what they mean."""

    made: Any
    answer: Answer
    calls: Sequence[_Call]


def _answer(heard: _Heard, made: Any, messages: Iterable[Any]) -> Answer:
    """What the calls mean for the message: done, refused, to be tried again, or for a person."""
    if not heard.calls:
        return Answer(Fate.HOPELESS, error=heard.trouble or "Karrio asked for nothing")
    call = next((call for call in heard.calls if not call.reply.ok), heard.calls[-1])
    answer = Answer.of(call.reply)
    if made is not None:
        return replace(answer, fate=Fate.TAKEN, error="")
    said = "; ".join(f"{each.code}: {each.message}" for each in messages)
    error = (said or heard.trouble or answer.error or "no answer that can be read")[:300]
    if call.unclear or (call.reply.ok and call.asks):
        return replace(
            answer, fate=Fate.ABORTED, error=f"Whether it was done is unclear: {error}"[:300]
        )
    fate = Fate.HOPELESS if answer.fate == Fate.TAKEN else answer.fate
    return replace(answer, fate=fate, error=error)


def _van(told: _Told) -> PickupOutcome:
    if told.answer.fate != Fate.TAKEN:
        return PickupOutcome(told.answer)
    number = str(told.made.confirmation_number or "")[:64]
    return PickupOutcome(told.answer, PickupSaid.ACCEPTED, confirmation_number=number)


def _shipment(spec: LabelSpec, service: str) -> Any:
    """From the buyer to the seller: Karrio turns the two round only in its own front."""
    return unified.ShipmentRequest(
        service=service,
        shipper=_address(spec.sender),
        recipient=_address(spec.recipient),
        parcels=[_parcel(spec.weight_limit_g)],
        reference=spec.rma,
        label_type="PDF",
    )


def _pickup(spec: PickupSpec) -> dict[str, Any]:
    if spec.address is None or spec.window is None:
        raise ValueError("a pick-up has an address and a window")
    return {
        "pickup_date": spec.window.date.isoformat(),
        "ready_time": f"{spec.window.start:%H:%M}",
        "closing_time": f"{spec.window.end:%H:%M}",
        "address": attr.asdict(_address(spec.address)),
        "parcels": [attr.asdict(_parcel(spec.weight_g or 0)) for _ in range(spec.parcels)],
        "package_location": spec.package_location or None,
        "instruction": spec.instructions or None,
    }


def _parcel(grams: int) -> Any:
    """The heaviest it may be: nobody has weighed it."""
    return unified.Parcel(weight=max(grams, 100) / 1000, weight_unit="KG")


def _address(place: Address) -> Any:
    first, *more = place.street.splitlines() or [""]
    return unified.Address(
        person_name=place.name,
        company_name=place.name,
        address_line1=first,
        address_line2=", ".join(more) or None,
        city=place.city,
        postal_code=place.postal_code,
        state_code=place.region or None,
        country_code=place.country,
        phone_number=place.phone or None,
    )


def _page(label: str | None) -> bytes:
    try:
        return base64.b64decode("".join((label or "").split()), validate=True)
    except binascii.Error:
        return b""


def _code(event: Any, *, own: bool) -> tuple[TrackingCode, TrackingReason | None]:
    said = _SAID.get(str(event.description or "").strip().lower())
    told = _CODES.get(event.status or "", TrackingCode.IN_TRANSIT) if own else None
    reason = event.reason if own else None
    if reason == "carrier_parcel_lost":
        return TrackingCode.LOST, TrackingReason.LOST
    if reason == "carrier_damaged_parcel" or said == TrackingCode.EXCEPTION:
        return TrackingCode.EXCEPTION, TrackingReason.DAMAGED
    return said or told or TrackingCode.IN_TRANSIT, None
