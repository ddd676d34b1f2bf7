"""Numbers of rows that are named before they are stored."""

from __future__ import annotations

from sqlalchemy import Connection, Table, column, func, select


def next_ids(db: Connection, table: Table, many: int) -> list[int]:
    """Numbers for new rows that nobody else gives: PostgreSQL's sequence's; on SQLite, where
    nobody else is writing, those after the last one."""
    if not many:
        return []
    if db.dialect.name == "sqlite":
        last = db.scalar(select(func.max(table.c.id))) or 0
        return list(range(last + 1, last + many + 1))
    sequence = func.pg_get_serial_sequence(table.name, "id")
    each = func.generate_series(1, many).table_valued(column("number"))
    return sorted(db.scalars(select(func.nextval(sequence)).select_from(each)))
