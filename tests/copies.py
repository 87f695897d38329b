"""A million rows in seconds: copies of one that the real verbs made."""

from django.db import connection, models, transaction


def copies(row: models.Model, count: int, **columns: str) -> None:
    """Insert copies of a row, and tell the planner. `columns` gives SQL for those that differ, with
    `n` counting from 1.

    Foreign keys are not looked at, so that a copy's may lead nowhere. PostgreSQL, as superuser.
    """
    table = row._meta.db_table
    names = [field.column for field in row._meta.concrete_fields if not field.primary_key]
    values = ", ".join(columns.get(name, name) for name in names)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} "  # noqa: S608
            f"FROM {table}, generate_series(1, %s) n WHERE id = %s",
            [count, row.pk],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute(f"ANALYZE {table}")
