"""Whatever moment the process is killed at: nothing is lost, nothing is stored twice."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.crash.kill import torment
from tests.support.aio import run

KILLS, CUSTOMERS, SEED = 4, 30, 20
"""A short form of the programme: each start of the process costs seconds."""


def test_a_process_killed_at_any_moment_loses_no_answer_and_no_question(tmp_path: Path) -> None:
    """Only what was on its way to Telegram when it died may be sent a second time."""
    report = run(torment(tmp_path, KILLS, CUSTOMERS, SEED), seconds=600)
    sys.stdout.write(f"{report}\n")
    assert report.faults == []
    assert (report.kills, report.answers) == (KILLS, 5 * CUSTOMERS)
