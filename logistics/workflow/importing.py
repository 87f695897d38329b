"""A courier's file of drop-off points: received, read, looked at, and applied or discarded."""

import hashlib
import logging
from datetime import datetime
from typing import Any

from django.core.files.base import ContentFile
from django.db import OperationalError, transaction

from logistics.models import Courier, DropOffPoint, PointChange, PointImport
from logistics.points.comparing import FIELDS, fingerprint
from logistics.points.reading import MAX_BYTES, read
from logistics.points.records import Unreadable
from logistics.states import POINT_IMPORT, ImportEvent, ImportState
from logistics.workflow.desk import keep_entry, raise_anomaly
from logistics.workflow.staging import CHUNK, Progress, What, chunks, points_of, printable, stage
from returns.bell import ring_on_commit
from returns.machine import NotNow

log = logging.getLogger(__name__)

IMPORT = "logistics.tasks.import_points"
#: More than this share of the points in use is not dropped unasked.
MOST_DROPPED = 0.2


def _quiet(what: str, count: int) -> None:
    """Tell nobody."""


def receive_points(
    courier: Courier, data: bytes, *, file_name: str, mode: str, by: str, at: datetime
) -> PointImport:
    """Keep the file; a worker reads it. ValueError when it is too large, empty, or of no mode."""
    if mode not in PointImport.Mode:
        raise ValueError(f"the mode is one of {', '.join(PointImport.Mode.values)}")
    if not data or len(data) > MAX_BYTES:
        raise ValueError(f"a file of points has 1 byte to {MAX_BYTES // 2**20} MB")
    sha256 = hashlib.sha256(data).hexdigest()
    with transaction.atomic():
        received = PointImport.objects.create(
            courier=courier,
            mode=mode,
            state=POINT_IMPORT.start[1],
            file=ContentFile(data, f"{sha256}.points"),
            file_name=printable(file_name)[:120] or "points",
            sha256=sha256,
            by=by[:200],
            at=at,
        )
        ring_on_commit(IMPORT)
    return received


def import_due(limit: int, *, at: datetime) -> int:
    """Read or apply up to `limit` files that wait for it; returns how many."""
    due = list(PointImport.objects.due()[:limit])
    for each in due:
        verb = read_points if each.state == ImportState.WAITING else apply_points
        try:
            verb(each, at=at)
        except (NotNow, OperationalError) as later:
            log.warning("import %s: %s", each.pk, later)
        except Exception as error:
            # It must not stand in the way of the others for ever.
            log.exception("import %s cannot be taken", each.pk)
            _fail(each, f"Something nobody foresaw: {type(error).__name__}.")
    return len(due)


def read_points(found: PointImport, *, at: datetime, progress: Progress = _quiet) -> None:
    """Read the file and write down what it would change. Nothing of the points is touched.

    An unreadable one becomes that, with the reason. Raises NotNow when it was read already.
    """
    found.refresh_from_db()
    POINT_IMPORT.after(ImportState(found.state), ImportEvent.READ)
    courier = found.courier
    served = {courier.country, *courier.services.values_list("country", flat=True)}
    try:
        with found.file.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        reading = read(
            data,
            home=courier.country,
            countries=sorted(served),
            progress=lambda count: progress("read", count),
        )
        if found.mode == PointImport.Mode.FULL and not reading.complete:
            raise Unreadable("This is one page of several: as a full list it would drop the rest.")
    except (Unreadable, OSError) as error:
        _fail(found, str(error))
        return
    with transaction.atomic():
        _lock(found)
        POINT_IMPORT.after(ImportState(found.state), ImportEvent.READ)
        _move(found, ImportEvent.READ, **stage(found, reading, progress))


def confirm_points(found: PointImport, *, by: str, at: datetime, allow_drop: bool = False) -> None:
    """Somebody looked at the changes and wants them; a worker applies them.

    ValueError when more than 20 % of the points in use would be dropped and `allow_drop` does not
    say that this is meant. NotNow when the points changed meanwhile: then it is read again.
    """
    with transaction.atomic():
        _lock(found)
        POINT_IMPORT.after(ImportState(found.state), ImportEvent.CONFIRMED)
        if outdated := fingerprint(points_of(found.courier)) != found.points_seen:
            _outdate(found)
        elif drops_too_many(found) and not allow_drop:
            raise ValueError(
                f"{found.dropped} of {found.offered} points in use would be dropped, more than "
                f"{MOST_DROPPED:.0%}: say that this is meant"
            )
        else:
            told = {"decided_by": by[:200], "decided_at": at, "drop_allowed": allow_drop}
            _move(found, ImportEvent.CONFIRMED, **told)
            ring_on_commit(IMPORT)
    if outdated:
        raise NotNow(found.state, "apply", (), found.trouble)


