"""`rapport segments` and `rapport rules`: as somebody at a terminal uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from crm.database import open_engine
from crm.services.customers import create_customer, update_customer
from crm.tables import business
from engine.business import Business
from rapport.project import read_applied
from tests.cli.conftest import Command
from tests.crm.businesses import CAUSE

CRM_FILE = Path("kiosk/crm.yaml")


@pytest.fixture(autouse=True)
def applied(rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small project with two customers, applied to rapport.db."""
    monkeypatch.setenv("RAPPORT_FLOWS", str(project))
    assert rapport("apply").code == 0
    for name in ("Ann", "Ben"):
        given = {"first_name": name, "city": f"{name}ville"}
        at_work(partial(create, given))


def at_work(do: Callable[[Connection, int, Business], None]) -> None:
    """What somebody else does to the business meanwhile."""
    engine = open_engine("sqlite:///rapport.db")
    with engine.begin() as db:
        id_, source = db.execute(select(business.c.id, business.c.source)).one()
        do(db, id_, read_applied(source))
    engine.dispose()


def create(given: dict[str, str], db: Connection, id_: int, of: Business) -> None:
    create_customer(db, id_, of, given, CAUSE, datetime.now(UTC))


def move(given: dict[str, str], db: Connection, id_: int, of: Business) -> None:
    update_customer(db, id_, of, 1, given, CAUSE, datetime.now(UTC))


