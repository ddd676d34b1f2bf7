"""Processes and their database die, sleep and lose each other: nothing is lost or done twice."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.crash.fleet import ALL, Servers, torment
from tests.support.aio import run
from tests.support.needs import need

TROUBLES = ("kill", "database", "pause")
CUSTOMERS, SEED = 8, 1


def test_two_processes_on_postgresql_survive_everything_that_happens_to_them(
    tmp_path: Path,
) -> None:
    need(Servers.why_not())
    report = run(torment(tmp_path, SEED, TROUBLES, CUSTOMERS, (ALL, ALL)), seconds=600)
    sys.stdout.write(f"{report}\n")
    assert report.faults == []
    assert (report.troubles.total(), report.answers) == (len(TROUBLES), 5 * CUSTOMERS)
