"""Transcript tests as tests of pytest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.loader import Loaded
from engine.problems import Position
from engine.transcript import Transcript
from rapport.project import find_project, read_project
from rapport.testing.stages import Stages
from rapport.testing.telling import differing
from rapport.testing.transcripts import Verdict, run_transcript


class _Projects:
    """The projects of a test run: each is read once, and applied when its first test is held."""

    def __init__(self) -> None:
        self._read: dict[Path, Loaded] = {}
        self._stages: dict[Path, Stages] = {}

    def loaded(self, folder: Path) -> Loaded:
        if folder not in self._read:
            self._read[folder] = read_project(folder)
        return self._read[folder]

    def stages(self, folder: Path) -> Stages:
        if folder not in self._stages:
            self._stages[folder] = Stages(self.loaded(folder))
        return self._stages[folder]

    def close(self) -> None:
        for stages in self._stages.values():
            stages.close()


_PROJECTS = pytest.StashKey[_Projects]()


def _projects_of(config: pytest.Config) -> _Projects:
    if _PROJECTS not in config.stash:
        config.stash[_PROJECTS] = _Projects()
        config.add_cleanup(config.stash[_PROJECTS].close)
    return config.stash[_PROJECTS]


class Differs(Exception):
    """A conversation that went another way."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class TranscriptFile(pytest.File):
    """A YAML file of a project; it has the tests that are written in it."""

    def collect(self) -> Iterator[TranscriptItem]:
        folder = find_project(self.path)
        loaded = _projects_of(self.config).loaded(folder)
        inside = self.path.relative_to(folder).as_posix()
        tests = [test for test in loaded.tests if test.position.file == inside]
        if tests and not loaded.ok:
            errors = [str(one) for one in loaded.problems if one.severity == "error"]
            raise self.CollectError("\n".join((f"{folder} cannot be tested:", *errors)))
        for test in tests:
            name = f"{test.flow}: {test.name}"
            yield TranscriptItem.from_parent(self, name=name, folder=folder, transcript=test)


class TranscriptItem(pytest.Item):
    """One transcript test."""

    def __init__(self, *, folder: Path, transcript: Transcript, **of_pytest: Any) -> None:
        super().__init__(**of_pytest)
        self._folder = folder
        self._transcript = transcript

    def runtest(self) -> None:
        verdict = run_transcript(_projects_of(self.config).stages(self._folder), self._transcript)
        if not verdict.passed:
            raise Differs(verdict)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if not isinstance(excinfo.value, Differs):
            return super().repr_failure(excinfo, style)
        verdict = excinfo.value.verdict
        at, difference = verdict.at or self._transcript.position, verdict.difference
        why = difference.why if difference else ""
        head = f"{_place(self._folder, at)} {why}"
        return "\n".join((head, *(f"  {line}" for line in differing(verdict))))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self._transcript.position.line - 1, self.name


def _place(folder: Path, at: Position) -> str:
    return f"{folder / at.file}:{at.line}:{at.column}"
