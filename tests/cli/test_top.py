"""`rapport top`: what can be seen of a business from its database alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from crm.database import open_engine
from rapport.alone import OneAtATime
from tests.cli.conftest import Command
from tests.support.database import empty_schema

ONCE = ("top", "--once", "--every", "0.1")


def test_before_anything_was_applied_there_is_nothing_to_look_at(rapport: Command) -> None:
    ended = rapport(*ONCE)
    assert ended.code == 1
    assert "there is no database" in ended.err
    assert not Path("rapport.db").exists()


def test_with_nothing_running_it_tells_what_waits(rapport: Command, project: Path) -> None:
    rapport("apply", project)
    seen = json.loads(rapport(*ONCE, "--format", "json").out)
    assert seen["business"] == "kiosk"
    assert seen["per_second"] == {"received": 0.0, "applied": 0.0, "sent": 0.0}
    assert seen["mail"] == {"waiting": 0, "oldest_seconds": None, "ready": 0, "held": 0}
    assert (seen["runs"], seen["redis"], seen["database"]) == (None, "not set up", "answers")
    assert seen["last_error"] is None


def test_a_table_says_it_to_people(rapport: Command, project: Path) -> None:
    rapport("apply", project)
    with closing(connect("rapport.db")) as db, db:
        db.execute("INSERT INTO account VALUES (1, 1, 'telegram', '7', 'kiosk_bot', 0)")
        db.execute(
            "INSERT INTO customer (id, business_id, display_name, name_folded, created_at, "
            "updated_at) VALUES (1, 1, 'Ann', 'ann', 0, 0)"
        )
        db.execute(
            "INSERT INTO conversation (id, business_id, account_id, customer_id, peer, status, "
            "revision) VALUES (1, 1, 1, 1, '5', 'idle', 0)"
        )
        for number, state in ((1, "dead"), (2, "pending")):
            db.execute(
                "INSERT INTO outbox (business_id, account_id, conversation_id, dedup_key, peer, "
                "lane, payload, status, attempts, last_error, created_at, due_at) "
                f"VALUES (1, 1, 1, '{number}', '5', 1, '{{}}', '{state}', 1, '[red]no', 0, 0)"
            )
    lines = rapport(*ONCE).out.splitlines()
    words = [line.split() for line in lines]
    assert ["dead", "letters", "0", "in,", "1", "out"] in words
    assert ["last", "error", "[red]no"] in words
    assert ["telegram:kiosk_bot", "automated", "1"] in [line[:3] for line in words]
    assert re.fullmatch(r" kiosk +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, the database answers *", lines[1])


def test_where_there_is_no_terminal_each_glance_is_printed(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rapport("apply", project)
    pauses = iter((None, KeyboardInterrupt))

    def sleep(_seconds: float) -> None:
        if interrupt := next(pauses):
            raise interrupt

    monkeypatch.setattr("rapport.cli.top.time.sleep", sleep)
    ended = rapport("top")
    assert ended.code == 0
    assert ended.out.count("the database answers") == 2


def test_it_takes_no_lock_that_a_process_at_work_needs(rapport: Command, project: Path) -> None:
    rapport("apply", project)
    with closing(connect("rapport.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with OneAtATime(Path("rapport.db")):
            seen = json.loads(rapport(*ONCE, "--format", "json").out)
    assert seen["runs"] == f"process {os.getpid()}"


def test_a_process_that_was_killed_is_not_said_to_be_at_work(
    rapport: Command, project: Path
) -> None:
    rapport("apply", project)
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    Path("rapport.db.owner").write_text(f"process {process.pid}")
    assert json.loads(rapport(*ONCE, "--format", "json").out)["runs"] is None


def test_redis_that_does_not_answer_is_said_without_its_password(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rapport("apply", project)
    monkeypatch.setenv("RAPPORT_REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")
    ended = rapport(*ONCE)
    assert ["redis", "does", "not", "answer"] in [line.split() for line in ended.out.splitlines()]
    assert "hunter2" not in ended.out + ended.err


def test_it_looks_at_postgresql_too(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with empty_schema() as url:
        monkeypatch.setenv("RAPPORT_DATABASE_URL", url)
        assert rapport("apply", project).code == 0
        engine = open_engine(url)
        with engine.begin() as db:
            db.exec_driver_sql(
                "INSERT INTO lease (name, owner, epoch, expires_at) "
                "SELECT 'scheduler:' || id, '', 4, now() FROM business"
            )
        engine.dispose()
        shown = rapport(*ONCE).out
        seen = json.loads(rapport(*ONCE, "--format", "json").out)
    (lease,) = (line.split() for line in shown.splitlines() if "scheduler:" in line)
    assert lease[-2:] == ["nobody", "4"]
    assert seen["mail"]["waiting"] == 0
    assert seen["runs"] is None
