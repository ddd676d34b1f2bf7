"""The patterns of `format`: `'W-%04d' | format(customer.id)`.

Read by our own eyes, not by Python's `%` or `str.format`: no attribute can be walked, no width is
unbounded, and decimals stay decimals.
"""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, Decimal

from msgspec import Struct

from engine.templates.bounds import MAX_WIDTH, NUMBERS
from engine.templates.operations import number, shown
from engine.templates.values import Scope

_PLACE = re.compile(
    r"%(?:(?P<percent>%)|(?P<flags>[-+ 0]{0,4})(?P<width>[0-9]*)"
    r"(?:\.(?P<precision>[0-9]+))?(?P<kind>[dfs]))"
)


class Place(Struct, frozen=True):
    """One `%...` of a pattern: how a value is laid out there."""

    kind: str
    flags: str
    width: int
    precision: int | None

    def lay_out(self, value: object, scope: Scope) -> str:
        """Raises TemplateFailed for %d and %f of what is not a number."""
        if self.kind == "s":
            return self._fill(shown(value, scope)[: self.precision], "")
        sign, digits = self._digits(number(value))
        return self._fill(digits, sign)

    def _digits(self, value: Decimal) -> tuple[str, str]:
        if self.kind == "d":
            rounded = value.to_integral_value(ROUND_DOWN, NUMBERS)
        else:
            places = 6 if self.precision is None else self.precision
            rounded = value.quantize(Decimal((0, (1,), -places)), context=NUMBERS)
        plus = next((flag for flag in "+ " if flag in self.flags), "")
        return "-" if rounded < 0 else plus, format(abs(rounded), "f")

    def _fill(self, body: str, sign: str) -> str:
        if "-" in self.flags:
            return (sign + body).ljust(self.width)
        if "0" in self.flags and self.kind != "s":
            return sign + body.rjust(self.width - len(sign), "0")
        return (sign + body).rjust(self.width)


def read_pattern(pattern: str) -> tuple[str | Place, ...]:
    """A printf pattern as texts and places: %d (whole), %f (decimal), %s (as printed), %%.

    Raises ValueError, with a sentence for the author, for anything else.
    """
    parts: list[str | Place] = []
    end = 0
    for match in _PLACE.finditer(pattern):
        parts += [_literal(pattern[end : match.start()]), _place(match)]
        end = match.end()
    return (*parts, _literal(pattern[end:]))


def _literal(written: str) -> str:
    if "%" in written:
        raise ValueError("a pattern of format knows %d, %f, %s and %% only")
    return written


def _place(match: re.Match[str]) -> str | Place:
    if match["percent"]:
        return "%"
    sizes = [int(size[:9]) if size else None for size in (match["width"], match["precision"])]
    if any(size and size > MAX_WIDTH for size in sizes):
        raise ValueError(f"a width in a pattern of format is at most {MAX_WIDTH}")
    return Place(match["kind"], match["flags"], sizes[0] or 0, sizes[1])


def lay_out(parts: tuple[str | Place, ...], values: list[object], scope: Scope) -> str:
    """The pattern with a value in each place; there are as many values as places."""
    rest = iter(values)
    return "".join(
        part.lay_out(next(rest), scope) if isinstance(part, Place) else part for part in parts
    )
