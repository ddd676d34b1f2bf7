"""What to do about a text that is not YAML, where its lines show a usual mistake."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.problems import Position

LOOKED_THROUGH = 500
"""Letters of a line that are searched: the search takes their square."""

CUT = re.compile(r"[ \t]+#(?=\w)")
"""What begins a comment and looks as if it were meant to be text."""

_BARE_TEMPLATE = re.compile(r"""[:-] +\{[^"']*\{\{""")
_AFTER_QUOTES = re.compile(r"""(?:^|[:-]) +("[^"]*"|'[^']*') *[^\s"',#:\]}]""")
_OPEN_QUOTE = re.compile(r"""[:-] +("[^"]*|'[^']*)$""")
_SIGN = re.compile(r"[:-] +[@`%&*!|>{\[]")


def cure_of(lines: Sequence[str], position: Position) -> str:
    """What to do about a mistake at `position` of these lines."""
    lines = [line[:LOOKED_THROUGH] for line in lines[: position.line + 1]]
    near = lines[position.line - 1] if position.line <= len(lines) else ""
    before = range(min(position.line, len(lines)), 0, -1)
    for number in before[:3]:
        if CUT.search(lines[number - 1]):
            return f"Line {number} holds ' #', which begins a comment: quote its value."
    if "\t" in near[: len(near) - len(near.lstrip())]:
        return "Indent with blanks, not with tabs."
    if _BARE_TEMPLATE.search(near):
        return "A text with a template wants quotes inside { }."
    if near.count(": ") + near.rstrip().endswith(":") > 1:
        return "A text that holds ': ' wants quotes."
    if _SIGN.search(near):
        return "A text that begins with a sign YAML uses wants quotes."
    if _AFTER_QUOTES.search(near):
        return "A text goes on after its closing quote: put the other kind of quotes around it."
    for number in before:
        if _OPEN_QUOTE.search(lines[number - 1]):
            return f"Line {number} opens a quote that it does not close."
    if position.column == len(near) - len(near.lstrip()) + 1:
        return "See that the line is indented like those it belongs with."
    return "See that brackets and quotes are closed, and lines that belong together begin alike."
