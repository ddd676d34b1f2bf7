"""`rapport fields add`, `deactivate`, `activate`: crm.yaml and the database, both or neither."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm.database import open_engine
from engine.editing import add_field
from rapport.editing import EditRefused
from rapport.fields import make, plan
from rapport.files import replaced
from rapport.project import read_project
from tests.cli.conftest import Command
from tests.support.small_project import CRM, write_project

CRM_FILE = Path("kiosk/crm.yaml")


@pytest.fixture(autouse=True)
def applied(rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small project, applied to rapport.db; its folder is the one of the settings."""
    monkeypatch.setenv("RAPPORT_FLOWS", str(project))
    assert rapport("apply").code == 0


def listed(rapport: Command) -> dict[str, tuple[str, str]]:
    """Each field's slot and whether it is active."""
    lines = rapport("fields", "list", "--format", "csv").out.splitlines()[1:]
    return {row[0]: (row[3], row[4]) for row in (line.split(",") for line in lines)}


def execute(statement: str) -> list[Any]:
    with closing(sqlite3.connect("rapport.db")) as connection:
        rows = connection.execute(statement).fetchall()
        connection.commit()
    return rows


def test_a_field_is_added_to_the_file_and_gets_its_column(rapport: Command) -> None:
    ended = rapport(
        "fields", "add", "age", "--type", "number", "--label", "fa=سن", "--label", "en=Age"
    )
    assert (ended.code, ended.out) == (0, "+ field age: number in custom_number_2\n")
    assert "  age: {type: number, label: {fa: سن, en: Age}}\n" in CRM_FILE.read_text("utf-8")
    assert listed(rapport)["age"] == ("custom_number_2", "yes")
    assert rapport("apply").out == "no changes\n"
    assert rapport("db", "index").out == "every wanted index is there\n"


def test_a_select_and_an_extra_are_added_with_what_belongs_to_them(rapport: Command) -> None:
    assert rapport(
        "fields", "add", "pet", "--type", "select", "--option", "cat", "--option", "dog",
        "--ask", "Cat, or dog: which?",
    ).code == 0  # fmt: skip
    assert rapport("fields", "add", "motto", "--extra").out == "+ field motto: text in the extras\n"
    assert rapport("check", "kiosk", "--strict").code == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("size",), "the field 'size' is there already"),
        (("first_name",), "the field 'first_name' is there already"),
        (("Größe",), "cannot be a field: small English letters"),
        (("tags",), "the word has another meaning"),
        (("x", "--type", "colour"), "is not one of text, number"),
        (("x", "--type", "select"), "the select 'x' needs 'options'"),
        (("x", "--label", "a", "--label", "b"), "each says its language"),
    ],
)
def test_what_cannot_be_a_field_is_refused_and_nothing_is_written(
    rapport: Command, arguments: tuple[str, ...], reason: str
) -> None:
    before = CRM_FILE.read_bytes(), execute("SELECT * FROM field")
    ended = rapport("fields", "add", *arguments)
    assert ended.code != 0
    assert reason in ended.err
    assert (CRM_FILE.read_bytes(), execute("SELECT * FROM field")) == before


def test_the_limit_of_a_type_is_told_with_the_way_out(rapport: Command) -> None:
    for number in range(5):
        assert rapport("fields", "add", f"mail_{number}", "--type", "email").code == 0
    ended = rapport("fields", "add", "mail_5", "--type", "email")
    assert ended.code == 1
    assert "there are 5 slots for them (90 in all). Write 'extra: true'" in ended.err
    assert rapport("fields", "add", "mail_5", "--type", "email", "--extra").code == 0


def test_a_column_that_still_holds_old_values_is_not_given_and_the_file_stays(
    rapport: Command,
) -> None:
    """The file has room; the database does not, so neither is changed."""
    for number in range(5):
        rapport("fields", "add", f"mail_{number}", "--type", "email")
    execute(
        "INSERT INTO customer (business_id, display_name, name_folded, created_at, updated_at, "
        "custom_email_3) VALUES (1, 'x', 'x', 0, 0, 'a@example.com')"
    )
    assert rapport("fields", "deactivate", "mail_2").code == 0
    before = CRM_FILE.read_bytes()
    ended = rapport("fields", "add", "another", "--type", "email")
    assert "No room for 'another': all 5 email columns are in use" in ended.err
    assert CRM_FILE.read_bytes() == before
    assert rapport("apply").out == "no changes\n"


