"""Processes and their database die, sleep and lose each other: nothing is lost or done twice."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.crash.fleet import ALL, Servers, torment
from tests.support.aio import run

TROUBLES = ("kill", "redis", "database", "pause")
CUSTOMERS, SEED = 8, 1


def test_two_processes_on_postgresql_survive_everything_that_happens_to_them(
    tmp_path: Path,
) -> None:
    reason = Servers.why_not()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    report = run(torment(tmp_path, SEED, TROUBLES, CUSTOMERS, (ALL, ALL)), seconds=600)
    sys.stdout.write(f"{report}\n")
    assert report.faults == []
    assert (report.troubles.total(), report.answers) == (len(TROUBLES), 5 * CUSTOMERS)
