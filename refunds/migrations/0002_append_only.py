"""The books and the attempts are only ever added to: triggers refuse what the application never does."""

from typing import Any

from django.db import migrations

LEDGER = "bookings are never edited or deleted, but booked back"
ATTEMPT = "an attempt that has its outcome is never edited or deleted"

POSTGRES = f"""
CREATE FUNCTION refunds_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{LEDGER}'; END $$;
CREATE TRIGGER refunds_ledger_append_only BEFORE UPDATE OR DELETE ON refunds_ledgerentry
FOR EACH ROW EXECUTE FUNCTION refunds_ledger_is_append_only();
CREATE FUNCTION refunds_attempt_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{ATTEMPT}'; END $$;
CREATE TRIGGER refunds_attempt_append_only BEFORE UPDATE ON refunds_refundattempt
FOR EACH ROW WHEN (OLD.finished_at IS NOT NULL) EXECUTE FUNCTION refunds_attempt_is_append_only();
CREATE TRIGGER refunds_attempt_stays BEFORE DELETE ON refunds_refundattempt
FOR EACH ROW EXECUTE FUNCTION refunds_attempt_is_append_only();
"""
POSTGRES_BACK = """
DROP TRIGGER refunds_attempt_stays ON refunds_refundattempt;
DROP TRIGGER refunds_attempt_append_only ON refunds_refundattempt;
DROP FUNCTION refunds_attempt_is_append_only();
DROP TRIGGER refunds_ledger_append_only ON refunds_ledgerentry;
DROP FUNCTION refunds_ledger_is_append_only();
"""
# No trigger on DELETE here: SQLite has no TRUNCATE, and the test suite empties tables by DELETE.
SQLITE = (
    f"""CREATE TRIGGER refunds_ledger_append_only BEFORE UPDATE ON refunds_ledgerentry
    BEGIN SELECT RAISE(ABORT, '{LEDGER}'); END""",
    f"""CREATE TRIGGER refunds_attempt_append_only BEFORE UPDATE ON refunds_refundattempt
    WHEN OLD.finished_at IS NOT NULL BEGIN SELECT RAISE(ABORT, '{ATTEMPT}'); END""",
)
SQLITE_BACK = ("DROP TRIGGER refunds_attempt_append_only", "DROP TRIGGER refunds_ledger_append_only")


def create(apps: Any, schema_editor: Any) -> None:
    postgres = schema_editor.connection.vendor == "postgresql"
    for statement in (POSTGRES,) if postgres else SQLITE:
        schema_editor.execute(statement)


def drop(apps: Any, schema_editor: Any) -> None:
    postgres = schema_editor.connection.vendor == "postgresql"
    for statement in (POSTGRES_BACK,) if postgres else SQLITE_BACK:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("refunds", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
