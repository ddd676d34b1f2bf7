"""Values and runs come back from JSON as they went in."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.jsonable import event_to_json, from_json, run_from_json, run_to_json, to_json
from engine.run import Alarm, Choice, Frame, Run, Wait

MOMENTS = st.datetimes(timezones=st.just(UTC))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.sampled_from(["$number", "$map", "$", '{"$number": "1"}']),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.times(),
    MOMENTS,
)
KEYS = st.one_of(st.text(), st.sampled_from(["$number", "$at", "$map", "$tuple", "$x", "$"]))
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(KEYS, inner, max_size=3),
    ),
)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def alike(one: Any, other: Any) -> bool:
    """Equal, and of one type all the way down: 1, True and Decimal(1) are not alike."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other) and str(one) == str(other)


@given(VALUES)
def test_any_value_comes_back_of_its_own_type(value: Any) -> None:
    assert alike(from_json(through_json(to_json(value))), value)


@given(VALUES)
def test_no_text_or_mapping_is_mistaken_for_a_tagged_value(value: Any) -> None:
    plain = through_json(to_json({"json": [{"$number": value}, {"$map": {"$at": value}}]}))
    assert alike(from_json(plain), {"json": [{"$number": value}, {"$map": {"$at": value}}]})


def test_what_no_run_can_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="bytes cannot be kept in a run"):
        to_json({"x": b"1"})
    with pytest.raises(ValueError, match="is not a kind of value"):
        from_json({"$secret": 1})


WORDS = st.text(max_size=5)
CHOICES = st.builds(Choice, WORDS, VALUES, WORDS, WORDS, st.integers(0, 9))
ALARMS = st.builds(Alarm, MOMENTS, st.sampled_from(["remind", "timeout"]), st.integers(0, 9))
WAITS = st.builds(
    Wait,
    id=st.integers(1, 99).map(lambda count: f"5-{count}"),
    asked_at=MOMENTS,
    asks=st.booleans(),
    attempts=st.integers(0, 9),
    choices=st.lists(CHOICES, max_size=2).map(tuple),
    claims=st.lists(WORDS, max_size=2).map(tuple),
    alarms=st.lists(ALARMS, max_size=2).map(tuple),
    heard=st.lists(WORDS, max_size=2).map(tuple),
    state=st.dictionaries(WORDS, VALUES, max_size=2),
)
FRAMES = st.builds(
    Frame,
    WORDS,
    st.integers(0, 9),
    WORDS,
    st.none() | MOMENTS,
    st.dictionaries(WORDS, VALUES, max_size=2),
    st.dictionaries(WORDS, VALUES, max_size=2),
    st.lists(WORDS, max_size=2).map(tuple),
)
RUNS = st.builds(
    Run,
    id=st.just(5),
    frames=st.lists(FRAMES, min_size=1, max_size=3).map(tuple),
    wait=st.none() | WAITS,
    outcome=st.none() | WORDS,
    event=st.dictionaries(WORDS, VALUES, max_size=2),
)


@given(RUNS)
def test_a_run_comes_back_as_it_was(run: Run) -> None:
    frames, wait, event = (
        part and bytes(part).decode() for part in (*run_to_json(run), event_to_json(run.event))
    )
    again = run_from_json(5, frames, wait, event, run.outcome)
    assert again == run
    frames, wait, event = (part and json.loads(part) for part in (frames, wait, event))
    assert run_from_json(5, frames, wait, event, run.outcome) == run
    assert again.waits == run.waits


def test_the_stored_form_does_not_change() -> None:
    wait = Wait(
        "5-2",
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        True,
        attempts=1,
        choices=(Choice("40", Decimal(40), "big"),),
        claims=("40",),
        alarms=(Alarm(datetime(2026, 3, 8, 12, tzinfo=UTC), "timeout"),),
        heard=("m1",),
        state={"place": 0},
    )
    values = {"d": date(1990, 5, 15), "t": time(9, 30), "l": ("a",)}
    run = Run(5, (Frame("f", 3, "size", None, values),), wait, event={"ref": "x"})
    frames, waiting = run_to_json(run)
    assert waiting is not None
    assert {
        "frames": json.loads(bytes(frames)),
        "wait": json.loads(bytes(waiting)),
        "event": json.loads(bytes(event_to_json(run.event))),
    } == {
        "frames": [
            {
                "flow": "f",
                "version": 3,
                "node": "size",
                "vars": {
                    "d": {"$date": "1990-05-15"},
                    "t": {"$time": "09:30:00"},
                    "l": {"$tuple": ["a"]},
                },
            }
        ],
        "wait": {
            "id": "5-2",
            "asked_at": "2026-03-01T12:00:00Z",
            "asks": True,
            "attempts": 1,
            "choices": [{"label": "40", "value": {"$number": "40"}, "goto": "big"}],
            "claims": ["40"],
            "alarms": [{"at": "2026-03-08T12:00:00Z", "kind": "timeout"}],
            "heard": ["m1"],
            "state": {"place": 0},
        },
        "event": {"ref": "x"},
    }
