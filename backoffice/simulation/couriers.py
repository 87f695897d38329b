"""The couriers' sandbox as a simulation sees it: agree, tell what people do, let it report.

The couriers themselves are another process (couriers_sandbox), which knows nothing of ours.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from logistics import workflow as logistics
from logistics.models import Courier, Parcel
from logistics.states import Direction, LabelState


class Couriers:
    """Every active courier of the database, played by the sandbox at settings.COURIERS_URL."""

    def __init__(self) -> None:
        """Raises ImproperlyConfigured without a sandbox."""
        if not settings.COURIERS_URL:
            raise ImproperlyConfigured("no couriers' sandbox: set COURIERS_URL")
        self.next_at: datetime | None = None
        self._told = set[str]()
        self._played: dict[str, dict[str, Any]] = {}
        self._control = httpx.Client(
            base_url=f"{settings.COURIERS_URL}/control",
            headers={"Authorization": f"Bearer {settings.COURIERS_TOKEN}"},
            # It answers when all is posted.
            timeout=600,
            trust_env=False,
        )

    def close(self) -> None:
        """Let the connections go; the couriers stay, with what they still have to do."""
        self._control.close()

    def arrange(self, **world: Any) -> None:
        """How things fare from now on: what `PUT /control/world` takes: seed, run, faults, …"""
        self._send("PUT", "/world", world)

    def agree(self, web_url: str, *, at: datetime) -> None:
        """Agree on new secrets with every active courier, and have it called at the sandbox.

        `web_url`: where it reports to.
        """
        self._played = {}
        for courier in Courier.objects.filter(active=True):
            courier.endpoint_url = f"{settings.COURIERS_URL}/couriers/{courier.slug}"
            courier.save(update_fields=["endpoint_url"])
            self._played[courier.slug] = {
                "country": courier.country,
                "url": f"{web_url}/api/couriers/v1/{courier.slug}",
                # What counted before was agreed with a sandbox that is no more.
                "sign_with": [_new_secret(courier, Direction.IN, at, timedelta(0))],
                "verify_with": [_new_secret(courier, Direction.OUT, at, timedelta(0))],
            }
        self._send("PUT", "/couriers", self._played)

    def rotate(self, *, at: datetime, overlap: timedelta) -> None:
        """New secrets both ways for all that were agreed with; the old ones count so much longer.

        Meanwhile the sandbox signs with the old one as often as its fault `old key` says.
        """
        for courier in Courier.objects.filter(slug__in=self._played):
            about = self._played[courier.slug]
            for what, way in (("sign_with", Direction.IN), ("verify_with", Direction.OUT)):
                about[what] = [_new_secret(courier, way, at, overlap), about[what][0]]
            about["old_until"] = (at + overlap).isoformat()
        self._send("PUT", "/couriers", self._played)

    # --- Time

    def set_clock(self, reads: datetime, *, speed: float = 0.0) -> None:
        """Have them see this time; standing still, they report when told to."""
        self._send("PUT", "/clock", {"reads": reads.isoformat(), "speed": speed})

    def advance(self, to: datetime) -> int:
        """Have them say all that is due until then; returns how much that was.

        Raises AssertionError when anything they said was refused for good.
        """
        done = self._send("POST", "/advance", {"to": to.isoformat()})
        if done["refused"]:
            raise AssertionError(f"couriers were refused: {done['refused'][:3]}")
        self.next_at = datetime.fromisoformat(done["next_at"]) if done["next_at"] else None
        return int(done["done"])

    # --- What people do

    def tell_stories(self, stories: Mapping[str, Mapping[str, Any]]) -> None:
        """By return: the seed, name and script its parcel fares by. Each is told once."""
        new = {number: story for number, story in stories.items() if number not in self._told}
        if new:
            self._told |= new.keys()
            self._send("PUT", "/stories", new)

    def take(self, number: str, now: datetime, *, live: bool = True) -> bool:
        """A buyer brings a return's parcel; False when it has no (`live`) label to go by."""
        parcels = Parcel.objects.filter(case__number=number).select_related("courier")
        parcel = (parcels.filter(label=LabelState.LIVE) if live else parcels).order_by("id").last()
        if parcel is None or parcel.courier is None:
            return False
        act = {
            "act": "hand_over",
            "courier": parcel.courier.slug,
            "tracking_number": parcel.tracking_number,
            "rma": number,
            "at": now.isoformat(),
        }
        self._send("POST", "/acts", [act])
        return True

    def damaged(self, number: str) -> bool:
        """Whether a return's parcel was damaged on its way, as whoever opens it sees."""
        parcels = self._send("GET", f"/parcels/{number}")
        return any(parcel["journey"] == "damaged" for parcel in parcels)

    # --- Their book

    def statistics(self) -> dict[str, Any]:
        """What they were told, saw, said and were answered, in numbers."""
        return dict(self._send("GET", "/statistics"))

    def book(self) -> dict[str, Any]:
        """All of it."""
        return dict(self._send("GET", "/book"))

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = self._control.request(method, path, json=body)
        except httpx.RemoteProtocolError:
            # A kept connection that the server had just closed. All of this may be said twice.
            answer = self._control.request(method, path, json=body)
        if answer.status_code != httpx.codes.OK:
            raise AssertionError(f"the sandbox: {method} {path} met {answer.text}")
        return answer.json()


def _new_secret(courier: Courier, way: Direction, at: datetime, overlap: timedelta) -> str:
    return logistics.give_secret(courier, way, at=at, by="simulation", overlap=overlap)


def keep_time(reads: datetime, *, speed: float) -> None:
    """Have the sandbox's clock show what ours shows, where there is a sandbox."""
    if settings.COURIERS_URL:
        couriers = Couriers()
        couriers.set_clock(reads, speed=speed)
        couriers.close()
