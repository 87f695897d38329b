"""A courier written from the public contract alone: the standard library, and nothing of ours.

It is told of pick-ups by signed webhooks, confirms them, collects, and reports each scan until the
parcel is delivered. Copy it to begin your own. Its settings come from the environment: OFFICE_URL
(https://…/api/couriers/v1/your-name), SIGNING_SECRET (what you sign with), VERIFYING_SECRET (what
the office signs with), READ_KEY and PORT.
"""

import base64
import hmac
import json
import os
import queue
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OFFICE, READ_KEY = os.environ["OFFICE_URL"], os.environ["READ_KEY"]
SIGNING, VERIFYING = os.environ["SIGNING_SECRET"], os.environ["VERIFYING_SECRET"]
TOLERANCE = 300  # seconds a message may be old, or our clocks apart
WAITS = (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)  # seconds: 75 hours in all


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Standard Webhooks v1: HMAC-SHA256 over `id.timestamp.body`, the raw bytes."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


class Door(BaseHTTPRequestHandler):
    """Takes webhooks: believe, remember, answer at once, and do the work afterwards."""

    work: "queue.Queue[dict]" = queue.Queue()
    seen: "set[str]" = set()  # a real courier keeps these in its database, for a month

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        message_id = self.headers.get("webhook-id", "")
        timestamp = self.headers.get("webhook-timestamp", "0")
        # Several signatures while a secret is being changed: one of them must be right.
        expected = signature(VERIFYING, message_id, timestamp, body).encode()
        given = self.headers.get("webhook-signature", "").encode().split()
        fresh = timestamp.isdecimal() and abs(time.time() - int(timestamp)) <= TOLERANCE
        if not fresh or not any(hmac.compare_digest(expected, each) for each in given):
            return self.answer(401)
        if message_id not in self.seen:
            self.seen.add(message_id)
            self.work.put(json.loads(body))
        return self.answer(204)  # also when it came before: that is not an error

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


def report(kind: str, data: dict) -> dict:
    """Tell the office until it has it: the same id and body each time, a fresh timestamp."""
    message_id = f"msg_{uuid.uuid4().hex}"
    body = json.dumps({"type": kind, "timestamp": now(), "data": data}).encode()
    for wait in WAITS:
        time.sleep(wait)
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(SIGNING, message_id, timestamp, body),
        }
        try:
            return call("events", body, headers)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (401, 429):
                raise SystemExit(f"{kind} is wrong: {error.read().decode()}") from error
            time.sleep(int(error.headers.get("Retry-After", 0)))
        except urllib.error.URLError:
            pass  # nobody there: try again
    raise SystemExit(f"{kind} could not be told")


def read(path: str) -> dict:
    """Look something up with the read key."""
    return call(path, None, {"Authorization": f"Bearer {READ_KEY}"})


def call(path: str, body: "bytes | None", headers: "dict[str, str]") -> dict:
    request = urllib.request.Request(f"{OFFICE}/{path}", body, headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def now() -> str:
    """RFC 3339, with its offset."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def serve(pickup_id: str, number: str) -> None:
    """Confirm a pick-up, collect its parcel, carry it, deliver it; say each when it happens."""
    report("pickup.confirmed", {"pickup_id": pickup_id, "confirmation_number": f"C-{pickup_id}"})
    done = {"pickup_id": pickup_id, "tracking_numbers": [number], "occurred_at": now()}
    report("pickup.completed", done)
    for code in ("picked_up", "in_transit", "out_for_delivery", "delivered"):
        scan = {
            "event_id": f"{number}-{code}",  # your own name of this scan: told twice, kept once
            "tracking_number": number,
            "code": code,
            "occurred_at": now(),
            "location": {"kind": "hub", "city": "Praha", "country": "CZ"},
        }
        print(code, report("tracking.updated", {"events": [scan]})["status"], flush=True)
    print("the office says", read(f"parcels/{number}")["status"], flush=True)


def missed(since: datetime) -> "list[tuple[str, str]]":
    """Pick-ups that were asked for while we were away, and that nobody has confirmed."""
    query, found = {"since": since.isoformat(timespec="seconds")}, []
    while query:
        page = read(f"pickups?{urllib.parse.urlencode(query)}")
        new = [each for each in page["results"] if each["status"] == "requested"]
        found += [(each["pickup_id"], each["tracking_number"]) for each in new]
        query = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
    return found


def main() -> None:
    door = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Door)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    todo, served = missed(datetime.now(UTC) - timedelta(days=3)), set()
    print("listening, missed", len(todo), flush=True)
    while True:
        for pickup_id, number in todo:
            if pickup_id not in served:  # asked for twice, served once
                served.add(pickup_id)
                serve(pickup_id, number)
        told = Door.work.get()
        asked, data = told["type"] == "pickup.requested", told["data"]
        todo = [(data["pickup_id"], data["tracking_numbers"][0])] if asked else []


if __name__ == "__main__":
    main()
