"""Carriers through Karrio: what it asks of them, what it gets wrong, and what we make of it.

Needs the extra (`requirements/karrio.txt`); `.ci/run` runs these in an environment of their own.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from logistics import outbox, polling, workflow
from logistics.couriers import (
    Address,
    CancelSaid,
    Capability,
    Fate,
    LabelSpec,
    PickupSaid,
    PickupSpec,
    gateway_for,
)
from logistics.couriers.contract import CourierGateway
from logistics.models import CarrierAccount, Courier, CourierEntry
from logistics.policy import Window
from logistics.states import CARRIER_DETAILS, Carrier, LabelState
from logistics.tracking import TrackingCode, TrackingReason
from returns.states import State
from tests.logistics.story import DAY, HOUR, T0, awaiting, parcel_of

pytest.importorskip("karrio", reason="KARRIO IS NOT INSTALLED: see requirements/karrio.txt")
pytestmark = pytest.mark.django_db

PAGE = b"%PDF-1.7 a label"
SLUGS = {
    Carrier.AUSTRALIA_POST: "australia-post-au",
    Carrier.CANADA_POST: "neighborhood-ca",
    Carrier.USPS: "usps-us",
}
SERVICES = {
    Carrier.AUSTRALIA_POST: "australiapost_eparcel_post_returns",
    Carrier.CANADA_POST: "canadapost_expedited_parcel",
    Carrier.USPS: "usps_ground_advantage",
}
ZONES = {
    Carrier.AUSTRALIA_POST: "Australia/Sydney",
    Carrier.CANADA_POST: "America/Toronto",
    Carrier.USPS: "America/New_York",
}
PLACES = {
    Carrier.AUSTRALIA_POST: ("130 Pitt St", "Sydney", "NSW", "2000", "AU"),
    Carrier.CANADA_POST: ("1 Sussex Dr", "Ottawa", "ON", "K1A 0A1", "CA"),
    Carrier.USPS: ("1600 Pennsylvania Ave", "Washington", "DC", "20500", "US"),
}
NUMBERS = {
    Carrier.AUSTRALIA_POST: "ABC000128",
    Carrier.CANADA_POST: "7023210039414604",
    Carrier.USPS: "9202090000000000000001",
}


class Desk(ThreadingHTTPServer):
    """A carrier on the loopback: what it answers to each path, and what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Clerk)
        self.answers: dict[tuple[str, str], tuple[int, str | bytes]] = {}
        self.asked: list[tuple[str, str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def bodies(self, path: str) -> list[bytes]:
        """What was sent to paths that hold this."""
        return [body for _, asked, body in self.asked if path in asked]


class _Clerk(BaseHTTPRequestHandler):
    server: Desk

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, body))
        found = [
            answer
            for (method, path), answer in self.server.answers.items()
            if method == self.command and path in self.path
        ]
        status, said = found[0] if found else (404, "{}")
        if status == 0:  # hang up without a word
            self.close_connection = True
            return
        raw = said.encode() if isinstance(said, str) else said
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - as the library calls them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    settings.COURIERS_ON_LOOPBACK = True
    with _open() as server:
        yield server


@contextmanager
def _open() -> Iterator[Desk]:
    server = Desk()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def account(carrier: Carrier, url: str) -> Courier:
    """The courier of R21 with an account at that carrier, which is to be found at `url`."""
    courier = Courier.objects.get(slug=SLUGS[carrier])
    workflow.open_account(
        courier,
        carrier,
        {name: f"my-{name}" for name in CARRIER_DETAILS[carrier]},
        service=SERVICES[carrier],
        time_zone=ZONES[carrier],
        base_url=url,
        by="ann",
        at=T0,
    )
    courier.refresh_from_db()
    return courier


def speaking(carrier: Carrier, desk: Desk) -> CourierGateway:
    """The gateway of that carrier, which keeps its usual answers at the desk."""
    desk.answers.update(USUAL[carrier](desk.url))
    return gateway_for(account(carrier, desk.url), at=T0)


