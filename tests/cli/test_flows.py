"""`rapport flows`: what is applied, what differs, and the way back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rapport.cli.store import open_store
from rapport.rollback import RollbackRefused, plan_rollback
from tests.cli.conftest import Command
from tests.support.small_project import FLOW

FILE = Path("kiosk/order.yaml")
SECOND = FLOW.replace("Hello", "Welcome")
HELP = "flow: help\nnodes: [say: Call us.]\n"


@pytest.fixture(autouse=True)
def two_versions(rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small project, whose flow has two versions; its folder is that of the settings."""
    monkeypatch.setenv("RAPPORT_FLOWS", str(project))
    rapport("apply")
    _write(SECOND)
    assert rapport("apply").out == "~ flow order: version 2\n"


def _write(text: str) -> None:
    FILE.write_text(text, encoding="utf-8")


def _listed(rapport: Command, *arguments: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(rapport(*arguments, "--format", "json").out)
    return found


def test_flows_are_listed_with_who_is_in_them(rapport: Command) -> None:
    chat = ("chat", "kiosk", "--db", "sqlite:///rapport.db")
    rapport(*chat, typed="/start\n")
    (order,) = _listed(rapport, "flows", "list")
    assert (order["flow"], order["version"], order["in_it"], order["in_earlier"]) == (
        "order", 2, 1, 0,
    )  # fmt: skip
    assert (order["file"], order["withdrawn_at"]) == ("order.yaml", None)
    assert "order" in rapport("flows", "list").out


def test_versions_are_listed_the_newest_first(rapport: Command) -> None:
    rows = _listed(rapport, "flows", "versions", "order")
    assert [(row["version"], row["state"]) for row in rows] == [(2, "current"), (1, "")]


def test_a_version_is_shown_as_it_was_written(rapport: Command) -> None:
    assert rapport("flows", "show", "order", 1).out == FLOW
    assert rapport("flows", "show", "order").out == SECOND


def test_versions_differ_from_each_other_and_from_the_file(rapport: Command) -> None:
    between = rapport("flows", "diff", "order", 1, 2).out
    assert between == rapport("flows", "diff", "order", 1).out
    assert "-vars: {greeting: Hello}\n+vars: {greeting: Welcome}\n" in between
    assert rapport("flows", "diff", "order").out == "no differences\n"
    _write(SECOND.replace("Welcome", "Ahoy"))
    assert "+vars: {greeting: Ahoy}" in rapport("flows", "diff", "order").out


@pytest.mark.parametrize("command", [("versions",), ("show",), ("diff",)])
def test_a_flow_there_is_not_is_said_with_those_there_are(
    rapport: Command, command: tuple[str, ...]
) -> None:
    ended = rapport("flows", *command, "ordre")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == ("rapport: There is no flow 'ordre' in this database (there are: order).\n")


def test_rolling_back_writes_the_file_and_makes_a_new_version(rapport: Command) -> None:
    dry = rapport("flows", "rollback", "order", 1, "--dry-run")
    assert (dry.out, FILE.read_text("utf-8")) == ("~ flow order: version 3\n", SECOND)
    ended = rapport("flows", "rollback", "order", 1)
    assert (ended.code, ended.out) == (0, dry.out)
    assert ended.err == "kiosk/order.yaml has the text of version 1\n"
    assert FILE.read_text("utf-8") == FLOW
    assert rapport("apply").out == "no changes\n"


def test_people_move_back_to_the_node_under_the_name_it_had(rapport: Command) -> None:
    chat = ("chat", "kiosk", "--db", "sqlite:///rapport.db")
    rapport(*chat, typed="/start\n")
    _write(SECOND.replace("id: size", "id: number\n    was: size"))
    rapport("apply")
    back = rapport("flows", "rollback", "order", 2).out
    assert "    1 waiting at `number`: 1 move to `size`\n" in back
    assert "Which colour?" in rapport(*chat, typed="40\n").out


def test_only_the_one_flow_of_a_file_is_taken_back(rapport: Command) -> None:
    _write(f"{SECOND}---\n{HELP}")
    rapport("apply")
    rapport("flows", "rollback", "order", 1)
    text = FILE.read_text("utf-8")
    assert text.endswith(f"---\n{HELP}")
    assert "Hello" in text
    assert rapport("apply").out == "no changes\n"


def test_a_flow_that_was_alone_in_its_file_is_taken_back_behind_others(rapport: Command) -> None:
    _write(f"{HELP}---\n{SECOND}")
    rapport("apply")
    assert rapport("flows", "rollback", "order", 1).code == 0
    assert FILE.read_text("utf-8") == f"{HELP}---\n{FLOW}"
    assert rapport("apply").out == "no changes\n"


def test_what_is_not_applied_is_not_written_over(rapport: Command) -> None:
    edited = SECOND + "# a thought\n"
    _write(edited)
    ended = rapport("flows", "rollback", "order", 1)
    assert (ended.code, ended.out) == (1, "")
    assert "does not have the 'order' that was applied last" in ended.err
    assert FILE.read_text("utf-8") == edited


def test_what_else_is_not_applied_is_not_applied_along(rapport: Command) -> None:
    Path("kiosk/help.yaml").write_text(HELP, encoding="utf-8")
    ended = rapport("flows", "rollback", "order", 1)
    assert ended.code == 1
    assert "has changes that are not applied (+ flow help: version 1)" in ended.err
    assert FILE.read_text("utf-8") == SECOND


def test_a_version_that_does_not_fit_the_project_any_more_is_not_gone_back_to(
    rapport: Command,
) -> None:
    crm = Path("kiosk/crm.yaml")
    _write(SECOND.replace("  - tag: {add: [Asked]}\n", ""))
    tests = Path("kiosk/tests.yaml").read_text("utf-8").replace(", tags: [Asked]", "")
    Path("kiosk/tests.yaml").write_text(tests, encoding="utf-8")
    crm.write_text(crm.read_text("utf-8").replace("tags: {Asked: {}}\n", ""), encoding="utf-8")
    assert rapport("apply").code == 0
    ended = rapport("flows", "rollback", "order", 1)
    assert ended.code == 1
    assert "E302" in ended.err
    assert "Asked" not in FILE.read_text("utf-8")


def test_a_flow_whose_file_is_gone_comes_back_with_it(rapport: Command) -> None:
    Path("kiosk/help.yaml").write_text(HELP, encoding="utf-8")
    rapport("apply")
    Path("kiosk/help.yaml").unlink()
    rapport("apply")
    rows = _listed(rapport, "flows", "versions", "help")
    assert [row["state"] for row in rows] == ["withdrawn"]
    ended = rapport("flows", "rollback", "help", 1)
    assert (ended.code, ended.out) == (0, "+ flow help: restored, version 1\n")
    assert Path("kiosk/help.yaml").read_text("utf-8") == HELP


def test_the_version_that_is_applied_is_not_gone_back_to(rapport: Command) -> None:
    assert "is the one that is applied" in rapport("flows", "rollback", "order", 2).err
    rapport("flows", "rollback", "order", 1)
    assert "is what version 3 says too" in rapport("flows", "rollback", "order", 1).err


def test_a_file_that_is_changed_while_it_is_taken_back_is_left_alone(project: Path) -> None:
    with open_store() as store:
        planned = plan_rollback(store.db, store.business_id, project, "order", 1)
    _write(SECOND + "# typed meanwhile\n")
    with pytest.raises(RollbackRefused, match="changed meanwhile"), planned.written():
        raise AssertionError


def test_the_file_is_as_it_was_where_the_database_refuses(project: Path) -> None:
    with open_store() as store:
        planned = plan_rollback(store.db, store.business_id, project, "order", 1)
    with pytest.raises(OSError, match="full"), planned.written():
        _refuse_with_the_file_written()
    assert FILE.read_text("utf-8") == SECOND


def _refuse_with_the_file_written() -> None:
    assert FILE.read_text("utf-8") == FLOW
    raise OSError("the disk is full")
