"""`rapport db copy`: a business grown by conversations goes on, on PostgreSQL, where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, text, update

from crm import migrations
from crm.copying import copied_tables
from crm.database import open_engine
from crm.services.slot_indexes import want_indexes
from crm.tables import customer, event, mail, outbox, run, slot_index
from rapport.alone import OneAtATime
from tests.cli.conftest import Command
from tests.support.database import empty_database, empty_schema
from tests.support.desk import CRM, Office
from tests.support.invariants import violations

SOURCE = "sqlite:///grown.db"

FIELDS = """  is_vip: {label: VIP, type: boolean}
  site: {label: Site, type: url}
  mail_of: {label: Mail, type: email}
  mobile: {label: Mobile, type: phone}
  pet: {label: Pet, type: select, options: [cat, گربه]}
"""
KEYS = ("birth_date", "size", "code", "nickname", "is_vip", "site", "mail_of", "mobile", "pet")
FLOW = "flow: order\ntriggers: [{on: command, command: start}]\nnodes:\n" + "".join(
    f"  - {{ask: 'What is {key}?', save_to: {key}}}\n" for key in KEYS
)
ANSWERS = (
    "۱۳۶۹/۰۲/۲۵", "42.50", "کد ۷", "سارا", "yes", "example.com/شغل", "sara@example.com",
    "09123456789", "گربه",
)  # fmt: skip

ODD_DOCUMENTS: tuple[Any, ...] = (
    {"b": 1.0, "a": [1.5, -0.0, 1e22, 1e23, 2.5e-7, 0.1]},
    {"big": 2**80, "deep": {"z": None, "y": True, "x": ["", "ی", "🙂"]}},
    {"nul": "a\x00b", "half": "\ud83d", "key\x00": '\\u0000 as it is "written"'},
    [],
    "a word",
)


@pytest.fixture
def grown() -> Iterator[Office]:
    """One customer who has said everything, one who stands in the middle, and odd things."""
    made = open_engine(SOURCE)
    migrations.upgrade(made)
    made.dispose()
    office = Office(FLOW, crm=CRM.replace("tags:", FIELDS + "tags:"), url=SOURCE)
    office.says("/start", *ANSWERS)
    office.says("/start", "no date\x00at all", "1990-05-15", peer="bob").advance("31m")
    with office.engine.begin() as db:
        _grow(db)
    yield office
    office.engine.dispose()


def _grow(db: Connection) -> None:
    """What no conversation leads to yet, and the limits of each type."""
    want_indexes(db)
    db.execute(update(slot_index).values(built_at=func.unixepoch() * 1_000_000))
    owner, person = db.execute(select(customer.c.business_id, customer.c.id).limit(1)).one()
    most = Decimal("9999999999999999.99")
    db.execute(
        update(customer)
        .where(customer.c.id == person)
        .values(custom_number_15=-most, total_spent=most, description="پ" * 1000)
    )
    row = {"business_id": owner, "customer_id": person, "type": "odd", "depth": 0}
    at = db.scalar(select(customer.c.created_at).limit(1))
    assert at is not None
    moments = [at + timedelta(microseconds=number) for number in range(len(ODD_DOCUMENTS))]
    for document, moment in zip(ODD_DOCUMENTS, moments, strict=True):
        db.execute(insert(event).values(**row, data=document, at=moment))


@pytest.fixture
def target() -> Iterator[str]:
    with empty_schema() as url:
        yield url


def opened(url: str) -> Engine:
    return open_engine(url)


def rows_in(url: str) -> int:
    engine = opened(url)
    with engine.connect() as db:
        found = sum(
            db.scalar(select(func.count()).select_from(one)) or 0 for one in copied_tables()
        )
    engine.dispose()
    return found


def test_a_grown_business_arrives_as_it_was_and_its_conversations_go_on(
    rapport: Command, grown: Office
) -> None:
    with empty_database() as url:
        ended = rapport("db", "copy", SOURCE, url, "--format", "json")
        assert (ended.code, "5 values held a character" in ended.err) == (0, True)
        tables = {row["table"]: row for row in json.loads(ended.out)}
        assert all(row["same"] and row["rows"] == row["rows_there"] for row in tables.values())
        assert tables.keys() == {table.name for table in copied_tables()}
        assert tables["customer"]["rows"] == 2
        moved = Office(FLOW, crm=CRM.replace("tags:", FIELDS + "tags:"), url=url)
        try:
            _holds_what_was_odd(moved)
            _goes_on(grown, moved)
        finally:
            moved.engine.dispose()
        again = rapport("db", "copy", SOURCE, url)
    assert again.err == "rapport: the target is not empty: its table business has rows\n"


def _holds_what_was_odd(moved: Office) -> None:
    """As it was, but for what PostgreSQL cannot hold, which is U+FFFD there."""
    documents = moved.rows(event, "data", type="odd")
    assert documents[0] == {"a": [1.5, 0, 10**22, 10**23, 2.5e-7, 0.1], "b": 1}
    assert documents[1] == ODD_DOCUMENTS[1]
    assert documents[2] == {
        "nul": "a\ufffdb", "half": "\ufffd", "key\ufffd": '\\u0000 as it is "written"',
    }  # fmt: skip
    assert documents[3:] == list(ODD_DOCUMENTS[3:])


def _goes_on(grown: Office, moved: Office) -> None:
    newest = [max(grown.rows(table, "id")) for table in (mail, outbox, run)]
    # Before a night counts it anew, from purchases that nobody made.
    assert moved.customer("total_spent") == Decimal("9999999999999999.99")
    moved.clock.set(grown.clock.now())
    moved._numbers = grown._numbers  # the platform goes on counting its updates
    moved.says("44", peer="bob").says("/start", peer="carl")
    assert moved.said("bob") == ["What is code?"]
    assert moved.customer("size", "bob") == 44
    assert moved.customer("birth_date") == grown.customer("birth_date")
    for table, before in zip((mail, outbox, run), newest, strict=True):
        assert moved.rows(table, "id")[-1] > before
    assert None not in moved.rows(slot_index, "built_at")
    with moved.engine.connect() as db:
        assert violations(db) == []


def test_a_database_that_is_in_use_is_not_copied(rapport: Command, grown: Office) -> None:
    with OneAtATime(Path("grown.db")):
        ended = rapport("db", "copy", SOURCE, "postgresql+psycopg://x")
    assert (ended.code, "is in use by process" in ended.err) == (2, True)


def test_what_postgresql_refuses_is_named_without_its_value_and_nothing_stays(
    rapport: Command, grown: Office, target: str
) -> None:
    """SQLite does not hold anybody to the length of a text."""
    person = grown.customer_id("bob")
    with grown.engine.begin() as db:
        db.execute(update(customer).where(customer.c.id == person).values(city="Secretville" * 10))
    ended = rapport("db", "copy", SOURCE, target)
    assert ended.code == 1
    assert ended.err == (
        f"rapport: customer {person}, city: value too long for type character varying(100); "
        "nothing was copied\n"
    )
    assert rows_in(target) == 0


def test_what_sqlite_holds_in_a_column_of_another_type_is_named(
    rapport: Command, grown: Office
) -> None:
    with grown.engine.begin() as db:
        db.execute(text("UPDATE customer SET custom_date_1 = 'Secret day' WHERE id = 1"))
    with empty_schema() as target:
        ended = rapport("db", "copy", SOURCE, target)
    assert ended.err == (
        "rapport: customer 1, custom_date_1: what is stored is no date; nothing was copied\n"
    )


def test_a_copy_that_differs_is_taken_back(rapport: Command, grown: Office, target: str) -> None:
    """Here a trigger of the target changes what is written to it."""
    engine = opened(target)
    migrations.upgrade(engine)
    with engine.begin() as db:
        db.execute(
            text(
                "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN NEW.display_name := upper(NEW.display_name); RETURN NEW; END $$"
            )
        )
        db.execute(
            text(
                "CREATE TRIGGER meddling BEFORE INSERT ON customer FOR EACH ROW "
                "EXECUTE FUNCTION meddle()"
            )
        )
    engine.dispose()
    ended = rapport("db", "copy", SOURCE, target, "--format", "json")
    assert ended.code == 1
    assert ended.err == "rapport: the copy differs in customer; the target was emptied\n"
    assert [row["table"] for row in json.loads(ended.out) if not row["same"]] == ["customer"]
    assert rows_in(target) == 0


def test_what_is_no_database_to_copy_is_refused_in_one_line(rapport: Command) -> None:
    assert rapport("db", "copy", "sqlite://", "postgresql+psycopg://x").code == 2
    assert rapport("db", "copy", SOURCE, "postgresql+psycopg://x").code == 1
    Path("grown.db").touch()
    assert "POSTGRES_URL is of 'mysql'" in rapport("db", "copy", SOURCE, "mysql://x").err
    assert rapport("db", "copy", SOURCE, "sqlite:///other.db").code == 2
    ended = rapport("db", "copy", SOURCE, "postgresql+psycopg://me:secret@127.0.0.1:1/x")
    assert (ended.code, "secret" in ended.err) == (2, False)
