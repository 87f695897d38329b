"""The couriers' sandbox believes signatures only, keeps a book, and fails as it is told to."""

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from couriers_sandbox import contract, fate
from couriers_sandbox.dice import Dice
from couriers_sandbox.fate import happenings
from couriers_sandbox.server import Sandbox
from logistics.signatures import sign
from tests.make import DAY, SECRET, T0, secret_bytes

HOUR = timedelta(hours=1)
OTHER = "whsec_" + "A" * 43 + "="
RMA = "RMA00000001"
WINDOW = {"date": "2026-03-04", "start": "09:00", "end": "12:00", "tz": "Europe/Prague"}
#: Every choice that chance would have: a message is taken, a van comes, a parcel travels smoothly.
PLAIN: dict[str, Any] = {
    "answers": {"takes it": 1.0} | dict.fromkeys(set(fate.ANSWERS) - {"takes it"}, 0.0),
    "vans": {"comes": 1.0} | dict.fromkeys(set(fate.VANS) - {"comes"}, 0.0),
    "journeys": {"smooth": 1.0} | dict.fromkeys(set(fate.JOURNEYS) - {"smooth"}, 0.0),
    "faults": dict.fromkeys(fate.FAULTS, 0.0),
}


class Office:
    """The back office, as far as the sandbox sees one: it signs, it steers, it takes reports."""

    def __init__(self, sandbox: Sandbox, url: str = "http://127.0.0.1:1") -> None:
        self.world = sandbox.world
        self.client = httpx.Client(base_url=sandbox.url, trust_env=False)
        ppl = {"country": "CZ", "url": url, "sign_with": [SECRET], "verify_with": [SECRET]}
        self.control("PUT", "couriers", {"ppl-cz": ppl})
        self.control("PUT", "world", {"run": "T", **PLAIN})
        self.clock(T0)

    def control(self, method: str, path: str, body: Any = None, key: str = "token") -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        answer = self.client.request(method, f"/control/{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def clock(self, at: datetime) -> None:
        self.control("PUT", "clock", {"reads": at.isoformat(), "speed": 0})

    def tells(
        self, kind: str, message_id: str = "msg_1", *, secret: str = SECRET, **data: Any
    ) -> httpx.Response:
        told = {"rma": RMA, "tracking_numbers": ["BA100000001CZ"], **data}
        body = json.dumps({"type": kind, "timestamp": T0.isoformat(), "data": told}).encode()
        stamp = int(self.world.clock.now().timestamp())
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(message_id, stamp, body, secret_bytes(secret)),
        }
        return self.client.post("/couriers/ppl-cz", content=body, headers=headers)

    def asks_for_a_van(self, message_id: str = "msg_van", **data: Any) -> httpx.Response:
        return self.tells("pickup.requested", message_id, pickup_id="pk-1", window=WINDOW, **data)

    def later(self, at: datetime) -> list[str]:
        """Time goes on; returns what couriers have to say of it by then, in order."""
        before = len(self.world.book.reports)
        self.control("POST", "advance", {"to": at.isoformat()})
        return [report.code or report.type for report in self.world.book.reports[before:]]


@pytest.fixture
def office(sandbox: Sandbox) -> Office:
    return Office(sandbox)


# --- Its doors


def test_a_courier_takes_what_we_signed_and_nothing_else(office: Office) -> None:
    """The contract's signature, inside its five minutes."""
    assert office.tells("label.created").status_code == 204
    assert office.tells("label.created", "msg_2", secret=OTHER).status_code == 401
    assert office.client.post("/couriers/nobody", content=b"{}").status_code == 404
    assert office.client.post("/couriers/ppl-cz", content=b"{}").status_code == 401
    assert [one.type for one in office.world.book.heard.values()] == ["label.created"]