def label(carrier: Carrier) -> LabelSpec:
    street, city, region, code, country = PLACES[carrier]
    here = Address("J. Novak", street, city, code, country, region=region, phone="5551234567")
    there = Address("Returns Ltd", "5 Depot Rd", city, code, country, region=region)
    return LabelSpec({}, "", "RMA-1", date(2026, 3, 12), 1_250, here, there)


def van(carrier: Carrier, confirmation: str = "") -> PickupSpec:
    street, city, region, code, country = PLACES[carrier]
    return PickupSpec(
        message={},
        reference="pk-1",
        numbers=(NUMBERS[carrier],),
        confirmation_number=confirmation,
        address=Address("J. Novak", street, city, code, country, region=region, phone="5551234567"),
        window=Window(date(2026, 3, 4), time(9), time(12)),
        zone=ZONES[carrier],
        weight_g=1_250,
        package_location="Front Door",
        instructions="Bell 3",
    )


# What each says when all is well ------------------------------------------------------------------


def _australia(url: str) -> dict[tuple[str, str], tuple[int, str | bytes]]:
    details = {"article_id": "ABC00012801", "consignment_id": NUMBERS[Carrier.AUSTRALIA_POST]}
    shipment = {"shipment_id": "s-1", "items": [{"item_id": "i-1", "tracking_details": details}]}
    return {
        ("POST", "/shipping/v1/shipments"): (201, json.dumps({"shipments": [shipment]})),
        ("POST", "/shipping/v1/labels"): (
            200,
            json.dumps({"labels": [{"request_id": "r", "url": f"{url}/pages/1.pdf"}]}),
        ),
        ("GET", "/pages/1.pdf"): (200, PAGE),
        ("GET", "/shipping/v1/track"): (200, json.dumps(_TRACKED_AU)),
    }


_TRACKED_AU = {
    "tracking_results": [
        {
            "tracking_id": NUMBERS[Carrier.AUSTRALIA_POST],
            "status": "Delivered",
            "trackable_items": [
                {
                    "article_id": "ABC00012801",
                    "product_type": "Parcel Post",
                    "status": "Delivered",
                    "events": [
                        {
                            "location": "MELBOURNE VIC",
                            "description": "Delivered",
                            "date": "2026-03-05T09:30:00+11:00",
                        },
                        {
                            "location": "SYDNEY NSW",
                            "description": "Arrived at facility",
                            "date": "2026-03-04T20:00:00+11:00",
                        },
                    ],
                }
            ],
        }
    ]
}


def _canada(url: str) -> dict[tuple[str, str], tuple[int, str | bytes]]:
    number = NUMBERS[Carrier.CANADA_POST]
    return {
        ("POST", "/authorizedreturn"): (
            200,
            f"""<authorized-return-info xmlns="http://www.canadapost.ca/ws/authreturn-v2">
            <tracking-pin>{number}</tracking-pin>
            <links><link rel="label" href="{url}/artifact/1" media-type="application/pdf"/></links>
            </authorized-return-info>""",
        ),
        ("GET", "/artifact/1"): (200, PAGE),
        ("GET", "/pickupavailability/"): (
            200,
            """<pickup-availability xmlns="http://www.canadapost.ca/ws/pickup">
            <postal-code>K1A0A1</postal-code><on-demand-cutoff>15:00</on-demand-cutoff>
            <on-demand-tour>true</on-demand-tour><prepaid-stamp-tour>true</prepaid-stamp-tour>
            <priority-world-wide-tour>true</priority-world-wide-tour>
            <scheduled-pickups-available>true</scheduled-pickups-available>
            </pickup-availability>""",
        ),
        ("POST", "/pickuprequest"): (
            200,
            """<pickup-request-info xmlns="http://www.canadapost.ca/ws/pickuprequest">
            <pickup-request-header><request-id>0074698052</request-id>
            <request-status>Active</request-status><pickup-type>OnDemand</pickup-type>
            <request-date>2026-03-02</request-date><next-pickup-date>2026-03-04</next-pickup-date>
            </pickup-request-header>
            <pickup-request-price><pre-tax-amount>3.50</pre-tax-amount><gst-amount>0.18</gst-amount>
            <pst-amount>0.00</pst-amount><hst-amount>0.00</hst-amount><due-amount>3.68</due-amount>
            </pickup-request-price></pickup-request-info>""",
        ),
        ("DELETE", "/pickuprequest/"): (200, ""),
        ("GET", "/vis/track/pin/"): (
            200,
            f"""<tracking-detail xmlns="http://www.canadapost.ca/ws/track"><pin>{number}</pin>
            <significant-events>
            <occurrence><event-identifier>1496</event-identifier><event-date>2026-03-05</event-date>
            <event-time>11:59:00</event-time><event-time-zone>EST</event-time-zone>
            <event-description>Item successfully delivered</event-description>
            <event-site>OTTAWA</event-site><event-province>ON</event-province></occurrence>
            <occurrence><event-identifier>100</event-identifier><event-date>2026-03-04</event-date>
            <event-time>08:00:00</event-time><event-time-zone>EST</event-time-zone>
            <event-description>Item processed</event-description>
            <event-site>TORONTO</event-site><event-province>ON</event-province></occurrence>
            </significant-events></tracking-detail>""",
        ),
    }


