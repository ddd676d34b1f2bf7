"""A request as a step makes it: plain data, in which secrets stand by their names.

The step never sees a secret, and no database does. Where one stands, the request has its name and
how it is to be quoted there; `filled` puts it in at the moment of sending.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote, quote_plus

from msgspec import Struct

from engine.templates.pieces import Secret

Place = Literal["plain", "path", "form", "json"]
"""What a value becomes part of: a plain text; a path; a query or form; a text inside of JSON."""


class SecretPart(Struct, frozen=True, array_like=True):
    """A secret by its name in the environment, and the place that it is quoted for."""

    name: str
    place: Place = "plain"


Parts = tuple[str | SecretPart, ...]
"""A text in order, with the secrets in it."""


class Request(Struct, frozen=True, omit_defaults=True):
    """method: in capitals. headers: names as written. body: '' parts for none."""

    method: str
    url: Parts
    headers: tuple[tuple[str, Parts], ...] = ()
    body: Parts = ()

    @property
    def secrets(self) -> frozenset[str]:
        """The names of all secrets in it."""
        texts = (self.url, self.body, *(value for _, value in self.headers))
        return frozenset(
            part.name for text in texts for part in text if isinstance(part, SecretPart)
        )


_QUOTE: Mapping[Place, Callable[[str], str]] = {
    "plain": lambda text: text,
    "path": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
}


def quoted(text: str, place: Place) -> str:
    """A text as it stands in such a place, where it can be nothing but a value."""
    return _QUOTE[place](text)


def filled(parts: Parts, secret: Callable[[str], str]) -> str:
    """The text with its secrets, which `secret` gives by name."""
    return "".join(
        part if isinstance(part, str) else quoted(secret(part.name), part.place) for part in parts
    )


def joined(parts: Iterable[str | SecretPart]) -> Parts:
    """The same text in as few parts as it has."""
    made: list[str | SecretPart] = []
    for part in parts:
        if made and isinstance(part, str) and isinstance(made[-1], str):
            made[-1] += part
        elif part != "":
            made.append(part)
    return tuple(made)


Mixed = tuple[str | Secret, ...]
"""A text with secrets in it, before it is part of anything."""


def json_parts(value: Any) -> Parts:
    """A value as JSON. Texts with secrets are `Text`; dates and moments are written in ISO form,
    numbers exactly. Raises ValueError for what has no such form."""
    return joined(_json(value))


class Text(Struct, frozen=True):
    """A text with secrets, as a value."""

    parts: Mixed


def text_parts(text: Text | str, place: Place) -> Parts:
    """A text quoted for a place, its secrets to be quoted for it too."""
    if isinstance(text, str):
        return joined([quoted(text, place)])
    return joined(
        quoted(part, place) if isinstance(part, str) else SecretPart(part.name, place)
        for part in text.parts
    )


def _json(value: Any) -> Iterable[str | SecretPart]:
    if isinstance(value, Text):
        yield '"'
        yield from text_parts(value, "json")
        yield '"'
    elif isinstance(value, Mapping):
        yield from _between("{", (_member(*item) for item in value.items()), "}")
    elif isinstance(value, list | tuple):
        yield from _between("[", map(_json, value), "]")
    elif isinstance(value, frozenset | set):
        yield from _between("[", map(_json, sorted(value)), "]")
    else:
        yield _scalar(value)


def _member(key: Any, value: Any) -> Iterable[str | SecretPart]:
    yield f"{json.dumps(str(key), ensure_ascii=False)}:"
    yield from _json(value)


def _between(
    opening: str, items: Iterable[Iterable[str | SecretPart]], closing: str
) -> Iterable[str | SecretPart]:
    yield opening
    for number, item in enumerate(items):
        if number:
            yield ","
        yield from item
    yield closing


def _scalar(value: Any) -> str:
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, date | time):
        return f'"{moment_text(value)}"'
    if value is None or isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    raise ValueError(f"{type(value).__name__} has no form in JSON")


def number_text(value: Decimal) -> str:
    """A number exactly, in shortest form: 20, 12.5."""
    return format(value.normalize(), "f")


def moment_text(value: date | time) -> str:
    """A date, time or moment in ISO form; a moment of UTC with Z."""
    text = value.isoformat()
    return text.replace("+00:00", "Z") if isinstance(value, datetime) else text
