"""However a command fails, a person reads one line, and a program an exit code."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from rapport.cli import failing
from rapport.cli.main import COMMANDS
from tests.cli.conftest import Command


def test_without_arguments_there_is_help(rapport: Command) -> None:
    ended = rapport()
    assert ended.code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in ended.out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["chek"], "No such command 'chek'. Did you mean 'check'"),
        (["check", "--strickt"], "No such option: --strickt"),
        (["customers"], "Missing command."),
        (["customers", "list", "--limit", "0"], "0 is not in the range"),
        (["customers", "list", "--format", "xml"], "'xml' is not one of"),
    ],
)
def test_wrong_use_is_one_line_and_2(rapport: Command, arguments: list[str], line: str) -> None:
    ended = rapport(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert line in ended.err
    assert ended.err.count("\n") == 1


def test_a_fault_of_ours_is_one_line_with_the_file_to_report(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_folder: Path) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("rapport.project.read_project", broken)
    ended = rapport("check", project)
    assert ended.code == 70
    assert ended.err.startswith("rapport: a fault in Rapport (RuntimeError); please report it with")
    assert ended.err.count("\n") == 1
    log = Path(ended.err.split()[-1])
    assert "a secret detail" in log.read_text(encoding="utf-8")
    log.unlink()


def test_with_debugging_on_the_traceback_is_shown_too(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_DEBUG", "1")
    monkeypatch.setattr("rapport.project.read_project", lambda _folder: 1 / 0)
    ended = rapport("check", project)
    assert "Traceback" in ended.err
    Path(ended.err.split()[-1]).unlink()


def test_a_file_that_may_not_be_read_is_named(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_folder: Path) -> None:
        raise PermissionError(13, "Permission denied", "kiosk/order.yaml")

    monkeypatch.setattr("rapport.project.read_project", refused)
    ended = rapport("check", project)
    assert (ended.code, ended.err) == (1, "rapport: kiosk/order.yaml: Permission denied\n")


def test_a_setting_that_cannot_work_names_its_variable_and_not_its_value(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_HTTP_PORT", "hunter2")
    ended = rapport("run", project)
    assert ended.code == 2
    assert ended.err.startswith("rapport: RAPPORT_HTTP_PORT: ")
    assert "hunter2" not in ended.err


@pytest.mark.parametrize("name", failing._CODES)
def test_every_error_that_has_a_code_exists_under_its_name(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), kind), Exception)