def test_a_field_goes_out_of_use_and_comes_back_with_its_values(rapport: Command) -> None:
    rapport("fields", "add", "age", "--type", "number")
    assert rapport("fields", "deactivate", "age").out == "- field age: its values are kept\n"
    assert listed(rapport)["age"] == ("custom_number_2", "no")
    assert "  age: {type: number, active: false}\n" in CRM_FILE.read_text("utf-8")
    ended = rapport("fields", "add", "age")
    assert "declared and not active: `rapport fields activate age`" in ended.err
    assert rapport("fields", "activate", "age").out == (
        "+ field age: restored, number in custom_number_2\n"
    )
    assert "  age: {type: number}\n" in CRM_FILE.read_text("utf-8")
    assert rapport("fields", "activate", "age").err == "rapport: the field 'age' is active\n"


def test_a_field_that_flows_use_stays_and_they_are_named(rapport: Command) -> None:
    before = CRM_FILE.read_bytes()
    ended = rapport("fields", "deactivate", "size")
    assert ended.code == 1
    assert ended.err == "rapport: it is used at order.yaml:9: take it out there first\n"
    assert CRM_FILE.read_bytes() == before
    assert listed(rapport)["size"][1] == "yes"


def test_a_segment_that_uses_a_field_is_named_where_it_stands(
    rapport: Command, project: Path
) -> None:
    write_project(project, crm=CRM + "segments:\n  big: {when: {age__gt: 40}}\n")
    text = CRM_FILE.read_text("utf-8").replace("tags:", "  age:\n    type: number\ntags:")
    CRM_FILE.write_text(text, encoding="utf-8")
    assert rapport("apply").code == 0
    line = text.splitlines().index("  big: {when: {age__gt: 40}}") + 1
    ended = rapport("fields", "deactivate", "age", "--force")
    assert ended.err == f"rapport: it is used at crm.yaml:{line}: take it out there first\n"


def test_told_to_a_flow_s_replies_become_extras(rapport: Command) -> None:
    assert rapport("fields", "deactivate", "size", "--force").code == 0
    assert rapport("check", "kiosk").code == 0
    assert listed(rapport)["size"][1] == "no"


def test_an_error_in_a_flow_is_not_forced(rapport: Command, project: Path) -> None:
    (project / "big.yaml").write_text(
        "flow: big\ntriggers:\n  - {on: command, command: big, only: {size__gt: 40}}\n"
        "nodes:\n  - say: Big\n",
        encoding="utf-8",
    )
    assert rapport("apply").code == 0
    ended = rapport("fields", "deactivate", "size", "--force")
    assert (ended.code, "it is used at big.yaml:3" in ended.err) == (1, True)


def test_a_version_that_somebody_is_in_keeps_its_fields(rapport: Command, project: Path) -> None:
    rapport("fields", "add", "age", "--type", "number")
    rapport("fields", "add", "code")
    (project / "big.yaml").write_text(
        "flow: big\ntriggers:\n  - {on: command, command: big, only: {age__gt: 40}}\n"
        "nodes:\n  - ask: Really?\n    save_to: code\n",
        encoding="utf-8",
    )
    assert rapport("apply").code == 0
    execute("PRAGMA foreign_keys=OFF")
    execute(
        "INSERT INTO run (business_id, customer_id, conversation_id, flow, flow_version, frames, "
        "attempts, status, cause, started_at) VALUES (1, 1, 1, 'big', 1, '[]', 0, 'asking', 'x', 0)"
    )
    (project / "big.yaml").unlink()
    assert rapport("apply").code == 0
    ended = rapport("fields", "deactivate", "age")
    assert "1 customers are in version 1 of the flow 'big'" in ended.err
    execute("UPDATE run SET status = 'ended'")
    assert rapport("fields", "deactivate", "age").code == 0


def test_a_field_of_the_industry_is_switched_off_in_the_file(
    rapport: Command, project: Path
) -> None:
    write_project(project, crm=CRM.replace("fields:", "industry: retail\nfields:"))
    assert rapport("apply").code == 0
    assert rapport("fields", "deactivate", "is_vip").out == "- field is_vip: its values are kept\n"
    assert "  is_vip: {active: false}\n" in CRM_FILE.read_text("utf-8")
    assert rapport("fields", "activate", "is_vip").code == 0
    assert listed(rapport)["is_vip"][1] == "yes"


def test_a_field_that_was_taken_out_of_the_file_is_written_down_again(
    rapport: Command, project: Path
) -> None:
    declared = "  shoe: {type: number, label: {en: Shoe, fa: کفش}, rules: {min: 20, max: 50.5}}\n"
    write_project(project, crm=CRM.replace("tags:", declared + "tags:"))
    rapport("apply")
    write_project(project)
    rapport("apply")
    assert rapport("fields", "activate", "shoe").out == (
        "+ field shoe: restored, number in custom_number_2\n"
    )
    (declaration,) = execute("SELECT declaration FROM field WHERE key = 'shoe'")
    assert '"rules": {"min": {"$number": "20.00"}, "max": {"$number": "50.50"}}' in declaration[0]


