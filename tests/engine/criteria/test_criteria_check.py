"""What is wrong in a criterion is told before anything runs."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.criteria import Compare, Key
from engine.criteria.operands import Day, Neighbour, Part, Relative, Unit
from engine.fields.types import FieldType
from tests.support.criteria import criterion_of, read

WRONG = [
    ({"crm_scor__gte": 80}, "there is no field 'crm_scor'", "Did you mean 'crm_score'?"),
    ({"crm_score__gts": 80}, "there is no field 'crm_score__gts'", "Did you mean 'gt'?"),
    ({"crm_score__gte": "eighty"}, "'eighty' is not a number", "Write it like 20 or 12.5."),
    ({"crm_score__gte": True}, "true is not a number", ""),
    ({"crm_score__gte": "12.345"}, "'12.345' is not a number", ""),
    ({"crm_score__gte": "1e30"}, "'1e30' is not a number", ""),
    ({"crm_score__gte": ["1", "2"]}, "a list is not a number", ""),
    ({"crm_score__contains": "8"}, "'contains' does not apply to a number", "It has equals"),
    ({"crm_score__range": [1]}, "between takes two values", ""),
    ({"crm_score__range": [5, 1]}, "the first of the two is the greater", ""),
    ({"crm_score__in": []}, "the list is empty", ""),
    ({"first_name": 5}, "5 is not a text", "Write it in quotes."),
    ({"first_name": ""}, "the value is empty", "Ask with is_empty"),
    ({"first_name__contains": " "}, "the value is empty", ""),
    ({"first_name": "a\0b"}, "is not a text", ""),
    ({"status": "activ"}, "there is no option 'activ'", "Did you mean 'active'?"),
    ({"status": ["lead", "leat"]}, "there is no option 'leat'", "Did you mean 'lead'?"),
    ({"tags": ["vip"]}, "there is no name 'vip'", "Did you mean 'VIP'?"),
    ({"segment": "vip_customer"}, "there is no name", "Did you mean 'vip_customers'?"),
    ({"tags__gt": "VIP"}, "'greater_than' does not apply to a list", ""),
    ({"is_vip": "maybe"}, "'maybe' is not true or false", ""),
    ({"is_vip__gt": "yes"}, "does not apply to a boolean", ""),
    ({"birth_date": "15/05/1990"}, "is not a date", "Write it like 1990-05-15"),
    ({"birth_date": "1990-02-30"}, "is not a date", ""),
    ({"birth_date": "9999-12-31"}, "at the end of the calendar", ""),
    ({"birth_date__gt": "3 hours ago"}, "a date has no hours", "Count days"),
    ({"birth_date__gt": "3 dais ago"}, "'dais' is not a unit of time", "Did you mean 'days'?"),
    ({"birth_date__gt": "in 90000 days"}, "is not a whole number from 0", ""),
    ({"birth_date__month": 13}, "13 is not a whole number from 1 to 12, nor this, next", ""),
    ({"birth_date__weekday": "saturday"}, "is not a day of the week", "One of mon, tue"),
    ({"birth_date__time": "10:00"}, "'time' does not apply to a date", ""),
    ({"birth_date.time": "10:00"}, "there is no field 'birth_date.time'", ""),
    ({"birth_date__month__contains": "1"}, "'contains' does not apply to a number", ""),
    ({"birth_date.weekday__contains": "s"}, "does not apply to a select", ""),
    ({"birth_date.month.year": 1}, "there is no field", ""),
    ({"birth_date__within_days": "-1"}, "is not a whole number from 0", ""),
    ({"last_contacted_at__time": "25:00"}, "is not a time of day", "Write it like 09:00."),
    ({"last_contacted_at__gt": "10:00"}, "is not a moment", "Write it like 2026-03-01"),
    ({"first_name__isnull": "perhaps"}, "is not true or false", ""),
    ({"var.x__within_days": "soon"}, "no value of any type", ""),
    ({"vars.x": 1}, "there is no field 'vars.x'", ""),
    ({"extra.": 1}, "there is no field", ""),
    ({"extra.Bad Key": 1}, "there is no field", ""),
    ({"email": "not an address"}, "is not an email address", ""),
    ({"phone_number": "12"}, "is not a phone number", ""),
]


@pytest.mark.parametrize(("value", "message", "cure"), WRONG, ids=[str(case[0]) for case in WRONG])
def test_a_mistake_is_reported_with_its_cure(
    value: dict[str, object], message: str, cure: str
) -> None:
    reading = read(value)

    assert reading.criterion is None
    [(path, said, suggestion)] = reading.problems
    assert path == tuple(value)
    assert message in said
    assert suggestion.startswith(cure)


def test_every_problem_is_reported_at_once() -> None:
    reading = read({"crm_scor": 1, "any": [{"status": "x"}, 5], "crm_score": "x"})

    assert sorted(str(path) for path, _, _ in reading.problems) == sorted(
        ["('crm_scor',)", "('any', 0, 'status')", "('any', 1)", "('crm_score',)"]
    )


@pytest.mark.parametrize(
    ("value", "path", "is_key"),
    [
        ({"crm_scor": 1}, ("crm_scor",), True),
        ({"crm_score__contains": "1"}, ("crm_score__contains",), True),
        ({"crm_score": "x"}, ("crm_score",), False),
        ({"any": [{"field": "crm_scor", "op": "equals"}]}, ("any", 0, "field"), False),
        ({"field": "crm_score", "op": "equals", "value": "x"}, ("value",), False),
    ],
)
def test_a_problem_names_the_key_where_that_is_wrong_and_else_the_value(
    value: object, path: tuple[str | int, ...], is_key: bool
) -> None:
    [(where, _, _)] = read(value).problems

    assert where == path
    assert isinstance(where[-1], Key) is is_key


TYPED = [
    ({"birth_date": "1990-05-15"}, date(1990, 5, 15)),
    ({"birth_date__gt": "30 days ago"}, Relative(-30, Unit.DAYS)),
    ({"birth_date__gt": "1 year ago"}, Relative(-1, Unit.YEARS)),
    ({"birth_date__gt": "in 2 weeks"}, Relative(2, Unit.WEEKS)),
    ({"birth_date__gt": "Yesterday"}, Day(-1)),
    ({"last_contacted_at__gt": "now"}, Relative(0, Unit.MINUTES)),
    ({"last_contacted_at__gt": "2026-03-01"}, date(2026, 3, 1)),
    ({"last_contacted_at__gt": "2026-03-01T10:00:00Z"}, datetime(2026, 3, 1, 10, tzinfo=UTC)),
    ({"last_contacted_at__gt": "2026-03-01 10:00"}, datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
    ({"birth_date__month": "next"}, Neighbour(1, Part.MONTH)),
    ({"birth_date__day": "LAST"}, Neighbour(-1, Part.DAY)),
    ({"first_name": "  Sara "}, "Sara"),
    ({"first_name": "09:00"}, "09:00"),
]


@pytest.mark.parametrize(("value", "operand"), TYPED, ids=[str(case[0]) for case in TYPED])
def test_a_literal_is_typed_by_the_field_it_stands_beside(value: object, operand: object) -> None:
    criterion = criterion_of(value)

    assert isinstance(criterion, Compare)
    assert criterion.value == operand
    assert type(criterion.value) is type(operand)


def test_a_part_keeps_its_field_and_says_the_type_of_it() -> None:
    criterion = criterion_of({"now.weekday": "sat"})

    assert isinstance(criterion, Compare)
    assert (criterion.field, criterion.part, criterion.type) == (
        "now",
        Part.WEEKDAY,
        FieldType.DATETIME,
    )


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["in 3 days", "today", "this", "09:00", "1990-05-15", "80", "sat"]),
)  # fmt: skip
_NAMES = st.sampled_from(
    ["crm_score", "first_name", "tags", "birth_date", "now", "var.x", "extra.k", "opens", "is_vip"]
)
_KEYS = st.one_of(
    st.sampled_from(["any", "all", "not", "field", "op", "value"]),
    _NAMES,
    st.builds(
        lambda name, op: f"{name}__{op}", _NAMES, st.sampled_from(["gt", "in", "month", "x"])
    ),
    st.text(max_size=5),
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=12,
)


@given(_TREES)
def test_anything_a_file_may_hold_is_read_or_reported_and_never_raises(tree: object) -> None:
    reading = read(tree)

    assert (reading.criterion is None) == bool(reading.problems)
