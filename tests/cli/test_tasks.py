"""`rapport tasks`: listing, adding, doing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command

CRM = """
business: {key: kiosk, name: Kiosk, languages: [en], timezone: UTC, country: IR}
staff: [{name: Ali, role: owner}, {name: Sara, teams: [sales]}]
"""
FLOW = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - task: {title: "Call {{ customer.display_name }}", due: 1d, assign: sales, priority: high}
  - note: Came by.
  - purchase: {amount: 5, number: A-1}
  - say: We call you.
"""


@pytest.fixture
def shop(rapport: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database in which Ann has been, and is to be called."""
    folder = tmp_path / "kiosk"
    folder.mkdir()
    (folder / "crm.yaml").write_text(CRM)
    (folder / "order.yaml").write_text(FLOW)
    assert rapport("chat", folder, "--as", "ann", typed="/start\n").out == "bot: We call you.\n"
    monkeypatch.setenv("RAPPORT_DATABASE_URL", f"sqlite:///{folder / '.rapport' / 'chat.db'}")
    return folder


def listed(rapport: Command, *arguments: str) -> list[Any]:
    ended = rapport("tasks", "list", *arguments, "--format", "json")
    assert ended.code == 0, ended.err
    return [one["title"] for one in json.loads(ended.out)]


def test_what_a_flow_gave_to_do_is_listed_and_done(rapport: Command, shop: Path) -> None:
    (call,) = listed(rapport)
    assert listed(rapport, "--assignee", "sara") == [call]
    assert listed(rapport, "--assignee", "Ali") == []
    assert listed(rapport, "--overdue") == []
    assert rapport("tasks", "done", 1, "--by", "sara").out == "1 done\n"
    assert listed(rapport) == []
    (row,) = json.loads(rapport("tasks", "list", "--state", "done", "--format", "json").out)
    assert (row["completed_by"], row["state"]) == ("Sara", "done")
    assert rapport("tasks", "reopen", 1).out == "task 1 is open\n"
    assert rapport("tasks", "cancel", 1).out == "task 1 is cancelled\n"


def test_a_task_is_added_about_a_customer_or_nobody(rapport: Command, shop: Path) -> None:
    added = rapport("tasks", "add", "Water", "--repeat", "daily", "--due", "2026-03-01")
    assert (added.code, added.out) == (0, "task 2\n")
    assert rapport("tasks", "add", "Write", "--customer", "chat:ann", "--due", "2h").code == 0
    assert listed(rapport, "--overdue") == ["Water"]
    assert listed(rapport, "--customer", "chat:ann")[0] == "Write"
    assert rapport("tasks", "done", 2).out == "1 done, next: task 4\n"
    assert "Water" in rapport("tasks", "list").out
    assert "Water" in rapport("tasks", "list", "--format", "csv").out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("done", "99"), "There is no task 99"),
        (("add", "x" * 201), "at most 200"),
        (("add", "a", "--assign", "nobody"), "Nobody is called 'nobody'"),
        (("add", "a", "--repeat", "often"), "is no repetition"),
        (("add", "a", "--due", "soon"), "due_at"),
        (("add", "a", "--due", "1dd"), "--due"),
        (("add", "a", "--customer", "chat:zoe"), "zoe"),
        (("list", "--assignee", "sar"), "Did you mean 'Sara'?"),
        (("list", "--priority", "big"), "low, normal, high, urgent"),
        (("done", "1", "--by", "Zoe"), "nobody of the staff is called 'Zoe'"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(
    rapport: Command, shop: Path, arguments: tuple[str, ...], why: str
) -> None:
    ended = rapport("tasks", *arguments)
    assert ended.code in (1, 2)
    assert why in ended.err
    assert len(ended.err.splitlines()) == 1
    assert len(listed(rapport)) == 1


def test_a_customer_is_shown_with_what_was_recorded(rapport: Command, shop: Path) -> None:
    shown = json.loads(rapport("customers", "show", "chat:ann", "--format", "json").out)
    assert [one["text"] for one in shown["notes"]] == ["Came by."]
    assert [one["assigned_to"] for one in shown["tasks"]] == ["sales"]
    assert [(one["number"], one["amount"]) for one in shown["purchases"]] == [("A-1", 5)]
    assert shown["total_spent"] == 5
    table = rapport("customers", "show", "chat:ann").out
    assert "Came by." in table
    assert "A-1" in table


def test_a_note_is_left_with_a_file_beside_it(rapport: Command, shop: Path) -> None:
    paper = shop / "contract.pdf"
    paper.write_bytes(b"signed")
    arguments = ("chat:ann", "Signed, tell @sara", "--attach", paper, "--pin", "--by", "ali")
    assert rapport("customers", "note", *arguments).out == "note 2\n"
    shown = json.loads(rapport("customers", "show", "chat:ann", "--format", "json").out)
    first = shown["notes"][0]
    assert (first["author"], first["pinned"], first["mentions"]) == ("Ali", True, ["Sara"])
    assert first["attachments"] == ["contract.pdf"]
    missing = rapport("customers", "note", "chat:ann", "x", "--attach", "nothing.pdf")
    assert (missing.code, missing.err.splitlines()[0][:23]) == (1, "rapport: nothing.pdf ca")
    assert (
        len(json.loads(rapport("customers", "show", "chat:ann", "--format", "json").out)["notes"])
        == 2
    )
