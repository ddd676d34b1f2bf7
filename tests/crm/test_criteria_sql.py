"""A criterion selects the same customers in SQL as its predicate does, on both databases.

RAPPORT_CRITERIA_EXAMPLES sets how many criteria are tried (default 200), RAPPORT_CRITERIA_SEED
which customers there are.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, case, insert, select

from crm.criteria_sql import compile_sql
from crm.stored_extras import typed_extra
from crm.tables import business, customer, customer_tag, segment, segment_member, tag
from engine.criteria import Any as AnyOf
from engine.criteria import Catalogue, Compare, Criterion, Moment, Not, compile_predicate
from engine.criteria.check import read_criterion
from engine.criteria.operators import OPERATORS, Op, Shape
from engine.fields.places import Locale
from engine.fields.plain import to_plain
from engine.fields.types import FieldType, Value
from tests.support.criteria import Reading, declared
from tests.support.database import store_with_tables

EXAMPLES = int(os.environ.get("RAPPORT_CRITERIA_EXAMPLES", "200"))
SEED = int(os.environ.get("RAPPORT_CRITERIA_SEED", "1"))
CUSTOMERS = 150

COLUMNS = {
    "first_name": "first_name",
    "crm_score": "crm_score",
    "total_spent": "total_spent",
    "last_contacted_at": "last_contacted_at",
    "points": "custom_number_1",
    "birth_date": "custom_date_1",
    "is_vip": "custom_boolean_1",
    "category": "custom_select_1",
}
EXTRAS = {
    "e_text": FieldType.TEXT,
    "e_number": FieldType.NUMBER,
    "e_date": FieldType.DATE,
    "e_boolean": FieldType.BOOLEAN,
    "e_time": FieldType.TIME,
    "e_datetime": FieldType.DATETIME,
    "e_list": FieldType.LIST,
}
CATALOGUE = Catalogue(
    {
        field.key: field
        for field in (
            declared("first_name", FieldType.TEXT),
            declared("crm_score", FieldType.NUMBER),
            declared("total_spent", FieldType.NUMBER),
            declared("last_contacted_at", FieldType.DATETIME),
            declared("points", FieldType.NUMBER),
            declared("birth_date", FieldType.DATE),
            declared("is_vip", FieldType.BOOLEAN),
            declared("category", FieldType.SELECT, "clothes", "shoes", "Shoes"),
            declared("tags", FieldType.LIST, "VIP", "Sneakers", "کفش"),
            declared("segment", FieldType.LIST, "vip_customers", "regular"),
            *(declared(key, type_, extra=True) for key, type_ in EXTRAS.items()),
        )
    },
    locale=Locale(timezone="Asia/Tehran"),
)

# -- values, few enough that customers and criteria meet

TEXTS = [
    "Sara", "SARA", "sara", "Élodie", "élodie", "ÉLODIE", "علی", "علي", "كفش", "کفش",
    "نمی\u200cخواهم", "نمی خواهم", "۱۲۳", "123", "١٢٣", "ΣΊΣΥΦΟΣ", "σίσυφος", "ВОДА", "вода",
    "İstanbul",
    "istanbul",
    "ß", "ẞ", "100%", "a_b", "a%b", "O'Brien", "😀", "🟢 sara", "\ufffd", "Z", "z", "a\\b", "ة",
    "ه",
]  # fmt: skip
LETTERS = [
    "a",
    "A",
    "s",
    "SA",
    "ra",
    "ی",
    "ي",
    "ک",
    "ش",
    "2",
    "۲",
    " ",
    "é",
    "σ",
    "%",
    "_",
    "'",
    "😀",
]
NUMBERS = ["0", "-0.01", "0.1", "0.3", "1", "79.99", "80", "80.01", "100", "-5",
           "9999999999999999.99", "-9999999999999999.99", "1234567.5"]  # fmt: skip
DATES = ["1990-05-15", "2000-02-29", "2000-02-28", "1999-02-28", "2026-01-31", "2026-03-08",
         "2026-03-10", "2026-03-09", "2026-02-10", "2025-12-31", "2024-02-29", "0101-01-01",
         "2026-03-31", "2021-03-22"]  # fmt: skip
TIMES = ["00:00", "08:00", "09:30", "12:00", "22:00", "23:59", "09:30:15"]
MOMENTS = [
    "2026-03-10T08:30:00Z", "2026-03-09T20:30:00Z", "2026-03-09T20:29:59.999999Z",
    "2026-02-08T08:30:00Z", "2026-02-28T23:59:59Z", "2026-03-08T06:59:59Z", "2026-03-08T07:00:00Z",
    "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2021-03-21T20:30:00Z", "2021-03-21T20:29:59Z",
    "2021-09-21T19:30:00Z", "2000-02-29T12:00:00Z", "1999-12-31T23:00:00Z", "1969-12-31T23:59:59Z",
]  # fmt: skip
OPTIONS = ["clothes", "shoes", "Shoes"]
NAMES = ["VIP", "Sneakers", "کفش"]
SEGMENTS = ["vip_customers", "regular"]
JUNK: list[Any] = ["", 5, 12.5, True, False, [], [5], ["VIP", 3], {}, {"a": 1}, "2026-02-30",
        "25:00", "12.345", "1e5", "2026-03-10", "2026-02-30T10:00:00Z", "0000-01-01", "09:60",
        "+5", "۱۲", 12345678901234567890, 1e300, 0.1, -0.0]  # fmt: skip
ZONES = ["UTC", "Asia/Tehran", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]
NOWS = [*MOMENTS, "2024-02-29T12:00:00Z", "2026-02-28T12:00:00Z", "2026-12-31T23:30:00Z",
        "2021-03-22T10:00:00Z", "2026-03-31T10:00:00Z"]  # fmt: skip


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# -- customers


@dataclass(frozen=True)
class Population:
    db: Connection
    business_id: int
    facts: Mapping[int, Mapping[str, object]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def population(request: pytest.FixtureRequest) -> Iterator[Population]:
    """Customers of one business, and of another whose tags and segments have the same names."""
    chance = random.Random(SEED)
    with store_with_tables(request.param) as engine, engine.connect() as db, db.begin() as held:
        ours, theirs = (_business(db, key) for key in ("lotus", "jasmine"))
        _people(db, theirs, chance, first_id=1, count=5)
        facts = _people(db, ours, chance, first_id=100, count=CUSTOMERS)
        yield Population(db, ours["id"], facts)
        held.rollback()


def _business(db: Connection, key: str) -> dict[str, Any]:
    at = moment("2026-01-01T00:00:00Z")
    [id_] = db.execute(
        insert(business).values(key=key, name=key, created_at=at).returning(business.c.id)
    ).one()
    tags = {
        name: db.execute(
            insert(tag)
            .values(
                business_id=id_,
                name=name,
                folded=name,
                color="#000000",
                is_active=True,
                created_at=at,
            )
            .returning(tag.c.id)
        ).scalar_one()
        for name in NAMES
    }
    segments = {
        name: db.execute(
            insert(segment)
            .values(
                business_id=id_,
                key=name,
                name=name,
                kind="static",
                status="active",
                color="#000000",
                position=0,
                member_count=0,
                created_at=at,
            )
            .returning(segment.c.id)
        ).scalar_one()
        for name in SEGMENTS
    }
    return {"id": id_, "tags": tags, "segments": segments}


def _people(
    db: Connection, owner: dict[str, Any], chance: random.Random, *, first_id: int, count: int
) -> dict[int, dict[str, object]]:
    rows: list[dict[str, Any]] = []
    facts: dict[int, dict[str, object]] = {}
    labels: dict[int, tuple[list[str], list[str]]] = {}
    at = moment("2026-01-01T00:00:00Z")
    for id_ in range(first_id, first_id + count):
        columns, extras = _columns(chance), _extras(chance)
        tags = chance.sample(NAMES, chance.choice([0, 0, 1, 1, 2, 3]))
        segments = chance.sample(SEGMENTS, chance.choice([0, 1, 2]))
        facts[id_] = {
            **columns,
            "tags": frozenset(tags),
            "segment": frozenset(segments),
            "extra.loose": typed_extra(extras.get("loose"), FieldType.TEXT),
            **{key: typed_extra(extras.get(key), type_) for key, type_ in EXTRAS.items()},
        }
        stored = {COLUMNS[key]: value for key, value in columns.items()}
        rows.append(
            {
                "id": id_, "business_id": owner["id"], "display_name": "x", "name_folded": "x",
                "created_at": at, "updated_at": at,
                "custom_fields_extra": extras or None, **stored,
            }
        )  # fmt: skip
        labels[id_] = tags, segments
    db.execute(insert(customer), rows)
    for id_, (tags, segments) in labels.items():
        _put(db, owner, id_, tags, segments, at)
    return facts


def _put(
    db: Connection,
    owner: dict[str, Any],
    customer_id: int,
    tags: list[str],
    segments: list[str],
    at: datetime,
) -> None:
    of = {"business_id": owner["id"], "customer_id": customer_id}
    for name in tags:
        db.execute(insert(customer_tag).values(**of, tag_id=owner["tags"][name], by="x", at=at))
    for name in segments:
        member = {**of, "segment_id": owner["segments"][name], "entered_at": at}
        db.execute(insert(segment_member).values(**member))


def _columns(chance: random.Random) -> dict[str, Value | int]:
    return {
        "first_name": chance.choice([None, *TEXTS]),
        "crm_score": chance.choice([0, 1, 79, 80, 81, 100]),
        "total_spent": Decimal(chance.choice(NUMBERS)),
        "last_contacted_at": chance.choice([None, *map(moment, MOMENTS)]),
        "points": chance.choice([None, *map(Decimal, NUMBERS)]),
        "birth_date": chance.choice([None, *map(date.fromisoformat, DATES)]),
        "is_vip": chance.choice([None, True, False]),
        "category": chance.choice([None, *OPTIONS]),
    }


def _extras(chance: random.Random) -> dict[str, Any]:
    """Values as they are written, and now and then something of another type."""
    written: dict[str, list[Any]] = {
        "loose": TEXTS,
        "e_text": TEXTS,
        "e_number": [to_plain(Decimal(number)) for number in NUMBERS],
        "e_date": DATES,
        "e_boolean": [True, False],
        "e_time": [to_plain(time.fromisoformat(text)) for text in TIMES],
        "e_datetime": [to_plain(moment(text)) for text in MOMENTS],
        "e_list": [[], ["VIP"], ["VIP", "کفش"], ["Sneakers", 5]],
    }
    present = {key: values for key, values in written.items() if chance.random() > 0.2}
    return {
        key: chance.choice(JUNK) if chance.random() < 0.2 else chance.choice(values)
        for key, values in present.items()
    }


# -- criteria

RELATIVE = ["today", "yesterday", "tomorrow", "0 days ago", "30 days ago", "1 month ago",
            "in 1 month", "1 year ago", "in 2 weeks", "26 years ago"]  # fmt: skip
LITERALS: dict[FieldType, list[Any]] = {
    FieldType.TEXT: TEXTS,
    FieldType.NUMBER: NUMBERS,
    FieldType.DATE: [*RELATIVE, *DATES],
    FieldType.BOOLEAN: [True, False],
    FieldType.SELECT: OPTIONS,
    FieldType.TIME: TIMES,
    FieldType.DATETIME: [*RELATIVE, "now", "90 minutes ago", "in 3 hours", *DATES, *MOMENTS],
}
PARTS: dict[str, list[Any]] = {
    "month": [2, 3, 5, "this", "next", "last"],
    "day": [1, 10, 28, 29, 31, "this", "next", "last"],
    "year": [1990, 2000, 2026, "this", "next", "last"],
    "weekday": ["mon", "tue", "wed", "sat", "sun"],
    "time": ["00:00", "12:00", "03:30", "23:59"],
}
PART_TYPES = {"weekday": FieldType.SELECT, "time": FieldType.TIME}


def _values(field: str, type_: FieldType, op: Op, literals: list[Any]) -> list[Any]:
    """What is tried beside an operator: of pairs and lists a few, of the rest all there is."""
    match OPERATORS[op].shape:
        case Shape.PART:
            return [*PARTS[op.value], PARTS[op.value][:2]]
        case Shape.NOTHING:
            return [True, False]
        case Shape.DAYS:
            return [0, 1, 30, 365, 9_500]
        case Shape.LETTERS:
            return LETTERS + TEXTS
        case Shape.TWO:
            return [[low, high] for low in literals[:7] for high in literals[:7]]
        case Shape.MANY if type_ is FieldType.LIST:
            names = SEGMENTS if field == "segment" else NAMES
            return [[name] for name in names] + [names[:2], names]
        case Shape.MANY:
            return [literals[:1], literals[:2], literals[-3:]]
        case Shape.ONE:
            return literals


def _leaves(field: str, type_: FieldType, literals: list[Any]) -> Iterator[list[dict[str, Any]]]:
    """Every comparison of a field that is tried, by operator."""
    for op, operator in OPERATORS.items():
        of_part = "." in field and field != LOOSE
        if type_ in operator.types and not (of_part and operator.shape is Shape.LETTERS):
            values = _values(field, type_, op, literals)
            yield [{"field": field, "op": op.value, "value": value} for value in values]


def _all_leaves() -> Iterator[list[dict[str, Any]]]:
    yield from _leaves(LOOSE, FieldType.TEXT, TEXTS)
    for field, declaration in CATALOGUE.fields.items():
        yield from _leaves(field, declaration.type, LITERALS.get(declaration.type, []))
        for part, literals in PARTS.items():
            if declaration.type in OPERATORS[Op(part)].types:
                type_ = PART_TYPES.get(part, FieldType.NUMBER)
                yield from _leaves(f"{field}.{part}", type_, literals)


LOOSE = "extra.loose"
LEAVES = list(_all_leaves())


def _read(written: object) -> Criterion | None:
    return read_criterion(written, CATALOGUE, Reading().report)


def _wrapped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda items: {"all": items}),
        several.map(lambda items: {"any": items}),
        inner.map(lambda item: {"not": item}),
    )


# What is refused are ranges written the wrong way round; nearly all is read.
CRITERIA = (
    st.recursive(st.sampled_from(LEAVES).flatmap(st.sampled_from), _wrapped, max_leaves=5)
    .map(_read)
    .filter(lambda read: read is not None)
)
WHENS = st.builds(
    lambda now, zone: Moment(moment(now), ZoneInfo(zone)),
    st.sampled_from(NOWS),
    st.sampled_from(ZONES),
)


def selected(people: Population, *criteria: Criterion, when: Moment) -> list[set[int]]:
    """The customers that each criterion selects, asked in one query."""
    dialect = people.db.dialect.name
    conditions = [
        compile_sql(criterion, COLUMNS, when, people.business_id, dialect) for criterion in criteria
    ]
    ours = select(customer.c.id, *(case((holds, 1), else_=0) for holds in conditions)).where(
        customer.c.business_id == people.business_id
    )
    rows = people.db.execute(ours).all()
    return [{row[0] for row in rows if row[place]} for place in range(1, len(criteria) + 1)]


def held(people: Population, criterion: Criterion, when: Moment) -> set[int]:
    predicate = compile_predicate(criterion)
    return {id_ for id_, facts in people.facts.items() if predicate(facts.get, when)}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(criterion=CRITERIA, when=WHENS)
def test_sql_and_predicate_choose_the_same_customers_and_not_the_others(
    population: Population, criterion: Criterion, when: Moment
) -> None:
    chosen = held(population, criterion, when)

    found, others = selected(population, criterion, Not(criterion), when=when)

    assert found == chosen
    assert others == set(population.facts) - chosen


@pytest.mark.parametrize(
    "leaves", LEAVES, ids=lambda leaves: f"{leaves[0]['field']}-{leaves[0]['op']}"
)
def test_every_operator_of_every_field_chooses_the_same_customers_in_sql(
    population: Population, leaves: list[dict[str, Any]]
) -> None:
    when = Moment(moment("2026-03-10T08:30:00Z"), ZoneInfo("Asia/Tehran"))
    some = leaves[:: len(leaves) // 6 + 1]
    criteria = [criterion for leaf in some if (criterion := _read(leaf)) is not None]

    found = selected(population, *criteria, when=when)

    assert criteria
    for criterion, chosen in zip(criteria, found, strict=True):
        assert chosen == held(population, criterion, when), criterion


@pytest.mark.parametrize("field", [*CATALOGUE.fields, LOOSE])
def test_every_field_has_customers_with_and_without_a_value(
    population: Population, field: str
) -> None:
    """Else the comparison above would prove nothing about it."""
    when = Moment(moment(NOWS[0]), ZoneInfo("UTC"))
    criterion = _read({f"{field}__is_not_empty": True})
    assert criterion is not None

    [present] = selected(population, criterion, when=when)

    assert present == held(population, criterion, when)
    assert present
    if field not in ("crm_score", "total_spent"):  # never absent
        assert len(present) < CUSTOMERS


def test_tags_and_segments_of_another_business_do_not_count(population: Population) -> None:
    db, when = population.db, Moment(moment(NOWS[0]), ZoneInfo("UTC"))
    stranger = select(customer.c.id).where(customer.c.business_id != population.business_id)
    criterion = _read({"any": [{"tags__isnull": False}, {"segment__isnull": False}]})
    assert isinstance(criterion, AnyOf)

    condition = compile_sql(criterion, COLUMNS, when, population.business_id, db.dialect.name)

    assert list(db.scalars(stranger))
    assert list(db.scalars(stranger.where(condition))) == []


def test_a_name_that_only_a_run_can_type_has_no_sql() -> None:
    when = Moment(moment(NOWS[0]), ZoneInfo("UTC"))

    with pytest.raises(ValueError, match=r"'var\.x' has no type"):
        compile_sql(Compare("var.x", Op.EQUALS, "1"), COLUMNS, when, 1, "sqlite")


def test_comparing_a_column_leaves_its_index_usable() -> None:
    """Seen on SQLite: PostgreSQL chooses by statistics, which a small table does not have."""
    criterion = _read({"crm_score__gte": 80, "not": {"last_contacted_at__lt": "30 days ago"}})
    assert criterion is not None
    when = Moment(moment(NOWS[0]), ZoneInfo("UTC"))
    condition = compile_sql(criterion, COLUMNS, when, 1, "sqlite")
    statement = select(customer.c.id).where(customer.c.business_id == 1, condition)

    with store_with_tables("sqlite") as engine, engine.connect() as db:
        compiled = statement.compile(db, compile_kwargs={"literal_binds": True})
        plan = str(db.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all())

    assert "ix_customer_crm_score (business_id=? AND crm_score>?)" in plan
