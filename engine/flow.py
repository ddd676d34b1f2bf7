"""A flow as it was loaded: immutable, checked, its templates and criteria compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from engine.durations import Duration
from engine.fields.types import Value
from engine.node import Node
from engine.problems import NOWHERE, Position


class Trigger(Struct, frozen=True):
    """What starts a flow. `on` is the event's name; `options` are typed as the loader read them.

    id: `flow/ID`, stable across versions. keywords, contains: folded. `only` is a compiled
    predicate (engine.criteria) or None.
    """

    id: str
    flow: str
    on: str
    options: Mapping[str, Any] = field(default_factory=dict)
    only: Any = None
    position: Position = NOWHERE


class Stop(Struct, frozen=True):
    """An event that ends a run of the flow with `outcome`, or sends it to the node `goto`."""

    event: Trigger
    outcome: str = "stopped"
    goto: str = ""


class Reads(Struct, frozen=True):
    """What a flow may ask of a customer: a turn loads just that."""

    fields: frozenset[str] = frozenset()
    history: frozenset[str] = frozenset()
    tags: bool = False
    segments: bool = False
    extra: bool = False

    def __or__(self, other: Reads) -> Reads:
        return Reads(
            self.fields | other.fields,
            self.history | other.history,
            self.tags or other.tags,
            self.segments or other.segments,
            self.extra or other.extra,
        )


class Flow(Struct, frozen=True):
    """again: restart | ignore | parallel | None (restart by the person's own act, else ignore).

    error: what is sent where a message's template failed (a Text of templates), None = built in.
    purpose: why it writes to people, '' for the default of what started it. on_update: move |
    finish | restart, for those waiting when a new version is applied; was: old node id -> the id
    it has now. expires: how long after it was due an automatic message is still worth sending.
    source: the YAML text it was read from.
    """

    key: str
    version: int = 0
    title: str = ""
    description: str = ""
    language: str = ""
    languages: tuple[str, ...] = ()
    purpose: str = ""
    triggers: tuple[Trigger, ...] = ()
    vars: Mapping[str, Value] = field(default_factory=dict)
    again: str | None = None
    stop_on: tuple[Stop, ...] = ()
    on_update: str = "move"
    was: Mapping[str, str] = field(default_factory=dict)
    error: Any = None
    expires: Duration | None = None
    channels: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    reads: Reads = Reads()
    source: str = ""
    position: Position = NOWHERE
    places: Mapping[str, int] = field(default_factory=dict)
    """Node id -> its place in `nodes`."""
    goes_back: bool = False
    """Whether one of its questions may lead back to the one before."""
    following: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Node id -> the names it reads that may follow from others (engine.derive.feeds)."""

    def node(self, node_id: str) -> Node | None:
        place = self.places.get(node_id)
        return None if place is None else self.nodes[place]

    def below(self, node_id: str) -> str:
        """The id of the node under this one; '' after the last."""
        place = self.places[node_id] + 1
        return self.nodes[place].id if place < len(self.nodes) else ""