def _usa(url: str) -> dict[tuple[str, str], tuple[int, str | bytes]]:
    number = NUMBERS[Carrier.USPS]
    made = {
        "labelMetadata": {
            "trackingNumber": number,
            "postage": 7.65,
            "SKU": "DPXX0XXXXC",
            "fees": [],
        },
        "labelImage": base64.b64encode(PAGE).decode(),
    }
    tracked = {
        "trackingNumber": number,
        "status": "Delivered",
        "statusCategory": "Delivered",
        "trackingEvents": [
            {
                "eventType": "Delivered, Front Desk",
                "eventTimestamp": "2026-03-05T14:00:00Z",
                "eventCode": "01",
                "eventCity": "WASHINGTON",
                "eventState": "DC",
            }
        ],
    }
    return {
        ("POST", "/oauth2/v3/token"): (
            200,
            json.dumps({"access_token": "t", "expires_in": 14_400, "token_type": "Bearer"}),
        ),
        ("POST", "/payment-authorization"): (
            200,
            json.dumps({"paymentAuthorizationToken": "p"}),
        ),
        ("POST", "/labels/v3/label"): (200, json.dumps(made)),
        ("DELETE", "/labels/v3/label"): (
            200,
            json.dumps({"trackingNumber": number, "status": "CANCELED"}),
        ),
        ("POST", "/pickup/v3/carrier-pickup"): (
            200,
            json.dumps({"confirmationNumber": "WTC1", "pickupDate": "2026-03-04"}),
        ),
        ("DELETE", "/pickup/v3/carrier-pickup"): (200, ""),
        ("GET", "/tracking/v3/tracking"): (200, json.dumps(tracked)),
    }


USUAL = {
    Carrier.AUSTRALIA_POST: _australia,
    Carrier.CANADA_POST: _canada,
    Carrier.USPS: _usa,
}
BUYS = {
    Carrier.AUSTRALIA_POST: ("POST", "/shipping/v1/shipments"),
    Carrier.CANADA_POST: ("POST", "/authorizedreturn"),
    Carrier.USPS: ("POST", "/labels/v3/label"),
}
VANS = {
    Carrier.CANADA_POST: ("POST", "/pickuprequest"),
    Carrier.USPS: ("POST", "/pickup/v3/carrier-pickup"),
}
each = pytest.mark.parametrize("carrier", list(Carrier))
with_vans = pytest.mark.parametrize("carrier", list(VANS))


# Accounts -----------------------------------------------------------------------------------------


def test_an_account_is_sealed_and_who_opened_it_is_kept() -> None:
    courier = account(Carrier.CANADA_POST, "")
    kept = CarrierAccount.objects.get(courier=courier)
    assert b"my-password" not in bytes(kept.ciphertext)
    assert kept.details["password"] == "my-password"
    entry = CourierEntry.objects.get(courier=courier, what="account_opened")
    assert (entry.by, "my-password" in entry.text) == ("ann", False)


def test_an_account_without_what_the_carrier_wants_is_refused() -> None:
    courier = Courier.objects.get(slug="usps-us")
    with pytest.raises(ValueError, match="missing: client_secret, account_number, CRID, MID"):
        workflow.open_account(
            courier,
            Carrier.USPS,
            {"client_id": "x"},
            service="usps_ground_advantage",
            time_zone="America/New_York",
            by="ann",
            at=T0,
        )


