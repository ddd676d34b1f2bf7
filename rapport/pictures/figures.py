"""How many people went which way, put into an outline: where they are lost is seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction

from msgspec.structs import replace

from crm.services.passing import OUTSIDE, Passed
from engine.node import END
from rapport.pictures.outline import BEGIN, Arrow, Box, Figures, Outline


def with_figures(outline: Outline, passed: Mapping[str, Passed]) -> Outline:
    """The outline with what happened at its nodes. Nodes that only other versions of the flow have
    are not in the picture, and neither are those who were there."""
    leads: dict[str, set[str]] = {box.id: set() for box in outline.boxes}
    for arrow in outline.arrows:
        leads[arrow.source].add(arrow.target)
    most = max((passed[box.id].people for box in outline.boxes if box.id in passed), default=0)
    boxes = tuple(
        box
        if box.id in (BEGIN, END)
        else replace(box, figures=_figures(box, passed.get(box.id, Passed()), leads[box.id], most))
        for box in outline.boxes
    )
    arrows = tuple(
        replace(arrow, count=_along(arrow, passed, leads[arrow.source])) for arrow in outline.arrows
    )
    return replace(outline, boxes=boxes, arrows=arrows)


def _figures(box: Box, passed: Passed, leads: Collection[str], most: int) -> Figures:
    lost = sum(
        count
        for (left_by, way), count in passed.left.items()
        if left_by not in leads and way in _LOSING
    )
    came = sum(passed.left.values()) + passed.waiting
    return Figures(
        lines=tuple(_lines(box, passed)),
        lost=f"{lost} lost here, {_percent(lost, came)}" if lost else "",
        share=passed.people / most if most else 0.0,
        lost_share=lost / came if came else 0.0,
    )


_LOSING = OUTSIDE | {"timeout"}
"""Ways that end a flow before its end, where they do not lead to another node."""


def _lines(box: Box, passed: Passed) -> Iterator[str]:
    people = f"{passed.people} {'person' if passed.people == 1 else 'people'}"
    waiting = [f"{passed.waiting} waiting"] if passed.waiting else []
    yield " · ".join([people, *waiting])
    if not box.waits or not passed.people:
        return
    if box.asks:
        timed_out = [f"{passed.timed_out} timed out"] if passed.timed_out else []
        invalid = [f"{passed.invalid} invalid"] if passed.invalid else []
        yield " · ".join([f"{passed.answered} answered", *invalid, *timed_out])
    elif passed.timed_out:
        yield f"{passed.timed_out} timed out"
    if passed.seconds is not None:
        yield f"median {span(passed.seconds)}"


def _along(arrow: Arrow, passed: Mapping[str, Passed], leads: Collection[str]) -> int | None:
    """How often an arrow was taken; None for the one from what starts the flow.

    leads: where the arrows of its box lead. What a node was left by is one of these, else the
    outcome of the flow's end: an outcome may be called like a node elsewhere.
    """
    if arrow.source == BEGIN:
        return None
    taken = 0
    for (left_by, way), count in passed.get(arrow.source, Passed()).left.items():
        target = left_by if left_by in leads else END
        ends_elsewhere = target == END and way in _LOSING
        taken += count if target == arrow.target and not ends_elsewhere else 0
    return taken


def span(seconds: float) -> str:
    """A time in the largest unit that it fills: `37 s`, `4 min`, `2.5 h`, `3 d`."""
    size, unit = next((one for one in _UNITS if seconds >= one[0]), _UNITS[-1])
    return f"{round(seconds / size, 1 if unit in 'hd' else 0):g} {unit}"


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def _percent(part: int, whole: int) -> str:
    return f"{round(Fraction(100 * part, whole))} %" if whole else "0 %"
