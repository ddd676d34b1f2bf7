"""What followed by itself (engine.derive.rules), put into a ledger: columns, timeline, events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from crm.services.ledger import Cause, Ledger
from engine.derive.rules import ROUNDS, RULE, Derived


def write_derived(
    ledger: Ledger,
    customer_id: int,
    derived: Iterable[Derived],
    at: datetime,
    tags: Mapping[str, int],
    segments: Mapping[str, int],
) -> None:
    """tags, segments: ids by name and by key. A tag or segment that is in neither is passed over:
    it was declared after these were read, and the next pass finds it."""
    for item in derived:
        if item.columns:
            ledger.touch(customer_id, at, item.columns)
        match item.kind:
            case "tag":
                _tag(ledger, customer_id, item, at, tags)
            case "segment":
                _segment(ledger, customer_id, item, at, segments)
            case kind:
                _WRITERS[kind](ledger, customer_id, item, at)


def rule_of(tag: str) -> str:
    """Who put a smart tag on: what `customer_tag.by` says."""
    return f"{RULE}{tag}"


def _score(ledger: Ledger, customer_id: int, item: Derived, at: datetime) -> None:
    if item.old == item.new:  # where its health begins has moved
        return
    data = {"old": item.old, "new": item.new, "health": item.columns["health"], "parts": item.parts}
    told = f"{item.old} → {item.new}"
    ledger.record(customer_id, "score_changed", told, data, f"{RULE}score", at)
    data = {"old": item.old, "new": item.new}
    ledger.emit(customer_id, "score_changed", data, at, item.depth)


def _stage(ledger: Ledger, customer_id: int, item: Derived, at: datetime) -> None:
    which = item.name.removesuffix("_stage")
    data = {"stage": which, "old": item.old, "new": item.new}
    told = f"{which}: {item.old or '–'} → {item.new}"
    ledger.record(customer_id, "stage_changed", told, data, f"{RULE}stages", at)
    ledger.emit(customer_id, "stage_changed", data, at, item.depth)


def _value(_ledger: Ledger, _customer_id: int, _item: Derived, _at: datetime) -> None:
    """It is the total spent times a constant: no news of its own."""


def _stopped(ledger: Ledger, customer_id: int, item: Derived, at: datetime) -> None:
    told = f"Rules set one another off; they were stopped after {ROUNDS} rounds at: {item.name}"
    ledger.record(customer_id, "rules_stopped", told, {"at": item.name}, "engine", at)


_WRITERS: Mapping[str, Callable[[Ledger, int, Derived, datetime], None]] = {
    "score": _score,
    "stage": _stage,
    "value": _value,
    "stopped": _stopped,
}


def _tag(
    ledger: Ledger, customer_id: int, item: Derived, at: datetime, tags: Mapping[str, int]
) -> None:
    tag_id = tags.get(item.name)
    if tag_id is not None:
        change = ledger.add_tag if item.new else ledger.remove_tag
        cause = Cause(by=rule_of(item.name), depth=item.depth)
        change(customer_id, tag_id, item.name, at, cause)


def _segment(
    ledger: Ledger, customer_id: int, item: Derived, at: datetime, segments: Mapping[str, int]
) -> None:
    segment_id = segments.get(item.name)
    if segment_id is not None:
        cause = Cause(by=f"{RULE}segments", depth=item.depth)
        ledger.set_member(customer_id, segment_id, item.name, at, cause, is_in=bool(item.new))
