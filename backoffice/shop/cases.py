"""The shop opens returns for its buyers, follows them and acts on them."""

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.problems import Refused, error, invalid
from backoffice.shop import case_json, parcels, serializers
from backoffice.shop.door import (
    CASE,
    ONCE,
    PROBLEMS,
    Door,
    OneCaseDoor,
    no_exchange,
    refuse_unless_allowed,
    the_case,
    the_case_json,
    the_line,
)
from backoffice.shop.schema import answer
from returns import opening, policy, workflow
from returns.models import Case, Order
from returns.states import Actor

#: The rules without which there is no return at all; the others only say what it costs.
_REQUIRED = frozenset({"R01", "R05", "R07", "R09"})


class Pages(CursorPagination):
    """Newest first. A cursor is a place between two cases, so nothing is skipped or told twice."""

    ordering = "-id"
    page_size = 50
    max_page_size = 100
    page_size_query_param = "limit"

    def decode_cursor(self, request: Request) -> Cursor | None:
        try:
            cursor = super().decode_cursor(request)
        except NotFound as error_:
            raise _bad_cursor() from error_
        # A position is an id; anything else would reach the database as one.
        if cursor and not re.fullmatch(r"[0-9]{1,17}", str(cursor.position or 0), re.ASCII):
            raise _bad_cursor()
        return cursor


class ReturnsDoor(Door):
    @extend_schema(
        operation_id="returns_list",
        parameters=[serializers.CasesQuery],
        responses={200: answer(case_json.PageJson), **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Return cases, newest first, 50 a page."""
        query = self.asked(serializers.CasesQuery)
        pages = Pages()
        found = pages.paginate_queryset(_cases(query), request, view=self) or []
        return pages.get_paginated_response(case_json.cases_json(found, at=self.at))

    @extend_schema(
        parameters=[ONCE],
        request=serializers.DisputeIn,
        responses={201: answer(case_json.CaseJson), **PROBLEMS},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Open a dispute on one order item. What the policy does not allow: 422 `not-possible`."""
        wish = no_exchange(self.told(serializers.DisputeIn))
        return self.once(lambda: self._open(wish))

    def _open(self, wish: dict[str, Any]) -> Response:
        number, sku = wish.pop("order"), wish.pop("item")
        if order := Order.objects.filter(number=number).first():
            # Before the item is read: its price may be about to change.
            opening.lock_parties(order)
        line = the_line(number, sku)
        if line is None:
            place = "/item" if order else "/order"
            raise invalid(error(place, "unknown", "We do not know it."))
        try:
            case = workflow.open_dispute(line, **wish, at=self.at)
        except opening.NotPossible as refusal:
            raise _not_possible(refusal.terms) from refusal
        except IntegrityError as twin:
            raise Refused(409, "try-again", "Somebody was faster", "Please repeat.") from twin
        return Response(the_case_json(case.number, self.at), status=201)


class CaseDoor(OneCaseDoor):
    @extend_schema(responses=CASE)
    def get(self, request: Request, number: str) -> Response:
        """The case: what it waits for, what the buyer may do now, and all that happened."""
        return Response(the_case_json(number, self.at))


class CancelDoor(OneCaseDoor):
    @extend_schema(parameters=[ONCE], request=None, responses=CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer takes the dispute back, before the parcel is handed over (R19)."""
        return self.act("cancel", lambda case: workflow.cancel(case, at=self.at))


class AnswerDoor(OneCaseDoor):
    @extend_schema(parameters=[ONCE], request=serializers.WordsIn, responses=CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer answers the seller's question (R16)."""
        text = self.told(serializers.WordsIn)["text"]
        return self.act("answer", lambda case: workflow.answer(case, text=text, at=self.at))


class AcceptOfferDoor(OneCaseDoor):
    @extend_schema(parameters=[ONCE], request=None, responses=CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer takes the partial refund offered (R16)."""
        return self.act("accept-offer", lambda case: workflow.accept_offer(case, at=self.at))


class DeclineOfferDoor(OneCaseDoor):
    @extend_schema(parameters=[ONCE], request=None, responses=CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer declines the partial refund offered (R16)."""
        return self.act("decline-offer", lambda case: workflow.decline_offer(case, at=self.at))


class HandoverDoor(OneCaseDoor):
    @extend_schema(parameters=[ONCE], request=serializers.HandoverIn, responses=CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer chooses a point to drop the parcel off, or when it is fetched (R20, R23)."""
        told = self.told(serializers.HandoverIn)
        return self.act("handover", lambda case: parcels.choose(case, told, at=self.at))


class ShippedDoor(OneCaseDoor):
    @extend_schema(parameters=[ONCE], request=serializers.ShippedIn, responses=CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer posted the parcel by registered mail (R22)."""
        told = self.told(serializers.ShippedIn)
        return self.act("shipped", lambda case: parcels.ship(case, told, at=self.at))


class EscalateDoor(OneCaseDoor):
    @extend_schema(parameters=[ONCE], request=serializers.WordsIn, responses=CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer calls support (R30)."""
        text = self.told(serializers.WordsIn)["text"]
        return self.act("escalate", lambda case: workflow.escalate(case, text=text, at=self.at))


class MessagesDoor(OneCaseDoor):
    @extend_schema(
        parameters=[ONCE],
        request=serializers.WordsIn,
        responses={201: answer(case_json.MessageJson), **PROBLEMS},
    )
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer writes to seller and support (R31)."""
        text = self.told(serializers.WordsIn)["text"]
        return self.once(lambda: self._send(number, text))

    def _send(self, number: str, text: str) -> Response:
        case = the_case(number)
        refuse_unless_allowed(case, "messages", self.at)
        sent = workflow.add_message(
            case, text=text, at=self.at, actor=Actor.BUYER, by=case.buyer.name
        )
        said: case_json.MessageJson = {
            "id": sent.pk,
            "at": case_json.moment(sent.at),
            "text": sent.text,
        }
        return Response(said, status=201)


def _cases(query: Mapping[str, str]) -> QuerySet[Case]:
    names = {"buyer": "buyer__ref", "order": "order__number", "state": "state", "terms": "terms"}
    return case_json.cases().filter(
        **{names[name]: value for name, value in query.items() if name in names}
    )


def _bad_cursor() -> Refused:
    return invalid({"parameter": "cursor", "code": "invalid", "detail": "Not a cursor of ours."})


def _not_possible(terms: policy.Terms) -> Refused:
    failed = [
        finding.text
        for finding in terms.findings
        if not finding.holds and finding.rule in _REQUIRED
    ]
    return Refused(
        422,
        "not-possible",
        "This return is not possible",
        " ".join(failed),
        terms=terms.outcome.value,
        explanation=terms.explanation(),
    )
