"""The tests of a project held by several processes; the verdicts in the order of the files."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from msgspec import Struct

from engine.loader import Loaded
from engine.problems import Position
from engine.transcript import Transcript
from rapport.project import read_project
from rapport.testing.coverage import Coverage
from rapport.testing.coverage import Path as Taken
from rapport.testing.differences import Difference
from rapport.testing.stages import Stages
from rapport.testing.transcripts import Verdict, run_transcript, run_transcripts

WORTH_A_PROCESS = 250
"""Tests that take a process about as long as it needs to start and to read the project."""

_PIECES = 8
"""So many pieces a process gets one after another: some tests take longer than others."""


def processes_for(tests: int) -> int:
    """How many processes hold so many tests soonest."""
    return max(1, min(_cores(), tests // WORTH_A_PROCESS))


def hold_tests(
    folder: Path, loaded: Loaded, processes: int, coverage: Coverage | None = None
) -> Iterator[Verdict]:
    """Hold every conversation of the project in `folder`, which loaded without errors.

    coverage: gets the paths that were taken. Each process reads the project anew.
    """
    if processes == 1 or len(loaded.tests) < 2:
        yield from run_transcripts(loaded, coverage.watch if coverage else None)
        return
    many = min(processes, len(loaded.tests))
    piece = max(1, len(loaded.tests) // (many * _PIECES))
    with ProcessPoolExecutor(
        many, multiprocessing.get_context("spawn"), _begin, (str(folder), coverage is not None)
    ) as pool:
        held = pool.map(_hold, range(len(loaded.tests)), chunksize=piece)
        for transcript, came in zip(loaded.tests, held, strict=True):
            if coverage is not None:
                coverage.taken |= came.taken
            yield Verdict(transcript, came.conversation, came.difference, came.at)


class _Came(Struct, frozen=True):
    """What a process tells of a test; the one that asked has the test itself."""

    conversation: tuple[str, ...]
    difference: Difference | None
    at: Position | None
    taken: frozenset[Taken]


class _Here(Struct):
    """What a process of the pool keeps between two tests."""

    stages: Stages
    tests: tuple[Transcript, ...]
    coverage: Coverage


_here: list[_Here] = []


def _begin(folder: str, covers: bool) -> None:
    loaded = read_project(Path(folder))
    coverage = Coverage(loaded.flows)
    stages = Stages(loaded, coverage.watch if covers else None)
    _here.append(_Here(stages, loaded.tests, coverage))


def _hold(place: int) -> _Came:
    (here,) = _here
    here.coverage.taken.clear()
    verdict = run_transcript(here.stages, here.tests[place])
    taken = frozenset(here.coverage.taken)
    return _Came(verdict.conversation, verdict.difference, verdict.at, taken)


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
