"""Commands called in the test's own process, in an empty folder, without anybody's settings."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from rapport.cli.main import call
from tests.support.planted import found_in
from tests.support.small_project import write_project

SETTINGS = ("RAPPORT_", "TELEGRAM_", "INSTAGRAM_")


@dataclass(frozen=True)
class Ended:
    """What a command ended with, and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    yield
    structlog.reset_defaults()


@pytest.fixture
def rapport(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Call a command with its arguments, `typed` lines on its standard input."""

    def command(*arguments: object, typed: str = "") -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = call([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert found_in(printed.out + printed.err) == []
        return Ended(code, printed.out, printed.err)

    return command


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that loads, at `kiosk` in the working directory."""
    write_project(tmp_path / "kiosk")
    return Path("kiosk")
