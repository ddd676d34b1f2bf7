"""The written forms, and the canonical one that all of them print as."""

from __future__ import annotations

import json

import pytest

from engine.criteria import All, Any, Compare, Not, check, parse, reads, to_canonical
from engine.criteria.operators import LOOKUPS, OPERATORS, Op
from tests.support.criteria import CATALOGUE, Reading, criterion_of

CASES = [
    # written, canonical
    ({"crm_score__gte": "80"}, {"field": "crm_score", "op": "greater_than_or_equal", "value": 80}),
    ({"crm_score": 80}, {"field": "crm_score", "op": "equals", "value": 80}),
    ({"crm_score": "12.50"}, {"field": "crm_score", "op": "equals", "value": 12.5}),
    ({"is_vip": "yes"}, {"field": "is_vip", "op": "equals", "value": True}),
    (
        {"status": ["lead", "active"]},
        {"field": "status", "op": "in_list", "value": ["lead", "active"]},
    ),
    ({"tags": ["VIP"]}, {"field": "tags", "op": "has_any", "value": ["VIP"]}),
    ({"tags": "VIP"}, {"field": "tags", "op": "has_any", "value": ["VIP"]}),
    ({"tags__ne": "VIP"}, {"field": "tags", "op": "has_none", "value": ["VIP"]}),
    (
        {"segment": "vip_customers"},
        {"field": "segment", "op": "has_any", "value": ["vip_customers"]},
    ),
    ({"birth_date__month": "this"}, {"field": "birth_date", "op": "month", "value": "this"}),
    ({"birth_date__month": "5"}, {"field": "birth_date", "op": "month", "value": 5}),
    (
        {"birth_date__month__gte": 6},
        {"field": "birth_date.month", "op": "greater_than_or_equal", "value": 6},
    ),
    (
        {"now.weekday__in": ["sat", "sun"]},
        {"field": "now.weekday", "op": "in_list", "value": ["sat", "sun"]},
    ),
    (
        {"now.time__range": ["09:00", "18:00"]},
        {"field": "now.time", "op": "between", "value": ["09:00:00", "18:00:00"]},
    ),
    (
        {"last_contacted_at__lt": "30 days ago"},
        {"field": "last_contacted_at", "op": "less_than", "value": "30 days ago"},
    ),
    (
        {"last_contacted_at__lt": "2026-03-01T10:00"},
        {"field": "last_contacted_at", "op": "less_than", "value": "2026-03-01T06:30:00Z"},
    ),
    ({"first_name__isnull": "true"}, {"field": "first_name", "op": "is_empty"}),
    ({"first_name__isnull": False}, {"not": {"field": "first_name", "op": "is_empty"}}),
    ({"first_name": None}, {"field": "first_name", "op": "is_empty"}),
    ({"birth_date__on_this_day": "yes"}, {"field": "birth_date", "op": "on_this_day"}),
    ({"birth_date__within_days": "30"}, {"field": "birth_date", "op": "within_days", "value": 30}),
    ({"customer.first_name": "no"}, {"field": "first_name", "op": "equals", "value": "no"}),
    ({"extra.nickname": "Null"}, {"field": "extra.nickname", "op": "equals", "value": "Null"}),
    ({"extra.interests": "a"}, {"field": "interests", "op": "has_any", "value": ["a"]}),
    ({"odd__name": "x"}, {"field": "odd__name", "op": "equals", "value": "x"}),
    ({"var.points__gt": "10"}, {"field": "var.points", "op": "greater_than", "value": "10"}),
    (
        {"phone_number": "0912 345 6789"},
        {"field": "phone_number", "op": "equals", "value": "+989123456789"},
    ),
    (
        {"email": "Sara@Example.COM"},
        {"field": "email", "op": "equals", "value": "sara@example.com"},
    ),
    (
        {"field": "crm_score", "op": "between", "value": ["1", 2]},
        {"field": "crm_score", "op": "between", "value": [1, 2]},
    ),
    (
        {"crm_score": 1, "any": [{"status": "lead"}, {"not": {"tags": "VIP"}}]},
        {
            "all": [
                {"field": "crm_score", "op": "equals", "value": 1},
                {
                    "any": [
                        {"field": "status", "op": "equals", "value": "lead"},
                        {"not": {"field": "tags", "op": "has_any", "value": ["VIP"]}},
                    ]
                },
            ]
        },
    ),
]


