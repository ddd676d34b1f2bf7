"""A text that is too long for a message, cut where a reader would cut it. Nothing is lost."""

import re
import unicodedata
from collections.abc import Iterator

from engine.limits import Limit, measure

_PLACES = tuple(re.compile(place) for place in (r"\n\s*\n", r"\n", r"(?<=[.!?؟。…])\s", r"\s"))
"""Where to cut, best first: between paragraphs, lines, sentences, words."""

_JOINER = "\u200d"
_VARIATION = "\ufe0f"
"""Zero width joiner and variation selector tie what stands around them into one sign."""


def pieces(text: str, limit: Limit) -> Iterator[str]:
    """At least one; each fits the limit, and only blanks between them are left out."""
    rest = text.strip()
    while measure(rest, limit.unit) > limit.value:
        cut = _cut(rest, limit)
        yield rest[:cut].rstrip()
        rest = rest[cut:].lstrip()
    yield rest


def _cut(text: str, limit: Limit) -> int:
    """An index into a text that is too long, so that what is before it fits and is not small."""
    fits = _fitting(text, limit)
    for place in _PLACES:
        ends = [found.end() for found in place.finditer(text, fits // 2, fits)]
        if ends:
            return ends[-1]
    return _between_signs(text, fits)


def _fitting(text: str, limit: Limit) -> int:
    """How many characters from the start on fit."""
    match limit.unit:
        case "utf16":
            units = text.encode("utf-16-le", "surrogatepass")[: 2 * limit.value]
            return len(units.decode("utf-16-le", "ignore"))
        case "bytes":
            octets = text.encode("utf-8", "surrogatepass")[: limit.value]
            return len(octets.decode("utf-8", "ignore"))
        case _:
            return limit.value


def _between_signs(text: str, fits: int) -> int:
    """The last index up to `fits` that tears no accent or joined emoji from what it belongs to."""
    for index in range(fits, fits // 2, -1):
        before, after = text[index - 1], text[index]
        tied = after in (_JOINER, _VARIATION) or unicodedata.combining(after)
        if not tied and before != _JOINER:
            return index
    return fits
