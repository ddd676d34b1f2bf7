"""Cleaning what was typed, before any type looks at it."""

from __future__ import annotations

import re
import unicodedata

from engine.fields.faults import Fault, FaultCode
from engine.fields.fold import latin_digits

REPLY_LIMIT = 4096
"""The longest reply that is read, in characters: a whole Telegram message (Bot API)."""

# C0 and C1 controls other than tab and newline, which no store takes.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# Zero-width and direction marks, fillers and blanks that print nothing.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f"
    "\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069"
    "\u2800\u3164\ufeff\uffa0"
)
_SPACES = (
    "".join(map(chr, range(0x2000, 0x200B)))
    + " \t\n\u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000"
)
# Only looks like nothing when alone: after an emoji it chooses its style, so it is never trimmed.
_STYLE = "\ufe0e\ufe0f"
_TRIMMED = _SPACES + _INVISIBLE

# The non-joiner parts the halves of Persian words, as a blank does.
_NO_MARKS = {**dict.fromkeys(map(ord, _INVISIBLE)), 0x200C: " "}


def clean_text(text: str) -> str | Fault:
    """`text` in Unicode's NFC, trimmed of blanks and invisible characters at both ends.

    '' for a text of which nothing would be seen. Refused: over `REPLY_LIMIT` characters, control
    characters other than newline and tab, lone surrogates. CR LF becomes a newline.
    """
    if len(text) > REPLY_LIMIT:
        return Fault(FaultCode.TOO_LONG, {"limit": REPLY_LIMIT})
    if text.isascii() and text.isprintable():
        return text.strip()
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if _CONTROLS.search(text) or has_lone_surrogate(text):
        return Fault(FaultCode.CONTROL_CHARACTERS)
    trimmed = unicodedata.normalize("NFC", text).strip(_TRIMMED)
    return trimmed if trimmed.strip(_TRIMMED + _STYLE) else ""


def has_lone_surrogate(text: str) -> bool:
    """Whether half of a UTF-16 pair stands in it alone, which no store, file or channel takes."""
    # As a pattern it would take a millisecond to compile at every start.
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def plain_line(text: str) -> str:
    """A cleaned text with 0-9 for all digits and without invisible marks, for parsing."""
    return text if text.isascii() else latin_digits(text).translate(_NO_MARKS)
