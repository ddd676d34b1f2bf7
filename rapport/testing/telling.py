"""Showing on a terminal where a conversation went another way."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rapport.printable import printable
from rapport.testing.transcripts import Verdict


def differing(verdict: Verdict) -> Iterator[str]:
    """The conversation until it differs, then what was expected (-) and what was said (+)."""
    difference = verdict.difference
    assert difference is not None, "it failed"
    lines = [("  ", line) for line in verdict.conversation]
    lines += [("- ", difference.expected)] if difference.expected else []
    lines += [("+ ", difference.actual)] if difference.actual else []
    lines += [("+ ", line) for line in difference.besides]
    for sign, line in lines:
        yield f"{sign}{in_order(printable(line))}"


_LINE = re.compile(r"(?P<who>[\w.]+: )(?P<said>.*?)(?P<buttons>(?: \[[^\]]*\])*)")
_FROM_THE_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_LEFT, _RIGHT = "\u200e", "\u200f"


def in_order(line: str) -> str:
    """A line of a conversation with marks, so that a terminal shows a text that runs from the right
    with its own signs around it, and the buttons behind it in their order."""
    if not _FROM_THE_RIGHT.search(line):
        return line
    parts = _LINE.fullmatch(line)
    if parts is None:
        return line
    said = parts["said"]
    if _FROM_THE_RIGHT.search(said):
        said = f"{_RIGHT}{said}{_RIGHT}"
    buttons = parts["buttons"].replace("]", f"]{_LEFT}")
    return f"{parts['who']}{said}{_LEFT}{buttons}"
