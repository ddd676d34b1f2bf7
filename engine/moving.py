"""Who waits in an earlier version of a flow: what becomes of them once a newer one is applied.

    move       they wait at the same node of the newer version, as they did
    finish     they go on in the version they are in, to its end
    restart    they begin the flow anew

The newer version's `on_update` says which. To move, the node must still be there, under its id or
as the `was` of another, be of the same kind, and wait. Each flow of a run's call stack is looked at
by itself. Each frame is asked but once for each newer version (`Frame.kept`), so whoever finishes
does not jump into the middle of a version later; the version after it asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from engine.flow import Flow
from engine.node import Node
from engine.run import Frame, Run, Wait

What = Literal["move", "finish", "restart"]

Flows = Mapping[tuple[str, int], Flow]
"""By key and version; (key, 0) is the current one."""


class Fate(Struct, frozen=True):
    """What becomes of one frame. flow, version, node: where it stands. to: the node's id in the
    newer version, '' where it does not move."""

    flow: str
    version: int
    node: str
    what: What
    to: str = ""


class Followed(Struct, frozen=True):
    """A run after it was looked at.

    run: with what moves moved. fates: of each frame that a newer version was there for, bottom
    first. restart: the place of the lowest frame that begins anew, which only a step can do; None
    where none does.
    """

    run: Run
    fates: tuple[Fate, ...]
    restart: int | None = None


def is_behind(frame: Frame, flows: Flows) -> bool:
    """Whether a newer version is there that this frame was not asked about."""
    newest = flows.get((frame.flow, 0))
    return newest is not None and newest.version > frame.version and newest.version != frame.kept


def follow(run: Run, flows: Flows) -> Followed | None:
    """What becomes of a run that waits; None where no newer version is there for it.

    flows: the version of each frame that can still be read, and the current ones.
    """
    wait, fates, restart = run.wait, list[Fate](), None
    frames = list(run.frames)
    for place, frame in enumerate(run.frames):
        if not is_behind(frame, flows):
            continue
        fate, wait = _fate(frame, wait, flows, is_top=place == len(frames) - 1)
        fates.append(fate)
        if fate.what == "restart":
            restart = place if restart is None else restart
        else:
            frames[place] = _placed(frame, fate, flows[frame.flow, 0])
    if not fates:
        return None
    return Followed(replace(run, frames=tuple(frames), wait=wait), tuple(fates), restart)


def stay(run: Run, flows: Flows) -> Run:
    """The run with each frame finishing on its version, whatever the newer one says."""
    frames = tuple(
        replace(frame, kept=flows[frame.flow, 0].version) if is_behind(frame, flows) else frame
        for frame in run.frames
    )
    return replace(run, frames=frames)


def _fate(
    frame: Frame, wait: Wait | None, flows: Flows, *, is_top: bool
) -> tuple[Fate, Wait | None]:
    """The fate of a frame, and the run's wait after it; it is the one of the frame on top."""
    newest = flows[frame.flow, 0]
    fate = Fate(frame.flow, frame.version, frame.node, "finish")
    if newest.on_update == "restart":
        return replace(fate, what="restart"), wait
    if newest.on_update == "finish":
        return fate, wait
    before, node = _nodes(frame, flows)
    if node is None or (before is not None and before.KIND != node.KIND):
        return fate, wait
    if is_top:
        taken = node.take_over(before, wait) if node.waits and wait is not None else None
        if taken is None:
            return fate, wait
        wait = replace(taken, moved=True) if taken.asks else taken
    return replace(fate, what="move", to=node.id), wait


def _nodes(frame: Frame, flows: Flows) -> tuple[Node | None, Node | None]:
    """The node that a frame stands at, as it was and as it is."""
    old, newest = flows.get((frame.flow, frame.version)), flows[frame.flow, 0]
    if old is None:
        return None, newest.node(newest.was.get(frame.node, frame.node))
    names = [newest.was.get(frame.node, frame.node)]
    # A version that was taken back has the nodes under the ids they had before.
    names += [before for before, now in old.was.items() if now == frame.node]
    return old.node(frame.node), next(filter(None, map(newest.node, names)), None)


def _placed(frame: Frame, fate: Fate, newest: Flow) -> Frame:
    if fate.what == "finish":
        return replace(frame, kept=newest.version)
    filled, trail = (
        tuple(newest.was.get(name, name) for name in names) for names in (frame.filled, frame.trail)
    )
    # A variable that is new begins as it does for who starts now.
    return replace(
        frame, version=newest.version, node=fate.to, kept=0, filled=filled, trail=trail,
        vars={**newest.vars, **frame.vars},
    )  # fmt: skip
