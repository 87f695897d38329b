"""Labels that a carrier makes: ordered first, issued when it has answered with number and page."""

import hashlib
import secrets
from base64 import b32encode
from datetime import datetime
from decimal import Decimal

from django.core.files.base import ContentFile

from logistics.labels import FIRST
from logistics.models import CourierService, LabelPage, Parcel
from logistics.states import Bearer, Carried, Ending, LabelState, MessageType
from logistics.workflow.desk import raise_anomaly
from logistics.workflow.holding import tell
from returns import workflow as returns
from returns.models import Case


def new_token() -> str:
    """What proves at a counter that a number is not guessed: 10 characters, 50 bits."""
    return b32encode(secrets.token_bytes(7)).decode()[:10]


def ask_for_label(case: Case, service: CourierService, *, at: datetime) -> Parcel:
    """Order a label where the carrier hands out the numbers. Under the locks of both.

    Until it answers the parcel has no number, and the buyer no label (R20).
    """
    parcel = Parcel.objects.create(
        case=case,
        order=case.order,
        carried=Carried.FREE_LABEL,
        courier=service.courier,
        courier_name=service.courier.name,
        tracking_number="",
        token=new_token(),
        label=LabelState.ORDERED,
        issued_at=at,
        last_use_on=(case.deadline_at or at).date(),
        label_cost=service.price,
        label_currency=service.currency,
        borne_by=Bearer.MARKETPLACE,
        currency=case.currency,
    )
    buyer, seller = case.buyer, case.seller
    tell(
        MessageType.LABEL_ORDERED,
        parcel,
        at=at,
        last_use_on=parcel.last_use_on.isoformat() if parcel.last_use_on else None,
        weight_limit_g=service.courier.weight_limit_g,
        sender={"country": buyer.country, **buyer.address, "name": buyer.name},
        recipient={"country": seller.country, **seller.address, "name": seller.name},
    )
    return parcel


def forget_order(parcel: Parcel, *, at: datetime) -> None:
    """Take an order back that the carrier has not had. Under the locks of parcel and case.

    One that is being asked just now is left alone: its answer finds that nobody wants the label.
    """
    orders = parcel.deliveries.untold().filter(
        type=MessageType.LABEL_ORDERED, leased_until__isnull=True
    )
    orders.update(dead_at=at, next_try_at=None, ending=Ending.OVERTAKEN)


def issue_ordered_label(
    parcel: Parcel,
    *,
    number: str,
    page: bytes,
    cost: Decimal | None,
    currency: str,
    at: datetime,
) -> None:
    """The carrier made the label. Under the locks of parcel and case.

    `page` is its own, 4 × 6 inches, in PDF. What it says that it costs counts before the contract's
    price (R29). A label that was taken back meanwhile is taken back from the carrier too. A second
    answer changes nothing.
    """
    parcel.refresh_from_db()
    if parcel.tracking_number:
        return
    parcel.tracking_number, parcel.issued_at = number[:40], at
    if cost is not None and currency:
        parcel.label_cost, parcel.label_currency = cost, currency
    live = parcel.label == LabelState.ORDERED
    if live:
        parcel.label = LabelState.LIVE
    written = ["tracking_number", "issued_at", "label_cost", "label_currency", "label"]
    parcel.save(update_fields=written)
    if not live:
        tell(MessageType.LABEL_VOIDED, parcel, at=at)
        return
    _keep_page(parcel, page, at)
    text = f"Return label {parcel.tracking_number}, {parcel.courier_name}."
    returns.issue_label(parcel.case, at=at, text=text)


def _keep_page(parcel: Parcel, page: bytes, at: datetime) -> None:
    if not page.startswith(b"%PDF-"):
        raise_anomaly(
            f"label-without-page:{parcel.pk}",
            code="label-without-page",
            text=f"{parcel.courier_name} made label {parcel.tracking_number} but sent no page: "
            "take it back and issue it anew.",
            at=at,
            parcel=parcel,
            courier=parcel.courier,
        )
        return
    made = LabelPage(
        parcel=parcel,
        size=FIRST.size,
        format=FIRST.format,
        dpi=FIRST.dpi,
        sha256=hashlib.sha256(page).hexdigest(),
        made_at=at,
    )
    name = f"labels/{at:%Y/%m}/{parcel.tracking_number}-{FIRST.name}"
    made.file.name = made.file.storage.save(name, ContentFile(page))
    made.save(force_insert=True)
    parcel.printed = True
    parcel.save(update_fields=["printed"])
