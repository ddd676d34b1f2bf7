"""Each value is read as its place asks, from the letters typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from engine.business import Business
from engine.criteria import Moment
from engine.durations import Duration
from engine.fields.base import BASE_FIELDS
from engine.fields.places import zone_of
from engine.problems import Position, Problems
from engine.shapes import (
    ASSIGNMENTS,
    BOOLEAN,
    CRITERIA,
    DURATION,
    INTEGER,
    LITERAL,
    MOMENT,
    OFFSET,
    TEXT,
    TIME,
    VALUE,
    WORD,
    Either,
    ListOf,
    MapOf,
    OneOf,
    Option,
    Reader,
    Record,
    Ref,
    Shape,
    WholeNumber,
    typed,
)
from engine.source import read_documents
from engine.templates import Template
from tests.engine.loader.loading import load, told

BUSINESS = load().business


@dataclass
class Outcome:
    value: Any
    reader: Reader

    @property
    def told(self) -> list[str]:
        return told(self.reader.problems.found)


def read(shape: Shape[Any], text: str, business: Business = BUSINESS) -> Outcome:
    """`text` as the value of a key, so that it begins in column 4."""
    problems = Problems()
    reader = Reader(problems, business, flow="f", channels=("telegram",))
    root = read_documents(f"a: {text}\n", "f.yaml", problems)[0].root
    return Outcome(shape.read(root.get("a"), reader), reader)  # type: ignore[union-attr, arg-type]  # a mapping by its making


@pytest.mark.parametrize(
    ("shape", "text", "value"),
    [
        (WORD, "no", "no"),
        (WORD, "10:00", "10:00"),
        (BOOLEAN, "no", False),
        (BOOLEAN, "On", True),
        (INTEGER, "-12", -12),
        (DURATION, "1h30m", Duration(seconds=5400)),
        (OFFSET, "-3d", Duration(days=-3)),
        (TIME, "9:30", time(9, 30)),
        (TIME, "10:00:05", time(10, 0, 5)),
        (MOMENT, "2026-03-21", date(2026, 3, 21)),
        (MOMENT, "2026-03-21T10:00Z", datetime(2026, 3, 21, 10, tzinfo=UTC)),
        (OneOf("on", "off"), "off", "off"),
        (ListOf(WORD), "one", ("one",)),
        (ListOf(WORD), "[a, no]", ("a", "no")),
        (ListOf(WORD), "[]", ()),
        (MapOf(WORD, INTEGER), "{a: 1, b: 2}", {"a": 1, "b": 2}),
        (Either(scalar=WORD, sequence=ListOf(INTEGER)), "[1]", (1,)),
        (VALUE, "004512", "004512"),
        (VALUE, "+98912", "+98912"),
        (VALUE, "12.50", Decimal("12.50")),
        (VALUE, "1e3", Decimal(1000)),
        (VALUE, "true", True),
        (VALUE, "no", "no"),
        (VALUE, "Null", "Null"),
        (VALUE, "null", None),
        (VALUE, '"true"', "true"),
        (VALUE, "{a: [1, x], b: '2'}", {"a": (Decimal(1), "x"), "b": "2"}),
    ],
)
def test_a_word_means_what_its_place_asks_for(shape: Shape[Any], text: str, value: Any) -> None:
    outcome = read(shape, text)
    assert outcome.value == value
    assert type(outcome.value) is type(value)
    assert not outcome.told


@pytest.mark.parametrize(
    ("shape", "text", "problem"),
    [
        (BOOLEAN, "maybe", "1:4 E203"),
        (INTEGER, "1.5", "1:4 E203"),
        (INTEGER, "0o17", "1:4 E203"),
        (WholeNumber(1, 5), "6", "1:4 E203"),
        (WholeNumber(1, 5), "0", "1:4 E203"),
        (INTEGER, "1_000", "1:4 E203"),
        (INTEGER, "9" * 400, "1:4 E203"),
        (DURATION, "-3d", "1:4 E203"),
        (TIME, "25:00", "1:4 E203"),
        (MOMENT, "tomorrow", "1:4 E203"),
        (MOMENT, "2026-02-30", "1:4 E203"),
        (WORD, "", "1:1 E202"),
        (WORD, "[a]", "1:4 E201"),
        (ListOf(INTEGER), "[1, x]", "1:8 E203"),
        (MapOf(WORD, INTEGER), "[1]", "1:4 E201"),
        (Either(scalar=WORD), "{a: b}", "1:4 E201"),
        (TEXT, "[a]", "1:4 E201"),
        (TEXT, "{telegram: {telegram: a}}", "1:16 E205"),
        (TEXT, "{en: {telegram: a}, telegram: {en: b}}", "1:4 E205"),
        (ASSIGNMENTS, "{}", "1:4 E201"),
        (CRITERIA, "[a]", "1:4 E201"),
    ],
)
def test_another_form_is_a_problem_at_its_place(shape: Shape[Any], text: str, problem: str) -> None:
    assert read(shape, text).told == [problem]


def test_a_template_keeps_its_names_with_their_places() -> None:
    outcome = read(TEXT, "'Hi {{ customer.first_name }}'")
    assert [(use.path, use.position) for use in outcome.reader.uses] == [
        (("customer", "first_name"), Position("f.yaml", 1, 11))
    ]
    assert isinstance(outcome.value.pick("en"), Template)


def test_a_text_may_differ_by_language_channel_or_both() -> None:
    outcome = read(TEXT, "{en: Hi, fa: {telegram: سلام, instagram: درود}}")
    assert outcome.value.pick("fa", "instagram").source == "درود"
    assert outcome.value.pick("en", "instagram").source == "Hi"
    assert not outcome.told


def test_literals_are_read_by_the_field_they_are_for() -> None:
    fields = BUSINESS.fields
    reader = Reader(Problems(), BUSINESS)

    def value(text: str, key: str | None) -> Any:
        literal = read(LITERAL, text).value
        return typed(literal, fields[key] if key else None, reader)

    assert value("no", "nick") == "no"
    assert value("12.50", "points") == Decimal("12.50")
    assert value("1990-05-15", "birthday") == date(1990, 5, 15)
    assert value("null", "nick") is None
    assert value("12", None) == Decimal(12)
    assert isinstance(value("'{{ now }}'", "nick"), Template)
    assert not reader.problems.found
    assert value("soon", "birthday") is None
    assert [problem.code for problem in reader.problems.found] == ["E403"]


def test_assignments_are_read_from_top_to_bottom_by_their_fields() -> None:
    outcome = read(ASSIGNMENTS, "{nick: no, points: 10, var.n: no, var.m: 10}")
    assert outcome.value == (
        ("nick", "no"),
        ("points", Decimal(10)),
        ("var.n", "no"),
        ("var.m", Decimal(10)),
    )
    assert [one.kind for one in outcome.reader.references] == [Ref.WRITE] * 4


def test_criteria_are_checked_and_compiled() -> None:
    outcome = read(CRITERIA, "{points__gte: 50, now.weekday: sat, var.n: 1}")
    holds = outcome.value.holds
    moment = Moment(datetime(2026, 11, 21, tzinfo=UTC), zone_of_utc())
    facts: dict[str, Any] = {"points": Decimal(50), "now": moment.now, "var.n": Decimal(1)}
    assert holds(facts.get, moment)
    assert not holds((facts | {"points": None}).get, moment)
    assert not outcome.told


def zone_of_utc() -> Any:
    from engine.fields.places import Locale

    return zone_of(Locale())


def test_a_record_knows_where_its_options_stand_while_it_is_built() -> None:
    def build(values: dict[str, Any], reader: Reader) -> Any:
        return values, reader.at("b"), reader.at("c"), reader.at()

    options = {"b": Option(WORD, "", required=True), "c": Option(INTEGER, "")}
    outcome = read(Record(options, build, "a thing"), "{b: x, x_note: [y]}")
    assert outcome.value == (
        {"b": "x"},
        Position("f.yaml", 1, 8),
        Position("f.yaml", 1, 4),
        Position("f.yaml", 1, 4),
    )
    outcome = read(Record(options, build, "a thing"), "{c: 1, bb: 2}")
    assert outcome.value is None
    assert outcome.told == ["1:11 E101", "1:4 E109"]


def test_base_fields_are_there_without_being_declared() -> None:
    assert BASE_FIELDS.keys() <= BUSINESS.fields.keys()
