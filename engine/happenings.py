"""What has happened with a customer, and whether it is the event that somebody listens for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from engine.effects import AddTag, Effect, RemoveTag, SetField
from engine.events import types_of
from engine.fields.fold import fold_phrase
from engine.fields.patterns import compile_pattern
from engine.fields.plain import to_plain
from engine.flow import Flow, Trigger
from engine.messages import Message

MOST_RULES = 8
"""So long a chain of rules, each started by what the one before did, is followed."""


class Happened(Struct, frozen=True):
    """An event. data: what `event.x` reads, JSON. depth: how many rules led to it, 0 for none."""

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    depth: int = 0


def fits(wanted: Trigger, event: Happened) -> bool:
    """Whether it is of this kind and its options hold; `only` and channels are the caller's."""
    if event.type not in types_of(wanted.on):
        return False
    test = _TESTS.get(event.type)
    return test is None or test(wanted.options, event.data)


def told(event: Happened) -> dict[str, Any]:
    """What `event.x` reads of it, and `answer.x` after a `wait_for`."""
    data = dict(event.data)
    if event.type in _DIRECTIONS:
        data["direction"] = _DIRECTIONS[event.type]
    if event.depth:
        data["depth"] = event.depth
    return data


def listened_for(flows: Iterable[Flow]) -> frozenset[str]:
    """The types of events that anything in these flows listens for, beside what people write."""
    flows = tuple(flows)
    events = [*(trigger for flow in flows for trigger in flow.triggers), *_awaited(flows)]
    return frozenset(type_ for event in events for type_ in types_of(event.on)) - _WRITTEN


def overheard(flows: Iterable[Flow]) -> frozenset[str]:
    """The types of what people write that runs in these flows wait or stop for."""
    types = frozenset(type_ for event in _awaited(flows) for type_ in types_of(event.on))
    return types & (_WRITTEN | {"customer_created"})


def _awaited(flows: Iterable[Flow]) -> Iterator[Trigger]:
    for flow in flows:
        yield from (stop.event for stop in flow.stop_on)
        yield from (node.awaits for node in flow.nodes if node.awaits is not None)


def of_effect(effect: Effect) -> Happened | None:
    """The event that an effect makes, where the step itself knows; the rest the turn tells."""
    match effect:
        case SetField(key, old, new):
            data = {"field": key, "old": to_plain(old), "new": to_plain(new)}
            return Happened("field_updated", data)
        case AddTag(name):
            return Happened("tag_added", {"tag": name})
        case RemoveTag(name):
            return Happened("tag_removed", {"tag": name})
    return None


OF_EFFECTS = frozenset(("field_updated", "tag_added", "tag_removed"))
"""The types that `of_effect` tells."""


def of_message(message: Message, *, created: bool = False) -> tuple[Happened, ...]:
    """What a person did, as events. created: the message made the customer."""
    said = {"text": message.text}
    events: list[Happened] = []
    if message.kind == "command":
        said |= {"command": message.command, "ref": message.argument}
        if message.command == "start" and message.argument:
            events.append(Happened("referral", said))
        events.append(Happened("command", said))
    elif message.kind not in ("press", "edited"):
        events.append(Happened("message", said))
    if created:
        events.append(Happened("customer_created", said))
    return tuple(events)


_WRITTEN = frozenset(("message", "command", "referral"))
"""What people write is at hand in their turn: no stored event is waited for."""

_DIRECTIONS = {"segment_entered": "entered", "segment_left": "left"}


def _field_updated(options: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    return (
        options["field"] == data.get("field")
        and ("from" not in options or options["from"] == data.get("old"))
        and ("to" not in options or options["to"] == data.get("new"))
    )


def _same(name: str) -> Callable[[Mapping[str, Any], Mapping[str, Any]], bool]:
    return lambda options, data: name not in options or options[name] == data.get(name)


def _score_changed(options: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    old, new = data.get("old") or 0, data.get("new") or 0
    way = options.get("direction", "any")
    if way != "any" and (new > old) is not (way == "up"):
        return False
    if "by" in options and abs(new - old) < options["by"]:
        return False
    line = options.get("crosses")
    return line is None or (old < line) is not (new < line)


def _stage_changed(options: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    return _same("stage")(options, data) and options.get("to", data.get("new")) == data.get("new")


def _message(options: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    text = str(data.get("text", ""))
    phrase = fold_phrase(text)
    return (
        phrase in options.get("keywords", ())
        or any(f" {word} " in f" {phrase} " for word in options.get("contains", ()))
        or ("pattern" in options and matches(options["pattern"], text))
        or bool(options.get("any"))
    )


def matches(pattern: str, text: str) -> bool:
    """Whether a trigger's pattern is found in a message, as it is written or folded."""
    compiled = compile_pattern(pattern)
    return compiled.search(text) is not None or compiled.search(fold_phrase(text)) is not None


def _command(options: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    return bool(options["command"] == data.get("command"))


_TESTS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], bool]] = {
    "field_updated": _field_updated,
    "tag_added": _same("tag"),
    "tag_removed": _same("tag"),
    "segment_entered": _same("segment"),
    "segment_left": _same("segment"),
    "score_changed": _score_changed,
    "stage_changed": _stage_changed,
    "message": _message,
    "command": _command,
    "referral": _same("ref"),
}