def test_a_name_that_is_nearly_right_is_suggested(rapport: Command) -> None:
    ended = rapport("fields", "deactivate", "sise")
    assert ended.err == "rapport: there is no field 'sise': did you mean 'size'?\n"
    ended = rapport("fields", "deactivate", "email")
    assert "every customer has 'email'" in ended.err
    assert (
        "There is no field 'nose', and there was none." in rapport("fields", "activate", "nose").err
    )


def test_changes_that_were_not_applied_come_first(rapport: Command, project: Path) -> None:
    write_project(project, crm=CRM.replace("Kiosk", "Our kiosk"))
    ended = rapport("fields", "add", "age")
    assert ended.err == (
        "rapport: crm.yaml has changes that are not applied: run `rapport apply` first\n"
    )


def test_a_database_that_cannot_be_written_leaves_the_file_as_it_was(
    rapport: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.database.BUSY_TIMEOUT_SECONDS", 0.05)
    before = CRM_FILE.read_bytes()
    with closing(sqlite3.connect("rapport.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ended = rapport("fields", "add", "age")
    assert (ended.code, "locked" in ended.err) == (1, True)
    assert CRM_FILE.read_bytes() == before


def test_what_is_saved_from_an_editor_meanwhile_is_not_overwritten(project: Path) -> None:
    before = read_project(project)
    planned = plan(project, before, ("age",), lambda text: add_field(text, "age", {"type": "text"}))
    CRM_FILE.write_text(CRM + "# mine\n", encoding="utf-8")
    engine = open_engine("sqlite:///rapport.db")
    with pytest.raises(EditRefused, match="changed meanwhile"):
        make(engine, planned, datetime.now(UTC))
    engine.dispose()
    assert CRM_FILE.read_text("utf-8") == CRM + "# mine\n"
    assert execute("SELECT key FROM field WHERE key = 'age'") == []


def test_a_commit_that_fails_gives_the_file_its_old_text_back(
    project: Path, tmp_path: Path
) -> None:
    """As where the disk fills up between the two."""
    before = read_project(project)
    planned = plan(project, before, ("age",), lambda text: add_field(text, "age", {"type": "text"}))
    replacing = replaced(planned.file, planned.was, planned.text)
    with pytest.raises(OSError, match="full"), replacing:
        _commit_on_a_full_disk()
    assert CRM_FILE.read_text("utf-8") == CRM
    assert len(list(project.iterdir())) == 3  # nothing partial is left


def _commit_on_a_full_disk() -> None:
    assert "age" in CRM_FILE.read_text("utf-8")
    raise OSError("the disk is full")


def test_a_mark_of_some_editors_and_the_line_ends_of_some_systems_stay(
    rapport: Command, project: Path
) -> None:
    CRM_FILE.write_bytes(b"\xef\xbb\xbf" + CRM.replace("\n", "\r\n").encode())
    assert rapport("apply").code == 0
    assert rapport("fields", "add", "age").code == 0
    added = b"  age: {type: text}\r\ntags:"
    assert CRM_FILE.read_bytes() == b"\xef\xbb\xbf" + (
        CRM.replace("\n", "\r\n").encode().replace(b"tags:", added)
    )
    assert rapport("apply").out == "no changes\n"


def test_fields_are_put_into_an_order(rapport: Command) -> None:
    rapport("fields", "add", "age", "--type", "number")
    assert rapport("fields", "reorder", "age", "colour").code == 0
    assert list(listed(rapport)) == ["age", "colour", "size"]
    assert "  age: {type: number, order: 1}\n" in CRM_FILE.read_text("utf-8")
    assert "    order: 2\n" in CRM_FILE.read_text("utf-8")
    assert rapport("apply").out == "no changes\n"
    assert rapport("fields", "reorder", "size").code == 0
    assert list(listed(rapport)) == ["size", "age", "colour"]
    assert "no field 'sise'" in rapport("fields", "reorder", "sise").err
    assert "name each once" in rapport("fields", "reorder", "size", "size").err


def test_an_industry_s_fields_are_added_once(rapport: Command) -> None:
    answer = json.loads(rapport("fields", "template", "retail", "--format", "json").out)
    keys = ["birth_date", "loyalty_points", "favorite_category", "last_purchase_date", "is_vip"]
    assert answer == {"fields_created": keys, "skipped": []}
    assert "\nindustry: retail\n" in CRM_FILE.read_text("utf-8")
    assert set(keys) < set(listed(rapport))
    before = CRM_FILE.read_bytes()
    again = json.loads(rapport("fields", "template", "retail", "--format", "json").out)
    assert again == {"fields_created": [], "skipped": keys}
    assert CRM_FILE.read_bytes() == before
    assert rapport("check", "kiosk", "--strict").code == 0


def test_what_a_business_says_of_a_field_stays_when_an_industry_is_added(
    rapport: Command, project: Path
) -> None:
    """Its `is_vip` is a text with values: the template's may not make booleans of them."""
    own = "  is_vip: {label: {en: Since, fa: از}}\n"
    write_project(project, crm=CRM.replace("tags:", own + "tags:"))
    assert rapport("apply").code == 0
    answer = json.loads(rapport("fields", "template", "retail", "--format", "json").out)
    assert answer["skipped"] == ["is_vip"]
    assert len(answer["fields_created"]) == 4
    assert own in CRM_FILE.read_text("utf-8")
    assert "industry:" not in CRM_FILE.read_text("utf-8")
    options = "options: [{value: clothes, label: {en: Clothes, fa: لباس}}"
    assert options in CRM_FILE.read_text("utf-8")
    assert rapport("check", "kiosk").code == 0
    assert "created" in rapport("fields", "template", "beauty").out


def test_a_business_of_one_language_gets_labels_in_it(rapport: Command, project: Path) -> None:
    crm = "business: {key: kiosk, name: Kiosk, language: fa}\nindustry: retail\n"
    write_project(project, crm=crm)
    for name in ("order.yaml", "tests.yaml"):
        (project / name).unlink()
    assert rapport("apply").code == 0
    assert rapport("fields", "template", "fitness").code == 0
    assert rapport("check", "kiosk").code == 0
    assert "fa: " in CRM_FILE.read_text("utf-8")
    assert "en: " not in CRM_FILE.read_text("utf-8")


def test_values_of_a_field_out_of_use_are_archived_or_cleared_when_told(
    rapport: Command,
) -> None:
    for key in ("mail_0", "mail_1"):
        rapport("fields", "add", key, "--type", "email")
    execute(
        "INSERT INTO customer (business_id, display_name, name_folded, created_at, updated_at, "
        "custom_email_1, custom_email_2) VALUES (1, 'x', 'x', 0, 0, 'a@b.de', 'c@b.de')"
    )
    assert (
        "`rapport fields deactivate mail_0` comes first"
        in rapport("fields", "archive", "mail_0").err
    )
    for key in ("mail_0", "mail_1"):
        rapport("fields", "deactivate", key)
    assert rapport("fields", "archive", "mail_0", "--dry-run").out == (
        "mail_0: values: 1, they would move from custom_email_1 to the extras\n"
    )
    assert rapport("fields", "archive", "mail_0").out == (
        "mail_0: values: 1, they moved from custom_email_1 to the extras\n"
    )
    assert rapport("fields", "archive", "mail_0").out == (
        "mail_0: values: 1, they are among the extras\n"
    )
    ended = rapport("fields", "clear", "mail_1")
    assert (ended.code, "takes 1 values of 'mail_1' away: say --yes" in ended.err) == (2, True)
    assert rapport("fields", "clear", "mail_1", "--yes").out == (
        "mail_1: values: 1, they were taken away; custom_email_2 is free\n"
    )
    assert execute("SELECT custom_email_1, custom_email_2, custom_fields_extra FROM customer") == [
        (None, None, '{"mail_0": "a@b.de"}')
    ]
    assert rapport("db", "check").out == "nothing is wrong\n"


def test_a_reply_to_a_field_out_of_use_is_on_the_timeline_as_an_extra(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_DATABASE_URL", f"sqlite:///{project}/.rapport/chat.db")
    rapport("chat", project, "--as", "sara", typed="/start\n40\n/press 1\n")
    assert rapport("fields", "deactivate", "size", "--force").code == 0
    rapport("chat", project, "--as", "sara", typed="/start\n44\n/press 1\n")
    shown = json.loads(rapport("customers", "show", "chat:sara", "--format", "json").out)
    told = [one["description"] for one in shown["activities"]]
    assert "size: 44 (an extra: no field is called so)" in told
    assert shown["extra"] == {"size": "44"}
    assert rapport("fields", "activate", "size").out == (
        "+ field size: restored, number in custom_number_1; values moved: 1\n"
    )
    shown = json.loads(rapport("customers", "show", "chat:sara", "--format", "json").out)
    assert shown["fields"]["size"] == 44