@pytest.mark.parametrize(("written", "canonical"), CASES, ids=[str(case[0]) for case in CASES])
def test_every_written_form_prints_as_canonical_and_that_reads_as_the_same(
    written: object, canonical: object
) -> None:
    criterion = criterion_of(written)
    problems = Reading()

    printed = to_canonical(criterion)
    assert _sorted(printed) == _sorted(canonical)
    assert criterion_of(json.loads(json.dumps(printed))) == criterion
    assert check(criterion, CATALOGUE, problems.report) == criterion
    assert problems.problems == []


def _sorted(canonical: object) -> object:
    """Items of all and any in a fixed order: keys of one mapping have none."""
    if isinstance(canonical, dict):
        return {key: _sorted(value) for key, value in canonical.items()}
    if isinstance(canonical, list):
        return sorted((_sorted(item) for item in canonical), key=json.dumps)
    return canonical


def test_keys_of_one_mapping_are_joined_by_all() -> None:
    criterion = criterion_of({"crm_score__gte": 80, "total_purchases__gte": 5})

    assert isinstance(criterion, All)
    assert reads(criterion) == {"crm_score", "total_purchases"}


def test_any_all_and_not_nest() -> None:
    criterion = criterion_of({"not": {"any": [{"crm_score": 1}, {"all": [{"is_vip": "no"}]}]}})

    assert isinstance(criterion, Not)
    assert isinstance(criterion.item, Any)
    assert [type(item) for item in criterion.item.items] == [Compare, Compare]


def test_a_part_counts_as_reading_its_field() -> None:
    assert reads(criterion_of({"now.weekday": "sat", "birth_date__year": "this"})) == {
        "now",
        "birth_date",
    }


def test_every_operator_has_its_row_and_may_follow_a_field_in_a_lookup() -> None:
    assert set(OPERATORS) == set(Op)
    assert set(LOOKUPS.values()) == set(Op)


def test_where_it_was_written_does_not_count_when_two_are_compared() -> None:
    assert Compare("a", Op.EQUALS, 1, path=("a",)) == Compare("a", Op.EQUALS, 1, path=("b", 0))


MORE_FORMS = [
    (
        {
            "entity": "company",
            "match_type": "any",
            "rules": [
                {"field": "first_name", "operator": "equals", "value": "Hotels"},
                {"field": "crm_score", "operator": "greater_than", "value": 3},
            ],
        },
        {
            "customer_type__ne": "individual",
            "any": [{"first_name": "Hotels"}, {"crm_score__gt": 3}],
        },
    ),
    (
        {"entity": "contact", "rules": [{"field": "is_vip", "operator": "is_empty"}]},
        {"is_vip__isnull": True},
    ),
    ({"entity": "company"}, {"customer_type__ne": "individual"}),
    ({"min_visits": 5, "max_visits": "9"}, {"total_visits__gte": 5, "total_visits__lte": 9}),
    ({"min_spent": 500, "max_spent": 900}, {"total_spent__gte": 500, "total_spent__lte": 900}),
    ({"max_days_since_visit": 90}, {"last_visit_at__within_days": 90}),
    ({"min_days_since_visit": "90"}, {"last_visit_at__older_than_days": 89}),
    ({"min_days_since_visit": 0}, {"last_visit_at__lte": "today"}),
    (
        {"tags_include": ["VIP", "Sneakers"], "tags_exclude": ["VIP"]},
        {"tags__has_all": ["VIP", "Sneakers"], "tags__has_none": ["VIP"]},
    ),
    ({"crm_score": {"min": 0, "max": 100}}, {"crm_score__gte": 0, "crm_score__lte": 100}),
    ({"last_contacted": {"days": 30}}, {"last_contacted_at__within_days": 30}),
    (
        {"custom_fields": {"birth_date": {"month": 1}, "is_vip": True}},
        {"birth_date__month": 1, "is_vip": True},
    ),
    (
        {"min_visits": 1, "crm_score": {"min": 1}, "status": ["lead"], "first_name__exact": "Sara"},
        {
            "total_visits__gte": 1,
            "crm_score__gte": 1,
            "status__in": ["lead"],
            "first_name": "Sara",
        },
    ),
]
"""A form, and what says the same by lookups."""


