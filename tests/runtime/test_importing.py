"""A file is stored once, whoever stores it, however many at once, and whoever dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, select

from crm import migrations
from crm.database import open_engine
from crm.errors import FileRefused
from crm.imports.jobs import job_state, waiting_jobs
from crm.tables import activity, customer, file_job, imported_row
from rapport.importing import begin, run_import, run_job
from rapport.runtime.file_jobs import run_waiting_imports
from rapport.runtime.pooled_writer import writer_for
from rapport.runtime.reading import Reader
from rapport.runtime.tasks import IMPORT_FILES, DirectTasks
from tests.crm.businesses import applied, business
from tests.support.aio import run
from tests.support.database import empty_schema
from tests.support.imports import Shop, csv_file, each_alone
from tests.support.small_project import write_project

ROWS = 600


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = open_engine(f"sqlite:///{tmp_path}/shop.db")
        migrations.upgrade(made)
        yield made
        made.dispose()
        return
    with empty_schema() as url:
        made = open_engine(url)
        migrations.upgrade(made)
        yield made
        made.dispose()


def shop_of(engine: Engine) -> Shop:
    with engine.begin() as db:
        return Shop(applied(db, business()), business(), each_alone(engine))


def many(folder: Path, rows: int = ROWS) -> Path:
    lines = (f"P{n},+98912{n:07d},{n % 50}" for n in range(rows))
    return csv_file(folder, "\n".join(("first_name,phone,points", *lines)) + "\n")


def counted(db: Connection) -> tuple[int, int, int]:
    """Customers, rows of files, and lines of timelines."""
    tables = (customer, imported_row, activity)
    return tuple(db.scalar(select(func.count()).select_from(table)) or 0 for table in tables)  # type: ignore[return-value]  # three


def test_two_who_import_one_file_at_once_store_each_row_once(
    engine: Engine, tmp_path: Path
) -> None:
    shop, path = shop_of(engine), many(tmp_path)
    source, plan = shop.plan(path)
    begun = [begin(shop.place, source, plan, {}, "tests") for _ in range(2)]
    states: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda one=one: states.append(run_import(shop.place, source, plan, one))
        )
        for one in begun
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [state.counts["created"] for state in states] == [ROWS, ROWS]
    with engine.begin() as db:
        assert counted(db) == (ROWS,) * 3


def test_who_begins_anew_in_another_way_ends_the_import_of_the_other(
    engine: Engine, tmp_path: Path
) -> None:
    shop, path = shop_of(engine), many(tmp_path, 10)
    source, plan = shop.plan(path)
    begun = begin(shop.place, source, plan, {}, "tests")
    assert shop.counts(path, match="phone", updates=False) == {"created": 10}
    with pytest.raises(FileRefused, match="another way"):
        run_import(shop.place, source, plan, begun)
    with engine.begin() as db:
        assert job_state(db, shop.place.business_id, begun.job_id).status == "done"


def test_a_worker_does_what_waits_and_says_why_it_cannot(engine: Engine, tmp_path: Path) -> None:
    shop, path = shop_of(engine), many(tmp_path, 10)
    place = shop.place
    source, plan = shop.plan(path)
    begin(place, source, plan, {}, "tests", waits=True)
    gone = csv_file(tmp_path, "first_name\nX\n", name="gone.csv")
    begin(place, *shop.plan(gone), {}, "tests", waits=True)
    gone.write_text("first_name\nY\n")
    first, second = place.transact(lambda db: waiting_jobs(db, place.business_id))
    assert run_job(place, first).counts["created"] == 10
    with pytest.raises(FileRefused, match="not the file it was"):
        run_job(place, second)
    with engine.begin() as db:
        assert waiting_jobs(db, place.business_id) == []
        assert "not the file" in str(job_state(db, place.business_id, second).problem)


def test_tasks_of_a_process_store_what_waits_and_go_on_after_a_bad_file(
    engine: Engine, tmp_path: Path
) -> None:
    shop, path = shop_of(engine), many(tmp_path, 10)
    gone = csv_file(tmp_path, "first_name\nX\n", name="gone.csv")
    for file in (gone, path):
        begin(shop.place, *shop.plan(file), {}, "tests", waits=True)
    gone.unlink()
    writer = writer_for(engine)
    library = SimpleNamespace(business_id=shop.place.business_id, business=shop.place.business)
    desk: Any = SimpleNamespace(library=library)
    tasks = DirectTasks(
        {IMPORT_FILES: lambda: run_waiting_imports(desk, writer, Reader(engine), shop.place.clock)}
    )
    for _ in range(2):
        run(tasks.give(IMPORT_FILES))
    writer.close()
    assert len(shop.people()) == 10


def test_an_import_that_is_killed_goes_on_behind_its_last_piece(tmp_path: Path) -> None:
    """Killed by SIGKILL in the middle; whole pieces are there, and nothing is stored twice."""
    write_project(tmp_path / "kiosk")
    rows, url = 1_500, f"sqlite:///{tmp_path}/shop.db"
    lines = (f"P{n},+98912{n:07d},{n % 40 + 1}" for n in range(rows))
    path = csv_file(tmp_path, "\n".join(("first_name,phone,size", *lines)) + "\n")
    _rapport(tmp_path, url, "apply", "kiosk").communicate()
    killed = _rapport(tmp_path, url, "customers", "import", str(path), "--yes")
    engine = open_engine(url, read_only=True)
    while _position(engine) == 0:
        assert killed.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    stored = _position(engine)
    with engine.connect() as db:
        assert 0 < stored < rows
        assert counted(db) == (stored - 1,) * 3
    again = _rapport(tmp_path, url, "customers", "import", str(path), "--yes", "--format", "json")
    told, _ = again.communicate()
    assert json.loads(told)["created"] == rows
    with engine.connect() as db:
        assert counted(db) == (rows,) * 3
    engine.dispose()


def _rapport(folder: Path, url: str, *arguments: str) -> subprocess.Popen[str]:
    settings = {"RAPPORT_DATABASE_URL": url, "PYTHONPATH": os.getcwd()}  # noqa: PTH109  # of sys.path
    return subprocess.Popen(
        [sys.executable, "-c", "from rapport.cli.main import main; main()", *arguments],
        cwd=folder, env={**os.environ, **settings}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _position(engine: Engine) -> int:
    with engine.connect() as db:
        return db.scalar(select(file_job.c.position)) or 0


def test_what_is_tried_first_is_what_is_then_done(engine: Engine, tmp_path: Path) -> None:
    """Also of customers whom a row far above makes."""
    from rapport.trying import try_import

    shop, path = shop_of(engine), many(tmp_path)
    path.write_text(path.read_text() + "P0,+989120000000,0\nP1,+989120000001,7\nX,12,1\n")
    source, plan = shop.plan(path)
    tried = try_import(shop.place, source, plan, 100)
    state = shop.import_(path)
    assert dict(tried.counts) == {name: n for name, n in state.counts.items() if n}
    assert tried.cells == shop.rejected(state)
