"""What is said of a measurement follows from the numbers, and from nothing else."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness import Bound, alternate, commit_microseconds, percentile, result, to_json


@given(st.lists(st.integers(), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(
    values: list[int], per_cent: int
) -> None:
    share = Fraction(per_cent, 100)
    enough = [
        value
        for value in values
        if Fraction(sum(other <= value for other in values), len(values)) >= share
    ]
    assert percentile(values, per_cent / 100) == min(enough)


def test_a_ratio_is_ours_over_the_peers_and_is_judged_by_its_bound() -> None:
    kept = result("race", 4_000, "turns/s", peer=200, bound=Bound("ratio", ">=", 20))
    missed = result("race", 3_999, "turns/s", peer=200, bound=Bound("ratio", ">=", 20))
    assert (kept.ratio, kept.bound, kept.ok) == (20, "ratio >= 20", True)
    assert not missed.ok


def test_rounding_for_print_does_not_change_the_verdict() -> None:
    barely_missed = result("share", 19.99999, "x", peer=1, bound=Bound("ratio", ">=", 20))
    assert (barely_missed.ratio, barely_missed.ok) == (20, False)


def test_a_bounded_ratio_without_a_peer_is_missed() -> None:
    assert not result("race", 4_000, "turns/s", bound=Bound("ratio", ">=", 20)).ok


@pytest.mark.parametrize(("seconds", "ok"), [(0.4, True), (0.41, False)])
def test_a_value_may_be_bounded_from_above(seconds: float, ok: bool) -> None:
    assert result("start", seconds, "s", bound=Bound("value", "<=", 0.4)).ok is ok


def test_runs_alternate_so_that_drift_meets_both_sides() -> None:
    calls: list[str] = []
    runs = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    measured = alternate(runs, 3)
    assert calls == ["a", "b"] * 3
    assert {name: len(values) for name, values in measured.items()} == {"a": 3, "b": 3}


def test_the_json_is_a_list_of_objects_with_the_promised_keys() -> None:
    (line,) = json.loads(to_json([result("floor", 12_345.678, "turns/s")]))
    assert line == {
        "name": "floor",
        "value": 12_350,
        "unit": "turns/s",
        "peer": None,
        "ratio": None,
        "bound": None,
        "ok": True,
    }


def test_the_price_of_a_commit_is_measured() -> None:
    assert commit_microseconds(commits=3) > 0
