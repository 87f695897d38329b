"""What the doors of the shop have in common: one reading of the clock, clear refusals."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from backoffice.problems import Refused, invalid, pointers
from backoffice.shop import case_json, parcels, serializers
from backoffice.shop.idempotency import once
from backoffice.shop.parsers import StrictJSONParser
from backoffice.shop.schema import Problem, answer
from backoffice.shop.slots import window_full
from logistics.workflow import WindowFull
from returns import clock, policy
from returns.actions import buyer_may, why_not
from returns.machine import NotNow
from returns.models import Case, OrderLine
from returns.states import Kind, Reason
from returns.workflow.words import QuotaReached

PROBLEMS = dict.fromkeys((400, 401, 404, 409, 413, 415, 422), Problem)
ONCE = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Told twice with the same key, done once; the second answer is the first.",
)
CASE = {200: answer(case_json.CaseJson), **PROBLEMS}


class Door(APIView):
    """What all of them have in common: one reading of the clock, strict JSON."""

    parser_classes: Sequence[type[BaseParser]] = (StrictJSONParser,)
    at: datetime

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "Transfer-Encoding" in request.headers:
            # Read as empty otherwise, since nobody said how much there is.
            raise Refused(411, "length-required", "How long?", "Send a Content-Length.")
        self.at = clock.now()

    def told(self, shape: type[Serializer[Any]]) -> Any:
        """The body as it must be; raises ValidationError with pointers."""
        serializer = shape(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def asked(self, shape: type[Serializer[Any]]) -> dict[str, Any]:
        """The query as it must be; mistakes name the parameter."""
        query = shape(data=self.request.query_params.dict())
        if not query.is_valid():
            raise invalid(
                *(
                    {
                        "parameter": found["pointer"].strip("/"),
                        "code": found["code"],
                        "detail": found["detail"],
                    }
                    for found in pointers(query.errors)
                )
            )
        return dict(query.validated_data)

    def once(self, effect: Callable[[], Response]) -> HttpResponseBase:
        """Do it in a transaction, and once for an `Idempotency-Key`."""
        return once(self.request, effect, self.handle_exception)


class OneCaseDoor(Door):
    """A door on one case: what the state forbids is answered with what it allows."""

    def handle_exception(self, exc: Exception) -> HttpResponseBase:  # type: ignore[override]
        if isinstance(exc, NotNow):
            exc = self._not_now(exc)
        return super().handle_exception(exc)

    def _not_now(self, refusal: NotNow) -> Exception:
        case = the_case(self.kwargs["number"])
        if isinstance(refusal, QuotaReached):
            return Refused(409, "quota-reached", "Enough", str(refusal))
        if isinstance(refusal, WindowFull):
            return window_full(refusal)
        actions = buyer_may(case, self.at, services=services_of(case))
        return Refused(409, "not-now", "Not now", str(refusal), actions=actions)

    def act(
        self, action: str, verb: Callable[[Case], object], *, status: int = 200
    ) -> HttpResponseBase:
        """If the buyer may do this now, do it, once; answer the case."""
        return self.once(lambda: self._act(action, verb, status))

    def _act(self, action: str, verb: Callable[[Case], object], status: int) -> Response:
        case = the_case(self.kwargs["number"])
        refuse_unless_allowed(case, action, self.at)
        try:
            verb(case)
        except ValueError as senseless:
            raise Refused(422, "senseless", "That cannot be", str(senseless)) from senseless
        return Response(the_case_json(case.number, self.at), status=status)


def refuse_unless_allowed(case: Case, action: str, at: datetime) -> None:
    """Raise NotNow when the buyer may not do this now; the verb looks again under the lock."""
    if why := why_not(case, action, at, services=services_of(case)):
        raise NotNow(case.state, action, (), why)


def the_case(number: str) -> Case:
    return get_object_or_404(
        Case.objects.select_related("order", "line", "buyer", "policy"), number=number
    )


def the_case_json(number: str, at: datetime) -> case_json.CaseJson:
    return case_json.cases_json([get_object_or_404(case_json.cases(), number=number)], at=at)[0]


def services_of(case: Case) -> Collection[str]:
    return parcels.services([case])[case.buyer.country]


def the_line(number: str, sku: str) -> OrderLine | None:
    lines = OrderLine.objects.select_related("order__buyer")
    return lines.filter(order__number=number, sku=sku).first()


def no_exchange(wish: dict[str, Any]) -> dict[str, Any]:
    """The wish in the policy's words; R06 for who wants another item instead."""
    if wish["kind"] == serializers.EXCHANGE:
        raise Refused(
            422, "no-exchange", "There is no exchange", policy.exchange_advice(), rule="R06"
        )
    return wish | {"kind": Kind(wish["kind"]), "reason": Reason(wish["reason"])}
