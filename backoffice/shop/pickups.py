"""The buyer's van, as the shop books it: which windows are free, another one, none at all (R23)."""

from collections.abc import Sequence
from typing import Any, TypedDict

from django.core.paginator import Paginator
from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.problems import Refused
from backoffice.shop import serializers
from backoffice.shop.door import (
    CASE,
    ONCE,
    PROBLEMS,
    OneCaseDoor,
    refuse_unless_allowed,
    the_case,
)
from backoffice.shop.schema import answer
from backoffice.shop.slots import SlotJson, slot_json
from logistics import workflow as logistics
from logistics.policy import Slot, Window
from returns.models import Case

PAGE = 30


class SlotsJson(TypedDict):
    next: str | None
    previous: str | None
    results: list[SlotJson]


class PickupSlotsDoor(OneCaseDoor):
    @extend_schema(
        operation_id="pickup_slots_list",
        parameters=[serializers.SlotsQuery],
        responses={200: answer(SlotsJson), **PROBLEMS},
    )
    def get(self, request: Request, number: str) -> Response:
        """The windows in which a van may come, the earliest first, 30 a page (R23).

        `places` is `free`, `few` or `none`. A window is booked by `handover` with its date, start
        and end, before `book_before`.
        """
        page = int(self.asked(serializers.SlotsQuery).get("page", 1))
        case = the_case(number)
        refuse_unless_allowed(case, "handover", self.at)
        try:
            slots = logistics.pickup_slots(case, at=self.at)
        except ValueError as senseless:
            raise Refused(422, "senseless", "That cannot be", str(senseless)) from senseless
        return Response(self._page(slots, page))

    def _page(self, slots: Sequence[Slot], number: int) -> SlotsJson:
        pages = Paginator(slots, PAGE)
        return {
            "next": self._address(number + 1) if number < pages.num_pages else None,
            "previous": self._address(min(number - 1, pages.num_pages)) if number > 1 else None,
            "results": [slot_json(slot) for slot in slots[(number - 1) * PAGE : number * PAGE]],
        }

    def _address(self, page: int) -> str:
        return f"{self.request.build_absolute_uri(self.request.path)}?page={page}"


class ReschedulePickupDoor(OneCaseDoor):
    @extend_schema(parameters=[ONCE], request=serializers.RescheduleIn, responses=CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer wants the van in another window (R23).

        Until the courier confirms it the window confirmed before stands beside it.
        """
        told = self.told(serializers.RescheduleIn)
        return self.act("handover", lambda case: self._move(case, told))

    def _move(self, case: Case, told: dict[str, Any]) -> None:
        logistics.reschedule_pickup(case, window=Window.parse(told["window"]), at=self.at)


class CancelPickupDoor(OneCaseDoor):
    @extend_schema(parameters=[ONCE], request=None, responses=CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer does not want the van any more (R23).

        The pick-up is then `cancelled`, or `cancel_requested` where the courier may have heard of
        it: it may still refuse, until the moment in `parcel.pickup.cancel`.
        """
        return self.act("handover", lambda case: logistics.cancel_pickup(case, at=self.at))
