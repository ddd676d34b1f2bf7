"""A migration may run beside processes that are at work: none holds up a table of a million rows,
and none takes away what older code asks for without saying so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, insert, inspect, select, text

from crm import migrations
from crm.database import open_engine
from crm.tables import customer_tag
from rapport.storage import WrongDatabase, prepare, refuse_outdated
from tests.crm.businesses import NOW
from tests.support.database import empty_database
from tests.support.migration_rules import broken_rules
from tests.support.releases import newer_release, write_newer_release

FIRST_HELD = "0004"
"""The steps before it made the tables: there was nothing that they could have held up."""


def _steps() -> list[Any]:
    return [
        step
        for step in ScriptDirectory.from_config(migrations._config()).walk_revisions()
        if step.revision >= FIRST_HELD
    ][::-1]


@pytest.fixture(scope="module")
def server() -> Iterator[Engine]:
    """A PostgreSQL database of its own: builds wait for every transaction in theirs."""
    with empty_database() as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def in_use(server: Engine) -> Iterator[Engine]:
    """A database that has rows, and whose schema is that of the first release."""
    migrations.upgrade(server, "0003")
    yield server
    with server.begin() as db:
        db.execute(text("SET LOCAL client_min_messages = warning"))
        db.execute(text("DROP SCHEMA public CASCADE"))
        db.execute(text("CREATE SCHEMA public"))


def test_no_step_holds_up_a_table_in_use(in_use: Engine) -> None:
    for step in _steps():
        sql = _sql_of(in_use, step)
        contracts = step.module.compatible_from == step.revision
        assert broken_rules(sql, contracts=contracts) == [], step.revision
        migrations.upgrade(in_use, step.revision)


def _sql_of(engine: Engine, step: Any) -> str:
    """The part of a dry run that is of this step."""
    sql = migrations.sql_for_upgrade(engine)
    begun = sql.partition(f"-- Running upgrade {step.down_revision} -> {step.revision}")[2]
    return begun.partition("\n")[2].partition("-- Running upgrade")[0]


def test_every_step_says_which_code_may_work_beside_it() -> None:
    known = {step.revision for step in _steps()} | {"0003"}
    for step in _steps():
        assert step.module.compatible_from in known, step.revision


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX ix ON mail (id)",
        "CREATE UNIQUE INDEX ix ON mail (id)",
        "DROP INDEX ix",
        "ALTER TABLE mail ALTER COLUMN kind TYPE VARCHAR(30)",
        "ALTER TABLE mail ALTER COLUMN kind SET NOT NULL",
        "ALTER TABLE mail ADD COLUMN mood VARCHAR(20) NOT NULL",
        "ALTER TABLE mail ADD COLUMN at TIMESTAMP DEFAULT now() NOT NULL",
        "ALTER TABLE mail ADD CONSTRAINT fk FOREIGN KEY(run_id) REFERENCES run (id)",
        "ALTER TABLE mail ADD COLUMN of BIGINT REFERENCES run (id)",
        "ALTER TABLE mail ADD CONSTRAINT positive CHECK (lane > 0)",
        "ALTER TABLE mail ADD CONSTRAINT uq UNIQUE (kind)",
        "ALTER TABLE mail RENAME COLUMN kind TO sort",
        "ALTER TABLE mail DROP COLUMN kind",
        "DROP TABLE mail",
        "UPDATE mail SET lane = 0",
        "DELETE FROM mail WHERE id < 5",
        "LOCK TABLE mail",
    ],
)
def test_what_holds_up_a_table_or_breaks_older_code_is_seen(statement: str) -> None:
    assert len(broken_rules(f"BEGIN;\n{statement};\nCOMMIT;")) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE fresh (id BIGINT); CREATE INDEX ix ON fresh (id)",
        "CREATE INDEX CONCURRENTLY ix ON mail (id) WHERE status = 'dead'",
        "DROP INDEX CONCURRENTLY IF EXISTS ix",
        "ALTER TABLE mail ADD COLUMN mood VARCHAR(20)",
        "ALTER TABLE mail ADD COLUMN mood VARCHAR(20) DEFAULT 'calm' NOT NULL",
        "ALTER TABLE mail ADD CONSTRAINT fk FOREIGN KEY(run_id) REFERENCES run (id) NOT VALID",
        "ALTER TABLE mail VALIDATE CONSTRAINT fk",
        "ALTER TABLE mail DROP CONSTRAINT fk",
        "ALTER TABLE mail ALTER COLUMN run_id DROP NOT NULL",
        "ALTER TABLE mail ADD CONSTRAINT uq UNIQUE USING INDEX ix",
        "ALTER TABLE mail SET (fillfactor = 80)",
        "UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003'",
    ],
)
def test_what_goes_on_beside_others_is_allowed(statement: str) -> None:
    assert broken_rules(f"BEGIN;\n{statement};\nCOMMIT;") == []


def test_a_step_that_contracts_may_drop_what_only_older_code_used() -> None:
    assert broken_rules("ALTER TABLE mail DROP COLUMN kind;", contracts=True) == []


# -- steps at work


def test_a_step_that_cannot_have_a_table_is_tried_again_and_then_refused(
    in_use: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody holds a table; at first for good, then until the first try has failed."""
    monkeypatch.setattr("crm.migrations._LIMITS", ("SET lock_timeout = '50ms'",))
    monkeypatch.setattr("crm.migrations.operations.LOCK_TIMEOUT", "50ms")
    tries = []

    def pause(seconds: float) -> None:
        tries.append(seconds)
        if len(tries) > 1:
            holder.rollback()

    monkeypatch.setattr("crm.migrations.time.sleep", pause)
    with in_use.connect() as holder:
        holder.execute(text("LOCK TABLE outbox IN SHARE ROW EXCLUSIVE MODE"))
        monkeypatch.setattr("crm.migrations.PAUSES", (0.5,))
        with pytest.raises(Exception, match="lock timeout"):
            migrations.upgrade(in_use)
        assert migrations.current(in_use) == "0003"
        migrations.upgrade(in_use)
    assert tries == [0.5, 0.5]
    assert migrations.current(in_use) == migrations.head()


