"""The shop's door. Each view: who is it, what do they want, one call, answer."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from backoffice.problems import Refused, error, invalid, pointers
from backoffice.shop import case_json, parcels, serializers
from backoffice.shop.idempotency import once
from backoffice.shop.parsers import BoundedMultiPartParser, StrictJSONParser
from backoffice.shop.schema import Problem, answer
from logistics.workflow import options_in
from returns import clock, evidence, opening, orders, policy, workflow
from returns.actions import buyer_may, why_not
from returns.machine import NotNow
from returns.models import Case, Evidence, Order, OrderLine
from returns.states import Actor, Kind, Reason, TermsOutcome
from returns.workflow.words import QuotaReached

A = TypeVar("A", bound=HttpResponseBase)

_PROBLEMS = dict.fromkeys((400, 401, 404, 409, 413, 415, 422), Problem)
#: The rules without which there is no return at all; the others only say what it costs.
_REQUIRED = frozenset({"R01", "R05", "R07", "R09"})
_ONCE = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Told twice with the same key, done once; the second answer is the first.",
)
_CASE = {200: answer(case_json.CaseJson), **_PROBLEMS}


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

    def once(self, effect: Callable[[], Response]) -> HttpResponseBase:
        """Do it in a transaction, and once for an `Idempotency-Key`."""
        return once(self.request, effect, self.handle_exception)


# Orders -------------------------------------------------------------------------------------------


class OrderDoor(Door):
    @extend_schema(responses={200: answer(case_json.OrderJson), **_PROBLEMS})
    def get(self, request: Request, number: str) -> Response:
        """The order as it was told, with the returns opened on it."""
        return Response(case_json.order_json(_order(number)))

    @extend_schema(
        request=serializers.OrderIn,
        responses={
            200: answer(case_json.OrderJson),
            201: answer(case_json.OrderJson),
            **_PROBLEMS,
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
        responses={200: answer(case_json.OrderJson), **_PROBLEMS},
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
        request=serializers.WishIn, responses={200: answer(case_json.TermsJson), **_PROBLEMS}
    )
    def post(self, request: Request, number: str, sku: str) -> Response:
        """The terms a return would get now, explained (R15). Promises nothing, changes nothing."""
        wish = _no_exchange(self.told(serializers.WishIn))
        line = _line(number, sku)
        if line is None:
            raise NotFound
        return Response(_terms_json(line, opening.quote(line, **wish, at=self.at), wish))


# Returns ------------------------------------------------------------------------------------------


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
        responses={200: answer(case_json.PageJson), **_PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Return cases, newest first, 50 a page."""
        query = _query(request)
        pages = Pages()
        found = pages.paginate_queryset(_cases(query), request, view=self) or []
        return pages.get_paginated_response(case_json.cases_json(found, at=self.at))

    @extend_schema(
        parameters=[_ONCE],
        request=serializers.DisputeIn,
        responses={201: answer(case_json.CaseJson), **_PROBLEMS},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Open a dispute on one order item. What the policy does not allow: 422 `not-possible`."""
        wish = _no_exchange(self.told(serializers.DisputeIn))
        return self.once(lambda: self._open(wish))

    def _open(self, wish: dict[str, Any]) -> Response:
        number, sku = wish.pop("order"), wish.pop("item")
        if order := Order.objects.filter(number=number).first():
            # Before the item is read: its price may be about to change.
            opening.lock_parties(order)
        line = _line(number, sku)
        if line is None:
            place = "/item" if order else "/order"
            raise invalid(error(place, "unknown", "We do not know it."))
        try:
            case = workflow.open_dispute(line, **wish, at=self.at)
        except opening.NotPossible as refusal:
            raise _not_possible(refusal.terms) from refusal
        except IntegrityError as twin:
            raise Refused(409, "try-again", "Somebody was faster", "Please repeat.") from twin
        return Response(_case_json(case.number, self.at), status=201)


class OneCaseDoor(Door):
    """A door on one case: what the state forbids is answered with what it allows."""

    def handle_exception(self, exc: Exception) -> HttpResponseBase:  # type: ignore[override]
        if isinstance(exc, NotNow):
            exc = self._not_now(exc)
        return super().handle_exception(exc)

    def _not_now(self, refusal: NotNow) -> Exception:
        case = _case(self.kwargs["number"])
        if isinstance(refusal, QuotaReached):
            return Refused(409, "quota-reached", "Enough", str(refusal))
        actions = buyer_may(case, self.at, services=_services(case))
        return Refused(409, "not-now", "Not now", str(refusal), actions=actions)

    def act(
        self, action: str, verb: Callable[[Case], object], *, status: int = 200
    ) -> HttpResponseBase:
        """If the buyer may do this now, do it, once; answer the case."""
        return self.once(lambda: self._act(action, verb, status))

    def _act(self, action: str, verb: Callable[[Case], object], status: int) -> Response:
        case = _case(self.kwargs["number"])
        refuse_unless_allowed(case, action, self.at)
        try:
            verb(case)
        except ValueError as senseless:
            raise Refused(422, "senseless", "That cannot be", str(senseless)) from senseless
        return Response(_case_json(case.number, self.at), status=status)


class CaseDoor(OneCaseDoor):
    @extend_schema(responses=_CASE)
    def get(self, request: Request, number: str) -> Response:
        """The case: what it waits for, what the buyer may do now, and all that happened."""
        return Response(_case_json(number, self.at))


class CancelDoor(OneCaseDoor):
    @extend_schema(parameters=[_ONCE], request=None, responses=_CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer takes the dispute back, before the parcel is handed over (R19)."""
        return self.act("cancel", lambda case: workflow.cancel(case, at=self.at))


class AnswerDoor(OneCaseDoor):
    @extend_schema(parameters=[_ONCE], request=serializers.WordsIn, responses=_CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer answers the seller's question (R16)."""
        text = self.told(serializers.WordsIn)["text"]
        return self.act("answer", lambda case: workflow.answer(case, text=text, at=self.at))


class AcceptOfferDoor(OneCaseDoor):
    @extend_schema(parameters=[_ONCE], request=None, responses=_CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer takes the partial refund offered (R16)."""
        return self.act("accept-offer", lambda case: workflow.accept_offer(case, at=self.at))


class DeclineOfferDoor(OneCaseDoor):
    @extend_schema(parameters=[_ONCE], request=None, responses=_CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer declines the partial refund offered (R16)."""
        return self.act("decline-offer", lambda case: workflow.decline_offer(case, at=self.at))


class HandoverDoor(OneCaseDoor):
    @extend_schema(parameters=[_ONCE], request=serializers.HandoverIn, responses=_CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer chooses a point to drop the parcel off, or when it is fetched (R20, R23)."""
        told = self.told(serializers.HandoverIn)
        return self.act("handover", lambda case: parcels.choose(case, told, at=self.at))


class ShippedDoor(OneCaseDoor):
    @extend_schema(parameters=[_ONCE], request=serializers.ShippedIn, responses=_CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer posted the parcel by registered mail (R22)."""
        told = self.told(serializers.ShippedIn)
        return self.act("shipped", lambda case: parcels.ship(case, told, at=self.at))


class EscalateDoor(OneCaseDoor):
    @extend_schema(parameters=[_ONCE], request=serializers.WordsIn, responses=_CASE)
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer calls support (R30)."""
        text = self.told(serializers.WordsIn)["text"]
        return self.act("escalate", lambda case: workflow.escalate(case, text=text, at=self.at))


class MessagesDoor(OneCaseDoor):
    @extend_schema(
        parameters=[_ONCE],
        request=serializers.WordsIn,
        responses={201: answer(case_json.MessageJson), **_PROBLEMS},
    )
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """The buyer writes to seller and support (R31)."""
        text = self.told(serializers.WordsIn)["text"]
        return self.once(lambda: self._send(number, text))

    def _send(self, number: str, text: str) -> Response:
        case = _case(number)
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


# Evidence and label: private files ----------------------------------------------------------------


class EvidenceDoor(OneCaseDoor):
    parser_classes = (BoundedMultiPartParser,)

    @extend_schema(
        parameters=[_ONCE],
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {
                    "file": {"type": "array", "items": {"type": "string", "format": "binary"}}
                },
                "required": ["file"],
            }
        },
        responses={201: answer(case_json.FilesJson), **_PROBLEMS},
    )
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """Pictures and videos, several at once, each with its own answer (R04).

        201 when at least one was kept; else 422 `evidence-unacceptable` or 409 `quota-reached`.
        """
        uploads = [file for _, files in request.FILES.lists() for file in files]
        if not uploads:
            raise invalid(error("", "no-file", "Send files as multipart/form-data."))
        refuse_unless_allowed(_case(number), "evidence", self.at)
        # Pictures are decoded before anything is locked.
        checked = [_checked(upload) for upload in uploads]
        with evidence.stored(
            each for each in checked if isinstance(each, evidence.Checked)
        ) as names:
            return self.once(lambda: self._keep(number, checked, iter(names)))

    def _keep(
        self,
        number: str,
        checked: "list[evidence.Checked | case_json.FileJson]",
        names: Iterator[str],
    ) -> Response:
        case = _case(number)
        files = [
            self._kept(case, each, next(names)) if isinstance(each, evidence.Checked) else each
            for each in checked
        ]
        if not any(file["accepted"] for file in files):
            quota = any(file["code"] == "quota-reached" for file in files)
            status, code = (409, "quota-reached") if quota else (422, "evidence-unacceptable")
            raise Refused(status, code, "Nothing was kept", files[0]["detail"], files=files)
        answer_: case_json.FilesJson = {"files": files}
        return Response(answer_, status=201)

    def _kept(self, case: Case, each: "evidence.Checked", file: str) -> case_json.FileJson:
        try:
            kept = workflow.add_evidence(
                case,
                file=file,
                size=len(each.content),
                name=each.name,
                content_type=each.content_type,
                sha256=each.sha256,
                at=self.at,
                actor=Actor.BUYER,
            )
        except QuotaReached as full:
            return _refused_file(each.name, "quota-reached", str(full))
        return {
            "name": kept.name,
            "accepted": True,
            "evidence": case_json.evidence_json(kept, case.number),
        }


class EvidenceFileDoor(OneCaseDoor):
    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **_PROBLEMS})
    def get(self, request: Request, number: str, pk: int) -> HttpResponseBase:
        """One picture or video, as an attachment: nothing a buyer sent is shown as a page."""
        kept = get_object_or_404(Evidence, pk=pk, case__number=number)
        return _private(FileResponse(kept.file.open(), content_type=kept.content_type), kept.name)


class LabelDoor(OneCaseDoor):
    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY, **_PROBLEMS})
    def get(self, request: Request, number: str) -> HttpResponseBase:
        """The return label to print (R20); 404 while there is none."""
        page = parcels.label_pdf(_case(number))
        if page is None:
            raise NotFound
        return _private(HttpResponse(page, content_type="application/pdf"), f"{number}.pdf")


def schema_as(format_: str) -> Callable[..., HttpResponseBase]:
    """The OpenAPI schema of this door, as JSON or as YAML."""
    renderer = {"json": OpenApiJsonRenderer, "yaml": OpenApiYamlRenderer}[format_]
    return SpectacularAPIView.as_view(renderer_classes=[renderer])


# What the doors share -----------------------------------------------------------------------------


def refuse_unless_allowed(case: Case, action: str, at: datetime) -> None:
    """Raise NotNow when the buyer may not do this now; the verb looks again under the lock."""
    if why := why_not(case, action, at, services=_services(case)):
        raise NotNow(case.state, action, (), why)


def _case(number: str) -> Case:
    return get_object_or_404(
        Case.objects.select_related("order", "line", "buyer", "policy"), number=number
    )


def _case_json(number: str, at: datetime) -> case_json.CaseJson:
    return case_json.cases_json([get_object_or_404(case_json.cases(), number=number)], at=at)[0]


def _services(case: Case) -> Collection[str]:
    return parcels.services([case])[case.buyer.country]


def _order(number: str) -> Order:
    return get_object_or_404(Order.objects.select_related("seller", "buyer"), number=number)


def _line(number: str, sku: str) -> OrderLine | None:
    lines = OrderLine.objects.select_related("order__buyer")
    return lines.filter(order__number=number, sku=sku).first()


def _well_named(number: str) -> None:
    """An order's number is a reference like any other."""
    problems = serializers.OrderNumber(data={"number": number})
    problems.is_valid(raise_exception=True)


def _no_exchange(wish: dict[str, Any]) -> dict[str, Any]:
    """The wish in the policy's words; R06 for who wants another item instead."""
    if wish["kind"] == serializers.EXCHANGE:
        raise Refused(
            422, "no-exchange", "There is no exchange", policy.exchange_advice(), rule="R06"
        )
    return wish | {"kind": Kind(wish["kind"]), "reason": Reason(wish["reason"])}


def _terms_json(
    line: OrderLine, terms: policy.Terms, wish: Mapping[str, Any]
) -> case_json.TermsJson:
    possible = terms.outcome != TermsOutcome.NOT_POSSIBLE
    returned = possible and wish["kind"] == Kind.RETURN_AND_REFUND
    amount = opening.amount(line, quantity=wish["quantity"], reason=wish["reason"])
    return {
        "terms": terms.outcome.value,
        "explanation": case_json.findings(terms),
        "handover": options_in(line.order.buyer.country, terms.outcome) if returned else [],
        "refund": case_json.money_json(amount if possible else Decimal(0), line.order.currency),
    }


def _cases(query: Mapping[str, str]) -> QuerySet[Case]:
    names = {"buyer": "buyer__ref", "order": "order__number", "state": "state", "terms": "terms"}
    return case_json.cases().filter(
        **{names[name]: value for name, value in query.items() if name in names}
    )


def _query(request: Request) -> dict[str, str]:
    """The query as it must be; mistakes name the parameter."""
    query = serializers.CasesQuery(data=request.query_params.dict())
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


def _bad_cursor() -> Refused:
    return invalid({"parameter": "cursor", "code": "invalid", "detail": "Not a cursor of ours."})


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


def _checked(upload: Any) -> "evidence.Checked | case_json.FileJson":
    try:
        return evidence.check(upload)
    except evidence.Unacceptable as no:
        return _refused_file(evidence.clean_name(upload.name or "", ""), no.code, no.detail)


def _refused_file(name: str, code: str, detail: str) -> case_json.FileJson:
    return {"name": name, "accepted": False, "code": code, "detail": detail}


def _private(file: A, name: str) -> A:
    """A file for whoever asked with a key, and nobody else: not cached, not sniffed, not run."""
    file["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    file["X-Content-Type-Options"] = "nosniff"
    file["Content-Security-Policy"] = "sandbox; default-src 'none'"
    file["Cache-Control"] = "private, no-store"
    return file
