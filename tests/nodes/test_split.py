"""A split divides people by weight, and everybody keeps to their way."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.facts import Facts
from engine.resume import Started
from engine.run import Frame, Run
from engine.step import step
from tests.engine.step.talk import NOON, Talk, load

PEOPLE = range(1, 10_001)


def ways(weights: str, *, flow: str = "f", id_: str = "split", customers: range = PEOPLE) -> str:
    """The way of each customer, a letter each."""
    text = f"flow: {flow}\nnodes:\n  - {{id: {id_}, split: {weights}}}\n"
    text += "".join(f"  - {{id: {way}, end: {way}}}\n" for way in "abc" if f"{way}:" in weights)
    talk = Talk(text)
    business = talk.business
    ended = (
        step(
            talk.flows, Run(1, (Frame(flow, 0),)), Started(),
            Facts(customer_id=customer, business=business, channel="chat", values={}), NOON,
        )[0]
        for customer in customers
    )  # fmt: skip
    return "".join(str(run.outcome) for run in ended)


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ("{a: 50, b: 50}", {"a": 0.5, "b": 0.5}),
        ("{a: 1, b: 2, c: 7}", {"a": 0.1, "b": 0.2, "c": 0.7}),
        ("{a: 1, b: 0}", {"a": 1.0}),
    ],
)
def test_people_are_divided_by_the_weights(weights: str, shares: dict[str, float]) -> None:
    counted = Counter(ways(weights))
    assert counted.keys() == shares.keys()
    for way, share in shares.items():
        # Five standard deviations of a fair draw; the draw is the same every time.
        spread = 5 * (len(PEOPLE) * share * (1 - share)) ** 0.5
        assert abs(counted[way] - len(PEOPLE) * share) <= spread


def test_everybody_takes_the_same_way_again() -> None:
    assert ways("{a: 50, b: 50}") == ways("{a: 50, b: 50}")


def test_another_split_divides_people_in_another_way() -> None:
    here = ways("{a: 50, b: 50}")
    for other in (ways("{a: 50, b: 50}", flow="g"), ways("{a: 50, b: 50}", id_="second")):
        alike = sum(one == two for one, two in zip(here, other, strict=True))
        assert 0.45 < alike / len(PEOPLE) < 0.55


def test_a_weight_that_rises_moves_people_to_its_way_and_nobody_else() -> None:
    before, after = ways("{a: 40, b: 30, c: 30}"), ways("{a: 60, b: 30, c: 30}")
    moved = {(one, two) for one, two in zip(before, after, strict=True) if one != two}
    assert moved == {("b", "a"), ("c", "a")}


KEPT = """
flow: f
nodes:
  - {id: split, split: {clothes: 1, shoes: WEIGHT}, save_to: favorite_category}
  - {id: clothes, end: clothes}
  - {id: shoes, end: shoes}
"""


def test_who_has_a_way_in_the_field_keeps_it_whatever_the_weights_are() -> None:
    for weight in ("1", "1000000"):
        talk = Talk(KEPT.replace("WEIGHT", weight), favorite_category="clothes")
        assert talk.start("f").outcome == "clothes"


def test_a_way_that_was_closed_is_kept_by_nobody() -> None:
    talk = Talk(KEPT.replace("WEIGHT", "0"), favorite_category="shoes")
    assert talk.start("f").outcome == "clothes"
    assert talk.values["favorite_category"] == "clothes"


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ("split: {a: 0, b: 0}", "3:12 E340"),
        ("split: {a: -1, b: 2}", "3:16 E203"),
        ("split: {a: 1, nowhere: 1}", "3:19 E103"),
        ("split: {a: 1, b: 1}\n    goto: a", "3:12 E113"),
        ("split: {a: 1, b: 1}\n    save_to: points", "4:14 E401"),
        ("split: {a: 1, b: 1}\n    save_to: gender", "4:14 E402"),
        ("split: [a, b]", "3:12 E201"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(node: str, told: str) -> None:
    text = f"flow: f\nnodes:\n  - {node}\n  - {{id: a, end: a}}\n  - {{id: b, end: b}}\n"
    found = [f"{one.position.line}:{one.position.column} {one.code}" for one in load(text).problems]
    assert told in found
