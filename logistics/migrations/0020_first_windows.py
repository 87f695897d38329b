"""The first windows of R21's pick-ups; and what pick-ups that were booked before stand by."""

from datetime import timedelta
from typing import Any

from django.db import migrations
from django.db.models import F

from logistics.partners import plant_windows

#: What the courier had to know so long before, when a pick-up had no slot.
CUT_OFF, SILENT = timedelta(hours=2), timedelta(hours=36)


def planted(apps: Any, schema_editor: Any) -> None:
    plant_windows(
        services=apps.get_model("logistics", "CourierService").objects,
        windows=apps.get_model("logistics", "PickupWindow").objects,
    )
    booked = apps.get_model("logistics", "PickupBooking").objects
    booked.update(cut_off_at=F("starts_at") - CUT_OFF, asked_at=F("requested_at"))
    booked.filter(state__in=["requested", "confirmed"]).update(due_at=F("ends_at") + SILENT)


class Migration(migrations.Migration):
    dependencies = [("logistics", "0019_pickup_windows")]
    operations = [migrations.RunPython(planted, migrations.RunPython.noop)]
