"""Where the shop's door meets logistics: ways to hand over, points, windows, numbers, labels."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from logistics import workflow as logistics
from logistics.labels import Sheet
from logistics.models import CourierService, LabelPage
from logistics.policy import Window
from logistics.states import LabelState
from returns import workflow as returns
from returns.models import Case, Evidence
from returns.states import Handover


def services(cases: Iterable[Case]) -> dict[str, Collection[str]]:
    """What couriers offer in the buyers' countries (R21), in one query."""
    countries: dict[str, set[str]] = {case.buyer.country: set() for case in cases}
    offered = CourierService.objects.filter(
        country__in=countries, active=True, courier__active=True
    )
    for country, method in offered.values_list("country", "method"):
        countries[country].add(method)
    return dict(countries)


def choose(case: Case, told: Mapping[str, Any], *, at: datetime) -> None:
    """The buyer chooses a point, a window or an own courier (R20–R23). ValueError for nonsense."""
    _pack(case, told, at=at)
    method = Handover(told["method"])
    if method == Handover.PICKUP:
        if "window" not in told:
            raise ValueError("a pick-up needs a window")
        logistics.book_pickup(case, window=Window.parse(told["window"]), at=at)
    elif method == Handover.DROP_OFF:
        logistics.choose_drop_off(case, point_code=told.get("point", ""), at=at)
    elif method not in (options := logistics.handover_options(case)):
        raise ValueError(f"this return can be handed over by: {', '.join(options)}")
    else:
        returns.choose_handover(case, method=method, at=at)


def ship(case: Case, told: Mapping[str, Any], *, at: datetime) -> None:
    """The buyer posted the parcel (R22)."""
    _pack(case, told, at=at)
    logistics.register_own_parcel(
        case,
        courier_name=told["courier"],
        tracking_number=told["tracking_number"],
        registered=told["registered"],
        postage=told.get("cost", Decimal(0)),
        at=at,
    )


def _pack(case: Case, told: Mapping[str, Any], *, at: datetime) -> None:
    """Where the buyer keeps some of the claimed pieces."""
    if "pieces" in told:
        logistics.pack(case, pieces=told["pieces"], at=at)


def prove_postage(
    case: Case, cost: Decimal | None, file: Mapping[str, Any], *, at: datetime
) -> Evidence:
    """The buyer shows what the postage was (R21). ValueError where nothing was posted."""
    return logistics.prove_postage(case, cost=cost, at=at, **file)


def label_page(case: Case, sheet: Sheet, *, at: datetime) -> LabelPage | None:
    """The page to print; None while there is no label. ValueError when it cannot be drawn."""
    parcel = case.parcels.filter(label__in=(LabelState.LIVE, LabelState.USED)).first()
    return logistics.label_page(parcel, sheet, at=at) if parcel else None
