"""The pages: scan, receive, inspect, next. A hand scanner types and presses Enter."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from logistics import workflow
from logistics.inspection import Piece
from logistics.models import Inspection, InspectionPhoto, Parcel, UnexpectedItem
from logistics.warehouse.boxes import Box, Unread, box_of, find, read
from logistics.warehouse.forms import (
    Once,
    PieceForm,
    UnexpectedForm,
    counts,
    kept,
    picture,
    piece_forms,
)
from logistics.warehouse.guard import warehouse_only
from returns import clock
from returns.evidence import Checked, Unacceptable, stored
from returns.machine import NotNow
from returns.models import Case, PolicyVersion
from returns.states import State

#: The oldest of what waits; the others come up when these are done.
LISTED = 50


@require_safe
@warehouse_only
def home(request: HttpRequest) -> HttpResponse:
    """The field to scan into; `?code=` is what was scanned. And what waits, oldest first."""
    code = request.GET.get("code")
    if code is not None:
        try:
            boxes = find(code)
        except Unread as unread:
            messages.error(request, str(unread))
            return redirect("warehouse:home")
        if len(boxes) == 1:
            return redirect("warehouse:box", boxes[0].parcel.pk)
        return render(request, "logistics/warehouse/choose.html", {"boxes": boxes})
    at = clock.now()
    waiting = _waiting()
    zone = PolicyVersion.current(at).time_zone
    context = {
        "at": at,
        "zone": zone,
        "today": _today(at, zone),
        "waiting": waiting[:LISTED],
        "waiting_count": waiting.count(),
    }
    return render(request, "logistics/warehouse/home.html", context)


@require_safe
@warehouse_only
def box(request: HttpRequest, pk: int) -> HttpResponse:
    """One box: what is expected in it, and what is to be done next."""
    return _shown(request, _box(pk))


@require_POST
@warehouse_only
def receive(request: HttpRequest, pk: int) -> HttpResponse:
    """The box is here: Enter, or its label scanned once more. Another label is another box."""
    lies_here = _box(pk)
    code = request.POST.get("code", "")
    if code.strip() and not _same(code, lies_here):
        messages.warning(request, f"That is another label: {lies_here.parcel} was not received.")
        return _scanned(code)
    try:
        counted = counts(request.POST, lies_here.to_receive)
        for content in lies_here.to_receive:
            pieces, by = counted[content.case.pk], _name(request)
            workflow.receive_parcel(content.case, at=clock.now(), by=by, pieces=pieces)
    except (ValueError, NotNow) as refused:
        messages.error(request, f"Not received: {refused}")
        return redirect("warehouse:box", pk)
    return redirect("warehouse:box", pk)


@require_POST
@warehouse_only
def inspect(request: HttpRequest, pk: int, case: int) -> HttpResponse:
    """What was found of each piece of one case; then the next case, or the next box."""
    lies_here = _box(pk)
    content = next((each for each in lies_here.contents if each.case.pk == case), None)
    if content is None:
        raise Http404
    once = Once(request.POST)
    if not once.is_valid():
        return _shown(request, lies_here)
    token = once.cleaned_data["token"]
    if Inspection.objects.filter(token=token).exists():
        return _next(request, pk)
    forms = piece_forms(content, request.POST, request)
    if not all(form.is_valid() for form in forms):
        return _shown(request, lies_here, said={case: forms})
    try:
        photos = [[picture(each) for each in form.cleaned_data["photos"]] for form in forms]
        with stored([each for of in photos for each in of], kept_in=InspectionPhoto) as names:
            found = workflow.inspect(
                content.case,
                items=_pieces(forms, photos, names),
                by=_name(request),
                at=clock.now(),
                token=token,
            )
    except (ValueError, NotNow, Unacceptable) as refused:
        messages.error(request, f"Not kept: {refused}")
        return _shown(request, _box(pk), said={case: forms})
    counted = content.case
    messages.success(
        request, f"{found.case}: {counted.quantity_accepted} of {counted.at_stake} accepted."
    )
    return _next(request, pk)


@require_POST
@warehouse_only
def unexpected(request: HttpRequest, pk: int) -> HttpResponse:
    """Something lies in the box that nobody announced: kept, and a task for the desk."""
    lies_here = _box(pk)
    form = UnexpectedForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, "Not kept: say in a few words what lies there.")
        return redirect("warehouse:box", pk)
    said = form.cleaned_data
    try:
        checked = [picture(said["photo"])] if said["photo"] else []
        with stored(checked, kept_in=UnexpectedItem) as names:
            workflow.record_unexpected(
                lies_here.parcel,
                description=said["description"],
                picture=kept(names[0], checked[0]) if checked else None,
                at=clock.now(),
                by=_name(request),
                token=said["token"],
            )
    except (ValueError, Unacceptable) as refused:
        messages.error(request, f"Not kept: {refused}")
        return redirect("warehouse:box", pk)
    messages.success(request, "Kept. Put it aside with the box's number: somebody finds out.")
    return redirect("warehouse:box", pk)


@require_POST
@warehouse_only
def found(request: HttpRequest, pk: int) -> HttpResponse:
    """Another return of the same buyer lies in the box, by its RMA number."""
    lies_here = _box(pk)
    other = Case.objects.filter(number__in=read(request.POST.get("code", ""))).first()
    if other is None:
        messages.error(request, "That is no RMA number we know. Scan or type it again.")
        return redirect("warehouse:box", pk)
    try:
        workflow.found_in(other, lies_here.parcel, at=clock.now(), by=_name(request))
    except (ValueError, NotNow) as refused:
        messages.error(request, f"Not received: {refused}")
    return redirect("warehouse:box", pk)


def _box(pk: int) -> Box:
    try:
        return box_of(pk)
    except Parcel.DoesNotExist:
        raise Http404 from None


def _shown(
    request: HttpRequest, box: Box, said: Mapping[int, list[PieceForm]] | None = None
) -> HttpResponse:
    """The page of a box. `said` are forms that could not be kept, by case."""
    asked = [
        (content, (said or {}).get(content.case.pk) or piece_forms(content), Once())
        for content in box.to_inspect
    ]
    context = {
        "box": box,
        "asked": asked,
        "others": _others(box),
        "surprises": UnexpectedItem.objects.filter(
            parcel__in=[content.parcel for content in box.contents]
        ),
        "unexpected": UnexpectedForm(),
    }
    return render(request, "logistics/warehouse/box.html", context, status=422 if said else 200)


def _next(request: HttpRequest, pk: int) -> HttpResponse:
    """What is left of this box, else the next one."""
    left = _box(pk)
    if left.to_receive or left.to_inspect:
        return redirect("warehouse:box", pk)
    return redirect("warehouse:home")


def _scanned(code: str) -> HttpResponse:
    """As if it had been scanned on the first page."""
    return redirect(f"{reverse('warehouse:home')}?{urlencode({'code': code})}")


def _same(code: str, box: Box) -> bool:
    """Whether the label scanned is this box's, or that of a case inside."""
    numbers = {box.parcel.tracking_number, *(each.case.number for each in box.contents)}
    return not numbers.isdisjoint(read(code))


