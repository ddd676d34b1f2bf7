"""Applying a project while people are in its flows: what will become of them, then doing it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from crm.services.changes import Change
from crm.services.movings import is_moving_wanted
from engine.loader import Loaded
from engine.moving import Fate
from rapport.build import apply_loaded, as_applied
from rapport.runtime.clock import Clock
from rapport.runtime.library import LibraryOutdated
from rapport.runtime.moving import fates_of_all, move_everybody
from rapport.runtime.reading import Reader


@dataclass(frozen=True, slots=True)
class Standing:
    """Those who wait at one node of a flow, and what becomes of them.

    to: the node they move to, '' where nobody does. finish: how many go on in which version.
    """

    flow: str
    node: str
    move: int
    to: str
    finish: Mapping[int, int]
    restart: int

    @property
    def waiting(self) -> int:
        return self.move + self.restart + sum(self.finish.values())

    def __str__(self) -> str:
        """17 waiting at `birthday`: 15 move, 2 finish on version 3"""
        parts = []
        if self.move:
            parts.append(f"{self.move} move" + (f" to `{self.to}`" if self.to != self.node else ""))
        parts += [f"{count} finish on version {number}" for number, count in self.finish.items()]
        if self.restart:
            parts.append(f"{self.restart} restart")
        return f"{self.waiting} waiting at `{self.node}`: {', '.join(parts)}"

    def plain(self) -> dict[str, Any]:
        return {
            "flow": self.flow,
            "node": self.node,
            "waiting": self.waiting,
            "move": self.move,
            "to": self.to or None,
            "finish": sum(self.finish.values()),
            "finish_on": {str(number): count for number, count in self.finish.items()},
            "restart": self.restart,
        }


@dataclass(frozen=True, slots=True)
class Update:
    """What applying a project changes; `standings` in order of flow and node."""

    changes: tuple[Change, ...]
    standings: tuple[Standing, ...]

    def lines(self) -> Iterator[str]:
        """For people: each change, under a flow those who wait in it."""
        told = set()
        for change in self.changes:
            yield str(change)
            if change.kind == "flow":
                told.add(change.key)
                yield from (f"    {one}" for one in self.standings if one.flow == change.key)
        yield from (f"{one.flow}: {one}" for one in self.standings if one.flow not in told)

    def plain(self, *, applied: bool) -> dict[str, Any]:
        """For programs."""
        changes = [
            {"verb": one.verb, "kind": one.kind, "key": one.key, "detail": one.detail}
            for one in self.changes
        ]
        waiting = [one.plain() for one in self.standings]
        return {"applied": applied, "changes": changes, "waiting": waiting}


def foresee(engine: Engine, read: Reader, loaded: Loaded, now: datetime) -> Update:
    """What applying a sound project would change; nothing is. The people are counted by `read`, in
    pieces, beside the turns: who comes or goes meanwhile may be missing."""
    with engine.connect() as db:
        ready = as_applied(db, loaded, now)
        moving = is_moving_wanted(db, ready.library.business_id)
        db.rollback()
    fates = fates_of_all(read, ready.library) if moving else ()
    return Update(ready.applied.changes, tuple(_standings(fates)))


def carry_out(
    engine: Engine, loaded: Loaded, clock: Clock, moved: Callable[[int], object] = bool,
    writing: AbstractContextManager[None] | None = None,
) -> None:  # fmt: skip
    """Apply a sound project, and move the people. moved: told of each piece how many they were.
    writing: undoes what it has done where the project cannot be applied.

    What is cut short in between, the processes that serve the business go on with.
    """
    with writing or nullcontext(), engine.begin() as db:
        library = apply_loaded(db, loaded, clock.now()).library
    try:
        move_everybody(engine, library, clock, moved)
    except LibraryOutdated:
        return  # whoever has applied since moves everybody


def _standings(fates: Iterable[Fate]) -> Iterator[Standing]:
    found: defaultdict[tuple[str, str], list[Counter[Any]]] = defaultdict(
        lambda: [Counter(), Counter(), Counter()]
    )
    for fate in fates:
        to, finish, restart = found[fate.flow, fate.node]
        if fate.what == "move":
            to[fate.to] += 1
        elif fate.what == "finish":
            finish[fate.version] += 1
        else:
            restart[fate.version] += 1
    for (flow, node), (to, finish, restart) in sorted(found.items()):
        target = next(iter(to), "")
        in_order = dict(sorted(finish.items()))
        yield Standing(flow, node, to.total(), target, in_order, restart.total())
