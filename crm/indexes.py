"""Which indexes a database really has, whatever was noted when they were built."""

from __future__ import annotations

from sqlalchemy import Connection, text

_EXISTING = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index'",
    # A concurrent build that was interrupted leaves one that is not valid: no query uses it.
    "postgresql": """
        SELECT c.relname FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND i.indisvalid
    """,
}


def existing_indexes(db: Connection) -> frozenset[str]:
    """The names of the indexes that queries can use."""
    return frozenset(db.scalars(text(_EXISTING[db.dialect.name])))
