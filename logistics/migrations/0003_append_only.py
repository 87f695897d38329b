"""What a courier reported is only ever added to: triggers refuse to change or delete it."""

from typing import Any

from django.db import migrations

REFUSAL = "what a courier reported is never edited or deleted"
FACTS = (
    "courier_id, type, event_id, tracking_number, pickup_id, code, reason, occurred_at, "
    "received_at, location, details, note, voids, raw"
)

POSTGRES = f"""
CREATE FUNCTION logistics_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$;
CREATE TRIGGER logistics_event_append_only BEFORE UPDATE OF {FACTS} ON logistics_trackingevent
FOR EACH ROW EXECUTE FUNCTION logistics_event_is_append_only();
CREATE TRIGGER logistics_event_stays BEFORE DELETE ON logistics_trackingevent
FOR EACH ROW EXECUTE FUNCTION logistics_event_is_append_only();
"""
POSTGRES_BACK = """
DROP TRIGGER logistics_event_stays ON logistics_trackingevent;
DROP TRIGGER logistics_event_append_only ON logistics_trackingevent;
DROP FUNCTION logistics_event_is_append_only();
"""
# No trigger on DELETE here: SQLite has no TRUNCATE, and the test suite empties tables by DELETE.
SQLITE = f"""CREATE TRIGGER logistics_event_append_only
BEFORE UPDATE OF {FACTS} ON logistics_trackingevent
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"""
SQLITE_BACK = "DROP TRIGGER logistics_event_append_only"


def create(apps: Any, schema_editor: Any) -> None:
    postgres = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(POSTGRES if postgres else SQLITE)


def drop(apps: Any, schema_editor: Any) -> None:
    postgres = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(POSTGRES_BACK if postgres else SQLITE_BACK)


class Migration(migrations.Migration):
    dependencies = [("logistics", "0002_partners")]
    operations = [migrations.RunPython(create, drop)]
