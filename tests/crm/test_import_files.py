"""Excel and JSON: what only they can be, and what must not harm whoever opens them."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from openpyxl import Workbook
from sqlalchemy import Connection

from crm.errors import FileRefused
from crm.imports.opening import Form, look_at, open_table
from crm.spreadsheets import escape_text, unescape_text
from tests.crm.businesses import TAGS, applied, business
from tests.support.imports import Shop, in_one

AT_NOON = datetime(2026, 5, 1, 12)  # noqa: DTZ001  # a cell has no zone


@pytest.fixture
def shop(db: Connection) -> Shop:
    project = replace(business(), tags=TAGS)
    return Shop(applied(db, project), project, in_one(db))


def workbook(folder: Path, *rows: list[Any]) -> Path:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    path = folder / "people.xlsx"
    book.save(path)
    return path


def headers_of(path: Path, form: Form | None = None) -> tuple[str, ...]:
    table = open_table(path, look_at(path), form or Form())
    table.close()
    return table.headers


def test_typed_cells_of_excel_are_what_they_are(shop: Shop, tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        [None],
        ["first_name", "phone", "birth date", "points", "is_vip", "next_follow_up_at", "zip"],
        ["Sara", 9123456789, date(1990, 5, 15), 0.1 + 0.2, True, AT_NOON, 12345],
        ["Mina", "09123456788", 33008, "۱۲٫۵", "خیر", None, None],
        [None, None],
    )
    assert shop.counts(path) == {"created": 2}
    sara, mina = shop.people()["Sara"], shop.people()["Mina"]
    assert (sara["phone_number"], sara["custom_date_1"]) == ("+989123456789", date(1990, 5, 15))
    assert (sara["custom_number_1"], sara["custom_boolean_1"]) == (Decimal("0.3"), True)
    assert sara["next_follow_up_at"] == datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
    assert sara["zip_code"] == "12345"
    assert (mina["custom_date_1"], mina["custom_number_1"]) == (date(1990, 5, 15), Decimal("12.5"))


def test_a_formula_and_its_error_are_told_as_what_they_are(shop: Shop, tmp_path: Path) -> None:
    path = workbook(
        tmp_path, ["first_name", "points"], ["=A1", 1], ["B", "=1+1"], ["C", "#N/A"], ["D", 4]
    )
    state = shop.import_(path)
    assert [(cell.row, cell.column) for cell in shop.rejected(state)] == [
        (2, "first_name"), (3, "points"), (4, "points"),
    ]  # fmt: skip
    assert {cell.reason for cell in shop.rejected(state)} == {
        "This is a formula. Please put the value itself in its place."
    }
    assert set(shop.people()) == {"D"}


def test_a_sheet_is_chosen_by_name_and_hidden_ones_are_not_the_first(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(["secret"])
    book.active.sheet_state = "hidden"
    book.create_sheet("People").append(["first_name"])
    path = tmp_path / "people.xlsx"
    book.save(path)
    assert headers_of(path) == ("first_name",)
    assert headers_of(path, Form(sheet="Sheet")) == ("secret",)
    with pytest.raises(FileRefused, match="there are Sheet, People"):
        headers_of(path, Form(sheet="Nowhere"))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (64 << 20))
    with pytest.raises(FileRefused, match="no spreadsheet does"):
        headers_of(path)


def test_entities_that_grow_are_not_unfolded(tmp_path: Path) -> None:
    path, laughs = tmp_path / "lol.xlsx", '<!ENTITY l0 "lol">'
    laughs += "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    good = workbook(tmp_path, ["first_name"], ["Sara"])
    with zipfile.ZipFile(good) as packed, zipfile.ZipFile(path, "w") as spoilt:
        for part in packed.namelist():
            text = packed.read(part)
            if part == "xl/worksheets/sheet1.xml":
                text = f"<!DOCTYPE x [{laughs}]>".encode() + text.replace(b"Sara", b"&l9;")
            spoilt.writestr(part, text)
    with pytest.raises(FileRefused, match="damaged"):
        headers_of(path)


def test_a_sheet_that_claims_to_be_endless_is_as_long_as_it_is(tmp_path: Path) -> None:
    good = workbook(tmp_path, ["first_name"], ["Sara"])
    path = tmp_path / "wide.xlsx"
    with zipfile.ZipFile(good) as packed, zipfile.ZipFile(path, "w") as spoilt:
        for part in packed.namelist():
            text = packed.read(part).replace(b'ref="A1:A2"', b'ref="A1:XFD1048576"')
            spoilt.writestr(part, text)
    table = open_table(path, look_at(path))
    assert [list(row.cells) for row in table.rows()] == [["Sara"]]
    table.close()


def test_a_workbook_that_breaks_off_is_refused(tmp_path: Path) -> None:
    good = workbook(tmp_path, ["first_name"], ["Sara"])
    path = tmp_path / "broken.xlsx"
    with zipfile.ZipFile(good) as packed, zipfile.ZipFile(path, "w") as spoilt:
        for part in packed.namelist():
            text = packed.read(part)
            spoilt.writestr(part, text[:200] if "sheet1" in part else text)
    with pytest.raises(FileRefused, match="damaged"):
        headers_of(path)


@pytest.mark.parametrize("form", ["list", "lines"])
def test_json_is_a_list_of_objects_or_one_on_each_line(
    shop: Shop, tmp_path: Path, form: str
) -> None:
    people = [
        {"first_name": "Sara", "fields": {"points": 12.5, "birth_date": "1990-05-15"}},
        {"first_name": "Mina", "tags": ["VIP"], "fields": {"is_vip": False}, "crm_score": 7},
    ]
    path = tmp_path / "people.json"
    text = json.dumps(people) if form == "list" else "\n".join(map(json.dumps, people))
    path.write_text(text, encoding="utf-8")
    assert shop.counts(path) == {"created": 2}
    assert shop.people()["Sara"]["custom_number_1"] == Decimal("12.5")
    assert shop.people()["Mina"]["custom_boolean_1"] is False


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1, 2]", "Item 1 is no object"),
        ('[{"first_name": "Sara"}, {"first_name": ', "Item 2 is not JSON"),
        ('{"a": ' * 100_000, "Item 1 is not JSON"),
        ("[]", "no customers"),
        ("", "no customers"),
    ],
)
def test_json_that_is_none_is_told_at_its_item(
    shop: Shop, tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "people.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileRefused, match=told):
        shop.import_(path)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "'=1+1",
        "''=x",
        "@sum",
        "+98912",
        "-5",
        "- x",
        "\tx",
        "plain",
        "'",
        "'quoted'",
        "＝x",
    ],
)
def test_what_is_escaped_for_spreadsheets_comes_back(text: str) -> None:
    assert unescape_text(escape_text(text)) == text
    shown = escape_text(text)
    assert not shown.startswith(("=", "@", "\t", "＝"))
