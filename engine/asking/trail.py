"""The questions that a run has behind it, where one of its flow may lead back."""

from __future__ import annotations

from msgspec.structs import replace

from engine.passage import Passage

LONGEST_TRAIL = 50
"""Questions that a run remembers for going back."""


def note_answered(at: Passage) -> None:
    """Remember that the node was answered, where the flow has a question that leads back."""
    if at.flow.goes_back:
        frame = at.frames[-1]
        trail = (*frame.trail, frame.node)[-LONGEST_TRAIL:]
        at.frames[-1] = replace(frame, trail=trail)


def can_step_back(at: Passage) -> bool:
    """Whether another question of the active flow was answered before."""
    frame = at.frames[-1]
    return any(node != frame.node for node in frame.trail)


def step_back(at: Passage) -> str:
    """The question that was answered last, taken off the trail; '' where there is none."""
    frame = at.frames[-1]
    trail = list(frame.trail)
    while trail:
        last = trail.pop()
        if last != frame.node and at.flow.node(last) is not None:
            at.frames[-1] = replace(frame, trail=tuple(trail))
            return last
    return ""