def _pieces(forms: list[PieceForm], photos: list[list[Checked]], names: list[str]) -> list[Piece]:
    """Each piece with its photos, which are stored under `names` in the order of all of them."""
    left = iter(names)
    return [
        piece
        for form, of in zip(forms, photos, strict=True)
        for piece in form.pieces(tuple(kept(next(left), each) for each in of))
    ]


def _others(box: Box) -> QuerySet[Case]:
    """The buyer's other returns that might have been put into this box."""
    inside = [content.case.pk for content in box.contents]
    sent = (State.AWAITING_RETURN, State.IN_TRANSIT)
    cases = Case.objects.filter(buyer=box.parcel.case.buyer_id, state__in=sent)
    return cases.exclude(pk__in=inside).select_related("line").order_by("id")[:10]


def _waiting() -> QuerySet[Parcel]:
    """Received, not inspected yet: the longest due first (R25, R35)."""
    seen = Inspection.objects.filter(parcel=OuterRef("pk"))
    waiting = Parcel.objects.filter(received_at__isnull=False, case__state=State.INSPECTING)
    waiting = waiting.filter(~Exists(seen)).select_related("case__line", "found_in")
    return waiting.order_by("case__deadline_at", "id")


def _today(at: datetime, zone: str) -> dict[str, int]:
    """What was done since midnight, by everybody here."""
    midnight = at.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "received": Parcel.objects.filter(received_at__gte=midnight).count(),
        "inspected": Inspection.objects.filter(at__gte=midnight).count(),
    }


def _name(request: HttpRequest) -> str:
    return request.user.get_username()