def apply_points(found: PointImport, *, at: datetime, progress: Progress = _quiet) -> None:
    """Make the changes that were confirmed, all or none; what is missing is taken out of use.

    When the points changed since it is read again instead. Raises NotNow unless it is confirmed.
    """
    with transaction.atomic():
        _lock(found)
        POINT_IMPORT.after(ImportState(found.state), ImportEvent.APPLIED)
        if fingerprint(points_of(found.courier, lock=True)) != found.points_seen:
            _outdate(found)
            return
        done = 0
        for chunk in chunks(found.changes.exclude(what=What.REJECTED).iterator(CHUNK)):
            _write(found.courier, chunk, at)
            done += len(chunk)
            progress("applied", done)
        _move(found, ImportEvent.APPLIED, applied_at=at)
        _tell_the_desk(found, at)
        counts = {name: getattr(found, name) for name in ("new", "changed", "missing", "rejected")}
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        keep_entry(
            found.courier,
            "points_imported",
            f"Points imported from {found.file_name} ({found.mode}): {told}.",
            by=found.decided_by,
            at=at,
            sha256=found.sha256,
            point_import=found.pk,
            drop_allowed=found.drop_allowed,
            **counts,
        )
        _forget_file(found)


def discard_points(found: PointImport, *, by: str, at: datetime) -> None:
    """Nobody wants these changes. Raises NotNow once they were confirmed."""
    with transaction.atomic():
        _lock(found)
        _move(found, ImportEvent.DISCARDED, decided_by=by[:200], decided_at=at)
        _forget_file(found)


def drops_too_many(found: PointImport) -> bool:
    """Whether applying it must be confirmed by saying that so many are to be dropped."""
    return found.dropped > found.offered * MOST_DROPPED


def _lock(found: PointImport) -> None:
    """The courier, then the file: one import of a courier at a time. Looks again."""
    Courier.objects.select_for_update().get(pk=found.courier_id)
    found.refresh_from_db(from_queryset=PointImport.objects.select_for_update())


def _move(found: PointImport, event: ImportEvent, **told: Any) -> None:
    """Write the state the event leads to. Raises NotNow."""
    before = ImportState(found.state)
    now = {"state": POINT_IMPORT.after(before, event), **told}
    if not PointImport.objects.filter(pk=found.pk, state=before).update(**now):
        raise NotNow(before, event, (), "Somebody else was faster.")
    for name, value in now.items():
        setattr(found, name, value)


def _fail(found: PointImport, why: str) -> None:
    with transaction.atomic():
        _move(found, ImportEvent.FAILED, trouble=printable(why)[:300])
        _forget_file(found)


def _outdate(found: PointImport) -> None:
    found.changes.all().delete()
    why = "The points changed after this was read. It was read again: look at it once more."
    _move(found, ImportEvent.OUTDATED, trouble=why, decided_by="", decided_at=None)
    ring_on_commit(IMPORT)


def _write(courier: Courier, rows: list[PointChange], at: datetime) -> None:
    """A chunk in two statements: points of the file as they are there, missing ones out of use."""
    told = [
        DropOffPoint(courier=courier, code=row.code, **row.after)
        for row in rows
        if row.what != What.MISSING
    ]
    DropOffPoint.objects.bulk_create(
        told,
        update_conflicts=True,
        unique_fields=["courier", "code"],
        update_fields=[*FIELDS, "missing_since"],
    )
    gone = [row.code for row in rows if row.what == What.MISSING]
    courier.points.filter(code__in=gone).update(active=False, missing_since=at)


def _tell_the_desk(found: PointImport, at: datetime) -> None:
    """Who was to bring a parcel to a point that is no longer in use has to hear of another."""
    for parcel in found.courier.parcels.heading_nowhere():
        raise_anomaly(
            f"point-gone:{parcel.pk}:{parcel.drop_off_point_id}",
            code="point-gone",
            text=f"The buyer was to bring it to {parcel.drop_off_point}, which is out of use.",
            at=at,
            courier=found.courier,
            parcel=parcel,
        )


def _forget_file(found: PointImport) -> None:
    """The changes are kept, and the file's fingerprint; not the file."""
    storage, stored = found.file.storage, found.file.name or ""
    PointImport.objects.filter(pk=found.pk).update(file="")
    transaction.on_commit(lambda: storage.delete(stored), robust=True)
