"""Commands that look after people: who is known twice, merging, undoing, erasing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

CRM = """
business: {key: kiosk, name: Kiosk, languages: [en], timezone: UTC, country: IR}
staff: [{name: Ali, role: owner}]
"""
FLOW = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {id: phone, ask: "Your number?", save_to: phone_number}
  - say: We call you.
"""


@pytest.fixture
def shop(rapport: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database in which one person wrote under two names."""
    folder = tmp_path / "kiosk"
    folder.mkdir()
    (folder / "crm.yaml").write_text(CRM)
    (folder / "order.yaml").write_text(FLOW)
    for name in ("ann", "anna"):
        assert rapport("chat", folder, "--as", name, typed="/start\n09121234567\n").code == 0
    monkeypatch.setenv("RAPPORT_DATABASE_URL", f"sqlite:///{folder / '.rapport' / 'chat.db'}")
    monkeypatch.setenv("RAPPORT_FILES", str(tmp_path / "files"))
    return folder


def test_who_is_known_twice_is_listed_and_made_one_and_two_again(
    rapport: Command, shop: Path
) -> None:
    (found,) = json.loads(rapport("customers", "duplicates", "--format", "json").out)
    assert (found["by"], [one["id"] for one in found["customers"]]) == ("phone", [1, 2])
    assert "+989121234567" in rapport("customers", "duplicates").out
    seen = rapport("customers", "merge", 2, 1, "--dry-run")
    assert "moves: 1 customer_account" in seen.out
    assert json.loads(rapport("customers", "merges", "--format", "json").out) == []
    asked = rapport("customers", "merge", 2, 1)
    assert (asked.code, "--yes" in asked.err) == (2, True)
    done = rapport("customers", "merge", 2, 1, "--yes", "--by", "ali")
    assert (done.code, "rapport customers unmerge 1" in done.out) == (0, True)
    told = json.loads(rapport("customers", "show", "chat:anna", "--format", "json").out)
    assert (told["id"], len(told["accounts"])) == (1, 2)
    (one,) = json.loads(rapport("customers", "merges", "--format", "json").out)
    assert (one["by"], one["can_be_undone"]) == ("staff:Ali", True)
    assert rapport("customers", "unmerge", 1).out == "the merge 1 is undone\n"
    assert rapport("customers", "unmerge", 1).code == 1
    told = json.loads(rapport("customers", "show", "chat:anna", "--format", "json").out)
    assert told["id"] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("merge", 1, 1, "--yes"), "with itself"),
        (("merge", 1, 99, "--yes"), "no customer"),
        (("merge", 1, 2, "--take", "name=both"), "FIELD=source"),
        (("merge", 1, 2, "--take", "frist_name=source"), "first_name"),
        (("duplicates", "--by", "shoe"), "phone, email, name"),
        (("unmerge", 7), "no merge 7"),
        (("erase", 99, "--yes"), "no customer"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    rapport: Command, shop: Path, arguments: tuple[object, ...], said: str
) -> None:
    ended = rapport("customers", *arguments)
    assert ended.code in (1, 2)
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_person_is_erased_and_is_a_stranger_when_they_come_again(
    rapport: Command, shop: Path
) -> None:
    asked = rapport("customers", "erase", "chat:ann")
    assert (asked.code, "cannot be brought back" in asked.err) == (2, True)
    assert rapport("customers", "erase", "chat:ann", "--yes").out == "customer 1 is erased\n"
    assert rapport("customers", "show", "chat:ann").code == 1
    told = json.loads(rapport("customers", "show", 1, "--format", "json").out)
    assert (told["phone_number"], told["display_name"]) == (None, "Customer 1")
    assert rapport("chat", shop, "--as", "ann", typed="/start\n").out.startswith("bot: Your number")
    told = json.loads(rapport("customers", "show", "chat:ann", "--format", "json").out)
    assert told["id"] == 3


def test_many_are_changed_at_once_and_who_did_it_is_listed(rapport: Command, shop: Path) -> None:
    asked = rapport("customers", "bulk", "field", "--where", "all", "--set", "city=Shiraz")
    assert (asked.code, "2 customers" in asked.err) == (2, True)
    assert json.loads(rapport("customers", "bulk", "list", "--format", "json").out) == []
    done = rapport(
        "customers", "bulk", "field", "--where", "id__gte: 2", "--set", "city=Shiraz", "--yes",
        "--by", "Ali", "--reason", "moved",
    )  # fmt: skip
    assert done.out == "1 of 1 changed\n", done.err
    (one,) = json.loads(rapport("customers", "bulk", "list", "--format", "json").out)
    assert (one["by"], one["changed"], one["action"]) == (
        "staff:Ali",
        1,
        {"field": {"city": "Shiraz"}},
    )
    assert rapport("customers", "bulk", "resume", 1).out == "1 of 1 changed\n"
    assert rapport("customers", "bulk", "delete", "--where", "all", "--yes").out == (
        "2 of 2 changed\n"
    )
    told = json.loads(rapport("customers", "show", 2, "--format", "json").out)
    assert (told["city"], told["status"]) == ("Shiraz", "archived")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tag", "--add", "VPI"), "no tag"),
        (("status", "--to", "gone"), "status"),
        (("field", "--set", "city"), "FIELD=VALUE"),
        (("assign", "--to", "Eve"), "Eve"),
        (("resume", 9), "no bulk action 9"),
    ],
)
def test_what_cannot_be_done_to_many_is_said_before(
    rapport: Command, shop: Path, arguments: tuple[object, ...], said: str
) -> None:
    where = () if arguments[0] == "resume" else ("--where", "all", "--yes")
    ended = rapport("customers", "bulk", *arguments, *where)
    assert ended.code in (1, 2)
    assert said in ended.err


def test_what_stands_out_how_it_goes_and_who_looked(rapport: Command, shop: Path) -> None:
    assert "nothing stands out" in rapport("insights").out
    assert json.loads(rapport("insights", "--customer", 1, "--format", "json").out) == []
    wrong = rapport("insights", "--kind", "luck")
    assert (wrong.code, "birthday_soon" in wrong.err) == (2, True)
    told = json.loads(rapport("reports", "--format", "json").out)
    assert (told["customers"], told["new_this_month"]) == (2, 2)
    assert "average score" in rapport("reports").out.replace("_", " ")
    rapport("customers", "merge", 2, 1, "--yes", "--by", "Ali")
    rapport("customers", "erase", 1, "--yes")
    done = json.loads(rapport("audit", "--format", "json").out)
    assert {"merged", "erased", "field_updated"} <= {one["what"] for one in done}
    (first, *_) = json.loads(rapport("audit", "--high", "--format", "json").out)
    assert (first["what"], first["sensitivity"]) == ("erased", "high")
    assert "+98912" not in rapport("audit").out


def test_what_people_record_by_hand_is_there(rapport: Command, shop: Path) -> None:
    bought = ("customers", "purchase", 1, "12.50", "--number", "A-1", "--by", "Ali")
    assert rapport(*bought).out == "purchase 1\n"
    assert rapport(*bought).out == "purchase 1 was there already\n"
    met = rapport("customers", "interaction", 1, "call", "--follow-up", "2026-01-05")
    assert met.out.startswith("interaction ")
    told = json.loads(rapport("customers", "show", 1, "--format", "json").out)
    assert (told["total_purchases"], told["total_spent"]) == (1, 12.5)
    (due,) = json.loads(rapport("customers", "followups", "--format", "json").out)
    assert (due["customer_id"], due["due_at"]) == (1, "2026-01-05T00:00:00Z")
    wrong = rapport("customers", "interaction", 1, "dance")
    assert (wrong.code, "kind" in wrong.err) == (1, True)
