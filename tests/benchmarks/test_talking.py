"""What is timed of conversations is held as it is written."""

from __future__ import annotations

from pathlib import Path

from benchmarks.talking import steps_per_second, write_tests
from rapport.project import read_project
from rapport.testing.transcripts import run_transcripts


def test_the_tests_that_are_timed_pass_and_have_ten_steps(tmp_path: Path) -> None:
    write_tests(tmp_path, tests=3)
    loaded = read_project(tmp_path)
    assert loaded.ok, loaded.problems
    assert {len(test.steps) for test in loaded.tests} == {10}
    assert [held.difference for held in run_transcripts(loaded)] == [None] * 3


def test_the_pure_step_is_timed_from_start_to_end() -> None:
    assert steps_per_second(conversations=2) > 0
