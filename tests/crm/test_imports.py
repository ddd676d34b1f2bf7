"""Files of customers: what becomes of their rows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Table, func, select, update

from crm.errors import FileRefused
from crm.services.customers import archive_customer, create_customer
from crm.tables import activity, customer, customer_tag, event, field_history, scan_cursor
from engine.fields.types import Rules
from tests.crm.businesses import CAUSE, NOW, TAGS, applied, business, mapped, with_fields
from tests.support.imports import Shop, csv_file, in_one

MESSY = """\ufeffنام;نام خانوادگی;موبایل;ایمیل;birth date;Points;دسته;برچسب;VIP?;یادداشت
سارا;احمدی;۰۹۱۲ ۳۴۵ ۶۷۸۹;Sara@Example.com;1369/02/25;12,5;لباس;VIP;بله;
;;;;;;;;;
علی;کریمی;9.123456788E+09;;33008;;;;خیر;
رضا;رحیمی;9.12E+09;رضا;;;کفش;;;
"""
COLUMNS = {"دسته": "category", "VIP?": "is_vip"}


@pytest.fixture
def shop(db: Connection) -> Shop:
    project = replace(business(), tags=TAGS)
    return Shop(applied(db, project), project, in_one(db))


def rows_of(db: Connection, table: Table) -> int:
    return db.scalar(select(func.count()).select_from(table)) or 0


def types_of(db: Connection, table: Table) -> list[str]:
    return list(db.scalars(select(table.c.type).order_by(table.c.id)))


def test_a_messy_file_is_read_and_what_cannot_be_is_told_by_row_column_and_reason(
    shop: Shop, tmp_path: Path
) -> None:
    state = shop.import_(csv_file(tmp_path, MESSY), columns=COLUMNS)
    assert state.counts == {"created": 2, "updated": 0, "skipped": 0, "rejected": 1}
    people = shop.people()
    sara = people["سارا احمدی"]
    assert (sara["phone_number"], sara["email"]) == ("+989123456789", "sara@example.com")
    assert (sara["custom_date_1"], sara["custom_number_1"]) == (date(1990, 5, 15), Decimal("12.5"))
    assert (sara["custom_select_1"], sara["custom_boolean_1"]) == ("clothes", True)
    assert people["علی کریمی"]["phone_number"] == "+989123456788"
    assert people["علی کریمی"]["custom_date_1"] == date(1990, 5, 15)
    told = [(cell.row, cell.column, cell.value) for cell in shop.rejected(state)]
    assert told == [(5, "موبایل", "9.12E+09"), (5, "ایمیل", "رضا"), (5, "دسته", "کفش")]
    assert "last digits are gone" in shop.rejected(state)[0].reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1256"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_letters_and_delimiters_are_found_out(
    shop: Shop, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    # 1256 has the Arabic ي alone.
    text = "نام;موبايل;city\nسارا;09123456789;تهران, غرب\nعلي;09123456788;\n".replace(
        ";", delimiter
    )
    if delimiter == ",":
        text = text.replace("تهران, غرب", '"تهران, غرب"')
    shop.import_(csv_file(tmp_path, text, encoding))
    people = shop.people()
    assert set(people) == {"سارا", "علي"}
    assert people["سارا"]["city"] == "تهران, غرب"


def test_the_same_file_twice_changes_nothing(db: Connection, shop: Shop, tmp_path: Path) -> None:
    """Also of rows that nobody is matched by, and where a file says two things of somebody."""
    path = csv_file(
        tmp_path,
        "first_name,phone,points,tags\nSara,09123456789,1,VIP\nNobody,,5,\nSara,09123456789,2,\n"
        "Nobody,,5,\nSara,09123456789,1,VIP\n",
    )
    first = shop.counts(path)
    assert first == {"created": 3, "skipped": 1, "rejected": 1}
    tables = (customer, field_history, activity, event, customer_tag)
    before = [rows_of(db, table) for table in tables]
    assert shop.counts(path) == {"skipped": 4, "rejected": 1}
    assert [rows_of(db, table) for table in tables] == before


def test_a_new_customer_is_one_line_on_the_timeline_and_one_event_of_their_own(
    db: Connection, shop: Shop, tmp_path: Path
) -> None:
    shop.import_(csv_file(tmp_path, "first_name,points\nSara,3\n"))
    assert types_of(db, activity) == ["imported"]
    assert types_of(db, event) == ["customer_imported"]
    kept = db.execute(select(field_history.c.field, field_history.c.new, field_history.c.by))
    assert {tuple(row) for row in kept} == {
        ("first_name", "Sara", "import:people.csv"),
        ("points", 3, "import:people.csv"),
    }
    row = shop.people()["Sara"]
    assert (row["status"], row["source"], row["created_by"]) == (
        "active", "other", "import:people.csv",
    )  # fmt: skip


def test_an_update_writes_what_differs_and_tells_triggers_of_it(
    db: Connection, shop: Shop, tmp_path: Path
) -> None:
    place = shop.place
    given: dict[str, object] = {"first_name": "Sara", "phone_number": "09123456789", "points": 3}
    create_customer(db, place.business_id, place.business, given, CAUSE, NOW)
    before = rows_of(db, event)
    text = "first_name,phone,points,status\nSara,09123456789,4,inactive\n"
    assert shop.counts(csv_file(tmp_path, text)) == {"updated": 1}
    assert types_of(db, event)[before:] == ["field_updated", "field_updated"]
    assert types_of(db, activity)[-2:] == ["status_changed", "imported"]
    sara = shop.people()["Sara"]
    assert (sara["custom_number_1"], sara["status"]) == (4, "inactive")
    assert (sara["status_by"], sara["updated_by"]) == ("import:people.csv",) * 2


def test_the_first_way_that_finds_somebody_counts(
    db: Connection, shop: Shop, tmp_path: Path
) -> None:
    place = shop.place
    for name, more in (
        ("ById", {"external_id": "A1"}), ("ByPhone", {"phone_number": "09123456789"}),
        ("ByMail", {"email": "x@example.com"}),
    ):  # fmt: skip
        given = {"first_name": name, **more}
        create_customer(db, place.business_id, place.business, given, CAUSE, NOW)
    text = (
        "external_id,phone,email,points\nA1,09123456789,,1\nB2,09123456789,,2\n,,X@example.com,3\n"
    )
    assert shop.counts(csv_file(tmp_path, text)) == {"updated": 3}
    points = {name: row["custom_number_1"] for name, row in shop.people().items()}
    assert points == {"ById": 1, "ByPhone": 2, "ByMail": 3}
    by_mail = csv_file(tmp_path, "phone,email,points\n09123456789,x@example.com,9\n", name="b.csv")
    assert shop.counts(by_mail, match="email") == {"updated": 1}
    assert shop.people()["ByMail"]["custom_number_1"] == 9


def test_a_phone_of_two_customers_is_refused_with_both(
    db: Connection, shop: Shop, tmp_path: Path
) -> None:
    place = shop.place
    for name in ("Sara", "Mina"):
        given = {"first_name": name, "phone_number": "09123456789"}
        create_customer(db, place.business_id, place.business, given, CAUSE, NOW)
    state = shop.import_(csv_file(tmp_path, "phone,points\n09123456789,1\n"))
    [cell] = shop.rejected(state)
    assert "any of 2: Sara (id:" in cell.reason
    assert "Mina" in cell.reason


def test_an_address_of_another_and_one_twice_in_the_file_are_refused(
    db: Connection, shop: Shop, tmp_path: Path
) -> None:
    place = shop.place
    given: dict[str, object] = {"first_name": "Sara", "email": "sara@example.com"}
    create_customer(db, place.business_id, place.business, given, CAUSE, NOW)
    text = "first_name,phone,email\nA,09123456789,sara@example.com\nB,,b@x.com\nC,,b@x.com\n"
    state = shop.import_(csv_file(tmp_path, text), match="phone")
    reasons = [cell.reason for cell in shop.rejected(state)]
    assert "belongs to Sara" in reasons[0]
    assert "belongs to row 3" in reasons[1]


def test_who_was_merged_is_who_they_are_now_and_the_archived_have_no_address(
    db: Connection, shop: Shop, tmp_path: Path
) -> None:
    place = shop.place
    args = (place.business_id, place.business)
    gone = create_customer(db, *args, {"first_name": "Old", "external_id": "A1"}, CAUSE, NOW)
    kept = create_customer(db, *args, {"first_name": "Now"}, CAUSE, NOW)
    archive_customer(db, *args, gone, CAUSE, NOW)
    db.execute(update(customer).where(customer.c.id == gone).values(merged_into=kept))
    left = create_customer(db, *args, {"email": "left@example.com"}, CAUSE, NOW)
    archive_customer(db, *args, left, CAUSE, NOW)
    text = "external_id,email,points\nA1,,7\n,left@example.com,8\n"
    assert shop.counts(csv_file(tmp_path, text)) == {"created": 1, "updated": 1}
    assert shop.people()["Now"]["custom_number_1"] == 7


@pytest.mark.parametrize(
    ("asked", "counts"),
    [
        ({"creates": False}, {"updated": 1, "skipped": 1}),
        ({"updates": False}, {"created": 1, "skipped": 1}),
        ({"creates": False, "updates": False}, {"skipped": 2}),
    ],
)
def test_who_is_new_or_there_may_be_left_alone(
    db: Connection, shop: Shop, tmp_path: Path, asked: Any, counts: Any
) -> None:
    place = shop.place
    given: dict[str, object] = {"first_name": "Sara", "phone_number": "09123456789"}
    create_customer(db, place.business_id, place.business, given, CAUSE, NOW)
    path = csv_file(tmp_path, "phone,points\n09123456789,1\n09123456788,2\n")
    assert shop.counts(path, **asked) == counts


def test_an_empty_cell_says_nothing_unless_it_is_to_clear(
    db: Connection, shop: Shop, tmp_path: Path
) -> None:
    shop.import_(csv_file(tmp_path, "phone,city,points\n09123456789,Tehran,5\n"))
    path = csv_file(tmp_path, "phone,city,points\n09123456789,,0\n", name="b.csv")
    assert shop.counts(path) == {"updated": 1}
    [row] = shop.people().values()
    assert (row["city"], row["custom_number_1"]) == ("Tehran", 0)
    assert shop.counts(path, clears=True) == {"updated": 1}
    [row] = shop.people().values()
    assert row["city"] is None


def test_a_whole_record_has_what_is_required_and_an_organisation_its_company(
    db: Connection, tmp_path: Path
) -> None:
    project = with_fields(business(), mapped("member", required=True, rules=Rules(unique=True)))
    shop = Shop(applied(db, project), project, in_one(db))
    text = "first_name,member,type,company\nA,1,,\nB,,,\nC,3,company,\nD,1,,\nE,5,company,Lotus\n"
    state = shop.import_(csv_file(tmp_path, text))
    assert [(cell.row, cell.column) for cell in shop.rejected(state)] == [
        (3, "member"), (4, "company"), (5, "member"),
    ]  # fmt: skip
    assert set(shop.people()) == {"A", "Lotus"}


def test_two_hundred_columns_of_which_most_are_nothing(shop: Shop, tmp_path: Path) -> None:
    headers = ",".join(f"c{n}" for n in range(198))
    path = csv_file(tmp_path, f"first_name,{headers},city\nSara,{',' * 198}Tehran\n")
    assert shop.counts(path) == {"created": 1}
    assert shop.people()["Sara"]["city"] == "Tehran"


def test_a_cell_of_a_million_characters_is_told_and_its_neighbours_are_stored(
    shop: Shop, tmp_path: Path
) -> None:
    path = csv_file(tmp_path, f"first_name,city\nSara,{'x' * 1_000_000}\nMina,Qom\n")
    state = shop.import_(path)
    [cell] = shop.rejected(state)
    assert (cell.row, cell.column, len(cell.value)) == (2, "city", 200)
    assert set(shop.people()) == {"Mina"}


def test_a_row_with_more_cells_than_the_header_is_not_guessed_at(
    shop: Shop, tmp_path: Path
) -> None:
    state = shop.import_(csv_file(tmp_path, "first_name,city\nSara,Tehran, west\nMina,Qom\n"))
    [cell] = shop.rejected(state)
    assert "3 cells" in cell.reason


def test_the_order_of_day_and_month_is_learnt_from_the_column(shop: Shop, tmp_path: Path) -> None:
    shop.import_(csv_file(tmp_path, "first_name,birth date\nA,03/04/1990\nB,25/12/1990\n"))
    assert shop.people()["A"]["custom_date_1"] == date(1990, 4, 3)
    unclear = csv_file(tmp_path, "first_name,birth date\nC,03/04/1990\n", name="b.csv")
    assert shop.counts(unclear) == {"rejected": 1}
    assert shop.counts(unclear, date_order="mdy") == {"created": 1}
    assert shop.people()["C"]["custom_date_1"] == date(1990, 3, 4)


def test_a_full_name_is_parted_and_names_of_their_own_go_before(shop: Shop, tmp_path: Path) -> None:
    shop.import_(csv_file(tmp_path, "name,last_name\nSara von Ahmadi,\nMina K,Karimi\n"))
    assert set(shop.people()) == {"Sara von Ahmadi", "Mina Karimi"}


def test_what_a_column_was_said_to_be_is_known_the_next_time(shop: Shop, tmp_path: Path) -> None:
    shop.import_(csv_file(tmp_path, "first_name,Ort\nA,Qom\n"), columns={"Ort": "city"})
    shop.import_(csv_file(tmp_path, "first_name,ORT\nB,Rasht\n", name="b.csv"))
    assert shop.people()["B"]["city"] == "Rasht"


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"phone": "phon_number"}, "Did you mean 'phone_number'"),
        ({".*": "email"}, "no column '.*'"),
        ({"(a+)+$": "email"}, "no column"),
        ({"phone": "crm_score"}, "computed"),
        ({"phone": "city", "name": "city"}, "Two columns"),
        ({"phone": "business_id"}, "no field"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_before_anything(
    shop: Shop, tmp_path: Path, columns: dict[str, str], told: str
) -> None:
    """A pattern is a name that no column has."""
    with pytest.raises(FileRefused, match=told.replace(".*", r"\.\*")):
        shop.import_(csv_file(tmp_path, "phone,name\n1,2\n"), columns=columns)
    assert shop.people() == {}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"foo,bar\n1,2\n", "No column is known"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04 broken", "not an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 ...", "old Excel"),
        (("a," * 1_001).encode() + b"\n", "more than 1,000 columns"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(
    shop: Shop, tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=told):
        shop.import_(path)


def test_a_quote_that_is_never_closed_is_told_at_its_row(shop: Shop, tmp_path: Path) -> None:
    text = 'first_name,city\nSara,Qom\nMina,"Te' + "x\n" * 9_000_000
    with pytest.raises(FileRefused, match=r"Row 3 .* never closed"):
        shop.import_(csv_file(tmp_path, text))


def test_an_id_matches_in_its_own_business_alone(
    db: Connection, shop: Shop, tmp_path: Path
) -> None:
    other = business("other")
    theirs = create_customer(db, applied(db, other), other, {"first_name": "Not ours"}, CAUSE, NOW)
    state = shop.import_(csv_file(tmp_path, f"id,points\n{theirs},9\n99999,1\n"), match="id")
    assert [cell.reason for cell in shop.rejected(state)] == [
        "There is no customer of this number."
    ] * 2
    assert shop.people() == {}


def test_an_import_asks_for_a_pass_of_the_rules_where_something_changed(
    db: Connection, shop: Shop, tmp_path: Path
) -> None:
    path = csv_file(tmp_path, "first_name\nSara\n")
    passed = {"business_id": shop.place.business_id, "trigger": "rules", "position": ""}
    db.execute(scan_cursor.insert().values(**passed, moved_at=NOW))
    shop.import_(path)
    assert rows_of(db, scan_cursor) == 0
    db.execute(scan_cursor.insert().values(**passed, moved_at=NOW))
    shop.import_(path)
    assert rows_of(db, scan_cursor) == 1
