"""`--update` writes what the bot says now, and nothing else of the file changes."""

from __future__ import annotations

from pathlib import Path

from rapport.project import read_project
from rapport.testing.transcripts import run_transcripts
from rapport.testing.updating import update_tests
from tests.support.small_project import TESTS, write_project


def updated(tmp_path: Path, tests: str) -> str:
    """The file of tests after it was updated; those it can mend pass then."""
    folder = write_project(tmp_path / "kiosk", tests=tests)
    loaded = read_project(folder)
    assert loaded.ok, loaded.problems
    list(update_tests(folder, loaded))
    return (folder / "tests.yaml").read_text(encoding="utf-8")


def passes(tmp_path: Path) -> bool:
    return all(held.passed for held in run_transcripts(read_project(tmp_path / "kiosk")))


def test_what_passes_is_not_touched(tmp_path: Path) -> None:
    assert updated(tmp_path, TESTS) == TESTS


def test_texts_and_buttons_are_written_as_they_are_now_with_comments_and_layout_kept(
    tmp_path: Path,
) -> None:
    old = """\
# How an order goes.
test: an order is taken
flow: order
steps:
  - user: /start            # the deep link
  - bot: 'Good day'         # in quotes
  - bot: {contains: Which hat}
  - user: "42"
  - bot: {contains: Which colour, buttons: [red, green]}  # two of them

  - press: Red
  - bot: "Finished: 42"
  - expect: {outcome: ordered}
"""
    new = updated(tmp_path, old)
    assert new == (
        old.replace("'Good day'", "'Hello'")
        .replace("Which hat", '"Which size?\\nA number."')
        .replace("[red, green]", "[Red, Blue]")
        .replace('"Finished: 42"', '"Done: 42"')
    )
    assert passes(tmp_path)


def test_messages_are_put_in_and_taken_out_where_they_are_said(tmp_path: Path) -> None:
    old = """\
test: an order is taken
flow: order
steps:
  - user: /start
  - bot: Welcome to the kiosk
  - bot: Hello
  - bot: Have a look
  - bot: {contains: Which size}
  - user: "42"
  - press: Red
"""
    assert (
        updated(tmp_path, old)
        == """\
test: an order is taken
flow: order
steps:
  - user: /start
  - bot: Hello
  - bot: {contains: Which size}
  - user: "42"
  - bot: {contains: Which colour?, buttons: [Red, Blue]}
  - press: Red
  - bot: "Done: 42"
"""
    )
    assert passes(tmp_path)


def test_steps_in_brackets_stay_in_brackets(tmp_path: Path) -> None:
    old = (
        "test: one\nflow: order\n"
        "steps: [{user: /start}, {bot: Hi}, {bot: {contains: size}}, {user: '7'}, {press: Blue}]\n"
    )
    assert updated(tmp_path, old) == (
        "test: one\nflow: order\n"
        "steps: [{user: /start}, {bot: Hello}, {bot: {contains: size}}, {user: '7'},"
        " {bot: {contains: Which colour?, buttons: [Red, Blue]}}, {press: Blue},"
        ' {bot: "Done: 7"}]\n'
    )
    assert passes(tmp_path)


def test_a_block_of_lines_stays_one_and_persian_is_written_plainly(tmp_path: Path) -> None:
    old = (
        "test: one\nflow: order\nsteps:\n"
        "  - user: /start\n  - bot: Hello\n  - bot: |\n      Which hat?\n      A number.\n"
        "---\n"
        "test: two\nflow: order\ncustomer: {language: fa}\nsteps:\n"
        "  - user: /start\n  - bot: درود\n  - bot: چه سایزی؟\n"
    )
    new = updated(tmp_path, old)
    assert "  - bot: |\n      Which size?\n      A number.\n---\n" in new
    assert "  - bot: سلام\n" in new
    assert passes(tmp_path)


def test_what_must_not_be_said_and_what_is_expected_of_values_is_left_to_the_author(
    tmp_path: Path,
) -> None:
    old = (
        "test: one\nflow: order\nsteps:\n"
        "  - user: /start\n  - bot: {contains: Hi, not_contains: Hello}\n"
        "  - bot: {contains: size}\n  - expect: {outcome: ordered}\n"
    )
    assert updated(tmp_path, old) == old


def test_lines_that_end_as_on_windows_do_so_afterwards(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "kiosk")
    old = "test: one\r\nflow: order\r\nsteps:\r\n  - user: /start\r\n  - bot: Hi"
    (folder / "tests.yaml").write_bytes(old.encode())
    list(update_tests(folder, read_project(folder)))
    assert (folder / "tests.yaml").read_bytes().decode() == (
        "test: one\r\nflow: order\r\nsteps:\r\n  - user: /start\r\n  - bot: Hello\r\n"
        '  - bot: "Which size?\\nA number."\r\n'
    )


def test_what_an_alias_shares_is_left_alone(tmp_path: Path) -> None:
    old = "test: one\nflow: order\nsteps:\n  - user: /start\n  - bot: &said Hi\n  - bot: *said\n"
    assert updated(tmp_path, old) == old
