"""What people write, and files that somebody sends, are data: nothing runs or obeys them."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bots.telegram_session import _accepted
from engine.loader import load_project
from nodes import KINDS
from rapport.cli.output import Format, print_rows
from rapport.cli.top_tables import _rows
from rapport.printable import escaped, on_one_line, printable
from rapport.project import industry_template, read_project
from tests.cli.conftest import Command
from tests.support.small_project import FLOW, write_project

NASTY = "\x1b[2J\x1b]0;owned\x07\x9b31m\x08\x7f\u202egnp.exe\u2066"
"""Clears the screen, names the window, turns the writing round."""

OBEYED = "\x1b\x07\x08\x7f\x9b\u202e\u2066"


SHOWING = [
    ["customers", "list"],
    ["customers", "list", "--format", "json"],
    ["customers", "show", "1"],
    ["customers", "show", "1", "--format", "json"],
    ["customers", "find", f"chat:{NASTY}"],
    ["dead", "show", NASTY],
    ["apply", f"kiosk{NASTY}"],
    [NASTY],
]


def test_no_command_sends_a_terminal_what_it_would_obey(rapport: Command, project: Path) -> None:
    """Somebody with a nasty name says nasty things, and then they are looked up."""
    write_project(project, order=FLOW.replace("save_to: size", "save_to: extra.said"))
    assert rapport("apply", project).code == 0
    here = ("--as", f"={NASTY}", "--db", "sqlite:///rapport.db")
    said = rapport("chat", project, *here, typed=f"/start\n=HYPERLINK(1){NASTY}\n{NASTY}\n/show\n")
    printed = [said, *(rapport(*arguments) for arguments in SHOWING)]

    assert said.code == 0
    assert [end for end in printed if set(OBEYED) & set(end.out + end.err)] == []


@given(st.text())
def test_what_is_printed_can_be_read_and_json_says_the_same(text: str) -> None:
    assert not any(ord(sign) < 32 and sign not in "\n\t" for sign in printable(text))
    assert "\n" not in on_one_line(text)
    assert json.loads(escaped(json.dumps(text, ensure_ascii=False))) == text


def test_top_shows_what_an_error_quotes_and_obeys_nothing_of_it() -> None:
    console = Console(file=io.StringIO(), width=200)
    console.print(_rows("[red]", ("reason",), [[f"[bold]{NASTY}[/bold]"]]))
    shown = cast("io.StringIO", console.file).getvalue()

    assert "[bold]" in shown
    assert not set(OBEYED) & set(shown)


def test_the_marks_that_persian_is_written_with_stay() -> None:
    assert printable("می‌خواهم\u200e ۱۲\u200f") == "می‌خواهم\u200e ۱۲\u200f"
    assert printable("two\r\nlines") == "two\nlines"
    assert printable("one\rline") == "one\\rline"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
@pytest.mark.parametrize("form", [str, lambda text: [text, "b"], lambda text: (text,)])
def test_no_cell_of_csv_is_run_by_a_spreadsheet(
    capsys: pytest.CaptureFixture[str], start: str, form: type[str]
) -> None:
    print_rows([{"a": form(f"{start}cmd|' /C calc'!A0"), "b": "c"}], ("a", "b"), Format.CSV, "")

    _, cells = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    assert cells[0].startswith("'")
    assert cells[1] == "c"


ASKED = [
    ["customers", "list", "--limit", str(10**30)],
    ["customers", "find", "a", "--limit", str(2**63)],
    ["customers", "find", "\udcff"],
    ["customers", "show", "\udcff"],
    ["customers", "list", "--where", "first_name: '\udcff'"],
    ["customers", "list", "--where", 'first_name: "\\0"'],
    ["customers", "list", "--where", 'first_name: "\' OR 1=1 --"'],
    ["customers", "list", "--where", "extra.a'\"; DROP TABLE customer--__contains: x"],
    ["customers", "list", "--where", "{and: [" * 60],
    ["customers", "list", "--where", "&a [*a]"],
    ["customers", "list", "--sort", "id; DROP TABLE customer"],
    ["customers", "list", "--sort", "-(SELECT 1)"],
    ["customers", "list", "--sort", "custom_text_1"],
    ["customers", "show", "1 OR 1=1"],
    ["customers", "show", "id:" + "9" * 18],
    ["customers", "show", "telegram:' OR '1'='1"],
    ["customers", "find", "%"],
    ["customers", "find", "_" * 100_000],
    ["dead", "requeue", "mail:1 OR 1=1"],
    ["dead", "show", "outbox:" + "9" * 18],
    ["fields", "template", "../../../etc/passwd"],
    ["db", "downgrade", "0001; DROP TABLE customer", "--yes"],
]


def test_whatever_is_asked_is_answered_in_a_line_and_harms_nothing(
    rapport: Command, project: Path
) -> None:
    assert rapport("apply", project).code == 0

    for arguments in ASKED:
        ended = rapport(*arguments)
        assert ended.code in (0, 1, 2), (arguments, ended)
        assert ended.err.count("\n") <= 2, (arguments, ended)
    assert rapport("db", "check").out == "nothing is wrong\n"


def test_a_project_reads_no_file_outside_of_its_folder(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "kiosk")
    outside = tmp_path / "secrets.yaml"
    outside.write_text("password: hunter2\n", encoding="utf-8")
    (folder / "link.yaml").symlink_to(outside)
    (folder / "nothing.yaml").symlink_to(tmp_path / "nothing")
    (folder / "inside.yml").symlink_to(folder / "nowhere" / ".." / "tests.yaml")

    found = [problem for problem in read_project(folder).problems if problem.code == "E013"]

    assert [problem.position.file for problem in found] == [
        "inside.yml", "link.yaml", "nothing.yaml"
    ]  # fmt: skip
    assert "hunter2" not in str(read_project(folder).problems)


def test_a_link_to_a_file_of_the_project_is_read(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "kiosk")
    (folder / "order.yaml").rename(folder / "order.txt")
    (folder / "order.yaml").symlink_to("order.txt")

    assert read_project(folder).ok


def test_a_project_may_itself_be_a_link(tmp_path: Path) -> None:
    write_project(tmp_path / "kiosk")
    (tmp_path / "link").symlink_to(tmp_path / "kiosk")

    assert read_project(tmp_path / "link").ok


def test_links_between_folders_lead_round_in_no_circle(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "kiosk")
    (folder / "more").mkdir()
    for name in ("a", "b", "c"):
        (folder / "more" / name).symlink_to("..")

    assert read_project(folder).ok


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "kiosk")
    os.mkfifo(folder / "pipe.yaml")

    assert [problem.code for problem in read_project(folder).problems] == ["E013"]


@pytest.mark.parametrize("name", ["../../rapport/cli/starter/crm", "/etc/passwd", "..", "retail/."])
def test_an_industry_is_a_name_and_not_a_path(name: str) -> None:
    assert industry_template(name) is None


def test_a_text_that_no_database_would_keep_is_a_problem_of_its_file() -> None:
    crm = "business: {name: A}\n"
    flow = 'flow: a\ntriggers: [{on: command, command: start}]\nnodes: [{say: "a\\0b"}]\n'
    (problem,) = load_project({"crm.yaml": crm, "a.yaml": flow}, KINDS, lambda _: None).problems

    assert (problem.code, problem.position.line, problem.position.column) == ("E009", 3, 15)


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_backup_is_read_by_those_who_read_the_database(
    rapport: Command, project: Path, mode: int
) -> None:
    assert rapport("apply", project).code == 0
    Path("rapport.db").chmod(mode)

    assert rapport("db", "backup", "copy.db").code == 0

    assert Path("copy.db").stat().st_mode & 0o777 == mode
    assert rapport("db", "backup", "copy.db").code == 1


def test_a_backup_does_not_write_through_a_link_laid_in_its_way(
    rapport: Command, project: Path
) -> None:
    assert rapport("apply", project).code == 0
    target = Path("precious")
    target.write_text("kept", encoding="utf-8")
    Path("copy.db.partial").symlink_to(target)

    assert rapport("db", "backup", "copy.db").code == 0

    assert target.read_text(encoding="utf-8") == "kept"
    shutil.rmtree(project)


def test_an_answer_nested_without_end_is_not_read_and_stops_nothing() -> None:
    assert _accepted('{"ok":true,"result":' + "[" * 200_000) is None
    assert _accepted('{"ok":true,"result":' + "1" * 5_000 + "}") is None
