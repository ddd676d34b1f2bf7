"""A process may die before and after everything it does: a new one goes on as if it had not."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.crash.points import hold, torment

SEED = 1

DONE = {
    "commit of Life",  # the project is applied, the account opened
    "commit of Service",
    "commit of Sender",  # who cannot be written to any more
    "commit of WriteBack",
    "fetch, which confirms",
    "send",
    "acknowledge",
}
"""Everything that a process does outside of itself, by whose it is."""


def test_the_conversation_comes_by_every_commit_sending_and_acknowledgement(tmp_path: Path) -> None:
    world, (fate,) = hold(tmp_path, ())
    assert {point.what.partition(".")[0] for point in fate.passed} == DONE
    assert (world.faults, world.in_flight) == ([], 0)


def test_a_process_that_dies_at_any_of_them_is_followed_by_one_that_goes_on(tmp_path: Path) -> None:
    report = torment(tmp_path, SEED)
    sys.stdout.write(f"{report}\n")
    assert report.faults == []
    assert report.deaths == report.points
    assert report.kinds >= 2 * len(DONE)
