"""Texts in cells of CSV that a spreadsheet would run as formulas: escaped on their way out, and
the escape undone on the way in. Pure."""

from __future__ import annotations

FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")
"""https://owasp.org/www-community/attacks/CSV_Injection"""

_QUOTE = "'"


def escape_text(text: str) -> str:
    """A text that a spreadsheet would run gets a quote before it; numbers and phones do not.

    One that looks escaped already gets another quote, so that `unescape_text` gives it back.
    """
    return _QUOTE + text if _runs(text.lstrip(_QUOTE)) else text


def unescape_text(text: str) -> str:
    """What `escape_text` was given."""
    if text[:1] == _QUOTE and _runs(text.lstrip(_QUOTE)):
        return text[1:]
    return text


def _runs(text: str) -> bool:
    return text.startswith(FORMULA_MARKS) and not _is_number(text)


def _is_number(text: str) -> bool:
    return text[1:].isascii() and text[1:].replace(".", "", 1).isdigit()
