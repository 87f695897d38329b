"""The shop shows its buyer where to drop a parcel off: the nearest points first (R20)."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.problems import Refused
from backoffice.shop import case_json, serializers
from backoffice.shop.door import PROBLEMS, Door, the_case
from backoffice.shop.schema import answer
from logistics import workflow
from logistics.models import CourierService, DropOffPoint
from logistics.points.finder import Found, Wish, nearest
from logistics.points.places import Place, find_place, known_places
from returns.models import Case
from returns.states import Handover


class DayJson(TypedDict):
    """A day of the point's calendar: `09:00–12:00, 14:00–18:00`, `all day`, `closed`."""

    date: str
    day: str
    hours: str


class PointJson(TypedDict):
    """A point that takes parcels in. `open_now` is null where nobody knows its hours."""

    code: str
    courier: str
    name: str
    type: str
    address: str
    postal_code: str
    city: str
    country: str
    lat: float
    lon: float
    distance_m: int
    time_zone: str
    opening_hours: str
    open_now: bool | None
    now: str
    next_opening: str | None
    week: list[DayJson]


class NearJson(TypedDict):
    """Where it was looked from, and what the question was taken for."""

    name: str
    lat: float
    lon: float


class PointsJson(TypedDict):
    """The nearest points, nearest first."""

    near: NearJson
    points: list[PointJson]


class PointsDoor(Door):
    @extend_schema(
        operation_id="drop_off_points",
        parameters=[serializers.PointsQuery],
        responses={200: answer(PointsJson), **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Where the parcel can be dropped off: points of that country's courier, nearest first.

        Of a `case`, or of a `country`; near `lat` and `lon`, else near `q` (a city or a postal
        code), else near the case's buyer. 422 `unknown-place` names the places that are known,
        `no-drop-off` says what there is instead.
        """
        query = self.asked(serializers.PointsQuery)
        case = the_case(query["case"]) if "case" in query else None
        country = case.buyer.country if case else query["country"]
        service = _service(country)
        near = _place(query, country, case)
        wish = Wish(
            country,
            courier=service.courier_id,
            kind=query.get("type", ""),
            open_now=query.get("open_now") == "true",
        )
        found = nearest(wish, near.lat, near.lon, limit=int(query.get("limit", 10)), at=self.at)
        told: PointsJson = {
            "near": {"name": near.name, "lat": near.lat, "lon": near.lon},
            "points": _points(found, at=self.at),
        }
        return Response(told)


def _service(country: str) -> CourierService:
    """The courier a drop-off is chosen with there; says what else there is where there is none."""
    services = list(workflow.services_in(country))
    for service in services:
        if service.method == Handover.DROP_OFF:
            return service
    instead = "a pick-up can be booked" if services else "the buyer posts it by registered mail"
    raise Refused(
        422, "no-drop-off", "No drop-off", f"Nobody takes parcels in at points there; {instead}."
    )


def _place(query: Mapping[str, str], country: str, case: Case | None) -> Place:
    if "lat" in query:
        return Place("the place given", float(query["lat"]), float(query["lon"]))
    if "q" in query:
        asked = [query["q"]]
    else:
        address = case.buyer.address if case else {}
        asked = [str(address.get(name) or "") for name in ("postal_code", "city")]
    for typed in asked:
        if place := find_place(country, typed):
            return place
    places = known_places(country)
    raise Refused(
        422,
        "unknown-place",
        "Where is that?",
        f"Ask for a city, a postal code, or lat and lon. Known: {', '.join(places) or 'nothing'}.",
        places=places,
    )


def _points(found: list[Found], *, at: datetime) -> list[PointJson]:
    ids = [each.id for each in found]
    points = DropOffPoint.objects.select_related("courier").in_bulk(ids)
    return [_json(points[each.id], each.distance_m, at) for each in found if each.id in points]


def _json(point: DropOffPoint, distance_m: float, at: datetime) -> PointJson:
    hours = point.hours
    opens = hours.next_opening(at)
    return {
        "code": point.code,
        "courier": point.courier.slug,
        "name": point.name,
        "type": point.kind,
        "address": point.address,
        "postal_code": point.postal_code,
        "city": point.city,
        "country": point.country,
        "lat": point.lat,
        "lon": point.lon,
        "distance_m": round(distance_m),
        "time_zone": point.time_zone,
        "opening_hours": point.opening_hours,
        "open_now": point.open_at(at),
        "now": hours.in_words(at),
        "next_opening": case_json.moment(opens) if opens else None,
        "week": [
            {"date": date, "day": f"{datetime.fromisoformat(date):%A}", "hours": said}
            for date, said in hours.week(at).items()
        ],
    }
