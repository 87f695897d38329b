"""The pages of a label: drawn once, kept, and handed out ever after as the same bytes (R20)."""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction

from logistics.labels import FIRST, LabelSpec, Party, Sheet, is_whole, render
from logistics.models import LabelPage, Parcel, Parcels
from logistics.states import HANDS_OUT_NUMBERS, CodeState, LabelState
from logistics.workflow.desk import raise_anomaly

log = logging.getLogger(__name__)

# A label that was taken back is as good as none.
_CODES = {
    LabelState.LIVE: CodeState.READY,
    LabelState.USED: CodeState.USED,
    LabelState.EXPIRED: CodeState.EXPIRED,
}


def render_due_labels(limit: int, *, at: datetime) -> int:
    """Draw up to `limit` labels that have no page yet; returns how many were looked at.

    No lock is held meanwhile: whoever keeps a page first has drawn it.
    """
    due = list(_printable().unprinted()[:limit])
    for parcel in due:
        try:
            _draw(parcel, FIRST, at)
        except Exception as error:
            log.exception("label %s cannot be drawn", parcel.tracking_number)
            said = f"{type(error).__name__}: {error}"[:300]
            Parcel.objects.filter(pk=parcel.pk, printed=False).update(label_error=said)
    return len(due)


def label_page(parcel: Parcel, sheet: Sheet = FIRST, *, at: datetime) -> LabelPage:
    """The page to print, drawn now if nobody asked before. ValueError where there is no label."""
    parcel = _printable().get(pk=parcel.pk)
    if parcel.label not in (LabelState.LIVE, LabelState.USED):
        raise ValueError("there is no label to print")
    asked = {"size": sheet.size, "format": sheet.format, "dpi": sheet.dpi}
    if page := parcel.pages.filter(**asked).first():
        return page
    if parcel.courier and parcel.courier.gateway in HANDS_OUT_NUMBERS:
        raise ValueError(f"{parcel.courier_name} makes its labels itself, as {FIRST.name} only")
    return _draw(parcel, sheet, at)


def spec(parcel: Parcel) -> LabelSpec:
    """What the label says: from the buyer to the seller's address (R20, R22)."""
    case, courier = parcel.case, parcel.courier
    if courier is None or parcel.last_use_on is None:
        raise ValueError("a parcel by own courier has no label")
    return LabelSpec(
        rma_number=case.number,
        order_number=parcel.order.number,
        tracking_number=parcel.tracking_number,
        courier_name=courier.name,
        service="Return parcel",
        sender=_party(case.buyer.name, case.buyer.address, case.buyer.country),
        recipient=_party(case.seller.name, case.seller.address, case.seller.country),
        issued_on=parcel.issued_at.date(),
        last_use_on=parcel.last_use_on,
        qr_text=f"{settings.PUBLIC_URL}/d/{parcel.tracking_number}?t={parcel.token}",
        code=short_code(parcel),
        weight_limit_g=courier.weight_limit_g,
    )


def short_code(parcel: Parcel) -> str:
    """The token as a clerk types it: `K7Q2M-4XW9A`."""
    return f"{parcel.token[:5]}-{parcel.token[5:]}"


def look_up_code(tracking: str, token: str, *, at: datetime) -> tuple[CodeState, Parcel | None]:
    """What a counter learns of a code, and the parcel where it is one of ours.

    Compared in constant time, and no other answer for a number we do not know.
    """
    token = "".join(c for c in token.upper() if c.isascii() and c.isalnum())
    parcels = Parcel.objects.filter(tracking_number=tracking[:40], label__in=_CODES).order_by("-id")
    known = [parcel for parcel in parcels if secrets.compare_digest(parcel.token or "-", token)]
    if not known:
        return CodeState.INVALID, None
    parcel = known[0]
    over = parcel.last_use_on is not None and parcel.last_use_on < at.date()
    if parcel.label == LabelState.LIVE and over:
        return CodeState.EXPIRED, parcel
    return _CODES[LabelState(parcel.label)], parcel


def _printable() -> Parcels:
    return Parcel.objects.select_related("case__buyer", "case__seller", "order", "courier")


def _draw(parcel: Parcel, sheet: Sheet, at: datetime) -> LabelPage:
    drawn = render(spec(parcel), sheet)
    page = LabelPage(
        parcel=parcel,
        size=sheet.size,
        format=sheet.format,
        dpi=sheet.dpi,
        sha256=hashlib.sha256(drawn).hexdigest(),
        made_at=at,
    )
    storage = page.file.storage
    page.file.name = storage.save(
        f"labels/{at:%Y/%m}/{parcel.tracking_number}-{sheet.name}", ContentFile(drawn)
    )
    try:
        _keep(page, whole=sheet.format != "pdf" or is_whole(drawn))
    except IntegrityError:
        # Somebody kept the same page meanwhile: theirs is the one that is handed out.
        storage.delete(page.file.name)
        return parcel.pages.get(size=sheet.size, format=sheet.format, dpi=sheet.dpi)
    return page


@transaction.atomic
def _keep(page: LabelPage, *, whole: bool) -> None:
    page.save(force_insert=True)
    parcel = page.parcel
    Parcel.objects.filter(pk=parcel.pk).update(printed=True, label_error="")
    if not whole:
        raise_anomaly(
            f"label-glyph-missing:{parcel.pk}",
            code="label-glyph-missing",
            text=f"The label of {parcel.tracking_number} has a box where we have no letter.",
            at=page.made_at,
            parcel=parcel,
            courier=parcel.courier,
        )


def _party(name: str, address: Mapping[str, str], country: str) -> Party:
    return Party(
        name=name,
        lines=tuple(address.get("street", "").splitlines()),
        city=address.get("city", ""),
        region=address.get("region", ""),
        postal_code=address.get("postal_code", ""),
        country=address.get("country", "") or country,
        phone=address.get("phone", ""),
    )
