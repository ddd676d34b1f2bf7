"""Reading campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from engine import source as tree
from engine.campaign import Arm, Campaign, Goal
from engine.durations import Duration
from engine.loader.business import QUIET_HOURS
from engine.shapes import (
    CUSTOMER_CRITERIA,
    DURATION,
    FLOW_REF,
    MOMENT,
    NAME,
    SEGMENT_REF,
    WORD,
    MapOf,
    Option,
    Reader,
    Record,
    Shape,
    WholeNumber,
)
from engine.shapes.structures import read_options
from engine.source import Source
from engine.triggers import EventShape

GOAL: Mapping[str, Option] = {
    "within": Option(DURATION, "How long after it was sent it counts; default 7d", "7d"),
}

_WEEK = Duration(days=7)
_EVENT = EventShape(GOAL)


class GoalShape(Shape[Goal], Struct, frozen=True):
    """An event, and within how long it counts."""

    wanted: str = "an event such as {on: purchase, within: 7d}"

    def read(self, source: Source, reader: Reader) -> Goal | None:
        read = _EVENT.parts(source, reader)
        return None if read is None else Goal(read[0], read[1].get("within", _WEEK))

    def schema(self) -> dict[str, Any]:
        return _EVENT.schema()


ARM: Mapping[str, Option] = {
    "flow": Option(FLOW_REF, "What is started", "spring_short", required=True),
    "weight": Option(WholeNumber(1, 10_000), "How many get it, beside the others; default 1"),
}


def _arm(values: dict[str, Any], _: Reader) -> Arm:
    return Arm("", values["flow"], values.get("weight", 1))


OPTIONS: Mapping[str, Option] = {
    "campaign": Option(NAME, "The campaign's name", "spring", required=True),
    "title": Option(WORD, "What people who work with it call it"),
    "flow": Option(FLOW_REF, "What is started for each customer", "spring_sale"),
    "arms": Option(
        MapOf(NAME, Record(ARM, _arm, "an arm")),
        "Several flows instead of one, to compare them",
        "{short: {flow: spring_short}, long: {flow: spring_long, weight: 2}}",
    ),
    "segment": Option(SEGMENT_REF, "Only for its members"),
    "audience": Option(CUSTOMER_CRITERIA, "Only for whom these criteria hold", "{tags: [VIP]}"),
    "at": Option(
        MOMENT,
        "When; without an offset at that time where each customer is. Default: when it is started",
        "2026-03-21T10:00",
    ),
    "pace": Option(
        WholeNumber(1, 10_000, wanted="a number of messages a second"),
        "Messages a second at most; default what the account sends",
        "10",
    ),
    "window": Option(
        QUIET_HOURS, "The hours it is sent in, where the customer is", '"09:00-20:00"'
    ),
    "holdout": Option(WholeNumber(0, 99), "Percent who get nothing, to compare with"),
    "goal": Option(GoalShape(), "What people are hoped to do", "{on: purchase, within: 7d}"),
}
"""The keys of a campaign file."""


def is_campaign(source: Source) -> bool:
    return isinstance(source, tree.Mapping) and source.entry("campaign") is not None


def read_campaign(source: Source, reader: Reader) -> Campaign | None:
    """A campaign as far as it can be read; what is wrong goes to the reader."""
    assert isinstance(source, tree.Mapping), "is_campaign was asked"
    values, complete = read_options(source, OPTIONS, reader, "a campaign")
    if not complete:
        return None
    key, flow, arms = values.pop("campaign"), values.pop("flow", ""), values.pop("arms", {})
    if bool(flow) == bool(arms):
        message = f"the campaign '{key}' needs `flow`, or `arms`, and not both"
        reader.error(source.position, "E630", message, "Write 'flow: NAME'.")
        return None
    found = tuple(Arm(name, arm.flow, arm.weight) for name, arm in arms.items())
    found = found or (Arm("all", flow),)
    return Campaign(key, found, position=source.position, **values)
