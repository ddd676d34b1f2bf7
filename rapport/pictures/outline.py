"""What a picture of a flow shows: its boxes and arrows, with no idea of how they are drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from engine.flow import Flow, Trigger
from engine.graph import edges_of, reached
from engine.node import END, Node
from engine.problems import Problems
from engine.shapes.plurals import COUNT
from engine.source import Scalar, Sequence, Source, read_documents
from engine.templates.names import OTHER

BEGIN = "begin"
"""The id of the box above the first node; what starts the flow stands in it."""

_ISOLATE, _END_ISOLATE = "\u2066", "\u2069"
"""A name in a Persian text must not turn the order of what stands around it (UAX 9)."""

TEXT_KINDS = frozenset({"say", "ask", "form", "note", "notify"})
"""Kinds whose main value is a text for people."""


class Figures(Struct, frozen=True):
    """What happened at a node, in lines. lost: those who went no further, '' for nobody.

    share: of the people, beside the node where most came; lost_share: of those who came here.
    """

    lines: tuple[str, ...]
    lost: str
    share: float
    lost_share: float


class Box(Struct, frozen=True):
    """One node, the beginning or the end.

    kind: of the node, `begin` or `end`. lines: what it says or does, a line each. stores: where
    an answer goes, '' for nowhere. waits: the run rests here; asks: for what a person says. lost:
    no way leads here. figures: None where they are not asked for.
    """

    id: str
    kind: str
    name: str = ""
    lines: tuple[str, ...] = ()
    stores: str = ""
    waits: bool = False
    asks: bool = False
    lost: bool = False
    figures: Figures | None = None


class Arrow(Struct, frozen=True):
    """A way from a box to a box; the label is empty for a node's own exit.

    count: how often it was taken, None where that is not known.
    """

    source: str
    target: str
    label: str = ""
    count: int | None = None

    @property
    def told(self) -> str:
        """What stands beside it."""
        count = () if self.count is None else (f"{_ISOLATE}{self.count}×{_END_ISOLATE}",)
        return "  ".join(part for part in (self.label, *count) if part)


class Outline(Struct, frozen=True):
    """Boxes in the order of the file, which is the order in which an author thinks of them."""

    flow: str
    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def outline_of(flow: Flow, language: str) -> Outline:
    """The outline of a flow that loaded; texts in `language` where there are several."""
    written = dict(zip((node.id for node in flow.nodes), _written(flow), strict=True))
    edges = edges_of(flow)
    seen = reached(edges, flow.nodes[0].id) if flow.nodes else set()
    boxes = [Box(BEGIN, BEGIN, lines=tuple(_beginnings(flow.triggers)))]
    boxes += [
        Box(
            node.id,
            node.KIND,
            name=str(written[node.id].get("id", "")),
            lines=tuple(_lines(node, written[node.id], language)),
            stores=_stores(written[node.id]),
            waits=node.waits,
            asks=any(True for _ in node.questions()),
            lost=node.id not in seen,
        )
        for node in flow.nodes
    ]
    arrows = [Arrow(BEGIN, node.id) for node in flow.nodes[:1]]
    for node in flow.nodes:
        arrows += _arrows(flow, node, edges[node.id], _ways(written[node.id], language))
    if any(arrow.target == END for arrow in arrows):
        boxes.append(Box(END, END))
    return Outline(flow.key, flow.title or flow.key, tuple(boxes), tuple(arrows))


def _written(flow: Flow) -> list[Mapping[str, Any]]:
    """Each node as its author wrote it: compiled texts no longer know their source."""
    for document in read_documents(flow.source, flow.key, Problems()):
        written = _plain(document.root)
        if isinstance(written, Mapping) and written.get("flow") == flow.key:
            return [node if isinstance(node, Mapping) else {} for node in _listed(written["nodes"])]
    return [{} for _ in flow.nodes]


def _plain(source: Source) -> Any:
    """What was written, as dicts, lists and texts."""
    if isinstance(source, Scalar):
        return source.text
    if isinstance(source, Sequence):
        return [_plain(item) for item in source.items]
    return {entry.key.text: _plain(entry.value) for entry in source.entries}


def _beginnings(triggers: Iterable[Trigger]) -> Iterator[str]:
    for trigger in triggers:
        options = trigger.options
        if trigger.on == "command":
            yield f"/{options.get('command', '')}"
        elif words := options.get("keywords") or options.get("contains"):
            yield ", ".join(str(word) for word in words)
        else:
            yield trigger.on.replace("_", " ")


def _arrows(
    flow: Flow, node: Node, targets: Iterable[str], names: Mapping[str, str]
) -> Iterator[Arrow]:
    """Every way out once; several ways to the same place share an arrow and its label."""
    labels: dict[str, list[str]] = {target: [] for target in targets}
    for way, target in node.exits():
        name = names.get(way, way)
        if target in labels and name not in labels[target]:
            labels[target].append(name)
    own = END if node.end or node.end_all else node.goto or flow.below(node.id) or END
    for target, ways in labels.items():
        label = ", ".join(ways)
        if target == own and node.falls_through and ways:
            label = f"next, {label}"
        if target == own and (outcome := node.end or node.end_all):
            label = ", ".join(part for part in (outcome, label) if part)
        yield Arrow(node.id, target, label)


def _ways(written: Mapping[str, Any], language: str) -> dict[str, str]:
    """What the numbered ways out of a node are called: a case's condition, a choice's text."""
    named = {}
    for place, case in enumerate(_listed(written.get("branch")), start=1):
        if isinstance(case, Mapping):
            named[f"case {place}"] = _short(case.get("when", ""))
    choices = [one for row in _listed(written.get("choices")) for one in _listed(row)]
    for place, choice in enumerate(choices, start=1):
        text = choice.get("text", "") if isinstance(choice, Mapping) else choice
        named[f"choice {place}"] = _in_short(next(_texts(text, language), ""))
    return named


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _lines(node: Node, written: Mapping[str, Any], language: str) -> Iterator[str]:
    yield from _main(node, written, language)
    for button in _buttons(written):
        flow = f" ({_ISOLATE}{button['flow']}{_END_ISOLATE})" if button.get("flow") else ""
        yield f"[{_in_short(next(_texts(button.get('text', ''), language), ''))}]{flow}"


def _buttons(written: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The buttons under what is said, which open a page or start a flow."""
    for row in _listed(written.get("buttons")):
        yield from (one for one in _listed(row) if isinstance(one, Mapping))


