"""The journal is only ever added to (R33): triggers refuse what the application never does."""

from typing import Any

from django.db import migrations

POSTGRES = """
CREATE FUNCTION returns_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'journal entries are never edited or deleted (R33)'; END $$;
CREATE TRIGGER returns_entry_append_only BEFORE UPDATE OR DELETE ON returns_entry
FOR EACH ROW EXECUTE FUNCTION returns_entry_is_append_only();
"""
# No trigger on DELETE here: SQLite has no TRUNCATE, and the test suite empties tables by DELETE.
SQLITE = """
CREATE TRIGGER returns_entry_append_only BEFORE UPDATE ON returns_entry
BEGIN SELECT RAISE(ABORT, 'journal entries are never edited or deleted (R33)'); END;
"""


def create(apps: Any, schema_editor: Any) -> None:
    postgres = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(POSTGRES if postgres else SQLITE)


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER returns_entry_append_only ON returns_entry")
        schema_editor.execute("DROP FUNCTION returns_entry_is_append_only()")
    else:
        schema_editor.execute("DROP TRIGGER returns_entry_append_only")


class Migration(migrations.Migration):
    dependencies = [("returns", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
