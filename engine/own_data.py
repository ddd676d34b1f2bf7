"""What a person is told of themselves, and may do about it: /me, /mydata, /forgetme. Pure.

Each act is a command or the token of a button, so nothing is remembered between two of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from engine.business import Business
from engine.fields.places import Locale
from engine.fields.show import show
from engine.fields.types import Field, Value
from engine.messages import Button, Rows
from engine.preferences import PREFERENCES, preference_named
from engine.texts import Text
from engine.wording import wording

COMMANDS = frozenset({"me", "mydata", "forgetme"})
"""Commands that every bot has, whatever its flows."""

PREFIX = "own:"
"""How the tokens of their buttons begin."""

FIELDS, MESSAGES, FIX, MAIL, FORGET, KEEP = "fields", "messages", "fix", "mail", "forget", "keep"
ON, OFF = "on", "off"

VALID = timedelta(minutes=30)
"""How long the button that erases everything works: an old one is never pressed by mistake."""

CORRECTING = "own_data_"
"""How the key of a flow begins that asks for a field anew; no flow of a project is called so."""


def act_of(command: str, token: str) -> str:
    """The act that a command or a pressed button is; '' for none of them."""
    if token:
        return token.removeprefix(PREFIX) if token.startswith(PREFIX) else ""
    return command if command in COMMANDS else ""


def correctable(business: Business) -> list[Field]:
    """The fields that a person may correct, in the order of crm.yaml, base fields last."""
    fields = [item for item in business.fields.values() if item.self_service and not item.read_only]
    return sorted(fields, key=lambda item: item.base)


def profile(
    business: Business, values: Mapping[str, Value], totals: Mapping[str, Any], locale: Locale
) -> str:
    """The message of /me. totals: purchases, spent and last_activity, as texts."""
    known = [
        f"• {_label(item, locale)}: {_shown(values[item.key], item, locale)}"
        for item in _told(business)
        if values.get(item.key) is not None
    ]
    language = locale.language
    lines = [wording("own_known" if known else "own_nothing", language), *known, ""]
    lines.append(wording("own_bought", language, count=totals["purchases"], amount=totals["spent"]))
    if totals["last_activity"]:
        lines.append(wording("own_last", language, at=totals["last_activity"]))
    return "\n".join(lines)


def profile_buttons(language: str) -> Rows:
    acts = ((FIELDS, "own_correct"), (MESSAGES, "own_messages"), ("mydata", "own_data"),
            ("forgetme", "own_forget"))  # fmt: skip
    return tuple((_button(wording(key, language), act),) for act, key in acts)


def field_buttons(business: Business, locale: Locale) -> Rows:
    """A button for each field that may be corrected."""
    return tuple(
        (_button(_label(item, locale), f"{FIX}:{_mark(item.key)}"),)
        for item in correctable(business)
    )


_KINDS: Mapping[str, str] = {
    "newsletter": "own_newsletter",
    "promotion": "own_promotion",
    "appointment_reminder": "own_appointment_reminder",
    "vaccination_reminder": "own_vaccination_reminder",
    "reminder": "own_reminder",
    "birthday": "own_birthday",
}
"""What each kind of message is called, by its key in engine.wording."""


def preference_buttons(preferences: Mapping[str, Any], language: str) -> Rows:
    """A button for each kind of message, which turns it to what it is not."""
    allowed = allowed_kinds(preferences)
    return tuple(
        (
            _button(
                ("✓ " if allowed[kind] else "✗ ") + wording(_KINDS[kind], language),
                f"{MAIL}:{kind}:{OFF if allowed[kind] else ON}",
            ),
        )
        for kind in PREFERENCES
    )


def allowed_kinds(preferences: Mapping[str, Any]) -> dict[str, bool]:
    """Which kinds of messages a person takes, however their preferences are written."""
    allowed = dict.fromkeys(PREFERENCES, True)
    for name, value in preferences.items():
        kind = preference_named(name)
        if kind is not None and value is False:
            allowed[kind] = False
    return allowed


def forget_buttons(now: datetime, language: str) -> Rows:
    stamp = str(int(now.timestamp()))
    return (
        (_button(wording("own_forget_yes", language), f"{FORGET}:{stamp}"),),
        (_button(wording("own_forget_no", language), KEEP),),
    )


def is_fresh(stamp: str, now: datetime) -> bool:
    """Whether the question that a button belongs to was put a short while ago."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        return False
    age = now.timestamp() - int(stamp)
    # A clock that was set back since does not make it older.
    return abs(age) <= VALID.total_seconds()


def field_of(business: Business, mark: str) -> Field | None:
    """The field that a button corrects; None where it is none any more."""
    return next((item for item in correctable(business) if _mark(item.key) == mark), None)


def correcting_flow(business: Business, key: str) -> str | None:
    """The text of the flow that asks for a field anew; None for any other key."""
    if not key.startswith(CORRECTING):
        return None
    field = field_of(business, key.removeprefix(CORRECTING))
    if field is None:
        return None
    asked = {
        language: wording("own_ask", language, field=_plain(field.label.pick(
            language, None, business.languages
        )))
        for language in business.languages
    }  # fmt: skip
    said = {language: wording("own_noted", language) for language in business.languages}
    nodes = [{"id": "value", "ask": asked, "save_to": field.key}, {"id": "noted", "say": said}]
    # JSON is YAML too.
    return json.dumps({"flow": key, "nodes": nodes}, ensure_ascii=False)


def correcting_key(field: Field) -> str:
    return CORRECTING + _mark(field.key)


def report(
    business: Business,
    values: Mapping[str, Value],
    sections: Iterable[tuple[str, list[str]]],
    locale: Locale,
) -> str:
    """The text of /mydata: every field with a value, then the sections, each under its heading."""
    fields = [
        f"{_label(item, locale)}: {_shown(value, item, locale)}"
        for item in business.fields.values()
        if (value := values.get(item.key)) is not None and item.key not in _OURS
    ]
    parts = [("own_fields", fields), *sections]
    told = [
        "\n".join((wording(heading, locale.language), *lines)) for heading, lines in parts if lines
    ]
    return "\n\n".join(told)


_OURS = frozenset({"merged_into", "archived_at", "last_sync_at", "updated_at", "display_name"})
"""Bookkeeping that says nothing of a person."""


def _told(business: Business) -> list[Field]:
    """The fields of /me: what may be corrected, and what the business declares of its own."""
    own = [item for item in business.fields.values() if not item.base and not item.sensitive]
    fields = {item.key: item for item in (*correctable(business), *own)}
    return sorted(fields.values(), key=lambda item: not item.base)


def _shown(value: Value, field: Field, locale: Locale) -> str:
    return show(value, field, locale)


def _label(field: Field, locale: Locale) -> str:
    label: Text[str] = field.label
    return label.pick(locale.language, None, locale.languages)


def _plain(text: str) -> str:
    """No template, whatever stands in a label."""
    return text.replace("{", "(").replace("}", ")")


def _mark(key: str) -> str:
    """A short name of a field: a button of Telegram has room for 64 bytes, a key for 100."""
    return blake2b(key.encode(), digest_size=6).hexdigest()


def _button(label: str, act: str) -> Button:
    return Button(label, PREFIX + act)
