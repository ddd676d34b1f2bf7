"""Whose value each field has once two customers are one, and as it was again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from crm.errors import InvalidValues
from crm.names import ORGANISATIONS
from crm.services.ledger import Cause, Ledger
from crm.services.records import Record
from crm.stored_extras import typed_extra
from engine.business import Business
from engine.fields.plain import to_plain
from engine.fields.types import Field
from engine.suggest import did_you_mean

Side = Literal["source", "target"]

_COUNTED = frozenset({"next_follow_up_at"})
"""It follows from what both have of follow-ups."""


def choose(
    business: Business, source: Record, target: Record, choices: Mapping[str, Side]
) -> dict[str, Side]:
    """Whose value is taken, by field; a choice goes before the target's having one.

    Raises InvalidValues for a choice of what is no field, and where the outcome is no customer.
    """
    fields = {key: item for key, item in business.fields.items() if _is_chosen(item)}
    reasons = {
        key: f"There is no such field to choose. {did_you_mean(key, fields)}".rstrip()
        for key in choices
        if key not in fields
    }
    reasons |= {
        key: "Choose source or target."
        for key, side in choices.items()
        if key in fields and side not in ("source", "target")
    }
    if reasons:
        raise InvalidValues(reasons)
    taken: dict[str, Side] = {
        key: choices.get(key, "source" if target.values[key] is None else "target")
        for key in fields
    }
    sides = {"source": source, "target": target}
    values = {key: sides[side].values[key] for key, side in taken.items()}
    if values["customer_type"] in ORGANISATIONS and values["company"] is None:
        raise InvalidValues({"company": "An organisation needs its name."})
    return taken


def take_fields(
    ledger: Ledger, source: Record, target: Record, taken: Mapping[str, Side], cause: Cause,
    now: datetime,
) -> dict[str, list[Any]]:  # fmt: skip
    """Put the target's new values into the ledger; [before, after] of what changed, as plain JSON,
    by field."""
    mine = [key for key, side in taken.items() if side == "source"]
    wanted = {key: source.values[key] for key in mine if source.values[key] != target.values[key]}
    _set(ledger, target, wanted, cause, now)
    return {key: [to_plain(target.values[key]), to_plain(new)] for key, new in wanted.items()}


def return_fields(
    ledger: Ledger, business: Business, target: Record, were: Mapping[str, list[Any]],
    cause: Cause, now: datetime,
) -> None:  # fmt: skip
    """Put the values that the target had into the ledger, where nobody changed them since."""
    wanted = {
        key: typed_extra(before, business.fields[key].type)
        for key, (before, after) in were.items()
        if key in business.fields and to_plain(target.values[key]) == after
    }
    _set(ledger, target, wanted, cause, now)


def _is_chosen(item: Field) -> bool:
    return not item.read_only and item.key not in _COUNTED


def _set(
    ledger: Ledger, target: Record, wanted: Mapping[str, Any], cause: Cause, now: datetime
) -> None:
    values = {**target.values, **wanted}
    for key in wanted:
        ledger.set_field(target.columns["id"], key, values, target.values[key], now, cause)
