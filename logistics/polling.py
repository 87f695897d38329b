"""Asking carriers that report nothing by themselves: claim, call, record."""

import logging
from dataclasses import asdict
from datetime import datetime

from logistics import workflow
from logistics.couriers import Capability, TrackingRecord, gateway_for
from logistics.reports import UPDATED, Report

log = logging.getLogger(__name__)


def poll_due(limit: int, *, at: datetime) -> int:
    """Ask after up to `limit` parcels of one courier; returns how many were asked after.

    What is learned is kept as if the courier had reported it; each event once.
    """
    parcels = workflow.claim_parcels_to_ask_after(limit, at=at)
    if not parcels or (courier := parcels[0].courier) is None:
        return 0
    try:
        gateway = gateway_for(courier, at=at)
    except LookupError as unknown:
        log.warning("%s", unknown)
        return len(parcels)
    if Capability.TRACK in gateway.capabilities:
        records = gateway.poll_tracking([parcel.tracking_number for parcel in parcels])
        if told := [_report(record) for record in records if record.occurred_at <= at]:
            workflow.accept_reports(courier, told, at=at)
    return len(parcels)


def _report(record: TrackingRecord) -> Report:
    said = asdict(record)
    place = {name: said.pop(name) for name in ("city", "country")}
    location = {name: value for name, value in place.items() if value}
    return Report(type=UPDATED, location=location, **{**said, "reason": said["reason"] or ""})
