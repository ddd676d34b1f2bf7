"""Reading one flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from engine import source as tree
from engine.business import Business
from engine.flow import Flow, Reads
from engine.loader.nodes import Kinds, NodeReader, Read
from engine.loader.reads import reads_of
from engine.problems import Problems
from engine.shapes import (
    CHANNEL_NAMES,
    CONSTANT,
    DURATION,
    NAME,
    TEXT,
    WORD,
    ListOf,
    MapOf,
    OneOf,
    Option,
    Reader,
    Shape,
)
from engine.shapes.structures import read_options
from engine.source import Document, Source
from engine.triggers import STOP_ON, TRIGGER

PURPOSES = (
    "service",
    "birthday",
    "promotion",
    "newsletter",
    "reminder",
    "appointment_reminder",
    "vaccination_reminder",
)
"""`service`, and the keys of a customer's marketing preferences."""


class Part(Shape[Source], Struct, frozen=True):
    """A part of a file that is read later, when more is known; `described` is for editors."""

    described: dict[str, Any] = field(default_factory=dict)

    def read(self, source: Source, _: Reader) -> Source | None:
        return source

    def schema(self) -> dict[str, Any]:
        return self.described


NODES = Part({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/node"}})
DEFAULTS = Part({"$ref": "#/$defs/defaults"})

OPTIONS: Mapping[str, Option] = {
    "flow": Option(NAME, "The flow's name", "lead_capture", required=True),
    "title": Option(WORD, "What people who work with it call it"),
    "description": Option(WORD, "What it is for"),
    "language": Option(WORD, "The language of its plain texts; default the business's"),
    "languages": Option(ListOf(WORD), "The languages its texts are in; default the business's"),
    "purpose": Option(OneOf(*PURPOSES), "Why it writes to people"),
    "triggers": Option(ListOf(TRIGGER), "What starts it", "{on: command, command: start}"),
    "vars": Option(MapOf(NAME, CONSTANT), "The variables of a run and what they begin with"),
    "again": Option(
        OneOf("restart", "ignore", "parallel"), "What starting it does for someone already in it"
    ),
    "stop_on": Option(
        ListOf(STOP_ON), "Events that end a run the moment one happens", "[purchase]"
    ),
    "on_update": Option(
        OneOf("move", "finish", "restart"),
        "What people waiting in it get when it changes; default move",
    ),
    "defaults": Option(DEFAULTS, "Options laid under every node of a kind"),
    "error": Option(TEXT, "Sent where a message cannot be made"),
    "expires": Option(DURATION, "How long after it was due a message is still sent", "24h"),
    "channels": Option(ListOf(OneOf(*CHANNEL_NAMES)), "Where it runs; default everywhere"),
    "nodes": Option(NODES, "The nodes, run from the top", required=True),
}
"""The keys of a flow file."""


class FlowRead(Struct, frozen=True):
    """A flow as read, with what lint looks at. ids: all that are written, those of nodes that
    could not be read too."""

    flow: Flow
    nodes: tuple[Read, ...]
    reader: Reader
    ids: frozenset[str]


def is_flow(source: Source) -> bool:
    return isinstance(source, tree.Mapping) and source.entry("flow") is not None


def read_flow(
    document: Document, business: Business, kinds: Kinds, problems: Problems, version: int = 0
) -> FlowRead | None:
    """The flow of a document, as far as it can be read; its problems are added to `problems`."""
    source = document.root
    assert isinstance(source, tree.Mapping), "is_flow was asked"
    reader = _reader(source, business, problems)
    values, complete = read_options(source, OPTIONS, reader, "a flow")
    if not complete:
        return None
    own = defaults_by_kind(values.get("defaults"), kinds, reader)
    nodes = NodeReader(kinds, reader, (own, business.defaults))
    read = tuple(nodes.read(values["nodes"]))
    flow = Flow(
        key=values["flow"],
        version=version,
        title=values.get("title", ""),
        description=values.get("description", ""),
        language=reader.language,
        languages=reader.languages,
        purpose=values.get("purpose", ""),
        triggers=values.get("triggers", ()),
        vars=values.get("vars", {}),
        again=values.get("again"),
        stop_on=values.get("stop_on", ()),
        on_update=values.get("on_update", "move"),
        was=nodes.was,
        error=values.get("error"),
        expires=values.get("expires"),
        channels=values.get("channels", ()),
        nodes=tuple(one.node for one in read),
        reads=reads_of(reader) if read else Reads(),
        source=document.text,
        position=source.position,
        goes_back=any(one.node.goes_back for one in read),
        places={one.node.id: place for place, one in enumerate(read)},
        following={one.node.id: one.following for one in read if one.following},
    )
    return FlowRead(flow, read, reader, frozenset(nodes.ids))


def _reader(source: tree.Mapping, business: Business, problems: Problems) -> Reader:
    """One that knows the flow's languages and channels before the first text is read."""
    language = _texts(source.get("language"))
    languages = _texts(source.get("languages")) or business.languages
    used = tuple(dict.fromkeys((*language, *languages)))
    channels = _texts(source.get("channels")) or channels_of(bool(business.instagram))
    key = "".join(_texts(source.get("flow"))[:1])
    return Reader(problems, business, key, "".join(language[:1]), used, channels)


def _texts(source: Source | None) -> tuple[str, ...]:
    items = source.items if isinstance(source, tree.Sequence) else (source,)
    return tuple(item.text for item in items if isinstance(item, tree.Scalar) and item.text)


def channels_of(on_instagram: bool) -> tuple[str, ...]:
    """The channels with limits that a business uses."""
    return ("telegram", "instagram") if on_instagram else ("telegram",)


def defaults_by_kind(
    source: Source | None, kinds: Kinds, reader: Reader
) -> dict[str, tree.Mapping]:
    """What `defaults:` says of each kind. The options are read with every node they lie under."""
    if source is None:
        return {}
    options = {kind: Option(Part(), "") for kind in kinds}
    if not isinstance(source, tree.Mapping):
        reader.error(
            source.position,
            "E201",
            "'defaults' takes a mapping such as {ask: {...}}",
            "Write the kind above the options.",
        )
        return {}
    values, _ = read_options(source, options, reader, "'defaults'")
    for kind, value in values.items():
        _check_default(kind, value, kinds, reader)
    return {kind: value for kind, value in values.items() if isinstance(value, tree.Mapping)}


def _check_default(kind: str, value: Source, kinds: Kinds, reader: Reader) -> None:
    if not isinstance(value, tree.Mapping):
        reader.error(
            value.position,
            "E201",
            f"'{kind}' takes a mapping of its options here",
            f"Write {kind}: {{OPTION: ...}}.",
        )
        return
    options = {name: Option(Part(), "") for name in kinds[kind].OPTIONS if name != kind}
    read_options(value, options, reader, f"'{kind}'")
