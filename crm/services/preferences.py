"""What a customer wants to hear of, written with history, timeline and event like any value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm.errors import InvalidValues
from crm.services.ledger import Cause, Ledger
from engine.preferences import read_preferences

PREFERENCES_COLUMN = "marketing_preferences"

Preferences = dict[str, bool]


def split_preferences(
    given: Mapping[str, object],
) -> tuple[Mapping[str, object], Preferences | None]:
    """The values of fields, and the preferences under their own names; None where none are given.
    Raises InvalidValues."""
    if PREFERENCES_COLUMN not in given:
        return given, None
    raw = given[PREFERENCES_COLUMN]
    rest = {key: value for key, value in given.items() if key != PREFERENCES_COLUMN}
    if not isinstance(raw, Mapping):
        raise InvalidValues({PREFERENCES_COLUMN: "Write which are allowed: {promotion: false}."})
    try:
        return rest, read_preferences(raw)
    except ValueError as error:
        raise InvalidValues({PREFERENCES_COLUMN: str(error)}) from None


def set_preferences(
    ledger: Ledger, customer_id: int, old: Preferences | None, given: Preferences | None,
    cause: Cause, now: datetime,
) -> bool:  # fmt: skip
    """Put preferences into the ledger, those that are not named stay; whether any changed."""
    united = {**(old or {}), **(given or {})}
    if united == (old or {}):
        return False
    values: dict[str, Any] = {PREFERENCES_COLUMN: united}
    before: Any = old
    ledger.set_field(customer_id, PREFERENCES_COLUMN, values, before, now, cause)
    return True
