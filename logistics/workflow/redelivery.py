"""What staff do with messages to couriers: send them again, anew, or discard them with a reason."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from logistics.models import Courier, Deliveries, Delivery
from logistics.models.messages import new_message_id
from logistics.states import OPEN_PICKUPS, Ending
from logistics.workflow.desk import keep_entry
from logistics.workflow.holding import hold
from logistics.workflow.outgoing import ASKS
from logistics.workflow.pickups import fail_untold_pickup
from returns.bell import ring_on_commit
from returns.machine import NotNow

BELL = "logistics.tasks.deliver_outbox"


def redeliverable(courier: Courier, *, since: datetime, at: datetime) -> Deliveries:
    """The courier's dead letters written since a moment, of which nothing came too late yet."""
    dead = Delivery.objects.dead_letters().filter(courier=courier, created_at__gte=since)
    return dead.filter(_in_time(at))


def redeliver(delivery: Delivery, *, by: str, at: datetime) -> None:
    """The same message under the same id, at once, its tries counted anew.

    Raises NotNow where it was told, taken back, or would come too late.
    """
    with transaction.atomic():
        again = Delivery.objects.filter(_in_time(at), pk=delivery.pk, delivered_at__isnull=True)
        if not again.exclude(ending=Ending.OVERTAKEN).update(**_again(at)):
            why = "It was told or taken back, or it would come too late for the van."
            raise NotNow("over", "redeliver", (), why)
        text = f"{delivery.message_id} is sent again."
        keep_entry(delivery.courier, "redelivered", text, by=by, at=at)
        ring_on_commit(BELL)


def redeliver_all(courier: Courier, *, since: datetime, by: str, at: datetime) -> int:
    """All of redeliverable(), in one statement; returns how many."""
    with transaction.atomic():
        found = list(redeliverable(courier, since=since, at=at).values_list("pk", flat=True))
        count = Delivery.objects.dead_letters().filter(pk__in=found).update(**_again(at))
        if count:
            text = f"{count} dead letters since {since:%Y-%m-%d %H:%M} UTC are sent again."
            keep_entry(courier, "redelivered", text, by=by, at=at, count=count)
            ring_on_commit(BELL)
    return count


def redo(delivery: Delivery, *, by: str, at: datetime) -> Delivery:
    """The same said anew on purpose, under an id of its own: the courier is to act once more.

    `data.replaces` names the message before. Raises NotNow while that one is still being tried.
    """
    with transaction.atomic():
        old = Delivery.objects.select_for_update(of=("self",)).get(pk=delivery.pk)
        if not (old.delivered_at or old.dead_at) or old.ending == Ending.OVERTAKEN:
            raise NotNow("waiting", "redo", (), "It is still being tried, or was taken back.")
        if not Delivery.objects.filter(_in_time(at), pk=old.pk).exists():
            raise NotNow("over", "redo", (), "It would come too late for the van.")
        payload = {**old.payload, "data": {**old.payload["data"], "replaces": old.message_id}}
        anew = Delivery.objects.create(
            courier=old.courier,
            parcel=old.parcel,
            pickup=old.pickup,
            type=old.type,
            payload=payload,
            message_id=new_message_id(),
            replaces=old,
            created_at=at,
            next_try_at=at,
            deliver_before=old.deliver_before,
        )
        text = f"{old.message_id} is said anew as {anew.message_id}."
        keep_entry(old.courier, "redone", text, by=by, at=at)
        ring_on_commit(BELL)
    return anew


def discard(delivery: Delivery, *, by: str, why: str, at: datetime) -> None:
    """It is not told, and no dead letter any more. A van that was asked for so is not coming.

    Raises NotNow where it was told, taken back or discarded.
    """
    why = " ".join(why.split())[:300]
    if not why:
        raise ValueError("a message is discarded with a reason")
    with transaction.atomic():
        hold(delivery.parcel.case)
        rows = Delivery.objects.filter(pk=delivery.pk, delivered_at__isnull=True)
        if not rows.exclude(ending__in=[Ending.OVERTAKEN, Ending.DISCARDED]).update(
            dead_at=at, next_try_at=None, ending=Ending.DISCARDED, ended_by=by[:200], ended_why=why
        ):
            raise NotNow("over", "discard", (), "It was told, taken back or discarded already.")
        text = f"{delivery.message_id} was discarded: {why}"
        keep_entry(delivery.courier, "discarded", text, by=by, at=at)
        if delivery.pickup and delivery.type in ASKS:
            fail_untold_pickup(delivery.pickup, at=at)


def _in_time(at: datetime) -> Q:
    """A retry after the van's hour is not made, nor one for a van that is not coming."""
    still = Q(pickup__isnull=True) | ~Q(type__in=ASKS) | Q(pickup__state__in=OPEN_PICKUPS)
    return still & (Q(deliver_before__isnull=True) | Q(deliver_before__gt=at))


def _again(at: datetime) -> dict[str, Any]:
    return {
        "dead_at": None,
        "ending": "",
        "ended_by": "",
        "ended_why": "",
        "next_try_at": at,
        "forgiven": F("attempts"),
    }
