"""Ten times too much comes in: memory stays bounded, and everybody is answered afterwards."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.crash.overload import torment
from tests.support.aio import run


def test_everybody_is_answered_once_when_the_flood_is_over(tmp_path: Path) -> None:
    report = run(torment(tmp_path, seconds=0.3, rate=60), seconds=300)
    sys.stdout.write(f"{report}\n")
    assert report.faults == []
    assert report.behind > 0
