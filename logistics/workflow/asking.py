"""Which parcels to ask after, where the courier reports nothing by itself."""

from datetime import datetime, timedelta

from django.db import transaction

from logistics.models import Courier, Parcel
from logistics.states import IS_ASKED
from returns.drain import locked

#: A parcel is asked after so often.
EVERY = timedelta(hours=2)


def claim_parcels_to_ask_after(limit: int, *, at: datetime) -> list[Parcel]:
    """Up to `limit` parcels of one courier, longest not asked after first; theirs for two hours.

    Those on their way, or whose label is out; what arrived or was taken back is not asked after.
    """
    for courier in Courier.objects.filter(gateway__in=IS_ASKED, active=True):
        with transaction.atomic():
            found = list(locked(courier.parcels.to_ask_after(at - EVERY))[:limit])
            Parcel.objects.filter(pk__in=[parcel.pk for parcel in found]).update(asked_at=at)
        if found:
            return found
    return []
