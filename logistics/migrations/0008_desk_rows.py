"""Anomalies with a number and an assignee; reports typed in by a person; what stays as it is."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

REFUSAL = "what a courier reported is never edited or deleted"
FACTS = (
    "courier_id, type, event_id, tracking_number, pickup_id, code, reason, occurred_at, "
    "received_at, location, details, note, voids"
)
ENTRY_REFUSAL = "what was done to a partner is never edited or deleted"

POSTGRES_EVENT = """
DROP TRIGGER logistics_event_append_only ON logistics_trackingevent;
CREATE TRIGGER logistics_event_append_only BEFORE UPDATE OF {facts} ON logistics_trackingevent
FOR EACH ROW EXECUTE FUNCTION logistics_event_is_append_only();
"""
POSTGRES_ENTRY = f"""
CREATE FUNCTION logistics_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{ENTRY_REFUSAL}'; END $$;
CREATE TRIGGER logistics_entry_append_only BEFORE UPDATE OR DELETE ON logistics_courierentry
FOR EACH ROW EXECUTE FUNCTION logistics_entry_is_append_only();
"""
POSTGRES_ENTRY_BACK = """
DROP TRIGGER logistics_entry_append_only ON logistics_courierentry;
DROP FUNCTION logistics_entry_is_append_only();
"""
SQLITE_EVENT = f"""CREATE TRIGGER logistics_event_append_only
BEFORE UPDATE OF {{facts}} ON logistics_trackingevent
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"""
SQLITE_RAW = f"""CREATE TRIGGER logistics_event_raw
BEFORE UPDATE OF raw ON logistics_trackingevent WHEN NEW.raw <> ''
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"""
# No trigger on DELETE, as in 0003.
SQLITE_ENTRY = f"""CREATE TRIGGER logistics_entry_append_only
BEFORE UPDATE ON logistics_courierentry
BEGIN SELECT RAISE(ABORT, '{ENTRY_REFUSAL}'); END"""


def _guard_events(schema_editor: Any, facts: str) -> None:
    """On SQLite both anew: the changed table was made anew, its triggers went with the old one."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES_EVENT.format(facts=facts))
    else:
        schema_editor.execute(SQLITE_EVENT.format(facts=facts))
        schema_editor.execute(SQLITE_RAW)


def create(apps: Any, schema_editor: Any) -> None:
    postgres = schema_editor.connection.vendor == "postgresql"
    _guard_events(schema_editor, f"{FACTS}, told_by")
    schema_editor.execute(POSTGRES_ENTRY if postgres else SQLITE_ENTRY)


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES_ENTRY_BACK)
        # The column cannot go while the trigger names it.
        _guard_events(schema_editor, FACTS)
    else:
        schema_editor.execute("DROP TRIGGER logistics_entry_append_only")
        schema_editor.execute("DROP TRIGGER logistics_event_append_only")
        schema_editor.execute("DROP TRIGGER logistics_event_raw")


def guard_again(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "sqlite":
        _guard_events(schema_editor, FACTS)


def nothing(apps: Any, schema_editor: Any) -> None:
    pass


class Migration(migrations.Migration):
    dependencies = [
        ("logistics", "0007_raw_is_emptied"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(nothing, guard_again),
        migrations.AlterModelOptions(
            name="anomaly",
            options={
                "ordering": ["-id"],
                "permissions": [("work_anomalies", "Can close, replay and assign anomalies")],
                "verbose_name_plural": "anomalies",
            },
        ),
        migrations.AddField(
            model_name="anomaly",
            name="assignee",
            field=models.ForeignKey(
                blank=True,
                help_text="Who looks after it.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="anomaly",
            name="number",
            field=models.CharField(
                blank=True,
                help_text="Of reports that match nothing: what they are about.",
                max_length=80,
            ),
        ),
        migrations.AddIndex(
            model_name="anomaly",
            index=models.Index(fields=["courier", "number"], name="anomaly_by_number"),
        ),
        migrations.RemoveIndex(model_name="trackingevent", name="event_due"),
        migrations.AddField(
            model_name="trackingevent",
            name="told_by",
            field=models.CharField(
                blank=True,
                help_text="Who typed it in; empty: the courier's own message.",
                max_length=200,
            ),
        ),
        migrations.AlterField(
            model_name="trackingevent",
            name="courier",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="logistics.courier",
            ),
        ),
        migrations.AlterField(
            model_name="trackingevent",
            name="details",
            field=models.JSONField(
                blank=True, default=dict, help_text="Of a pick-up, or where a person read it."
            ),
        ),
        migrations.AddIndex(
            model_name="trackingevent",
            index=models.Index(
                condition=models.Q(("parcel__isnull", False), ("projected_at__isnull", True)),
                fields=["parcel"],
                name="event_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="trackingevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("courier__isnull", False),
                    models.Q(
                        models.Q(("told_by", ""), _negated=True), ("parcel__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="event_told_by_somebody",
            ),
        ),
        migrations.RunPython(create, drop),
    ]