# Labels -------------------------------------------------------------------------------------------


@each
def test_a_label_is_bought_with_its_number_and_page(carrier: Carrier, desk: Desk) -> None:
    bought = speaking(carrier, desk).create_label(label(carrier), "msg_1")
    assert bought.answer.fate == Fate.TAKEN, bought.answer
    assert (bought.number, bought.page) == (NUMBERS[carrier], PAGE)


def test_what_a_label_costs_is_what_the_carrier_says(desk: Desk) -> None:
    bought = speaking(Carrier.USPS, desk).create_label(label(Carrier.USPS), "msg_1")
    assert (bought.cost, bought.currency) == (Decimal("7.65"), "USD")


@each
def test_the_parcel_goes_from_the_buyer_to_the_seller(carrier: Carrier, desk: Desk) -> None:
    speaking(carrier, desk).create_label(label(carrier), "msg_1")
    (sent,) = desk.bodies(BUYS[carrier][1])
    tags = {
        Carrier.AUSTRALIA_POST: (b'"from"', b'"to"'),
        Carrier.CANADA_POST: (b"<returner>", b"<receiver>"),
        Carrier.USPS: (b'"fromAddress"', b'"toAddress"'),
    }
    buyer, seller = tags[carrier]
    if carrier == Carrier.CANADA_POST:
        assert sent.index(buyer) < sent.index(b"Sussex") < sent.index(seller) < sent.index(b"Depot")
    else:
        said = json.loads(sent)
        said = said["shipments"][0] if carrier == Carrier.AUSTRALIA_POST else said
        street, depot = (json.dumps(said[key.decode().strip('"')]) for key in tags[carrier])
        assert PLACES[carrier][0] in street
        assert "Depot" in depot


def test_an_australian_return_is_no_despatch(desk: Desk) -> None:
    speaking(Carrier.AUSTRALIA_POST, desk).create_label(label(Carrier.AUSTRALIA_POST), "msg_1")
    (sent,) = desk.bodies("/shipping/v1/shipments")
    assert json.loads(sent)["shipments"][0]["movement_type"] == "RETURN"


@each
def test_a_carrier_that_hangs_up_is_not_asked_again_blindly(carrier: Carrier, desk: Desk) -> None:
    gateway = speaking(carrier, desk)
    desk.answers[BUYS[carrier]] = (0, "")
    bought = gateway.create_label(label(carrier), "msg_1")
    assert bought.answer.fate == Fate.ABORTED
    assert "unclear" in bought.answer.error
    assert len(desk.bodies(BUYS[carrier][1])) == 1


@each
def test_a_carrier_that_is_away_is_asked_again(carrier: Carrier, settings: Settings) -> None:
    settings.COURIERS_ON_LOOPBACK = True
    with _open() as gone:
        url = gone.url
    bought = gateway_for(account(carrier, url), at=T0).create_label(label(carrier), "msg_1")
    assert (bought.answer.fate, bought.number) == (Fate.AGAIN, "")


@each
def test_a_carrier_that_is_busy_is_asked_again(carrier: Carrier, desk: Desk) -> None:
    gateway = speaking(carrier, desk)
    desk.answers[BUYS[carrier]] = (503, "")
    assert gateway.create_label(label(carrier), "msg_1").answer.fate == Fate.AGAIN


@each
def test_a_carrier_that_refuses_is_told_in_its_own_words(carrier: Carrier, desk: Desk) -> None:
    gateway = speaking(carrier, desk)
    desk.answers[BUYS[carrier]] = (400, REFUSALS[carrier])
    bought = gateway.create_label(label(carrier), "msg_1")
    assert bought.answer.fate == Fate.HOPELESS
    assert "Postcode is wrong" in bought.answer.error


REFUSALS = {
    Carrier.AUSTRALIA_POST: '{"errors": [{"code": "42", "message": "Postcode is wrong"}]}',
    Carrier.CANADA_POST: """<messages xmlns="http://www.canadapost.ca/ws/messages"><message>
        <code>42</code><description>Postcode is wrong</description></message></messages>""",
    Carrier.USPS: '{"error": {"code": "42", "message": "Postcode is wrong"}}',
}


