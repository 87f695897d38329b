"""Private files: evidence comes in, evidence and label go out."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.problems import Refused, error, invalid
from backoffice.shop import case_json, parcels, serializers
from backoffice.shop.door import ONCE, PROBLEMS, OneCaseDoor, refuse_unless_allowed, the_case
from backoffice.shop.parsers import BoundedMultiPartParser
from backoffice.shop.schema import answer
from logistics.labels import Sheet
from logistics.states import LabelFormat, LabelSize
from returns import evidence, workflow
from returns.models import Case, Evidence
from returns.states import Actor, Purpose
from returns.workflow.words import QuotaReached

A = TypeVar("A", bound=HttpResponseBase)
_PAGE: dict[Any, Any] = {
    (200, kind): OpenApiTypes.BINARY
    for kind in ("application/pdf", "image/png", "image/svg+xml", "application/zpl")
} | PROBLEMS


class EvidenceDoor(OneCaseDoor):
    parser_classes = (BoundedMultiPartParser,)

    @extend_schema(
        parameters=[ONCE],
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {
                    "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    "purpose": {"type": "string", "enum": [Purpose.POSTAGE.value]},
                    "cost": {
                        "type": "string",
                        "description": "With a proof of postage: what it was, in the order's "
                        'currency, such as "6.90".',
                    },
                },
                "required": ["file"],
            }
        },
        responses={201: answer(case_json.FilesJson), **PROBLEMS},
    )
    def post(self, request: Request, number: str) -> HttpResponseBase:
        """Pictures and videos, several at once, each with its own answer (R04).

        With `purpose` `proof_of_postage` and a `cost` they show what the postage was (R21, R22).
        201 when at least one was kept; else 422 `evidence-unacceptable` or 409 `quota-reached`.
        """
        uploads = [file for _, files in request.FILES.lists() for file in files]
        if not uploads:
            raise invalid(error("", "no-file", "Send files as multipart/form-data."))
        told = self._purpose(request)
        refuse_unless_allowed(the_case(number), "evidence", self.at)
        # Pictures are decoded before anything is locked.
        checked = [_checked(upload) for upload in uploads]
        with evidence.stored(
            each for each in checked if isinstance(each, evidence.Checked)
        ) as names:
            return self.once(lambda: self._keep(number, told, checked, iter(names)))

    def _purpose(self, request: Request) -> dict[str, Any]:
        shape = serializers.PurposeIn(data=request.POST.dict())
        shape.is_valid(raise_exception=True)
        return dict(shape.validated_data)

    def _keep(
        self,
        number: str,
        told: Mapping[str, Any],
        checked: "list[evidence.Checked | case_json.FileJson]",
        names: Iterator[str],
    ) -> Response:
        case = the_case(number)
        try:
            files = [
                self._kept(case, told, each, next(names))
                if isinstance(each, evidence.Checked)
                else each
                for each in checked
            ]
        except ValueError as senseless:
            raise Refused(422, "senseless", "That cannot be", str(senseless)) from senseless
        if not any(file["accepted"] for file in files):
            quota = any(file["code"] == "quota-reached" for file in files)
            status, code = (409, "quota-reached") if quota else (422, "evidence-unacceptable")
            raise Refused(status, code, "Nothing was kept", files[0]["detail"], files=files)
        answer_: case_json.FilesJson = {"files": files}
        return Response(answer_, status=201)

    def _kept(
        self, case: Case, told: Mapping[str, Any], each: "evidence.Checked", file: str
    ) -> case_json.FileJson:
        facts: dict[str, Any] = {
            "file": file,
            "size": len(each.content),
            "name": each.name,
            "content_type": each.content_type,
            "sha256": each.sha256,
        }
        try:
            if told.get("purpose"):
                kept = parcels.prove_postage(case, told.get("cost"), facts, at=self.at)
            else:
                kept = workflow.add_evidence(case, **facts, at=self.at, actor=Actor.BUYER)
        except QuotaReached as full:
            return _refused_file(each.name, "quota-reached", str(full))
        return {
            "name": kept.name,
            "accepted": True,
            "evidence": case_json.evidence_json(kept, case.number),
        }


class EvidenceFileDoor(OneCaseDoor):
    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **PROBLEMS})
    def get(self, request: Request, number: str, pk: int) -> HttpResponseBase:
        """One picture or video, as an attachment: nothing a buyer sent is shown as a page."""
        kept = get_object_or_404(Evidence, pk=pk, case__number=number)
        return _private(FileResponse(kept.file.open(), content_type=kept.content_type), kept.name)


class SheetDoor(OneCaseDoor):
    """One page of the return label, the same bytes whenever it is asked for."""

    def page(self, request: Request, number: str, told: Mapping[str, Any]) -> HttpResponseBase:
        """404 while there is no label; 304 to whoever has these bytes (`If-None-Match`)."""
        sheet = _sheet(told)
        try:
            page = parcels.label_page(the_case(number), sheet, at=self.at)
        except ValueError as undrawn:
            raise Refused(409, "label-undrawn", "It cannot be drawn", str(undrawn)) from undrawn
        if page is None:
            raise NotFound
        with page.file.open() as drawn:
            file = HttpResponse(drawn.read(), content_type=sheet.content_type)
        file["ETag"] = etag = f'"{page.sha256}"'
        known = get_conditional_response(request, etag=etag, response=file)
        return _private(known or file, f"{number}-{sheet.name}")


class LabelDoor(SheetDoor):
    @extend_schema(parameters=[serializers.LabelQuery], responses=_PAGE)
    def get(self, request: Request, number: str) -> HttpResponseBase:
        """The return label to print (R20), in the size and format asked for."""
        return self.page(request, number, self.asked(serializers.LabelQuery))


class LabelPdfDoor(SheetDoor):
    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY, **PROBLEMS})
    def get(self, request: Request, number: str) -> HttpResponseBase:
        """The return label as a PDF of 4 × 6 inches (R20)."""
        return self.page(request, number, {"size": "4x6", "format": "pdf"})


class QrDoor(SheetDoor):
    @extend_schema(parameters=[serializers.QrQuery], responses=_PAGE)
    def get(self, request: Request, number: str) -> HttpResponseBase:
        """The code for a drop-off without a printer: the counter scans it and prints the label."""
        return self.page(request, number, {"size": "qr", **self.asked(serializers.QrQuery)})


def _sheet(told: Mapping[str, Any]) -> Sheet:
    size, format_ = LabelSize(told["size"]), LabelFormat(told["format"])
    dotted = format_ in (LabelFormat.PNG, LabelFormat.ZPL)
    try:
        return Sheet(size, format_, int(told.get("dpi", 203 if dotted else 0)))
    except ValueError as no:
        parameter = "dpi" if "dpi" in str(no) else "size"
        raise invalid({"parameter": parameter, "code": "invalid", "detail": str(no)}) from no


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
