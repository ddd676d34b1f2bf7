"""What migrations do to tables that exist already, so that nobody who uses them has to wait.

docs/migrations.md says why each is so. Like `columns`, nothing here may change once it is
released: a later migration that needs another way adds a function.

A step of an existing PostgreSQL database is a transaction of its own. What has to run outside of
one (`create_index`) comes first in its step and can be repeated: a step that failed half way is
run again from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import op
from sqlalchemy import text

IS_NEW = "is_new"
"""The attribute of alembic's Config that says whether the database was empty: there every step is
of one transaction, and indexes of empty tables are made in it."""

LOCK_TIMEOUT = "2s"
"""How long a step waits for a table that somebody uses. Everybody else waits behind it meanwhile,
so it gives up and is tried again: https://www.postgresql.org/docs/current/explicit-locking.html"""


def on_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


def create_index(name: str, table: str, *columns: str, where: str | None = None) -> None:
    """An index of a table that exists; PostgreSQL builds it beside the work that goes on."""
    condition = None if where is None else text(where)
    options: dict[str, Any] = {"sqlite_where": condition, "postgresql_where": condition}
    if not on_postgresql() or _is_new():
        op.create_index(name, table, list(columns), **options)
        return
    with _outside_of_transactions():
        # What an interrupted build left is there, and invalid.
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, list(columns), postgresql_concurrently=True, **options)


def drop_index(name: str, table: str) -> None:
    if not on_postgresql() or _is_new():
        op.drop_index(name, table)
        return
    with _outside_of_transactions():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)


def set_storage(table: str, **parameters: float) -> None:
    """PostgreSQL's storage parameters of a table; readers and writers go on meanwhile."""
    if on_postgresql():
        written = ", ".join(f"{name} = {value}" for name, value in parameters.items())
        op.execute(f"ALTER TABLE {table} SET ({written})")


def reset_storage(table: str, *parameters: str) -> None:
    if on_postgresql():
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(parameters)})")


def promise_foreign_key(table: str, column: str, target: str) -> None:
    """A foreign key for the rows to come. A later step looks at those that are there
    (`check_foreign_key`), which takes long and no longer holds anybody up. PostgreSQL alone."""
    op.create_foreign_key(
        _foreign_key(table, column), table, target, [column], ["id"], postgresql_not_valid=True
    )


def check_foreign_key(table: str, column: str) -> None:
    """Have the rows that were there before a promised foreign key keep to it too."""
    op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {_foreign_key(table, column)}")


def drop_foreign_key(table: str, column: str) -> None:
    op.drop_constraint(_foreign_key(table, column), table, type_="foreignkey")


def _foreign_key(table: str, column: str) -> str:
    return f"fk_{table}_{column}"


def _is_new() -> bool:
    config = op.get_context().config
    return bool(config and config.attributes.get(IS_NEW))


@contextmanager
def _outside_of_transactions() -> Iterator[None]:
    """Waiting is allowed here: a concurrent build waits for old transactions, and nobody for it."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        yield
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
