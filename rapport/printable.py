"""Other people's texts on a terminal and in logs: what a terminal would obey is shown, not sent.

A name may hold the codes that clear a screen, rename a window or turn the direction of writing
round, and a line break that makes one line look like two.
"""

from __future__ import annotations

import re

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control codes but for tab and line feed, overrides of direction, and half letters. The marks
U+200C, U+200E and U+200F stay: Persian is written with them."""


def printable(text: str) -> str:
    """The text with each such sign as Python writes it, `\\x1b`; line breaks and tabs stay."""
    return _OBEYED.sub(lambda sign: repr(sign[0])[1:-1], text.replace("\r\n", "\n"))


def escaped(json_text: str) -> str:
    """JSON with each such sign escaped: the same values for whoever reads it."""
    return _OBEYED.sub(lambda sign: f"\\u{ord(sign[0]):04x}", json_text)


def on_one_line(text: str) -> str:
    """As `printable`, with line breaks shown as the terminal chat shows them."""
    return printable(text).replace("\n", " ⏎ ")
