"""`rapport customers`, `fields` and `dead`: looking things up, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from crm.database import open_engine
from crm.tables import audit, outbox
from tests.cli.conftest import Command
from tests.support.small_project import CRM, write_project


@pytest.fixture
def talked(rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database in which Sara ordered a red 42 and Ali was asked for a size."""
    rapport("chat", project, "--as", "sara", typed="/start\n42\n/press 1\n")
    rapport("chat", project, "--as", "ali", typed="/start\n")
    database = project / ".rapport" / "chat.db"
    monkeypatch.setenv("RAPPORT_DATABASE_URL", f"sqlite:///{database}")
    return database


def listed(rapport: Command, *arguments: str) -> list[dict[str, Any]]:
    ended = rapport("customers", "list", *arguments, "--format", "json")
    assert ended.code == 0, ended.err
    rows: list[dict[str, Any]] = json.loads(ended.out)
    return rows


def test_a_customer_is_shown_as_one_object(rapport: Command, talked: Path) -> None:
    ended = rapport("customers", "show", "chat:sara", "--format", "json")
    shown = json.loads(ended.out)
    assert ended.code == 0
    assert shown["fields"] == {"size": 42, "colour": "red"}
    assert shown["tags"] == ["Asked"]
    assert shown["run"] is None
    assert [account["external_id"] for account in shown["accounts"]] == ["sara"]


def test_an_open_run_tells_where_it_waits(rapport: Command, talked: Path) -> None:
    shown = json.loads(rapport("customers", "show", "chat:ali", "--format", "json").out)
    assert (shown["run"]["flow"], shown["run"]["node"]) == ("order", "size")


def test_a_table_tells_the_timeline_in_lines_and_moments_to_the_minute(
    rapport: Command, talked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = rapport("customers", "show", "chat:ali")
    assert re.search(
        r"activities +\d{4}-\d\d-\d\d \d\d:\d\d message_sent by bot: Which size", ended.out
    )
    assert re.search(r"runs +flow order, version 1, node size, waiting_since [-\d]{10} ", ended.out)
    assert not re.search(r"\d\dT\d\d", ended.out)


def test_a_table_shows_a_field_that_is_zero(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(project, crm=CRM.replace("min: 1", "min: 0"))
    rapport("chat", project, "--as", "sara", typed="/start\n0\n")
    monkeypatch.setenv("RAPPORT_DATABASE_URL", f"sqlite:///{project / '.rapport' / 'chat.db'}")
    lines = rapport("customers", "show", "chat:sara").out.splitlines()
    assert ["size", "0"] in [line.split() for line in lines]


def test_nobody_is_an_error_in_the_form_asked_for(rapport: Command, talked: Path) -> None:
    told = rapport("customers", "show", "chat:nobody", "--format", "json")
    assert (told.code, json.loads(told.out)) == (1, {"error": "There is no customer chat:nobody."})
    said = rapport("customers", "show", "chat:nobody")
    assert (said.code, said.out) == (1, "")
    assert said.err == "rapport: There is no customer chat:nobody.\n"


@pytest.mark.parametrize("where", ["size__gte: 40", '{"size__gte": 40}', "tags: [Asked]"])
def test_criteria_choose_who_is_listed(rapport: Command, talked: Path, where: str) -> None:
    assert [row["fields"]["size"] for row in listed(rapport, "--where", where)] == [42]


def test_a_list_is_sorted_and_cut(rapport: Command, talked: Path) -> None:
    assert [row["id"] for row in listed(rapport, "--sort", "id")] == [1, 2]
    assert [row["id"] for row in listed(rapport, "--sort", "-id", "--limit", "1")] == [2]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--where", "sise: 42"], "Did you mean 'size'?"),
        (["--where", "size: many"], "'many' is not a number"),
        (["--where", "{"], "this is not YAML"),
        (["--where", "# nothing"], "nothing is asked"),
        (["--sort", "sise"], "sise"),
    ],
)
def test_what_cannot_be_asked_is_wrong_use(
    rapport: Command, talked: Path, arguments: list[str], line: str
) -> None:
    ended = rapport("customers", "list", *arguments)
    assert ended.code == 2
    assert line in ended.err
    assert ended.err.count("\n") == 1


