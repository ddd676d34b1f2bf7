"""`rapport run` and `rapport apply` as programs: how they end, what they refuse in one line."""

from __future__ import annotations

import ctypes
import resource
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from crm.tables import business, mail
from tests.support.aio import run
from tests.support.botapi import TOKEN, BotApi
from tests.support.service import Place, Program, rapport

RULES = Path(__file__).parent / "projects" / "rules"

QUESTION, THANKS = "What is your first name?", "Thank you."

STOP_SECONDS = 10
"""The promise: SIGTERM ends it within this time, with exit code 0."""


@asynccontextmanager
async def running(place: Place, api: BotApi) -> AsyncIterator[Program]:
    program = await Program.start(place, api.url)
    try:
        assert await program.is_ready(), program.errors
        yield program
    finally:
        await program.kill()


def test_sigterm_ends_it_in_time_though_telegram_answers_nothing(tmp_path: Path) -> None:
    """What was on its way is not known to have arrived, so it goes out again after the start."""
    place = Place(RULES, tmp_path)

    async def main() -> None:
        async with BotApi() as api:
            sara = api.user(7)
            async with running(place, api) as program:
                api.fault("slow", "sendMessage", seconds=60)
                sara.says("/name")
                await sara.waits_for(1, 60)
                began = time.monotonic()
                assert await program.stop() == 0
                assert time.monotonic() - began < STOP_SECONDS
            assert place.violations(at_rest=False) == []
            async with running(place, api) as program:
                texts = [message["text"] for message in await sara.waits_for(2, 60)]
                assert texts == [QUESTION] * 2
                sara.says("Sara")
                assert (await sara.waits_for(3, 60))[-1]["text"] == THANKS
                assert await program.stop() == 0

    run(main(), seconds=180)
    assert place.violations() == []


@pytest.mark.parametrize("token", [f"{TOKEN[:-4]}0001", "no token at all"])
def test_a_token_that_is_refused_ends_it_with_one_line_and_code_2(
    token: str, tmp_path: Path
) -> None:
    """And the token is not in it."""

    async def main() -> tuple[int, str]:
        place = Place(RULES, tmp_path, {"TELEGRAM_BOT_TOKEN": token})
        async with BotApi() as api:
            code, _, errors = await rapport(place, "run", api_base=api.url)
        return code, errors

    code, errors = run(main(), seconds=120)
    *before, last = errors.splitlines()
    assert code == 2
    assert last.startswith("rapport: ")
    assert "token" in last
    assert all("applied" in line or line == "the database was created" for line in before)
    assert token not in errors


# -- databases that cannot be used


def _obey_permissions() -> None:
    """In the child: root writes what it may not unless it gives this up (capabilities(7))."""
    drop_from_bounding_set, dac_override = 24, 1
    ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override, 0, 0, 0)


def _write_at_most(size: int) -> Callable[[], None]:
    """In the child: no file may grow beyond `size` bytes, as on a disk that is full."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which the project is applied."""
    place = Place(RULES, tmp_path_factory.mktemp("applied"))
    code, _, errors = run(rapport(place, "apply"), seconds=120)
    assert (code, errors) == (0, "the database was created\n")
    return place.database


@pytest.fixture
def place(applied: Path, tmp_path: Path) -> Place:
    """A copy, and a project that would change it."""
    changed = tmp_path / "project"
    shutil.copytree(RULES, changed)
    crm = changed / "crm.yaml"
    crm.write_text(crm.read_text() + "  nickname: {type: text, label: Nickname}\n")
    shutil.copy(applied, tmp_path / "rapport.db")
    return Place(changed, tmp_path)


async def _both(
    place: Place, child: Callable[[], None] | None = None
) -> list[tuple[int, str, str]]:
    """What `apply` and `run` say."""
    async with BotApi() as api:
        return [
            await rapport(place, command, api_base=api.url, child=child)
            for command in ("apply", "run")
        ]


def _one_line(said: list[tuple[int, str, str]], reason: str) -> None:
    for code, output, errors in said:
        assert (code, errors) == (1, f"rapport: {reason}\n")
        assert "ready" not in output


def _holds(place: Place) -> int:
    """How many fields the database knows; it must be sound to answer."""
    with closing(sqlite3.connect(place.database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (count,) = db.execute("SELECT count(*) FROM field").fetchone()
        return int(count)


def test_a_read_only_database_is_one_clear_line_and_nothing_is_written(place: Place) -> None:
    before = _holds(place)
    place.database.chmod(0o444)
    _one_line(run(_both(place, _obey_permissions), 120), "the database is read-only")
    place.database.chmod(0o644)
    assert _holds(place) == before


def test_a_locked_database_is_one_clear_line_and_nothing_is_written(place: Place) -> None:
    """After waiting for as long as another process may take."""
    before = _holds(place)
    with closing(sqlite3.connect(place.database, isolation_level=None)) as holder:
        holder.execute("PRAGMA journal_mode=WAL")
        holder.execute("BEGIN IMMEDIATE")
        said = run(_both(place), 120)
    _one_line(said, "the database is locked by another process")
    assert _holds(place) == before


def test_a_full_disk_is_one_clear_line_and_nothing_is_written(place: Place) -> None:
    """The kernel refuses to let any file grow; SQLite cannot tell it from a broken disk."""
    before = _holds(place)
    said = run(_both(place, _write_at_most(4096)), 120)
    _one_line(said, "the disk failed while reading or writing the database")
    assert _holds(place) == before


def test_what_is_no_database_is_one_clear_line_and_left_as_it_is(place: Place) -> None:
    place.database.write_bytes(b"Dear diary, " * 1000)
    _one_line(run(_both(place), 120), "the file is not a database")
    assert place.database.read_bytes() == b"Dear diary, " * 1000


def test_a_disk_that_fills_up_while_it_runs_loses_nothing(tmp_path: Path) -> None:
    """It says so once, keeps the updates with Telegram, and goes on when there is room again."""
    place = Place(RULES, tmp_path)

    async def main() -> None:
        async with BotApi() as api:
            sara = api.user(7)
            async with running(place, api) as program:
                sara.says("/name")
                await sara.waits_for(1, 60)
                program.let_files_grow_to(8192)
                sara.says("Sara")
                await program.says("fetch_failed")
                assert len(sara.messages) == 1
                assert len(api.state.updates.pending) == 1, "what is not stored is not confirmed"
                program.let_files_grow_to(resource.RLIM_INFINITY)
                assert (await sara.waits_for(2, 60))[-1]["text"] == THANKS
                assert await program.stop() == 0
            assert program.errors.count("fetch_failed") == 1
            assert "the disk failed" in program.errors

    run(main(), seconds=180)
    assert place.rows(select(func.count()).select_from(mail)) == [(2,)]
    assert place.violations() == []


def test_a_second_run_on_the_same_database_is_refused_and_names_the_first(tmp_path: Path) -> None:
    place = Place(RULES, tmp_path)

    async def main() -> None:
        async with BotApi() as api, running(place, api) as program:
            code, _, errors = await rapport(place, "run", api_base=api.url)
            assert (code, errors) == (
                2, f"rapport: this database is in use by process {program.pid}\n",
            )  # fmt: skip
            sara = api.user(7)
            sara.says("/name")
            assert (await sara.waits_for(1, 60))[0]["text"] == QUESTION, "the first goes on"

    run(main(), seconds=180)
    assert place.rows(select(func.count()).select_from(business)) == [(1,)]
