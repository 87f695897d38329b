"""The shop tells its orders, and asks what a return would cost."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.problems import Refused, error, invalid
from backoffice.shop import case_json, serializers
from backoffice.shop.door import PROBLEMS, Door, no_exchange, the_line
from backoffice.shop.schema import answer
from logistics.workflow import options_in
from returns import opening, orders, pieces, policy
from returns.models import Order, OrderLine
from returns.states import Kind, TermsOutcome


class OrderDoor(Door):
    @extend_schema(responses={200: answer(case_json.OrderJson), **PROBLEMS})
    def get(self, request: Request, number: str) -> Response:
        """The order as it was told, with the returns opened on it."""
        return Response(case_json.order_json(_order(number)))

    @extend_schema(
        request=serializers.OrderIn,
        responses={
            200: answer(case_json.OrderJson),
            201: answer(case_json.OrderJson),
            **PROBLEMS,
        },
    )
    def put(self, request: Request, number: str) -> Response:
        """Tell an order, or tell it again. What a return relies on stays: 409 `order-in-use`."""
        _well_named(number)
        told = self.told(serializers.OrderIn)
        try:
            order, created = orders.put(number, told)
        except orders.InUse as used:
            raise _in_use(used) from used
        except orders.TooEarly as early:
            raise _before_placed() from early
        return Response(case_json.order_json(order), status=201 if created else 200)


class ReceiptDoor(Door):
    @extend_schema(
        request=serializers.ReceiptIn,
        responses={200: answer(case_json.OrderJson), **PROBLEMS},
    )
    def post(self, request: Request, number: str) -> Response:
        """The buyer confirmed the receipt (R01)."""
        told = self.told(serializers.ReceiptIn)
        try:
            order = orders.confirm_receipt(number, received_at=told["received_at"])
        except Order.DoesNotExist as missing:
            raise NotFound from missing
        except orders.InUse as used:
            raise _in_use(used) from used
        except orders.TooEarly as early:
            raise _before_placed() from early
        return Response(case_json.order_json(order))


class TermsDoor(Door):
    @extend_schema(
        request=serializers.WishIn, responses={200: answer(case_json.TermsJson), **PROBLEMS}
    )
    def post(self, request: Request, number: str, sku: str) -> Response:
        """The terms a return would get now, explained (R15). Promises nothing, changes nothing."""
        wish = no_exchange(self.told(serializers.WishIn))
        line = the_line(number, sku)
        if line is None:
            raise NotFound
        return Response(_terms_json(line, opening.quote(line, **wish, at=self.at), wish))


def _order(number: str) -> Order:
    return get_object_or_404(Order.objects.select_related("seller", "buyer"), number=number)


def _well_named(number: str) -> None:
    """An order's number is a reference like any other."""
    problems = serializers.OrderNumber(data={"number": number})
    problems.is_valid(raise_exception=True)


def _terms_json(
    line: OrderLine, terms: policy.Terms, wish: Mapping[str, Any]
) -> case_json.TermsJson:
    possible = terms.outcome != TermsOutcome.NOT_POSSIBLE
    returned = possible and wish["kind"] == Kind.RETURN_AND_REFUND
    amount = pieces.amount(line, quantity=wish["quantity"], reason=wish["reason"])
    return {
        "terms": terms.outcome.value,
        "explanation": case_json.findings(terms),
        "handover": options_in(line.order.buyer.country, terms.outcome) if returned else [],
        "refund": case_json.money_json(amount if possible else Decimal(0), line.order.currency),
    }


def _in_use(used: orders.InUse) -> Refused:
    return Refused(
        409,
        "order-in-use",
        "A return relies on it",
        str(used),
        errors=[error(place, "in-use", "A return case relies on this.") for place in used.places],
    )


def _before_placed() -> Refused:
    return invalid(
        error("/received_at", "before-placed", "Nothing is received before it is ordered.")
    )