@each
def test_nonsense_from_a_carrier_is_for_a_person(carrier: Carrier, desk: Desk) -> None:
    gateway = speaking(carrier, desk)
    desk.answers[BUYS[carrier]] = (200, b"\xff\x00<<<")
    bought = gateway.create_label(label(carrier), "msg_1")
    assert bought.answer.fate == Fate.ABORTED
    assert bought.number == ""


def test_only_the_american_label_has_to_be_taken_back(desk: Desk) -> None:
    spec = LabelSpec({}, NUMBERS[Carrier.USPS], "RMA-1", None, 0, *[label(Carrier.USPS).sender] * 2)
    assert speaking(Carrier.USPS, desk).void_label(spec, "m").fate == Fate.TAKEN
    assert [method for method, _, _ in desk.asked].count("DELETE") == 1
    desk.asked.clear()
    assert speaking(Carrier.CANADA_POST, desk).void_label(spec, "m").fate == Fate.TAKEN
    assert desk.asked == []


# Vans ---------------------------------------------------------------------------------------------


@with_vans
def test_a_van_is_booked_in_the_wall_time_of_the_address(carrier: Carrier, desk: Desk) -> None:
    booked = speaking(carrier, desk).book_pickup(van(carrier), "msg_1")
    assert (booked.answer.fate, booked.said) == (Fate.TAKEN, PickupSaid.ACCEPTED), booked
    assert booked.confirmation_number in ("0074698052", "WTC1")
    (sent,) = desk.bodies(VANS[carrier][1])
    assert b"2026-03-04" in sent
    if carrier == Carrier.CANADA_POST:
        assert b"09:00" in sent


@with_vans
def test_a_van_is_called_off_and_believed_to_be(carrier: Carrier, desk: Desk) -> None:
    """Karrio's Canada Post says that it failed after the carrier has done it."""
    outcome = speaking(carrier, desk).cancel_pickup(van(carrier, "0074698052"), "msg_1")
    assert [method for method, _, _ in desk.asked].count("DELETE") == 1
    assert (outcome.answer.fate, outcome.said) == (Fate.TAKEN, CancelSaid.CANCELLED)


@with_vans
def test_a_van_may_have_been_booked_when_nobody_answers(carrier: Carrier, desk: Desk) -> None:
    gateway = speaking(carrier, desk)
    desk.answers[VANS[carrier]] = (0, "")
    assert gateway.book_pickup(van(carrier), "msg_1").answer.fate == Fate.ABORTED


def test_australia_post_sends_no_van_through_karrio(desk: Desk) -> None:
    gateway = speaking(Carrier.AUSTRALIA_POST, desk)
    assert Capability.PICKUP not in gateway.capabilities
    assert gateway.book_pickup(van(Carrier.AUSTRALIA_POST), "m").answer.fate == Fate.HOPELESS
    assert desk.asked == []


# Tracking -----------------------------------------------------------------------------------------


@each
def test_a_parcel_is_followed(carrier: Carrier, desk: Desk) -> None:
    records = speaking(carrier, desk).poll_tracking([NUMBERS[carrier]])
    assert records[0].code == TrackingCode.DELIVERED
    assert all(record.occurred_at.tzinfo is UTC for record in records)
    assert len({record.event_id for record in records}) == len(records)
    again = gateway_for(Courier.objects.get(slug=SLUGS[carrier]), at=T0)
    assert again.poll_tracking([NUMBERS[carrier]]) == records


def test_canada_posts_times_are_those_of_the_place(desk: Desk) -> None:
    (record, *_) = speaking(Carrier.CANADA_POST, desk).poll_tracking(["1"])
    assert record.occurred_at == datetime(2026, 3, 5, 16, 59, tzinfo=UTC)