def test_the_control_door_asks_for_its_token(office: Office) -> None:
    """Whoever steers couriers could make up scans."""
    with pytest.raises(AssertionError):
        office.control("GET", "book", key="guess")
    assert office.client.get("/control/book").status_code == 401
    assert office.client.get("/healthz").status_code == 204


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("acts", [{"act": "fly"}]),
        ("acts", [{"act": "hand_over", "courier": "x", "tracking_number": "1", "rma": "1"}]),
        ("advance", {"to": "soon"}),
        ("advance", {}),
        ("advance", []),
    ],
)
def test_nonsense_at_the_control_door_is_said_to_be(office: Office, path: str, body: Any) -> None:
    """Not a crash."""
    headers = {"Authorization": "Bearer token"}
    answer = office.client.post(f"/control/{path}", json=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_message_told_twice_is_one_line_in_the_book(office: Office) -> None:
    """Its book judges ours: what it heard, and how often."""
    for _ in range(3):
        assert office.tells("label.created").status_code == 204
    (heard,) = office.control("GET", "book")["heard"]
    assert (heard["id"], heard["times"]) == ("msg_1", 3)
    assert office.control("GET", "statistics")["heard_again"] == 2


@pytest.mark.parametrize(
    ("fault", "first"), [("is down", 503), ("is busy", 429), ("hangs up", None)]
)
def test_a_door_that_fails_takes_the_message_the_second_time(
    office: Office, fault: str, first: int | None
) -> None:
    """So that the outbox has something to repeat; who hangs up has it already."""
    office.control("PUT", "world", {"answers": {"takes it": 0, fault: 1}})
    if first is None:
        with pytest.raises(httpx.RemoteProtocolError):
            office.tells("label.created")
    else:
        assert office.tells("label.created").status_code == first
    assert office.tells("label.created").status_code == 204
    assert len(office.world.book.heard) == 1


# --- Vans


def test_a_van_is_confirmed_then_comes_inside_its_window(office: Office) -> None:
    """Then the parcel travels."""
    office.asks_for_a_van()
    assert office.later(T0 + 6 * HOUR) == ["pickup.confirmed"]
    came = office.later(T0 + 2 * DAY + HOUR)
    assert came == ["pickup.completed", "picked_up"]
    report = office.world.book.reports[1]
    assert T0 + 46 * HOUR <= report.occurred_at <= T0 + 2 * DAY + HOUR  # 09:00–12:00 in Prague
    assert office.later(T0 + 9 * DAY) == ["in_transit", "out_for_delivery", "delivered"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("rejects", ["pickup.rejected"]),
        ("never comes", ["pickup.confirmed"]),
        ("cancels late", ["pickup.confirmed", "pickup.cancelled"]),
        ("fails twice", ["pickup.confirmed", "pickup.attempted", "pickup.attempted"]),
        ("misses", ["pickup.confirmed", "pickup.attempted", "pickup.completed", "picked_up"]),
        ("double-books", ["pickup.confirmed", "pickup.attempted", "pickup.completed", "picked_up"]),
    ],
)
def test_a_van_fares_as_a_story_wants_it(office: Office, how: str, said: list[str]) -> None:
    """Missed and double-booked vans are the courier's failure, and say so."""
    story = {"seed": 7, "name": "1", "script": {"van 1": how}}
    office.control("PUT", "stories", {RMA: story})
    office.asks_for_a_van()
    assert office.later(T0 + 4 * DAY)[: len(said)] == said
    reasons = {one.data.get("reason") for one in office.world.book.reports} - {None}
    if how in ("misses", "double-books"):
        assert reasons == {"courier_missed" if how == "misses" else "capacity"}


def test_a_van_that_was_called_off_does_not_come(office: Office) -> None:
    """And one that was moved comes at the new hour only."""
    office.asks_for_a_van()
    office.later(T0 + 6 * HOUR)
    office.tells("pickup.cancel_requested", "msg_off", pickup_id="pk-1")
    assert office.later(T0 + 5 * DAY) == ["pickup.cancelled"]
    later = WINDOW | {"date": "2026-03-09"}
    office.tells("pickup.reschedule_requested", "msg_again", pickup_id="pk-1", window=later)
    assert office.later(T0 + 6 * DAY) == ["pickup.confirmed"]
    assert office.later(T0 + 7 * DAY) == ["pickup.completed", "picked_up"]


def test_a_van_that_is_on_its_way_may_not_be_called_off(office: Office) -> None:
    """The wish is refused, and the van comes."""
    office.control(
        "PUT", "stories", {RMA: {"seed": 7, "name": "1", "script": {"cancel 1": "refuses"}}}
    )
    office.asks_for_a_van()
    office.later(T0 + 6 * HOUR)
    office.tells("pickup.cancel_requested", "msg_off", pickup_id="pk-1")
    assert office.later(T0 + 3 * DAY)[:3] == [
        *("pickup.cancel_rejected", "pickup.completed", "picked_up"),
    ]


