"""The migrated schema is the one the code declares, and old and new code know each other."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, select, text

from crm import migrations
from crm.tables import metadata
from tests.support.database import store_with_tables


def test_a_migrated_schema_has_no_difference_that_alembic_sees(empty: Engine) -> None:
    migrations.upgrade(empty)
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_migrated_schema_is_to_the_letter_the_one_the_code_creates(empty: Engine) -> None:
    """Defaults, nullability and the conditions of partial indexes too, which alembic skips."""
    migrations.upgrade(empty)
    with (
        store_with_tables(empty.dialect.name) as declared,
        declared.connect() as by_code,
        empty.connect() as migrated,
    ):
        assert _schema(migrated) == _schema(by_code)


def test_every_table_can_be_taken_back_and_made_again(empty: Engine) -> None:
    migrations.upgrade(empty)
    migrations.downgrade(empty, "base")
    assert inspect(empty).get_table_names() == ["alembic_version"]
    migrations.upgrade(empty)
    assert migrations.current(empty) == migrations.head()


def test_an_upgrade_of_an_upgraded_database_changes_nothing(empty: Engine) -> None:
    migrations.upgrade(empty)
    migrations.upgrade(empty)
    assert migrations.sql_for_upgrade(empty) == ""


def test_a_failed_upgrade_leaves_nothing_behind(empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE outbox (id INTEGER)"))
    with pytest.raises(Exception, match="outbox"):
        migrations.upgrade(empty)
    assert inspect(empty).get_table_names() == ["outbox"]
    assert migrations.current(empty) is None


def test_the_sql_of_a_dry_run_makes_the_tables_and_runs_none_of_it(empty: Engine) -> None:
    printed = migrations.sql_for_upgrade(empty)
    assert "CREATE TABLE customer (" in printed
    assert inspect(empty).get_table_names() == []


def test_a_dry_run_begins_where_the_database_is(empty: Engine) -> None:
    migrations.upgrade(empty, "0001")
    printed = migrations.sql_for_upgrade(empty)
    assert "CREATE TABLE customer (" not in printed
    assert "CREATE TABLE mail (" in printed


def test_a_schema_from_newer_code_is_known_as_such(empty: Engine) -> None:
    assert not migrations.is_newer_than_code(empty)
    migrations.upgrade(empty)
    assert not migrations.is_newer_than_code(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'zzzz'"))
    assert migrations.is_newer_than_code(empty)


def test_making_a_new_database_takes_less_than_a_second(empty: Engine) -> None:
    begun = time.process_time()
    migrations.upgrade(empty)
    assert time.process_time() - begun < 1


def _schema(connection: Connection) -> dict[str, Any]:
    if connection.dialect.name == "sqlite":
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%'")
        )
        return {row.name: _parts(row.sql) for row in rows if row.sql}
    return {"columns": _columns(connection), "rest": _indexes_and_constraints(connection)}


def _parts(sql: str) -> list[str]:
    """What a CREATE statement lists, whatever its order: SQLite writes a column that was added
    behind the constraints."""
    head, _, inner = re.sub(r"\s+", " ", sql).partition("(")
    depth, parts = 0, [""]
    for letter in inner.rpartition(")")[0]:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [head.strip(), inner.rpartition(")")[2].strip(), *sorted(map(str.strip, parts))]


def _columns(connection: Connection) -> set[tuple[Any, ...]]:
    rows = connection.execute(
        text(
            "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, "
            "numeric_precision, numeric_scale, replace(column_default, current_schema(), '') "
            "FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name <> 'alembic_version'"
        )
    )
    return {tuple(row) for row in rows}


def _indexes_and_constraints(connection: Connection) -> set[str]:
    schema = connection.scalar(select(text("current_schema()")))
    rows = connection.scalars(
        text(
            "SELECT indexdef FROM pg_indexes "
            "WHERE schemaname = current_schema() AND tablename <> 'alembic_version' "
            "UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' "
            "|| pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = current_schema()::regnamespace "
            "AND conrelid::regclass::text <> 'alembic_version' "
            "UNION ALL SELECT relname || ' ' || opt FROM pg_class, unnest(reloptions) opt "
            "WHERE relnamespace = current_schema()::regnamespace"
        )
    )
    return {row.replace(f"{schema}.", "") for row in rows}
