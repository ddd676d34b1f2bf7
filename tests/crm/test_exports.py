"""Customers as files, and these files taken in again."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from openpyxl import load_workbook
from sqlalchemy import Connection, func, select

from crm.errors import FileRefused, UnknownField
from crm.services.auditing import EXPORT_MADE
from crm.services.customers import create_customer
from crm.services.listing import View
from crm.tables import audit, customer, field_history
from engine.business import Business
from engine.criteria import read_criterion
from engine.fields.types import FieldType
from engine.shapes.conditions import customer_catalogue
from rapport.exporting import export_of, write_export
from tests.crm.businesses import CAUSE, FIELDS, NOW, TAGS, applied, business, mapped
from tests.support.imports import Shop, in_one

PEOPLE: tuple[dict[str, object], ...] = (
    {
        "first_name": "سارا", "last_name": "=1+1", "phone_number": "+989123456789",
        "email": "sara@example.com", "birth_date": "1990-05-15", "points": "9999999999999999.99",
        "category": "clothes", "is_vip": True, "nickname": "'=quoted", "wakes_at": "07:30",
        "next_follow_up_at": "2026-05-01T08:30:00Z", "pets": ["cat", "dog"], "diagnosis": "flu",
        "description": "two\nlines, and \"quotes\"; more",
    },
    {"external_id": "A1", "customer_type": "company", "company": "Lotus @home", "points": -0.5,
     "is_vip": False, "birth_date": "1890-01-02", "status": "inactive"},
)  # fmt: skip


def project_of(key: str) -> Business:
    own = (
        *FIELDS, mapped("pets", FieldType.LIST), mapped("diagnosis", sensitive=True),
    )  # fmt: skip
    return replace(business(key, *own), tags=TAGS)


def shop_of(db: Connection, key: str) -> Shop:
    project = project_of(key)
    return Shop(applied(db, project), project, in_one(db))


@pytest.fixture
def shop(db: Connection) -> Shop:
    made = shop_of(db, "lotus")
    for given in PEOPLE:
        create_customer(db, made.place.business_id, made.place.business, given, CAUSE, NOW)
    return made


def export(shop: Shop, path: Path, *keys: str, where: Any = None, **options: Any) -> int:
    place = shop.place
    sensitive = options.pop("sensitive", False)
    view = View(place.business_id, place.business, NOW, where)
    wanted = export_of(view, path.suffix, keys, sensitive=sensitive)
    return write_export(place.transact, wanted, path, "tests", **options)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(keepends=True)))


STORED = ("first_name", "last_name", "phone_number", "email", "external_id", "company", "status",
          "customer_type", "description", "next_follow_up_at", "custom_fields_extra", "currency",
          "custom_date_1", "custom_number_1", "custom_select_1", "custom_boolean_1",
          "custom_text_1")  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".json"])
@pytest.mark.parametrize("language", ["", "fa"])
def test_an_export_taken_in_elsewhere_gives_the_same_customers(
    db: Connection, shop: Shop, tmp_path: Path, suffix: str, language: str
) -> None:
    path = tmp_path / f"people{suffix}"
    assert export(shop, path, sensitive=True, language=language) == 2
    other = shop_of(db, "other")
    state = other.import_(path)
    assert (state.counts, other.rejected(state)) == (
        {"created": 2, "updated": 0, "skipped": 0, "rejected": 0}, [],
    )  # fmt: skip
    for name, row in shop.people().items():
        there = other.people()[name]
        assert {key: there[key] for key in STORED} == {key: row[key] for key in STORED}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".json"])
def test_an_export_taken_in_again_changes_nothing_hidden_values_neither(
    db: Connection, shop: Shop, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"people{suffix}"
    export(shop, path)
    count = select(func.count()).select_from(field_history)
    before = db.scalar(count)
    assert shop.counts(path) == {"skipped": 2}
    assert db.scalar(count) == before


def test_csv_is_for_spreadsheets_and_runs_nothing(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    export(shop, path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    sara, company = rows_of(path)
    assert (sara["last_name"], company["company"]) == ("'=1+1", "Lotus @home")
    assert sara["phone_number"] == "+989123456789"
    assert sara["nickname"] == "''=quoted"
    assert (sara["points"], company["points"]) == ("9999999999999999.99", "-0.5")


def test_sensitive_values_are_hidden_unless_asked_for_and_the_log_has_both(
    db: Connection, shop: Shop, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    export(shop, path)
    assert [row["diagnosis"] for row in rows_of(path)] == ["•••", ""]
    export(shop, path, sensitive=True)
    assert [row["diagnosis"] for row in rows_of(path)] == ["flu", ""]
    noted = db.execute(select(audit.c.what, audit.c.by, audit.c.sensitivity, audit.c.data))
    assert [(row.what, row.by, row.sensitivity, row.data["fields"]) for row in noted] == [
        (EXPORT_MADE, "tests", "high", []), (EXPORT_MADE, "tests", "high", ["diagnosis"]),
    ]  # fmt: skip


def test_excel_has_typed_cells_a_header_that_stays_and_a_filter(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "people.xlsx"
    export(shop, path, "first_name", "birth_date", "points", "is_vip", "last_name")
    sheet = load_workbook(path)["Customers"]
    first, second = list(sheet.iter_rows(min_row=2))
    assert [cell.data_type for cell in first] == ["s", "d", "s", "b", "s"]
    assert [cell.value for cell in second][1:4] == ["1890-01-02", -0.5, False]
    assert first[4].value == "=1+1"
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:E3")


def test_json_has_everything_of_a_customer(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "people.json"
    export(shop, path)
    sara = json.loads(path.read_text(encoding="utf-8"))[0]
    assert sara["fields"]["pets"] == ["cat", "dog"]
    assert {"crm_score", "tags", "accounts", "marketing_preferences", "created_at"} <= sara.keys()


def test_who_is_exported_is_chosen_by_criteria_and_business(
    db: Connection, shop: Shop, tmp_path: Path
) -> None:
    other = shop_of(db, "other")
    place = other.place
    create_customer(db, place.business_id, place.business, {"first_name": "Theirs"}, CAUSE, NOW)
    where = read_criterion(
        {"is_vip": True}, customer_catalogue(shop.place.business), lambda *_: None
    )
    path = tmp_path / "people.csv"
    assert export(shop, path, "first_name", where=where) == 1
    assert [row["first_name"] for row in rows_of(path)] == ["سارا"]


def test_nobody_is_a_file_with_a_header(db: Connection, tmp_path: Path) -> None:
    empty = shop_of(db, "empty")
    for suffix in (".csv", ".xlsx", ".json"):
        assert export(empty, tmp_path / f"p{suffix}") == 0
    assert rows_of(tmp_path / "p.csv") == []
    assert json.loads((tmp_path / "p.json").read_text()) == []


def test_what_cannot_be_written_leaves_the_file_as_it_was(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "people.pdf"
    path.write_text("mine")
    with pytest.raises(FileRefused, match=r"\.csv, \.xlsx or \.json"):
        export(shop, path)
    with pytest.raises(UnknownField, match="Did you mean 'first_name'"):
        export(shop, path, "firstname")
    assert [item.name for item in tmp_path.iterdir()] == ["people.pdf"]
    assert path.read_text() == "mine"


def test_pieces_are_one_after_the_other(
    db: Connection, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.exports.rows.PIECE", 1)
    path = tmp_path / "people.csv"
    assert export(shop, path, "id") == 2
    ids = db.scalars(select(customer.c.id).order_by(customer.c.id))
    assert [row["id"] for row in rows_of(path)] == [str(id_) for id_ in ids]