def listed(rapport: Command, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(rapport(*arguments, "--format", "json").out)
    return found


def members(rapport: Command, key: str) -> list[str]:
    return [row["display_name"] for row in listed(rapport, "segments", "members", key)]


def add_static(rapport: Command) -> None:
    ended = rapport("segments", "add", "ambassadors", "--name", "Ambassadors", "--tag", "loyal")
    assert (ended.code, ended.out) == (0, "+ segment ambassadors\n")


def test_a_segment_that_is_added_is_in_the_file_and_known_to_flows(rapport: Command) -> None:
    ended = rapport(
        "segments", "add", "annville", "--where", "{city: Annville}", "--color", "#FFD700"
    )
    assert (ended.code, ended.out) == (0, "+ segment annville\n")
    written = CRM_FILE.read_text("utf-8")
    assert "  annville: {color: '#FFD700', when: {city: Annville}}\n" in written
    assert rapport("apply").out == "no changes\n"
    flow = "flow: hello\ntriggers: {on: command, command: hello}\nnodes:\n  - say: Hi\n"
    asks = "  - branch:\n      - {when: {segment: annville}, goto: end}\n"
    Path("kiosk/hello.yaml").write_text(flow + asks, encoding="utf-8")
    assert rapport("check").code == 0
    assert rapport("rules", "run").code == 0
    assert members(rapport, "annville") == ["Ann"]


def test_what_cannot_be_a_segment_changes_neither_file_nor_database(rapport: Command) -> None:
    before = CRM_FILE.read_bytes()
    for arguments, told in (
        (("annville", "--where", "{citty: x}"), "Did you mean 'city'"),
        (("Ann ville",), "Ann ville"),
        (("annville", "--where", "{"), "no JSON or YAML"),
        (("annville", "--color", "gold"), "gold"),
    ):
        ended = rapport("segments", "add", *arguments)
        assert ended.code != 0
        assert told in ended.err
    add_static(rapport)
    again = rapport("segments", "add", "ambassadors")
    assert (again.code, again.err) == (1, "rapport: the segment 'ambassadors' is there already\n")
    assert CRM_FILE.read_bytes().startswith(before.rstrip())


def test_people_join_and_leave_a_static_segment(rapport: Command) -> None:
    add_static(rapport)
    assert rapport("segments", "join", "ambassadors", "1", "2").out == "2 changed\n"
    assert rapport("segments", "join", "ambassadors", "1").out == "0 changed\n"
    assert members(rapport, "ambassadors") == ["Ann", "Ben"]
    assert rapport("segments", "leave", "ambassadors", "1").out == "1 changed\n"
    assert members(rapport, "ambassadors") == ["Ben"]
    shown = json.loads(rapport("customers", "show", "2", "--format", "json").out)
    assert shown["segments"] == ["ambassadors"]


def test_nobody_is_put_by_hand_where_criteria_decide(rapport: Command) -> None:
    rapport("segments", "add", "annville", "--where", "{city: Annville}")
    ended = rapport("segments", "join", "annville", "2")
    assert (ended.code, "follow its criteria" in ended.err) == (1, True)
    assert rapport("segments", "join", "nobodys", "2").code == 1


def test_a_paused_segment_keeps_its_members_until_it_goes_on(rapport: Command) -> None:
    rapport("segments", "add", "annville", "--where", "{city: Annville}")
    rapport("rules", "run")
    assert rapport("segments", "pause", "annville").out == "segment annville: paused\n"
    moves = {"city": "Benville"}
    at_work(partial(move, moves))
    assert members(rapport, "annville") == ["Ann"]
    assert rapport("apply").out == "no changes\n"
    assert rapport("segments", "resume", "annville").out == "segment annville: active\n"
    rapport("rules", "run")
    assert members(rapport, "annville") == []


def test_what_crm_yaml_has_is_put_away_there(rapport: Command) -> None:
    add_static(rapport)
    ended = rapport("segments", "archive", "ambassadors")
    assert (ended.code, "crm.yaml has 'ambassadors'" in ended.err) == (1, True)
    text = CRM_FILE.read_text("utf-8")
    kept = "".join(one for one in text.splitlines(True) if "ambassadors" not in one)
    CRM_FILE.write_text(kept.replace("segments:\n", ""), encoding="utf-8")
    assert "segment ambassadors" in rapport("apply").out
    assert "ambassadors" not in [row["key"] for row in listed(rapport, "segments", "list")]
    (gone,) = [
        row for row in listed(rapport, "segments", "list", "--archived")
        if row["key"] == "ambassadors"
    ]  # fmt: skip
    assert gone["status"] == "archived"
    assert rapport("segments", "resume", "ambassadors").code == 1


def test_a_preview_says_how_many_and_who(rapport: Command) -> None:
    ended = rapport("segments", "preview", "--where", "{city__contains: ville}")
    assert ended.out.endswith("2 in all\n")
    assert "Ann" in ended.out
    told = json.loads(
        rapport("segments", "preview", "--where", "{city: Annville}", "--format", "json").out
    )
    assert (told["count"], [one["display_name"] for one in told["customers"]]) == (1, ["Ann"])


def test_show_tells_all_of_a_segment(rapport: Command) -> None:
    add_static(rapport)
    shown = json.loads(rapport("segments", "show", "ambassadors", "--format", "json").out)
    assert (shown["name"], shown["kind"], shown["tags"]) == ("Ambassadors", "static", ["loyal"])
    assert rapport("segments", "show", "nobodys").code == 1


def test_rules_are_listed_and_a_smart_tag_is_tried_before_it_is_applied(rapport: Command) -> None:
    text = CRM_FILE.read_text("utf-8")
    CRM_FILE.write_text(text + "smart_tags: [{tag: Asked, when: {city: Annville}}]\n", "utf-8")
    assert rapport("apply").code == 0
    kinds = {(row["kind"], row["name"]) for row in listed(rapport, "rules", "list")}
    assert {("score", "crm_score"), ("tag", "Asked")} <= kinds
    assert "would be put on 1 and taken from 0" in rapport("rules", "dry-run", "Asked").out
    assert rapport("rules", "run").out.startswith("changed:")
    refused = rapport("rules", "undo", "Asked")
    assert (refused.code, "it would come back" in refused.err) == (1, True)
    CRM_FILE.write_text(text, encoding="utf-8")
    rapport("apply")
    assert rapport("rules", "undo", "Asked").out == "taken from 1\n"
    assert rapport("rules", "dry-run", "Asked").code == 1
