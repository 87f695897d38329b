"""The raw text of a report may be emptied when its time is over, and never written again."""

from typing import Any

from django.db import migrations

REFUSAL = "what a courier reported is never edited or deleted"
FACTS = (
    "courier_id, type, event_id, tracking_number, pickup_id, code, reason, occurred_at, "
    "received_at, location, details, note, voids"
)
DROP_POSTGRES = "DROP TRIGGER logistics_event_append_only ON logistics_trackingevent;"
DROP_RAW_POSTGRES = "DROP TRIGGER logistics_event_raw ON logistics_trackingevent;"
POSTGRES = """
CREATE TRIGGER logistics_event_append_only BEFORE UPDATE OF {facts} ON logistics_trackingevent
FOR EACH ROW EXECUTE FUNCTION logistics_event_is_append_only();
"""
RAW_POSTGRES = """
CREATE TRIGGER logistics_event_raw BEFORE UPDATE OF raw ON logistics_trackingevent
FOR EACH ROW WHEN (NEW.raw <> '') EXECUTE FUNCTION logistics_event_is_append_only();
"""
SQLITE = f"""CREATE TRIGGER logistics_event_append_only
BEFORE UPDATE OF {{facts}} ON logistics_trackingevent
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"""
RAW_SQLITE = f"""CREATE TRIGGER logistics_event_raw
BEFORE UPDATE OF raw ON logistics_trackingevent WHEN NEW.raw <> ''
BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"""


def let_raw_go(apps: Any, schema_editor: Any) -> None:
    postgres = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(DROP_POSTGRES if postgres else "DROP TRIGGER logistics_event_append_only")
    schema_editor.execute((POSTGRES if postgres else SQLITE).format(facts=FACTS))
    schema_editor.execute(RAW_POSTGRES if postgres else RAW_SQLITE)


def keep_raw(apps: Any, schema_editor: Any) -> None:
    postgres = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(DROP_RAW_POSTGRES if postgres else "DROP TRIGGER logistics_event_raw")
    schema_editor.execute(DROP_POSTGRES if postgres else "DROP TRIGGER logistics_event_append_only")
    schema_editor.execute((POSTGRES if postgres else SQLITE).format(facts=f"{FACTS}, raw"))


class Migration(migrations.Migration):
    dependencies = [("logistics", "0006_credentials")]
    operations = [migrations.RunPython(let_raw_go, keep_raw)]
