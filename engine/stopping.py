"""`stop_on`: the events that end a run, or send it elsewhere, the moment one happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from engine.audience import NOTHING_SAID, Offered, is_for
from engine.effects import Effect
from engine.facts import Facts
from engine.flow import Flow, Stop
from engine.happenings import Happened, fits, of_effect, told
from engine.passage import Passage
from engine.run import Frame

Stopping = tuple[int, Stop]
"""The place of the flow on the call stack, from the bottom, and its stop."""


def stop_for(
    flows: Mapping[tuple[str, int], Flow], frames: Sequence[Frame], event: Happened, seen: Offered
) -> Stopping | None:
    """Which flow of a call stack stops for an event; the one that was called first decides."""
    for place, frame in enumerate(frames):
        flow = flows.get((frame.flow, frame.version))
        for stop in flow.stop_on if flow else ():
            if fits(stop.event, event) and is_for(stop.event, flow, seen):  # type: ignore[arg-type]  # it has stops
                return place, stop
    return None


def is_watched(at: Passage) -> bool:
    """Whether a flow that the run is in stops for anything."""
    for frame in at.frames:
        flow = at.flows.get((frame.flow, frame.version))
        if flow is not None and flow.stop_on:
            return True
    return False


def stop_after(at: Passage, effects: Sequence[Effect]) -> Stopping | None:
    """Which flow of the run stops for what its own nodes have just done."""
    for event in filter(None, map(of_effect, effects)):
        seen = Offered(NOTHING_SAID, _facts(at), at.now, told(event))
        found = stop_for(at.flows, at.frames, event, seen)
        if found is not None:
            return found
    return None


def unwind(at: Passage, place: int, outcome: str) -> None:
    """End the flows that lie above a place of the call stack."""
    while len(at.frames) > place + 1:
        at.finish(outcome, everything=False, way="stopped")


def _facts(at: Passage) -> Facts:
    return replace(at.facts, values=at.values, extra=at.extra, tags=frozenset(at.tags))
