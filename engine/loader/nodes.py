"""Reading the nodes of a flow: kind, id, common keys, and the kind's own options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from engine import source as tree
from engine.derive.feeds import FOLLOWING
from engine.lint import is_call
from engine.messages import MEDIA
from engine.node import END, Node
from engine.problems import Position
from engine.shapes import (
    CHANNEL_NAMES,
    NAME,
    NODE_REF,
    ListOf,
    OneOf,
    Option,
    Reader,
    Ref,
)
from engine.shapes.structures import places_of, read_options
from engine.source import Entry, Source
from engine.suggest import did_you_mean

COMMON: Mapping[str, Option] = {
    "id": Option(NAME, "The node's name: exits lead to it, and waiting people stand at it"),
    "was": Option(NAME, "The id it had before: people who wait there move along"),
    "goto": Option(NODE_REF, "Where it leads: a node's id, or end", "thanks"),
    "next": Option(NODE_REF, "The same as goto"),
    "end": Option(NAME, "Ends the flow with this outcome", "captured"),
    "end_all": Option(NAME, "Ends this flow and those that called it with this outcome"),
    "channels": Option(ListOf(OneOf(*CHANNEL_NAMES)), "Runs only on these channels"),
}
"""What every node may have."""

Kinds = Mapping[str, type[Node]]

_WRITTEN = {
    Ref.WRITE: "", Ref.SAVE: "", Ref.KEEP: "", Ref.TAG: "tags:", Ref.MEMBERS: "segment:",
}  # fmt: skip
"""What stands before the name of what a node changes."""


class Read(Struct, frozen=True):
    """A node, and the names it goes to as they are written: (name, where).

    following: the names it reads that may follow from others (engine.derive). writes: the names
    it changes: fields, `tags:VIP`, `segment:regulars`.
    """

    node: Node
    targets: tuple[tuple[str, Position], ...]
    following: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()


class NodeReader(Struct):
    """Reads one flow's nodes; `defaults` are those of the flow, then of crm.yaml, by kind."""

    kinds: Kinds
    reader: Reader
    defaults: Sequence[Mapping[str, tree.Mapping]]
    was: dict[str, str] = field(default_factory=dict)
    was_at: dict[str, Position] = field(default_factory=dict)
    ids: dict[str, Position] = field(default_factory=dict)

    def read(self, source: Source) -> list[Read]:
        """All nodes that can be read, in order, each with an id of its own."""
        if not isinstance(source, tree.Sequence) or not source.items:
            self.reader.error(
                source.position,
                "E111",
                "'nodes' takes a list of nodes",
                "Write each node after '- ' on a line of its own.",
            )
            return []
        self.ids = self.written_ids(source.items)
        found = (self.node(item, place) for place, item in enumerate(source.items, 1))
        read = [one for one in found if one is not None]
        self.check_was({one.node.id: one.node.position.line for one in read})
        return read

    def check_was(self, lines: Mapping[str, int]) -> None:
        """Nobody takes over from a node that is still there. lines: of the nodes, by their ids."""
        for old, position in self.was_at.items():
            if old in lines:
                message = f"the id '{old}', which this node had, is that of the node on line"
                cure = "Take `was` out, or give the other node another id."
                self.reader.error(position, "E120", f"{message} {lines[old]}", cure)

    def written_ids(self, items: Iterable[Source]) -> dict[str, Position]:
        ids: dict[str, Position] = {}
        for item in items:
            written = item.get("id") if isinstance(item, tree.Mapping) else None
            if not isinstance(written, tree.Scalar):
                continue
            if written.text == END:
                message = f"'{END}' cannot be an id: as an exit it ends the flow"
                self.reader.error(written.position, "E206", message, "Take another word.")
            elif written.text in ids:
                line = ids[written.text].line
                message = f"the id '{written.text}' is already on line {line}"
                self.reader.error(
                    written.position, "E102", message, "Give one of the two another id."
                )
            else:
                ids[written.text] = written.position
        return ids

    def node(self, source: Source, place: int) -> Read | None:
        if not isinstance(source, tree.Mapping):
            message = "a node is a mapping such as 'say: Hello'"
            self.reader.error(
                source.position, "E201", message, "Write its kind before it, with a colon."
            )
            return None
        kind = self.kind_of(source)
        if kind is None:
            return None
        before, uses = len(self.reader.references), len(self.reader.uses)
        node = self.built(kind, self.with_defaults(source, kind.KIND), place)
        named = self.reader.references[before:]
        targets = tuple((one.name, one.position) for one in named if one.kind is Ref.NODE)
        following = FOLLOWING.intersection(use.of_customer for use in self.reader.uses[uses:])
        writes = frozenset(_WRITTEN[one.kind] + one.name for one in named if one.kind in _WRITTEN)
        return None if node is None else Read(node, targets, following, writes)

    def with_defaults(self, source: tree.Mapping, kind: str) -> tree.Mapping:
        """The node with what `defaults:` lays under it; its own keys win."""
        entries = {entry.key.text: entry for entry in source.entries}
        for defaults in self.defaults:
            if kind in defaults:
                for entry in defaults[kind].entries:
                    entries.setdefault(entry.key.text, entry)
        return tree.Mapping(tuple(entries.values()), source.position)

    # -- the kind

    def kind_of(self, source: tree.Mapping) -> type[Node] | None:
        found = self.kind_entries(source)
        if len(found) == 1 and not self.is_end_of_misspelt(source, found[0]):
            return self.kinds[found[0].key.text]
        if len(found) > 1:
            names = " and ".join(f"'{entry.key.text}'" for entry in found)
            message = f"a node has one kind, this one has {names}"
            self.reader.error(found[1].key.position, "E107", message, "Make a node of each.")
        elif not found:
            self.report_no_kind(source)
        return None

    def kind_entries(self, source: tree.Mapping) -> list[Entry]:
        """The keys that say a kind; `end` and `tag` may be mere options of another kind."""
        found = [entry for entry in source.entries if entry.key.text in self.kinds]
        if len(found) > 1:
            found = [entry for entry in found if not self.is_option(entry, found)]
        if not found and "end" in self.kinds and source.entry("end_all"):
            found = [entry for entry in source.entries if entry.key.text == "end_all"]
            return [replace(found[0], key=replace(found[0].key, text="end"))]
        return found

    def is_end_of_misspelt(self, source: tree.Mapping, found: Entry) -> bool:
        """Whether `end` is the kind only because the kind above it is misspelt, which is told."""
        strange = [entry for entry in source.entries if entry.key.text not in (*COMMON, "end")]
        if found.key.text != "end" or not any(self.meant_kind(entry) for entry in strange):
            return False
        self.report_no_kind(source)
        return True

    def meant_kind(self, entry: Entry) -> str:
        others = [kind for kind in self.kinds if kind != "end"]
        return did_you_mean(entry.key.text, others)

    def is_option(self, entry: Entry, found: list[Entry]) -> bool:
        name = entry.key.text
        others = (other.key.text for other in found if other is not entry)
        return name in COMMON or any(name in self.kinds[other].OPTIONS for other in others)

    def report_no_kind(self, source: tree.Mapping) -> None:
        strange = [entry for entry in source.entries if entry.key.text not in COMMON]
        for entry in strange:
            if entry.key.text in MEDIA:
                message = f"a {entry.key.text} is sent with a text"
                cure = f"Write `say: ...`, and `{entry.key.text}:` beside it."
                self.reader.error(entry.key.position, "E108", message, cure)
                return
        for entry in strange:
            cure = self.meant_kind(entry)
            if cure:
                message = f"a node has no kind '{entry.key.text}'"
                self.reader.error(entry.key.position, "E108", message, cure)
                return
        message = f"a node needs a key that says its kind: {', '.join(self.kinds)}"
        self.reader.error(source.position, "E108", message, "Write one of them.")

    # -- the node

    def built(self, kind: type[Node], source: tree.Mapping, place: int) -> Node | None:
        outer = self.reader.channels
        self.reader.channels = self.channels_of(source)
        try:
            values, complete = read_options(source, _known(kind), self.reader, f"'{kind.KIND}'")
            if not complete or (source.entry(kind.KIND) and kind.KIND not in values):
                return None
            common = self.common(kind, values, source, place)
            options = {name: value for name, value in values.items() if name not in COMMON}
            with self.reader.inside(source.position, places_of(source)):
                node = kind.build(common, options, self.reader)
            if node is not None:
                node = self.named(node, source)
                self.follows(node, source)
            return node
        finally:
            self.reader.channels = outer

    def channels_of(self, source: tree.Mapping) -> tuple[str, ...]:
        """The channels whose limits its texts keep to."""
        written = source.get("channels")
        if written is None:
            return self.reader.channels
        items = written.items if isinstance(written, tree.Sequence) else (written,)
        return tuple(item.text for item in items if isinstance(item, tree.Scalar))

    def common(
        self, kind: type[Node], values: Mapping[str, Any], source: tree.Mapping, place: int
    ) -> dict[str, Any]:
        ways = [name for name in ("goto", "next", "end", "end_all") if name in values]
        if len(ways) > 1:
            message = f"a node leaves one way, this one has {' and '.join(ways)}"
            self.reader.error(places_of(source)[ways[1]], "E113", message, "Keep one of them.")
        id_ = values.get("id") or f"{kind.KIND}_{place}"
        return {
            "id": id_,
            "position": source.position,
            "goto": values.get("goto", values.get("next", "")),
            "end": values.get("end", ""),
            "end_all": values.get("end_all", ""),
            "channels": values.get("channels", ()),
        }

    def follows(self, node: Node, source: tree.Mapping) -> None:
        """Keep which node it says it was."""
        was = source.get("was")
        if not isinstance(was, tree.Scalar) or not was.text:
            return
        if was.text in self.was:
            there = self.was[was.text]
            message = f"the people of '{was.text}' already go to the node '{there}'"
            self.reader.error(was.position, "E121", message, "They can wait at one node alone.")
            return
        self.was[was.text], self.was_at[was.text] = node.id, was.position
        if not node.waits and not is_call(node):
            message = f"nobody waits at this {node.KIND}, so `was` moves nobody"
            self.reader.warning(was.position, "W120", message, "Take `was` out.")

    def named(self, node: Node, source: tree.Mapping) -> Node:
        """The node under its own id: that of a wait survives moving the node about."""
        if source.entry("id"):
            return node
        stem = _waiting_name(node, source) if node.waits else node.id
        name, count = stem, 1
        while name in self.ids:
            count += 1
            name = f"{stem}_{count}"
        self.ids[name] = node.position
        return node if name == node.id else replace(node, id=name)


@cache
def _known(kind: type[Node]) -> Mapping[str, Option]:
    """All that a node of the kind may have."""
    return {**kind.OPTIONS, **COMMON}


def _waiting_name(node: Node, source: tree.Mapping) -> str:
    for key in ("save_to", "save_to_customer_field", "customer_field_key"):
        saved = source.get(key)
        if isinstance(saved, tree.Scalar):
            return f"{node.KIND}_{saved.text.removeprefix('var.')}"
    return node.KIND