def _main(node: Node, written: Mapping[str, Any], language: str) -> Iterator[str]:
    main = written.get(node.KIND)
    if node.KIND in TEXT_KINDS:
        yield from _texts(main, language)
        return
    if isinstance(main, Mapping):
        yield from (f"{name}: {_short(value)}" for name, value in main.items())
    elif isinstance(main, str):
        yield main


_TEMPLATE = re.compile(r"\{\{\s*([\w.]*).*?\}\}|\{%.*?%\}", re.DOTALL)


def _in_short(text: str) -> str:
    """A text with the names of what is put in, instead of the templates that do it."""
    return _TEMPLATE.sub(
        lambda found: (
            f"{_ISOLATE}‹{found[1] or '…'}›{_END_ISOLATE}" if found[1] is not None else ""
        ),
        text,
    )


def _stores(written: Mapping[str, Any]) -> str:
    names = ("save_to", "save_to_customer_field", "customer_field_key")
    return next((str(written[name]) for name in names if name in written), "")


def _texts(value: Any, language: str) -> Iterator[str]:
    """The lines of a text that may be by language, by channel, or a list of texts."""
    if isinstance(value, str):
        yield from (_in_short(line) for line in value.splitlines() if line.strip())
    elif isinstance(value, Mapping) and value:
        variants = [inner for key, inner in value.items() if key != COUNT]
        shown = value.get(language, value.get(OTHER, next(iter(variants), "")))
        yield from _texts(shown, language)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, language)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_short(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_short(item)}" for name, item in value.items())
    return str(value)
