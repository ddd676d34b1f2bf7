"""Backups that are taken and put back, releases that come and go, while people go on talking."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import delete, make_url

from bots.fake import FakeChannel
from crm import migrations
from crm.database import open_engine
from crm.tables import lease
from tests.support.aio import run
from tests.support.database import empty_database
from tests.support.releases import NEXT, newer_release, write_newer_release
from tests.support.service import Place, rapport, serving, until

RULES = Path(__file__).parent / "projects" / "rules"
QUESTION, THANKS = "What is your first name?", "Thank you."


@dataclass(frozen=True)
class OnServer(Place):
    """A place whose database is on PostgreSQL."""

    def end_leases(self) -> None:
        """Those of the processes that were at work when the dump was taken; they would expire."""
        engine = open_engine(self.server)
        with engine.begin() as db:
            db.execute(delete(lease))
        engine.dispose()

    def revision(self) -> str | None:
        engine = open_engine(self.server)
        found = migrations.current(engine)
        engine.dispose()
        return found


class People:
    """Everybody who writes on one bot, whatever process serves it."""

    def __init__(self) -> None:
        self.bot = FakeChannel(poll_seconds=0.02)
        self._since = 0

    def forget_what_was_said(self) -> None:
        self._since = len(self.bot.sent)

    async def ask(self, *names: str) -> None:
        """They begin, and are asked for their name."""
        for name in names:
            self.bot.says(name, "/name")
        for name in names:
            await self.hears(name, QUESTION)

    async def answer(self, *names: str) -> None:
        for name in names:
            self.bot.says(name, name.title())
        for name in names:
            await self.hears(name, THANKS)

    async def hears(self, name: str, text: str) -> None:
        def heard() -> bool:
            said = self.bot.sent[self._since :]
            return any(one.peer == name and one.text.endswith(text) for one in said)

        await until(heard, 20)


def test_a_backup_is_taken_while_people_write_and_put_back(tmp_path: Path) -> None:
    """Restoring is putting the file in its place."""
    here, there = Place(RULES, tmp_path / "here"), Place(RULES, tmp_path / "there")
    for place in (here, there):
        place.folder.mkdir()
    people = People()
    crowd = [f"p{number}" for number in range(60)]

    async def main() -> None:
        async with serving(here, people.bot):
            await people.ask("sara")
            for name in crowd:
                people.bot.says(name, "/name")
            ended = await rapport(here, "db", "backup", str(there.database))
            assert ended[0] == 0, ended
            await people.ask("omid")
            for name in crowd:
                await people.hears(name, QUESTION)
        assert there.violations(at_rest=False) == []
        people.forget_what_was_said()
        async with serving(there, people.bot):
            await people.answer("sara")
            await people.ask("omid")
        assert there.violations() == []

    run(main(), 60)


@pytest.fixture
def servers() -> Iterator[tuple[str, str]]:
    """Two databases of PostgreSQL, one to dump and one to restore into."""
    with ExitStack() as stack:
        yield stack.enter_context(empty_database()), stack.enter_context(empty_database())


@pytest.mark.skipif(
    not (shutil.which("pg_dump") and shutil.which("pg_restore")),
    reason="pg_dump and pg_restore are not installed",
)
def test_a_dump_of_postgresql_is_taken_while_people_write_and_restored(
    servers: tuple[str, str], tmp_path: Path
) -> None:
    here, there = (OnServer(RULES, tmp_path, server=url) for url in servers)
    people, dump = People(), tmp_path / "rapport.dump"

    async def main() -> None:
        async with serving(here, people.bot):
            await people.ask("sara", "omid")
            for number in range(60):
                people.bot.says(f"p{number}", "/name")
            _call("pg_dump", "--format=custom", f"--file={dump}", _libpq(here.url))
            await people.answer("omid")
        _call("pg_restore", "--no-owner", f"--dbname={_libpq(there.url)}", str(dump))
        assert there.violations(at_rest=False) == []
        there.end_leases()
        people.forget_what_was_said()
        async with serving(there, people.bot):
            await people.answer("sara")
            await people.ask("nima")
        assert there.violations() == []

    run(main(), 60)


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _libpq(url: str) -> str:
    """The address as PostgreSQL's own programs take it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def test_a_release_comes_while_the_old_one_works_and_is_taken_back(tmp_path: Path) -> None:
    """The new process migrates and stands by, takes over, and hands back to old code."""
    people = People()
    write_newer_release(tmp_path, compatible_from=migrations.head())

    async def main(url: str) -> None:
        place = OnServer(RULES, tmp_path, server=url)
        old = serving(place, people.bot)
        await old.__aenter__()
        await people.ask("sara", "omid", "nima")
        with newer_release(tmp_path):
            new = serving(place, people.bot)
            await new.__aenter__()
        assert place.revision() == NEXT
        await people.answer("sara")
        await old.__aexit__(None, None, None)
        await people.answer("omid")
        async with serving(place, people.bot):
            await new.__aexit__(None, None, None)
            await people.answer("nima")
            assert place.revision() == NEXT
        assert place.violations() == []

    with empty_database() as url:
        run(main(url), 60)