def test_somebody_may_decide_who_opens_the_door(office: Office) -> None:
    """A door that nobody opens keeps the van waiting, whatever the dice say."""
    office.asks_for_a_van()
    office.later(T0 + 6 * HOUR)
    act = {"act": "door", "courier": "ppl-cz", "pickup_id": "pk-1", "answer": "not_home"}
    office.control("POST", "acts", [act])
    assert office.later(T0 + 2 * DAY) == ["pickup.attempted"]


# --- Parcels


def hand_over(office: Office, number: str = "BA100000001CZ", rma: str = RMA) -> None:
    act = {"act": "hand_over", "courier": "ppl-cz", "tracking_number": number, "rma": rma}
    office.control("POST", "acts", [act])


def test_a_parcel_is_handed_over_once(office: Office) -> None:
    """A buyer who brings it after the van took it has nothing to bring."""
    hand_over(office)
    hand_over(office)
    assert Counter(office.later(T0 + 9 * DAY)).most_common(1) == [("dropped_off", 1)]
    (parcel,) = office.control("GET", f"parcels/{RMA}")
    assert (parcel["journey"], parcel["first"]) == ("smooth", "dropped_off")


@pytest.mark.parametrize("journey", fate.JOURNEYS)
def test_nothing_is_reported_before_it_happened(journey: str) -> None:
    """However late, doubled or shuffled."""
    seen = happenings(Dice(7, "1"), journey, "dropped_off", T0)
    assert all(each.says_at >= each.occurred_at >= T0 for each in seen)
    assert (seen[-1].code == "delivered") == (journey not in ("lost", "silent"))


def test_a_shuffled_courier_tells_the_later_first() -> None:
    """R33's events come in any order."""
    seen = happenings(Dice(7, "1"), "shuffled", "dropped_off", T0)
    order = [each.code for each in sorted(seen, key=lambda each: each.says_at)]
    assert order == ["in_transit", "dropped_off", "delivered", "out_for_delivery"]


def test_one_report_in_a_hundred_is_lost_for_good(office: Office) -> None:
    """It stays in the book, marked, and is never posted."""
    office.control("PUT", "world", {"faults": {"lose": 0.01}})
    for index in range(500):
        hand_over(office, f"BA{index:08d}0CZ", f"RMA{index}")
    office.later(T0 + 9 * DAY)
    lost = [report for report in office.world.book.reports if report.lost]
    assert 10 <= len(lost) <= 35
    assert not set(map(id, lost)) & {
        id(report) for message in office.world.book.messages for report in message.reports
    }


def test_the_same_seed_says_the_same(office: Office, sandbox: Sandbox) -> None:
    """Bytes and faults alike, whatever ran before it."""
    books = []
    for _ in range(2):
        sandbox.world.__init__(7, "T")  # type: ignore[misc]
        again = Office(sandbox)
        again.control("PUT", "world", {"faults": fate.FAULTS, "vans": fate.VANS})
        for index in range(40):
            hand_over(again, f"BA{index:08d}0CZ", f"RMA{index}")
        again.asks_for_a_van()
        again.later(T0 + 12 * DAY)
        books.append([(one.id, one.body, one.faults) for one in sandbox.world.book.messages])
    assert books[0] == books[1]


# --- Its post


def test_secrets_of_ours_are_read_as_theirs(office: Office) -> None:
    """The two sides of the contract were written apart."""
    headers = {"webhook-id": "m", "webhook-timestamp": str(int(T0.timestamp()))}
    body = b'{"a": 1}'
    ours = sign("m", int(T0.timestamp()), body, secret_bytes(SECRET))
    assert contract.signature("m", int(T0.timestamp()), body, SECRET) == ours
    assert contract.is_signed(body, headers | {"webhook-signature": ours}, [OTHER, SECRET], T0)
    assert not contract.is_signed(body, headers | {"webhook-signature": ours}, [OTHER], T0)
    late = T0 + timedelta(seconds=301)
    assert not contract.is_signed(body, headers | {"webhook-signature": ours}, [SECRET], late)
