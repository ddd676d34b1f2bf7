"""`rapport check`: what is wrong, where, for people and for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.problems import Position, Problem
from rapport.cli.changes import changes
from rapport.cli.problems import as_annotation, as_text, excerpt
from tests.cli.conftest import Command
from tests.support.small_project import CRM, FLOW, write_project

PROBLEM = Problem(Position("nowhere.yaml", 1, 1), "E103", "it goes nowhere")
WRONG = FLOW.replace("id: colour\n", "id: colour\n    goto: colur\n")
UNTRANSLATED = FLOW.replace("{en: Which colour?, fa: چه رنگی؟}", "{en: Which colour?}")


def test_a_project_without_problems_is_one_line(rapport: Command, project: Path) -> None:
    ended = rapport("check", project)
    assert (ended.code, ended.out, ended.err) == (0, "kiosk: 1 flow, no problems\n", "")


def test_a_problem_shows_its_place_its_line_and_a_caret_under_it(
    rapport: Command, project: Path
) -> None:
    write_project(project, order=WRONG)
    ended = rapport("check", project)
    first, line, caret, *_, last = ended.out.splitlines()
    assert ended.code == 1
    assert first.startswith("kiosk/order.yaml:14:11 E103 ")
    assert first.endswith("Did you mean 'colour'?")
    assert (line, caret) == ("        goto: colur", " " * 14 + "^")
    assert last == "kiosk: 1 flow, 1 error"


def test_programs_get_every_problem_as_json(rapport: Command, project: Path) -> None:
    write_project(project, order=WRONG)
    ended = rapport("check", project, "--format", "json")
    (problem,) = json.loads(ended.out)
    assert ended.code == 1
    assert problem.pop("message")
    assert problem == {
        "file": "kiosk/order.yaml",
        "line": 14,
        "column": 11,
        "severity": "error",
        "code": "E103",
        "suggestion": "Did you mean 'colour'?",
    }


def test_without_problems_the_json_is_an_empty_array(rapport: Command, project: Path) -> None:
    ended = rapport("check", project, "--format", "json")
    assert (ended.code, json.loads(ended.out)) == (0, [])


def test_warnings_alone_fail_only_when_strict(rapport: Command, project: Path) -> None:
    write_project(project, order=UNTRANSLATED)
    relaxed, strict = rapport("check", project), rapport("check", project, "--strict")
    assert (relaxed.code, strict.code) == (0, 1)
    assert "W501" in relaxed.out
    assert relaxed.out == strict.out


def test_a_folder_of_projects_is_checked_one_by_one(rapport: Command, tmp_path: Path) -> None:
    write_project(tmp_path / "shops" / "a")
    write_project(tmp_path / "shops" / "b", order=WRONG)
    ended = rapport("check", "shops")
    assert ended.code == 1
    assert "shops/a: 1 flow, no problems" in ended.out
    assert "shops/b: 1 flow, 1 error" in ended.out


def test_a_file_of_a_project_names_the_project(rapport: Command, project: Path) -> None:
    assert rapport("check", project / "order.yaml").out == "kiosk: 1 flow, no problems\n"


def test_without_a_path_it_is_the_project_of_the_settings(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").write_text("RAPPORT_FLOWS=kiosk\n", encoding="utf-8")
    assert rapport("check").out == "kiosk: 1 flow, no problems\n"
    monkeypatch.setenv("RAPPORT_FLOWS", "elsewhere")
    ended = rapport("check")
    assert (ended.code, ended.err) == (
        2,
        "rapport: elsewhere does not exist; name the folder that holds crm.yaml\n",
    )


def test_a_folder_without_a_project_is_wrong_use(rapport: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = rapport("check", "empty")
    assert ended.code == 2
    assert ended.err == "rapport: empty holds no project: there is no crm.yaml in it\n"


def test_a_file_that_is_not_utf8_is_a_problem_with_its_place(
    rapport: Command, project: Path
) -> None:
    (project / "crm.yaml").write_bytes(CRM.encode().replace(b"Kiosk", b"Ki\xf6sk"))
    ended = rapport("check", project)
    assert ended.code == 1
    assert "kiosk/crm.yaml:1:32 E001 the byte 0xF6 is not UTF-8" in ended.out


def test_a_file_too_large_is_a_problem(rapport: Command, project: Path) -> None:
    (project / "large.yaml").write_text("x: 1\n" * 300_000, encoding="utf-8")
    assert "kiosk/large.yaml:1:1 E002 " in rapport("check", project).out


def test_github_shows_each_problem_beside_its_line(rapport: Command, project: Path) -> None:
    write_project(project, order=WRONG)
    ended = rapport("check", project, "--format", "github")
    assert ended.code == 1
    assert ended.out == (
        "::error file=kiosk/order.yaml,line=14,col=11,title=E103::"
        "node 'colour' goes to 'colur', which does not exist. Did you mean 'colour'?\n"
    )


def test_what_github_would_take_for_its_own_signs_is_escaped() -> None:
    problem = Problem(Position("a,b:c.yaml", 1, 2), "E203", "50% is\nwrong", "", "warning")
    assert as_annotation(problem) == (
        "::warning file=a%2Cb%3Ac.yaml,line=1,col=2,title=E203::50%25 is%0Awrong"
    )


def test_colours_are_for_terminals(project: Path) -> None:
    (plain,) = as_text([PROBLEM])
    (coloured,) = as_text([PROBLEM], coloured=True)
    assert "\x1b" not in plain
    assert coloured.startswith("nowhere.yaml:1:1 \x1b[31m\x1b[1mE103\x1b[0m ")


@pytest.mark.parametrize(
    ("line", "column", "shown"),
    [
        ("a: b", 4, ("a: b", "   ^")),
        ("\tb: 2", 3, ("\tb: 2", "\t ^")),
        ("say: سلام x", 11, ("say: سلام x", "          ^")),
        ("say: 👋 x", 8, ("say: 👋 x", "        ^")),
        ("x" * 101, 1, ("x" * 100 + "…", "^")),
        ("x" * 500, 250, ("…" + "x" * 100 + "…", " " * 50 + "^")),
    ],
)
def test_the_caret_stands_under_the_place_however_long_the_line_is(
    line: str, column: int, shown: tuple[str, str]
) -> None:
    assert excerpt([line], 1, column) == shown


def test_there_is_no_excerpt_of_a_line_that_is_not_there() -> None:
    assert excerpt(["a"], 9, 1) is None


def test_a_change_of_a_file_is_noticed_and_nothing_else_is(project: Path) -> None:
    def happen(seconds: float) -> None:
        next(happenings)()

    def change() -> None:
        (project / "order.yaml").write_text("flow: order\n")

    def add() -> None:
        (project / "new.yml").write_text("")

    def remove() -> None:
        (project / "new.yml").unlink()

    happenings = iter([lambda: None, change, lambda: None, add, remove])
    seen = changes(project, happen)
    names = [sorted(path.name for path in next(seen)) for _ in range(4)]
    usual = ["crm.yaml", "order.yaml", "tests.yaml"]
    assert names == [usual, usual, ["crm.yaml", "new.yml", "order.yaml", "tests.yaml"], usual]
    assert list(happenings) == []


def test_watching_checks_again_after_a_change_until_it_is_stopped(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def happen(seconds: float) -> None:
        next(happenings)()

    def spoil() -> None:
        write_project(project, order=WRONG)

    def lose() -> None:
        (project / "crm.yaml").unlink()

    def mend() -> None:
        write_project(project)

    def stop() -> None:
        raise KeyboardInterrupt

    happenings = iter([spoil, lose, mend, stop])
    monkeypatch.setattr("time.sleep", happen)
    ended = rapport("check", "--watch", project)
    assert ended.code == 0
    assert re.findall(r"^kiosk: .*", ended.out, re.MULTILINE) == [
        "kiosk: 1 flow, no problems",
        "kiosk: 1 flow, 1 error",
        "kiosk: 1 flow, no problems",
    ]
    assert "kiosk holds no project" in ended.err
