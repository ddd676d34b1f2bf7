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


SECOND = TESTS.replace("is taken", "is taken again")


def test_several_processes_tell_the_same_in_the_same_order(rapport: Command, project: Path) -> None:
    tests = f"{TESTS}---\n{LATER.replace('is taken', 'is lost')}---\n{SECOND}"
    write_project(project, tests=tests)
    alone = rapport("test", project, "-j", "1", "--coverage")
    together = rapport("test", project, "-j", "2", "--coverage")
    assert alone == together
    assert "2 passed, 1 failed" in alone.out


def test_what_no_test_goes_through_is_listed_with_its_place(
    rapport: Command, project: Path
) -> None:
    ended = rapport("test", project, "--coverage")
    assert ended.code == 0
    assert ended.out.splitlines()[1:] == [
        "order: 7 of 9 paths",
        "  kiosk/order.yaml:7:5 size: no test lets the time run out",
        "  kiosk/order.yaml:7:5 size: no test waits for reminder 1",
        "coverage: 7 of 9 paths, 77.7 %",
        "1 passed, 0 failed",
    ]


def test_less_coverage_than_wanted_is_a_failure(rapport: Command, project: Path) -> None:
    assert rapport("test", project, "--fail-under", "77.7").code == 0
    ended = rapport("test", project, "--fail-under", "80")
    assert ended.code == 1
    assert "77.7 %, less than 80 %" in ended.out


def test_programs_get_the_coverage_too(rapport: Command, project: Path) -> None:
    told = json.loads(rapport("test", project, "--coverage", "--format", "json").out)
    assert (told["coverage"]["taken"], told["coverage"]["paths"]) == (7, 9)
    assert told["coverage"]["untaken"][0]["path"] == "timeout"


def test_failing_tests_are_written_anew_and_then_pass(rapport: Command, project: Path) -> None:
    write_project(project, tests=LATER)
    ended = rapport("test", project, "--update")
    assert (ended.code, ended.out) == (
        0, "written: kiosk/tests.yaml\nok   order: an order is taken\n1 passed, 0 failed\n",
    )  # fmt: skip


def test_a_number_of_processes_that_is_none_is_refused(rapport: Command, project: Path) -> None:
    ended = rapport("test", project, "-j", "many")
    assert (ended.code, ended.out) == (2, "")
    assert "-j takes a number of processes, or auto" in ended.err


def test_a_persian_conversation_is_shown_in_its_order(rapport: Command, project: Path) -> None:
    steps = "  - user: /start\n  - bot: درود!\n"
    text = f"test: one\nflow: order\ncustomer: {{language: fa}}\nsteps:\n{steps}"
    write_project(project, tests=text)
    lines = rapport("test", project).out.splitlines()
    # A mark of its own direction at both ends of the text, so that the ! stands at its left end.
    assert "       - bot: \u200fدرود!\u200f\u200e" in lines
    assert "       + bot: \u200fسلام\u200f\u200e" in lines