def test_the_tags_that_customers_have_stay_when_their_table_is_made_again() -> None:
    engine = open_engine("sqlite://")
    migrations.upgrade(engine, "0003")
    with engine.begin() as db:
        db.execute(text("INSERT INTO business (id, key, name, created_at) VALUES (1, 'k', 'K', 0)"))
        db.execute(
            text(
                "INSERT INTO tag (id, business_id, name, folded, color, is_active, created_at) "
                "VALUES (1, 1, 'VIP', 'vip', '#000000', 1, 0)"
            )
        )
        db.execute(
            text(
                "INSERT INTO customer (id, business_id, display_name, name_folded, created_at, "
                "updated_at) VALUES (1, 1, 'Sara', 'sara', 0, 0)"
            )
        )
        row = {"customer_id": 1, "tag_id": 1, "business_id": 1, "by": "flow:x", "at": NOW}
        db.execute(insert(customer_tag).values(row))
    for revision in ("head", "0003", "head"):
        (migrations.downgrade if revision == "0003" else migrations.upgrade)(engine, revision)
        with engine.connect() as db:
            assert [dict(one) for one in db.execute(select(customer_tag)).mappings()] == [row]
            assert db.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    engine.dispose()


def test_from_one_question_to_the_next_postgresql_touches_no_index_of_the_run(
    in_use: Engine,
) -> None:
    """The rows of `run` and `conversation` have room beside them, and no indexed column changes."""
    migrations.upgrade(in_use)
    with in_use.connect() as db:
        db.execute(text("SET session_replication_role = replica"))  # no business is needed
        db.execute(
            text(
                "INSERT INTO run (business_id, customer_id, conversation_id, flow, flow_version, "
                "frames, attempts, status, cause, started_at) SELECT 1, n, n, 'lead', 1, '[]', 0, "
                "'asking', 'mail:1', now() FROM generate_series(1, 300) n"
            )
        )
        db.execute(text("UPDATE run SET node = 'size', wait_id = 'w' WHERE id % 6 = 0"))
        moved = text("SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'run'")
        assert db.scalar(moved) == 50


# -- older code on a newer schema


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_older_code_goes_on_beside_a_step_that_only_adds(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    engine = open_engine("sqlite://") if dialect == "sqlite" else request.getfixturevalue("in_use")
    ours = migrations.head()
    migrations.upgrade(engine)
    write_newer_release(tmp_path, compatible_from=ours)
    with newer_release(tmp_path):
        assert prepare(engine, NOW) == f"the database was upgraded from {ours} to 9999"
    assert migrations.is_newer_than_code(engine)
    refuse_outdated(engine)
    assert prepare(engine, NOW) is None
    assert migrations.current(engine) == "9999"
    with newer_release(tmp_path):
        migrations.downgrade(engine, ours)
    assert not migrations.is_newer_than_code(engine)
    assert "mood" not in {column["name"] for column in inspect(engine).get_columns("business")}


def test_older_code_is_refused_beside_a_step_that_left_it_behind(tmp_path: Path) -> None:
    engine = open_engine("sqlite://")
    write_newer_release(tmp_path, compatible_from="9999")
    with newer_release(tmp_path):
        migrations.upgrade(engine)
    with pytest.raises(WrongDatabase, match=r"newer version of Rapport \(9999\)"):
        prepare(engine, NOW)
    with pytest.raises(WrongDatabase, match="newer version"):
        refuse_outdated(engine)
    engine.dispose()
