"""Where a text that is not YAML goes wrong, and what to do: a parser notices many a mistake lines
later, and in words of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from engine.problems import Position

LOOKED_THROUGH = 500
"""Letters of a line that are searched: the search takes their square."""

LINES_BEFORE = 50
"""Lines before the place that are searched for a quote that is not closed."""

CUT = re.compile(r"[ \t]+#(?=\w)")
"""What begins a comment and looks as if it were meant to be text."""

_BARE_TEMPLATE = re.compile(r"""[:-] +\{[^"']*\{\{""")
_AFTER_QUOTES = re.compile(r"""(?:^|[:-]) +("[^"]*"|'[^']*') *[^\s"',#:\]}]""")
_OPEN_QUOTE = re.compile(r"""(?:[:-]|[{[,]) +(?P<quote>["'])(?:(?!(?P=quote)).)*$""")
_CLOSED = re.compile(r"\s*([,}\]:]|#|$)")
_SIGN = re.compile(r"[:-] +[@`%&*!|>{\[]")
_CONFLICT = re.compile(r"<{7}|={7}|>{7}")
_KEY_ALONE = re.compile(r" *(?:- +)*(\w+)(?:(?=:\S)| |$)[^:]*$|[ -]*(\w+):(?=\S)[^:]*$")


def blamed(lines: Sequence[str], noticed: Position) -> tuple[Position, str]:
    """The place of the mistake that was `noticed` in these lines, and what to do about it."""
    lines = [line[:LOOKED_THROUGH] for line in lines[: noticed.line + 1]]
    near = lines[noticed.line - 1] if noticed.line <= len(lines) else ""
    last = min(noticed.line, len(lines))
    for number in range(last, max(0, last - 3), -1):
        cut = CUT.search(lines[number - 1])
        if cut:
            cure = f"Line {number} holds ' #', which begins a comment: quote its value."
            return replace(noticed, line=number, column=cut.end()), cure
    if _CONFLICT.match(near):
        return replace(
            noticed, column=1
        ), "Settle the conflict that your version control left here."
    if "\t" in near[: len(near) - len(near.lstrip())]:
        return noticed, "Indent with blanks, not with tabs."
    quote = _open_quote(lines[:last])
    if quote:
        cure = f"Line {quote[0]} opens a quote that it does not close."
        return replace(noticed, line=quote[0], column=quote[1]), cure
    before = lines[last - 2] if last > 1 else ""
    if _begins_a_value(near, noticed) and _KEY_ALONE.fullmatch(before):
        column = len(before) - len(before.lstrip(" -")) + 1
        return replace(noticed, line=last - 1, column=column), "A key wants ': ' after it."
    return noticed, _cure_of_line(near, noticed)


def _begins_a_value(near: str, noticed: Position) -> bool:
    """Whether the parser stopped at the first colon of the line."""
    return noticed.column - 1 == near.find(":")


def _cure_of_line(near: str, noticed: Position) -> str:
    if _BARE_TEMPLATE.search(near):
        return "A text with a template wants quotes inside { }."
    if near.count(": ") + near.rstrip().endswith(":") > 1 and not near.lstrip(" -").startswith("{"):
        return "A text that holds ': ' wants quotes."
    if _SIGN.search(near):
        return "Close what is opened here; a text that begins with a sign YAML uses wants quotes."
    if _AFTER_QUOTES.search(near):
        return "A text goes on after its closing quote: put the other kind of quotes around it."
    if noticed.column == len(near) - len(near.lstrip()) + 1 or _begins_a_value(near, noticed):
        return "See that the line is indented like those it belongs with."
    return "See that brackets and quotes are closed, and lines that belong together begin alike."


def _open_quote(lines: Sequence[str]) -> tuple[int, int] | None:
    """The last line, from 1, whose quote is not closed before another text begins; its column."""
    for number in range(len(lines), max(0, len(lines) - LINES_BEFORE), -1):
        opened = _OPEN_QUOTE.search(lines[number - 1])
        if opened is None:
            continue
        rest = "\n".join(lines[number:])
        closing = rest.find(opened["quote"])
        line_end = rest.find("\n", closing)
        after = rest[closing + 1 : None if line_end < 0 else line_end]
        if closing < 0 or not _CLOSED.match(after):
            return number, opened.start("quote") + 1
    return None