@pytest.mark.parametrize(("written", "same"), MORE_FORMS, ids=[str(case[0]) for case in MORE_FORMS])
def test_rules_measures_and_filters_say_what_lookups_say(written: object, same: object) -> None:
    assert _sorted(to_canonical(criterion_of(written))) == _sorted(to_canonical(criterion_of(same)))


UNREADABLE: list[tuple[object, tuple[str | int, ...], str]] = [
    ("crm_score > 80", (), "a criterion is a mapping"),
    ([{"crm_score": 1}], (), "a criterion is a mapping"),
    (None, (), "a criterion is a mapping"),
    ({}, (), "is empty"),
    ({"any": []}, ("any",), "takes a list of criteria"),
    ({"any": "x"}, ("any",), "takes a list of criteria"),
    ({"all": [{"crm_score": 1}, 5]}, ("all", 1), "a criterion is a mapping"),
    ({"not": {}}, ("not",), "is empty"),
    ({7: 1}, (), "is not a name"),
    ({"crm_score": {}}, ("crm_score",), "takes a mapping"),
    ({"crm_score": {"mni": 1}}, ("crm_score", "mni"), "'mni' asks nothing"),
    ({"crm_score": {7: 1}}, ("crm_score",), "is not a name"),
    ({"last_contacted": 30}, ("last_contacted",), "takes a mapping"),
    ({"custom_fields": {7: 1}}, ("custom_fields",), "is not a name"),
    ({"min_days_since_visit": "long"}, ("min_days_since_visit",), "whole number of days"),
    ({"min_days_since_visit": -1}, ("min_days_since_visit",), "whole number of days"),
    ({"rules": "x"}, ("rules",), "takes a list"),
    ({"rules": ["x"]}, ("rules", 0), "a rule is"),
    (
        {"rules": [{"field": "a", "operator": "equals", "valeu": 1}]},
        ("rules", 0, "valeu"),
        "has no place",
    ),
    ({"entity": "firm", "rules": []}, ("entity",), "contact or company"),
    ({"match_type": ["all"], "rules": []}, ("match_type",), "all or any"),
    ({"rules": [], "crm_score": 1}, ("crm_score",), "has no place beside rules"),
    ({"field": "crm_score", "value": 1}, (), "needs 'op'"),
    ({"op": "equals", "value": 1}, (), "needs 'field'"),
    ({"field": "crm_score", "op": "gte", "value": 1}, ("op",), "'gte' is not an operator"),
    ({"field": "crm_score", "op": "is_empty", "extra": 1}, ("extra",), "has no place"),
]


@pytest.mark.parametrize(("value", "path", "message"), UNREADABLE)
def test_what_cannot_be_read_is_reported_where_it_stands(
    value: object, path: tuple[str | int, ...], message: str
) -> None:
    reading = Reading()

    assert parse(value, reading.report) is None
    assert [problem[0] for problem in reading.problems] == [path]
    assert message in reading.problems[0][1]


def test_a_lookup_word_used_as_an_operator_is_answered_with_the_operator() -> None:
    reading = Reading()

    parse({"field": "a", "op": "gte"}, reading.report)

    assert reading.problems[0][2] == "Did you mean 'greater_than_or_equal'?"


def test_criteria_without_end_are_refused_before_they_exhaust_the_stack() -> None:
    value: dict[str, object] = {"crm_score": 1}
    for _ in range(5_000):
        value = {"not": value}
    reading = Reading()

    assert parse(value, reading.report) is None
    assert "50 levels" in reading.problems[0][1]
