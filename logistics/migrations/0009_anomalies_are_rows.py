"""What was a list on the parcel becomes rows, each with its sentence, to be closed one by one."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def move(apps: Any, schema_editor: Any) -> None:
    """`what:about` becomes the code and the key; what it was about stays in the sentence."""
    Parcel, Anomaly = (apps.get_model("logistics", name) for name in ("Parcel", "Anomaly"))
    rows = []
    for parcel in Parcel.objects.exclude(anomalies=[]).iterator(1_000):
        for told in parcel.anomalies:
            what, _, about = str(told).partition(":")
            rows.append(
                Anomaly(
                    key=f"parcel:{parcel.pk}:{what[:40]}:{about}"[:200],
                    code="not-now" if what.startswith("case-") else what[:40],
                    text=f"Found before there was this list: {told}"[:300],
                    courier_id=parcel.courier_id,
                    parcel=parcel,
                    found_at=parcel.last_news_at or parcel.issued_at,
                )
            )
    Anomaly.objects.bulk_create(rows, batch_size=1_000, ignore_conflicts=True)


def nothing(apps: Any, schema_editor: Any) -> None:
    """Backwards the list begins empty: working the parcels out again fills it."""


class Migration(migrations.Migration):
    dependencies = [("logistics", "0008_desk_rows")]

    operations = [
        migrations.RunPython(move, nothing),
        migrations.RemoveField(model_name="parcel", name="anomalies"),
        migrations.AlterField(
            model_name="anomaly",
            name="parcel",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="anomalies",
                to="logistics.parcel",
            ),
        ),
    ]