def test_an_older_australian_event_does_not_have_the_state_of_today(desk: Desk) -> None:
    delivered, before = speaking(Carrier.AUSTRALIA_POST, desk).poll_tracking(["1"])
    assert (delivered.code, before.code) == (TrackingCode.DELIVERED, TrackingCode.IN_TRANSIT)
    assert delivered.occurred_at == datetime(2026, 3, 4, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        ("Cancelled", TrackingCode.CANCELLED, None),
        ("Article damaged", TrackingCode.EXCEPTION, TrackingReason.DAMAGED),
        ("On Board for Delivery", TrackingCode.OUT_FOR_DELIVERY, None),
        ("Awaiting collection", TrackingCode.IN_TRANSIT, None),
    ],
)
def test_karrios_words_are_not_copied_blindly(
    status: str, code: TrackingCode, reason: TrackingReason | None, desk: Desk
) -> None:
    """A cancelled article is not a failed delivery, and a counter is not for the buyer (§2.2)."""
    gateway = speaking(Carrier.AUSTRALIA_POST, desk)
    said: Any = json.loads(json.dumps(_TRACKED_AU))
    item = said["tracking_results"][0]["trackable_items"][0]
    item["status"] = item["events"][0]["description"] = status
    desk.answers["GET", "/shipping/v1/track"] = (200, json.dumps(said))
    record = gateway.poll_tracking(["1"])[0]
    assert (record.code, record.reason) == (code, reason)


@each
def test_nothing_is_known_of_a_parcel_while_the_carrier_is_away(
    carrier: Carrier, desk: Desk
) -> None:
    gateway = speaking(carrier, desk)
    for key in [key for key in desk.answers if "track" in key[1]]:
        desk.answers[key] = (500, "oh no")
    assert gateway.poll_tracking([NUMBERS[carrier]]) == []


@each
def test_a_ping_says_whether_the_carrier_answers(carrier: Carrier, desk: Desk) -> None:
    gateway = speaking(carrier, desk)
    assert gateway.ping({}, "m").fate == Fate.TAKEN
    for key in list(desk.answers):
        desk.answers[key] = (503, "")
    fresh = gateway_for(Courier.objects.get(slug=SLUGS[carrier]), at=T0)
    assert fresh.ping({}, "m").fate == Fate.AGAIN


def test_nobody_is_called_on_our_own_network_but_in_a_sandbox(
    desk: Desk, settings: Settings
) -> None:
    gateway = speaking(Carrier.CANADA_POST, desk)
    settings.COURIERS_ON_LOOPBACK = False
    bought = gateway.create_label(label(Carrier.CANADA_POST), "msg_1")
    assert desk.asked == []
    assert (bought.answer.fate, bought.number) == (Fate.AGAIN, "")


# The whole way ------------------------------------------------------------------------------------


def test_a_return_travels_by_a_carrier_that_is_asked_after_it(desk: Desk) -> None:
    desk.answers.update(_canada(desk.url))
    account(Carrier.CANADA_POST, desk.url)
    case = awaiting("CA")
    outbox.deliver_due(10, at=T0)
    parcel = parcel_of(case)
    assert (parcel.label, parcel.tracking_number) == (LabelState.LIVE, NUMBERS[Carrier.CANADA_POST])
    with workflow.label_page(parcel, at=T0).file.open() as page:
        assert page.read() == PAGE
    on_friday = datetime(2026, 3, 6, tzinfo=UTC)
    assert polling.poll_due(10, at=on_friday) == 1
    workflow.project_due(10, at=on_friday)
    case.refresh_from_db()
    assert case.state == State.INSPECTING
    assert case.received_at == datetime(2026, 3, 5, 16, 59, tzinfo=UTC)
    assert polling.poll_due(10, at=on_friday + DAY) == 0


def test_a_parcel_is_asked_after_every_two_hours_and_what_is_known_is_no_news(desk: Desk) -> None:
    desk.answers.update(_canada(desk.url))
    account(Carrier.CANADA_POST, desk.url)
    case = awaiting("CA")
    outbox.deliver_due(10, at=T0)
    desk.answers["GET", "/vis/track/pin/"] = (500, "")
    asked = [polling.poll_due(10, at=T0 + hours * HOUR) for hours in (1, 2, 3, 4)]
    assert asked == [1, 0, 1, 0]
    assert not parcel_of(case).events.exists()