def test_a_table_fits_the_terminal(
    rapport: Command, talked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    ended = rapport("customers", "list")
    assert "Customer 1" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


def test_csv_has_a_header_and_a_line_for_each(rapport: Command, talked: Path) -> None:
    ended = rapport("customers", "list", "--sort", "id", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert [row["display_name"] for row in rows] == ["Customer 1", "Customer 2"]


def test_finding_nobody_is_not_found(rapport: Command, talked: Path) -> None:
    assert rapport("customers", "find", "zzz").code == 1
    found = rapport("customers", "find", "customer 2", "--format", "json")
    assert json.loads(found.out)[0]["id"] == 2


def test_without_a_database_it_is_said_how_to_make_one(rapport: Command) -> None:
    ended = rapport("customers", "list")
    assert ended.code == 1
    assert ended.err == "rapport: there is no database rapport.db: `rapport apply` makes it\n"
    assert not Path("rapport.db").exists()


def test_of_several_businesses_the_settings_say_which(
    rapport: Command, talked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path / "other", crm=CRM.replace("kiosk", "other"))
    rapport("apply", "other")
    unclear = rapport("customers", "list")
    assert unclear.code == 2
    assert "(kiosk, other)" in unclear.err
    monkeypatch.setenv("RAPPORT_BUSINESS", "other")
    assert listed(rapport) == []
    monkeypatch.delenv("RAPPORT_BUSINESS")
    monkeypatch.setenv("RAPPORT_FLOWS", "kiosk")
    assert len(listed(rapport)) == 2
    monkeypatch.setenv("RAPPORT_BUSINESS", "third")
    assert rapport("customers", "list").code == 1


def test_fields_are_listed_with_their_columns(rapport: Command, talked: Path) -> None:
    rows = json.loads(rapport("fields", "list", "--format", "json").out)
    assert [(row["key"], row["slot"], row["active"]) for row in rows] == [
        ("size", "custom_number_1", True),
        ("colour", "custom_select_1", True),
    ]


def test_a_template_shows_what_an_industry_brings(rapport: Command) -> None:
    rows = json.loads(rapport("fields", "template", "retail", "--show", "--format", "json").out)
    by_key = {row["key"]: row for row in rows}
    assert by_key["favorite_category"]["options"] == ["clothes", "shoes", "accessories"]
    assert rapport("fields", "template", "circus").code == 1


def test_a_dead_letter_is_listed_shown_and_tried_again(rapport: Command, talked: Path) -> None:
    engine = open_engine(f"sqlite:///{talked}")
    with engine.begin() as db:
        db.execute(
            update(outbox).where(outbox.c.id == 1).values(status="dead", last_error="too long")
        )
    engine.dispose()
    (letter,) = json.loads(rapport("dead", "list", "--format", "json").out)
    assert (letter["reference"], letter["error"]) == ("outbox:1", "too long")
    assert "too long" in rapport("dead", "show", "outbox:1").out
    assert rapport("dead", "requeue", "outbox:1").out == "1 to be tried again\n"
    assert rapport("dead", "list").out == "no dead letters\n"
    assert rapport("dead", "show", "outbox:1").code == 1


def test_of_letters_to_requeue_all_or_none_are(rapport: Command, talked: Path) -> None:
    engine = open_engine(f"sqlite:///{talked}")
    with engine.begin() as db:
        db.execute(update(outbox).where(outbox.c.id == 1).values(status="dead"))
    engine.dispose()
    assert rapport("dead", "requeue", "outbox:1", "outbox:999").code == 1
    assert len(json.loads(rapport("dead", "list", "--format", "json").out)) == 1


def test_sensitive_values_are_for_whom_they_are_and_each_look_is_noted(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = "staff: [{name: Ali, role: owner}, {name: Sara, role: viewer}]\n"
    write_project(project, crm=CRM.replace("filterable: true,", "sensitive: true,") + staff)
    rapport("chat", project, "--as", "sara", typed="/start\n42\n/press 1\n")
    database = project / ".rapport" / "chat.db"
    monkeypatch.setenv("RAPPORT_DATABASE_URL", f"sqlite:///{database}")

    def size(*who: str) -> Any:
        ended = rapport("customers", "show", "chat:sara", *who, "--format", "json")
        return json.loads(ended.out)["fields"]["size"]

    assert [size("--by", "Sara"), size("--by", "Ali"), size()] == ["•••", 42, 42]
    assert "nobody of the staff" in rapport("customers", "show", "1", "--by", "Zoe").err
    engine = open_engine(f"sqlite:///{database}")
    with engine.connect() as db:
        looks = db.execute(
            select(audit.c.by, audit.c.what, audit.c.sensitivity, audit.c.data)
        ).all()
    engine.dispose()
    told = ("sensitive_field_opened", "high", {"fields": ["size"]})
    assert [tuple(look) for look in looks] == [("staff:Ali", *told), ("cli", *told)]
