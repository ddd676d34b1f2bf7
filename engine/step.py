"""The pure step: from one resume to the next wait.

    step(flows, run, resume, facts, now) -> (run, effects)

No clock, I/O, randomness, thread, locale or environment: the same arguments give the same answer,
so a step can be repeated after a crash, and tested without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from engine.effects import Effect
from engine.errors import FlowFailed
from engine.facts import Facts
from engine.flow import Flow
from engine.node import END, Enter, Exit, Finish, Go, Next, Node, Rest, Return, Stay
from engine.passage import Passage
from engine.resume import (
    Cancelled,
    Elapsed,
    EventSeen,
    Gathered,
    HttpAnswered,
    Refused,
    Released,
    Reminded,
    Reply,
    Restarted,
    Resume,
    Settled,
    Started,
    Stopped,
    Talked,
    TimedOut,
)
from engine.run import Run, Wait
from engine.settling import go_on, must_settle, settle
from engine.stopping import is_watched, stop_after, unwind

STEP_LIMIT = 1_000
"""Nodes a run may pass without waiting. The longest sensible flow has some hundreds."""

DONE = "done"
"""The outcome of a flow that ran off its last node or went to `end`."""

FAILED = "failed"

Flows = Mapping[tuple[str, int], Flow]
"""Every flow version a run may stand in, by key and number; (key, 0) is the current one."""


def step(
    flows: Flows, run: Run, resume: Resume, facts: Facts, now: datetime
) -> tuple[Run, tuple[Effect, ...]]:
    """Advance `run` by `resume` until it waits or ends.

    A timer or answer whose wait the run has left, and a reply to a run that asks nothing, change
    nothing. Never raises for what a flow or a customer does; ValueError where the caller starts a
    run twice or resumes one that has ended.
    """
    if (run.status == "ended") is not isinstance(resume, _OF_NO_WAIT) or run.outcome:
        raise ValueError(f"run {run.id} cannot go on by {type(resume).__name__}: {run.status}")
    if _is_stale(run.wait, resume):
        return run, ()
    at = Passage(flows, run, facts, now)
    try:
        _advance(at, resume)
    except FlowFailed as failure:
        at.fail(str(failure), FAILED)
    return at.freeze(), tuple(at.effects)


# As tuples: a union of classes is made anew each time that it is asked about.
_OF_NO_WAIT = (Started, Settled)
_OF_A_QUESTION = (Reply, Released, Refused)
_OF_A_WAIT = (TimedOut, Reminded, Gathered, Elapsed, EventSeen, HttpAnswered, Talked)


def _is_stale(wait: Wait | None, resume: Resume) -> bool:
    if isinstance(resume, _OF_A_QUESTION):
        return wait is None or not wait.asks
    if isinstance(resume, _OF_A_WAIT):
        return wait is None or wait.id != resume.wait_id
    return False


def _advance(at: Passage, resume: Resume) -> None:
    if isinstance(resume, Cancelled):
        at.finish(resume.outcome, everything=True, way="cancelled")
        return
    if at.wait is not None and at.wait.moved:
        at.wait = at.node.renew(at, at.wait)
    coming: Next | None
    if isinstance(resume, Stopped):
        coming = _stop(at, resume.place, resume.outcome, resume.goto)
    elif isinstance(resume, Started):
        coming = _arrive(at, at.first_node())
    elif isinstance(resume, Restarted):
        coming = _arrive(at, at.begin_anew(resume.place))
    elif isinstance(resume, Settled):
        coming = go_on(at, resume)
    else:
        coming = at.node.resume(at, resume)
    looked_at = 0
    for _ in range(STEP_LIMIT):
        if len(at.effects) > looked_at and is_watched(at):
            found = stop_after(at, at.effects[looked_at:])
            if found is not None:
                place, stop = found
                coming = _stop(at, place, stop.outcome, stop.goto)
            looked_at = len(at.effects)
        if coming is None:
            return
        coming = _take(at, coming)
    raise FlowFailed(f"{STEP_LIMIT} nodes in a row without a wait")


def _stop(at: Passage, place: int, outcome: str, goto: str) -> Next:
    unwind(at, place, outcome)
    if goto:
        return Go(goto, "stopped")
    return Finish(outcome, everything=True, way="stopped")


def _take(at: Passage, coming: Next) -> Next | None:
    """Carry out one `Next`; None once the run waits or has ended."""
    match coming:
        case Stay(wait):
            at.rest(wait)
            return None
        case Rest():
            settle(at)
            return None
        case Enter(flow, variables):
            return _arrive(at, at.call(flow, variables))
        case Finish(outcome, everything, way):
            return _return(at, outcome, everything, way)
        case Go(target, way):
            return _go(at, target, way)
        case Return(target):
            return at.move_to(target, "back").reenter(at)
        case Exit(way):
            return _exit(at, at.node, way)


def _exit(at: Passage, node: Node, way: str) -> Next | None:
    if node.end_all:
        return _return(at, node.end_all, True, way)
    if node.end:
        return _return(at, node.end, False, way)
    return _go(at, node.goto or at.flow.below(node.id) or END, way)


def _go(at: Passage, target: str, way: str) -> Next | None:
    if target == END:
        return _return(at, DONE, False, way)
    return _arrive(at, at.move_to(target, way))


def _arrive(at: Passage, node: Node | None) -> Next:
    if node is None:
        return Finish(DONE)
    if node.channels and at.facts.channel not in node.channels:
        return Exit()
    if at.flow.following and must_settle(at, node):
        return Rest()
    return node.enter(at)


def _return(at: Passage, outcome: str, everything: bool, way: str) -> Next | None:
    """End the active flow; its caller, if any, goes on by its own exit."""
    if at.finish(outcome, everything=everything, way=way):
        return None
    return Exit()
