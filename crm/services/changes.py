"""One line of a plan: what applying a project changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verb = Literal["added", "changed", "restored", "retired"]

_SIGNS: dict[Verb, str] = {
    "added": "+",
    "changed": "~",
    "restored": "+",
    "retired": "-",
}


@dataclass(frozen=True, slots=True)
class Change:
    """`kind` is business, field, tag, segment or flow; `detail` says what exactly, or ''.

    Retired is what left the project: a field or tag is deactivated, a segment archived, a flow
    withdrawn; its data stays.
    """

    verb: Verb
    kind: str
    key: str
    detail: str = ""

    def __str__(self) -> str:
        """`+ field birth_date: date in custom_date_1`"""
        details = ["restored"] if self.verb == "restored" else []
        if self.detail:
            details.append(self.detail)
        tail = f": {', '.join(details)}" if details else ""
        return f"{_SIGNS[self.verb]} {self.kind} {self.key}{tail}"
