"""`rapport test`: a line per test, and where a conversation differs."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Command
from tests.support.small_project import FLOW, TESTS, write_project

LATER = TESTS.replace("Which colour,", "Which hat,")


def test_each_test_is_a_line_and_the_last_line_counts(rapport: Command, project: Path) -> None:
    ended = rapport("test", project)
    assert (ended.code, ended.out) == (0, "ok   order: an order is taken\n1 passed, 0 failed\n")


def test_a_failing_test_shows_the_conversation_until_it_differs(
    rapport: Command, project: Path
) -> None:
    write_project(project, tests=LATER)
    ended = rapport("test", project)
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "FAIL order: an order is taken",
        "     kiosk/tests.yaml:8:10 the message does not contain 'Which hat'",
        "         user: /start",
        "         bot: Hello",
        "         bot: Which size? ⏎ A number.",
        "         user: 42",
        "       - bot: … Which hat … [red] [blue]",
        "       + bot: Which colour? [Red] [Blue]",
        "0 passed, 1 failed",
    ]


def test_programs_get_the_same_as_json(rapport: Command, project: Path) -> None:
    write_project(project, tests=f"{TESTS}---\n{LATER.replace('is taken', 'is lost')}")
    ended = rapport("test", project, "--format", "json")
    told = json.loads(ended.out)
    assert (ended.code, told["passed"], told["failed"]) == (1, 1, 1)
    passed, failed = told["tests"]
    assert (passed["name"], passed["passed"], passed["difference"]) == (
        "an order is taken", True, None,
    )  # fmt: skip
    assert (failed["file"], failed["line"]) == ("kiosk/tests.yaml", 20)
    assert failed["difference"]["expected"] == "bot: … Which hat … [red] [blue]"


def test_a_project_with_errors_is_not_tried(rapport: Command, project: Path) -> None:
    write_project(project, order=FLOW.replace("save_to: size", "save_to: sizzle\n    goto: x"))
    ended = rapport("test", project)
    assert ended.code == 1
    assert ended.out == ""
    assert "E103" in ended.err
    assert ended.err.endswith("nothing was applied\n")


def test_a_project_without_tests_passes_none(rapport: Command, project: Path) -> None:
    (project / "tests.yaml").unlink()
    assert rapport("test", project).out == "0 passed, 0 failed\n"
