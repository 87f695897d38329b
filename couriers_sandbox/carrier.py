"""The couriers as a carrier's own interface has them: asked, and answering at once.

    POST /carrier/{slug}/labels          {rma, tracking_number?} → {tracking_number, page, cost, …}
    POST /carrier/{slug}/labels/void     {tracking_number} → {}
    POST /carrier/{slug}/pickups         {pickup_id, tracking_numbers, rma, window} → {status:
         …              /pickups/move    confirmed, confirmation_number, window_start,
                                         window_end} | {status: pending} | {status: rejected, …}
    POST /carrier/{slug}/pickups/cancel  {pickup_id} → {status: cancelled | pending | rejected}
    POST /carrier/{slug}/ping            → {}
    GET  /carrier/{slug}/tracking?numbers=A,B   {events: […]}, what happened until now
    GET  /carrier/{slug}/points          {points: […]}

Each POST carries an Idempotency-Key: the same key does it once and gets the same answer.
"""

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from couriers_sandbox.book import Heard, Json
from couriers_sandbox.contract import hours, told
from couriers_sandbox.dice import Dice

if TYPE_CHECKING:
    from couriers_sandbox.world import Courier, World

#: Degrees, roughly the middle of a big city, for points that nobody can visit.
CITIES = {
    "AU": ("Sydney", -33.87, 151.21), "CA": ("Toronto", 43.65, -79.38),
    "CH": ("Zürich", 47.37, 8.54), "CL": ("Santiago", -33.45, -70.67),
    "CZ": ("Praha", 50.08, 14.43), "FR": ("Lyon", 45.76, 4.84), "GB": ("London", 51.51, -0.13),
    "IL": ("תל אביב", 32.08, 34.78), "IT": ("Torino", 45.07, 7.69), "JP": ("東京", 35.68, 139.69),
    "KR": ("서울", 37.57, 126.98), "MX": ("Ciudad de México", 19.43, -99.13),
    "PL": ("Warszawa", 52.23, 21.01), "US": ("New York", 40.71, -74.01),
    "AE": ("دبي", 25.20, 55.27),
}  # fmt: skip
POINTS = 3
#: The smallest thing a PDF reader opens: what a label says is not the sandbox's affair.
PAGE = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 288 432]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


class Carrier:
    """All couriers' own interfaces. What was done stands in `done`, by key."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.done: dict[tuple[str, str], Json] = {}
        self.says: dict[str, str] = {}  # by slug: what it says of vans, where it was told to

    def ask(self, courier: "Courier", what: str, key: str, data: Mapping[str, Any]) -> Json | None:
        """Do something once a key; None for what it does not know. Raises KeyError, ValueError."""
        acts: Mapping[str, Callable[[Courier, Mapping[str, Any]], Json]] = {
            "labels": self._label,
            "labels/void": self._void,
            "pickups": self._book,
            "pickups/move": self._book,
            "pickups/cancel": self._cancel,
            "ping": lambda courier, data: {},
        }
        act = acts.get(what)
        if act is None:
            return None
        with self.world.lock:
            if (courier.slug, key) not in self.done:
                self.done[courier.slug, key] = act(courier, data)
            return self.done[courier.slug, key]

    def look(self, courier: "Courier", what: str, query: Mapping[str, list[str]]) -> Json | None:
        """What is asked for without doing anything."""
        if what == "tracking":
            numbers = set(",".join(query.get("numbers", [])).split(","))
            return {"events": self._events(courier, numbers)}
        return {"points": self._points(courier)} if what == "points" else None

    def _label(self, courier: "Courier", data: Mapping[str, Any]) -> Json:
        number = data.get("tracking_number") or f"SX{len(self.done):09d}{courier.country}"
        parcel = self.world.book.parcel(courier.slug, number)
        parcel.rma = data.get("rma", "")
        page = base64.b64encode(PAGE).decode()
        made = {"tracking_number": number, "page": page, "page_type": "application/pdf"}
        return made | {"cost": "4.50", "currency": "EUR"}

    def _void(self, courier: "Courier", data: Mapping[str, Any]) -> Json:
        self.world.book.parcel(courier.slug, data["tracking_number"]).voided = True
        return {}

    def _book(self, courier: "Courier", data: Mapping[str, Any]) -> Json:
        said = self.says.get(courier.slug, "confirmed")
        if said == "rejected":
            return {"status": "rejected", "reason": "capacity"}
        now, start_end = self.world.clock.now(), hours(data["window"])
        heard = Heard(courier.slug, "", "pickup.requested", told(now), dict(data), now)
        self.world.vans.asked(heard, now, confirmed=said == "confirmed")
        if said == "pending":
            return {"status": "pending"}
        start, end = map(told, start_end)
        number = f"X{Dice(0, data['pickup_id']).roll('number') * 1e8:08.0f}"
        confirmed = {"status": "confirmed", "confirmation_number": number}
        return confirmed | {"window_start": start, "window_end": end}

    def _cancel(self, courier: "Courier", data: Mapping[str, Any]) -> Json:
        said = self.says.get(courier.slug, "cancelled")
        if said == "rejected":
            return {"status": "rejected", "reason": "the van is on its way"}
        if van := self.world.vans.all.get((courier.slug, data["pickup_id"])):
            van.gone = True
        return {"status": "pending" if said == "pending" else "cancelled"}

    def _events(self, courier: "Courier", numbers: set[str]) -> list[Json]:
        with self.world.lock:
            return [
                report.data
                for report in self.world.book.reports
                if report.courier == courier.slug
                and report.tracking_number in numbers
                and report.occurred_at <= self.world.clock.now()
            ]

    def _points(self, courier: "Courier") -> list[Json]:
        city, lat, lon = CITIES.get(courier.country, ("Null Island", 0.0, 0.0))
        dice = Dice(self.world.seed, courier.slug)
        return [
            {
                "code": f"{courier.country}{n:04d}",
                "name": f"{city} {n}",
                "kind": ("locker", "shop", "post_office")[n % 3],
                "country": courier.country,
                "city": city,
                "address": f"Street {n}",
                "lat": round(lat + dice.roll(f"lat {n}") / 10, 5),
                "lon": round(lon + dice.roll(f"lon {n}") / 10, 5),
                "opening_hours": "24/7" if n % 3 == 0 else "Mo-Fr 08:00-18:00",
                "takes_parcels": True,
            }
            for n in range(1, POINTS + 1)
        ]
