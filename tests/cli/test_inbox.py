"""`rapport inbox`: who waits for a person, and talking with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command

CRM = """
business: {key: kiosk, name: Kiosk, languages: [en], timezone: UTC, country: IR}
staff: [{name: Ali, role: owner, telegram: "11"}, {name: Sara, teams: [sales]}]
"""
FLOW = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - say: One moment
  - handoff: Ali
  - say: I am back
"""


@pytest.fixture
def shop(rapport: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database in which Ann waits for somebody."""
    folder = tmp_path / "kiosk"
    folder.mkdir()
    (folder / "crm.yaml").write_text(CRM)
    (folder / "order.yaml").write_text(FLOW)
    said = rapport("chat", folder, "--as", "ann", typed="/start\nHello?\n").out.splitlines()
    assert said == [
        "bot: One moment",
        "staff(Ali): 🙋 Customer 1 (id:1) waits for somebody to talk with.",
        "staff(Ali): Customer 1 (id:1): Hello?",
    ]
    monkeypatch.setenv("RAPPORT_DATABASE_URL", f"sqlite:///{folder / '.rapport' / 'chat.db'}")
    return folder


def waiting(rapport: Command, *arguments: str) -> list[Any]:
    ended = rapport("inbox", "list", *arguments, "--format", "json")
    assert ended.code == 0, ended.err
    return list(json.loads(ended.out))


def test_who_waits_is_listed_answered_and_given_back(rapport: Command, shop: Path) -> None:
    (row,) = waiting(rapport)
    assert (row["id"], row["to"], row["channel"], row["last"]) == (1, "Ali", "chat", "Hello?")
    assert row["unanswered_since"] == row["since"]
    assert waiting(rapport, "--to", "sales") == []
    assert "Hello?" in rapport("inbox").out
    assert rapport("inbox", "reply", "chat:ann", "Hi Ann", "--by", "sara").out == "sent as Sara\n"
    assert rapport("inbox", "release", 1, "--by", "Ali").out == "the bot talks again\n"
    said = rapport("chat", shop, "--as", "ann", typed="").out.splitlines()
    assert said == ["bot: Hi Ann", "bot: I am back"]
    assert waiting(rapport) == []
    talk = json.loads(rapport("inbox", "show", 1, "--format", "json").out)
    assert [(one["by"], one["text"]) for one in talk][-2:] == [
        ("staff:Sara", "Hi Ann"), ("bot", "I am back"),
    ]  # fmt: skip


def test_one_takes_a_customer_to_themselves(rapport: Command, shop: Path) -> None:
    assert rapport("inbox", "take", 1, "--by", "Sara").code == 0
    rapport("chat", shop, "--as", "ann", typed="")
    assert [row["to"] for row in waiting(rapport)] == ["Sara"]


def test_in_the_chat_one_may_be_the_staff_too(rapport: Command, shop: Path) -> None:
    typed = "/staff Here I am\nGood\n/release\n/staff Hm\n"
    said = rapport("chat", shop, "--as", "ann", typed=typed).out.splitlines()
    assert said == ["bot: Here I am", "staff(Ali): Customer 1 (id:1): Good", "bot: I am back"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("reply", 1, "Hi"), 2, "say who you are (Ali, Sara)"),
        (("reply", 1, "Hi", "--by", "Zoe"), 2, "nobody of the staff is called 'Zoe'"),
        (("reply", 1, " ", "--by", "Ali"), 1, "needs a text"),
        (("release", 9, "--by", "Ali"), 1, "9"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    rapport: Command, shop: Path, arguments: tuple[Any, ...], code: int, told: str
) -> None:
    ended = rapport("inbox", *arguments)
    assert (ended.code, ended.err.count("\n")) == (code, 1)
    assert told in ended.err
