"""Whatever Telegram answers: people get their answers, and once where that can be known."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.crash.worst import torment
from tests.support.aio import run

CUSTOMERS, SEED = 6, 1


def test_a_crowd_is_answered_by_a_telegram_that_fails_in_every_way(tmp_path: Path) -> None:
    report = run(torment(tmp_path, SEED, seconds=0.8, size=CUSTOMERS), seconds=300)
    sys.stdout.write(f"{report}\n")
    assert report.faults == []
    assert report.answers >= 5 * CUSTOMERS
    assert report.troubles > 0
