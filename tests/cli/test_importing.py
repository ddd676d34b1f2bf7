"""`rapport customers import`: a file is looked at, stored, and what was refused comes back."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command, Ended

PEOPLE = "Name;Mobile;size;colour\nSara Ahmadi;+989123456789;42;red\nAli;12;41;red\nMina;;999;red\n"


@pytest.fixture
def applied(rapport: Command, project: Path) -> None:
    assert rapport("apply", project).code == 0


@pytest.fixture
def people(applied: None) -> Path:
    path = Path("people.csv")
    path.write_text(PEOPLE, encoding="utf-8")
    return path


def told(ended: Ended) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(ended.out)
    return answer


def listed(rapport: Command) -> list[str]:
    rows = json.loads(rapport("customers", "list", "--format", "json").out)
    return sorted(row["display_name"] for row in rows)


def test_what_was_done_is_told_as_json_with_every_refused_cell(
    rapport: Command, people: Path
) -> None:
    ended = rapport("customers", "import", people, "--yes", "--format", "json")
    answer = told(ended)
    assert ended.code == 1
    assert (answer["created"], answer["updated"], answer["skipped"]) == (1, 0, 0)
    assert [(cell["row"], cell["column"], cell["value"]) for cell in answer["rejected"]] == [
        (3, "Mobile", "12"), (4, "size", "999"),
    ]  # fmt: skip
    assert all(cell["reason"] for cell in answer["rejected"])
    assert listed(rapport) == ["Sara Ahmadi"]


def test_refused_rows_are_corrected_in_their_report_and_imported(
    rapport: Command, people: Path
) -> None:
    answer = told(rapport("customers", "import", people, "--yes", "--format", "json"))
    report = Path(answer["report"])
    text = report.read_text(encoding="utf-8-sig")
    assert [row["problem"][:7] for row in csv.DictReader(text.splitlines())] == [
        "Mobile:",
        "size: T",
    ]
    corrected = text.replace(",12,", ",+989123456788,").replace("999", "43")
    report.write_text(corrected, encoding="utf-8")
    again = rapport("customers", "import", report, "--yes", "--format", "json")
    assert (again.code, told(again)["created"]) == (0, 2)
    assert listed(rapport) == ["Ali", "Mina", "Sara Ahmadi"]


def test_a_dry_run_says_what_the_import_then_does_and_does_nothing(
    rapport: Command, people: Path
) -> None:
    people.write_text(PEOPLE + "Sara Ahmadi;+989123456789;42;red\nS;+989123456789;40;red\n")
    dry = rapport(
        "customers", "import", people, "--dry-run", "--report", "r.csv", "--format", "json"
    )
    assert listed(rapport) == []
    real = rapport("customers", "import", people, "--yes", "--report", "s.csv", "--format", "json")
    assert told(dry) | {"report": None} == told(real) | {"report": None}
    assert Path("r.csv").read_text() == Path("s.csv").read_text()


def test_without_a_person_to_ask_nothing_is_imported(rapport: Command, people: Path) -> None:
    ended = rapport("customers", "import", people)
    assert ended.code == 2
    assert "--yes" in ended.err
    assert listed(rapport) == []


def test_people_see_which_column_is_what_and_a_table_of_refusals(
    rapport: Command, people: Path
) -> None:
    ended = rapport("customers", "import", people, "--yes")
    assert "Name → full_name" in ended.err
    assert "matched by phone_number" in ended.err
    assert "1 created, 0 updated, 0 skipped, 2 rejected" in ended.err
    assert "999" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--map", ".*=email"], "no column '.*'"),
        (["--map", "Mobile"], "not of the form Column=field"),
        (["--map", "Mobile=phon"], "no field 'phon'"),
        (["--match", "colour"], "matched by external_id"),
        (["--match", "email"], "No column of the file is read into 'email'"),
        (["--encoding", "klingon"], "no encoding 'klingon'"),
        (["--encoding", "zip"], "no encoding of texts"),
        (["--encoding", "utf-16"], "not written in utf-16"),
        (["--delimiter", "ab"], "one character"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    rapport: Command, people: Path, arguments: list[str], said: str
) -> None:
    ended = rapport("customers", "import", people, "--yes", *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err
    assert listed(rapport) == []


def test_a_file_there_is_not_and_a_folder_are_told(rapport: Command, applied: None) -> None:
    assert "nowhere.csv" in rapport("customers", "import", "nowhere.csv", "--yes").err
    assert "no plain file" in rapport("customers", "import", ".", "--yes").err
