"""The fixture `conversation`, in a test run of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.small_project import write_project

pytest_plugins = ["pytester"]

TESTS = """
import pytest

@pytest.mark.rapport("kiosk", customer={"first_name": "Sara"})
def test_an_order(conversation):
    conversation.send("/start")
    conversation.expects("Hello")
    conversation.expects(contains="Which size")
    conversation.advance("45m")
    conversation.expects("Still there?")
    conversation.send("42")
    conversation.expects(contains="colour", buttons=["red", "blue"])
    conversation.press("Red")
    conversation.expects("Done: 42")
    assert conversation.value("customer.size") == 42
    assert conversation.value("outcome") == "ordered"

@pytest.mark.rapport("kiosk", customer={"first_name": "Sara"})
def test_what_happens_beside(conversation):
    conversation.happens("tag_added", tag="Asked")
    assert conversation.value("tags") == {"Asked"}
    conversation.starts("order")
    conversation.expects("Hello")
    conversation.expects(contains="Which size")
    conversation.stays_silent("29m")

@pytest.mark.rapport("kiosk")
def test_something_else_was_said(conversation):
    conversation.send("/start")
    conversation.expects("Good evening")

@pytest.mark.rapport("kiosk")
def test_something_is_left(conversation):
    conversation.send("/start")
    conversation.expects("Hello")
"""


TRANSCRIPTS = """
test: it begins
flow: order
steps: [{user: /start}, {bot: Hello},
  {bot: {contains: Which size}}]
"""


def test_a_conversation_is_held_and_where_it_differs_the_test_fails(
    pytester: pytest.Pytester,
) -> None:
    write_project(pytester.path / "kiosk")
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_inprocess("--strict-markers")
    result.assert_outcomes(passed=3, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*- bot: Good evening", "*+ bot: Hello"])
    result.stdout.fnmatch_lines(["*the bot said what was not expected: *Which size*"])


def test_transcript_tests_are_tests_of_pytest_where_its_settings_name_the_project(
    pytester: pytest.Pytester,
) -> None:
    write_project(pytester.path / "flows", more=TRANSCRIPTS.replace("Which size", "Which hat"))
    write_project(pytester.path / "elsewhere")
    pytester.makeini("[pytest]\nrapport_transcripts = flows\n")
    result = pytester.runpytest_inprocess("-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*more.yaml:5:9 the message does not contain 'Which hat'",
            "*- bot: * Which hat *",
            "*+ bot: Which size? * A number.",
        ]
    )
    result.stdout.fnmatch_lines(["*tests.yaml::order: an order is taken PASSED*"])


def test_transcript_tests_of_a_project_with_errors_are_an_error(pytester: pytest.Pytester) -> None:
    write_project(pytester.path / "flows", crm="business: {nmae: Kiosk}")
    pytester.makeini("[pytest]\nrapport_transcripts = flows\n")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*cannot be tested:*", "*E101*Did you mean 'name'?*"])


def test_a_test_run_that_holds_no_conversation_imports_nothing_of_rapport(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n"
        "def test_plain():\n"
        "    assert not {'sqlalchemy', 'engine.loader', 'typer'} & set(sys.modules)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
