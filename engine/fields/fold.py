"""Folding: what counts as the same letters.

`fold` is one table of single characters, because the stores must agree with Python to the
letter: SQLite calls `fold` itself, PostgreSQL runs `translate(text, FOLD_FROM, FOLD_TO)`.
`fold_phrase` goes further and is only for what people type: keywords, choices, yes and no.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Latin, Greek, Cyrillic, and their extended blocks. Unicode's stability policy keeps the case
# pairs of assigned letters, so the table is the same under every Python.
_CASED = ((0x0041, 0x024F), (0x0370, 0x03FF), (0x0400, 0x052F), (0x1E00, 0x1FFF))

_SAME_LETTER = {
    "İ": "i",  # str.lower() would make two characters of it
    "ي": "ی",
    "ى": "ی",
    "ك": "ک",
    "ة": "ه",
    "\u200c": " ",  # the zero-width non-joiner inside Persian words
}

_PERSIAN_ZERO, _ARABIC_ZERO = 0x06F0, 0x0660


def _pairs() -> Iterator[tuple[str, str]]:
    for first, last in _CASED:
        for capital in map(chr, range(first, last + 1)):
            small = capital.lower()
            if len(small) == 1 and small != capital:
                yield capital, small
    yield from _SAME_LETTER.items()
    for zero in (_PERSIAN_ZERO, _ARABIC_ZERO):
        yield from ((chr(zero + digit), str(digit)) for digit in range(10))


_PAIRS = dict(_pairs())

FOLD_FROM = "".join(_PAIRS)
"""The characters that folding changes, for PostgreSQL's `translate(text, from, to)`."""

FOLD_TO = "".join(_PAIRS.values())
"""What each character of `FOLD_FROM` becomes; of equal length."""

_FOLD = str.maketrans(FOLD_FROM, FOLD_TO)

_DIGITS = str.maketrans(
    {chr(zero + digit): str(digit) for zero in (_PERSIAN_ZERO, _ARABIC_ZERO) for digit in range(10)}
)


def fold(text: str) -> str:
    """`text` with case, Arabic and Persian letter forms, digits and ZWNJ made alike.

    Of the same length as `text`.
    """
    return text.translate(_FOLD)


def latin_digits(text: str) -> str:
    """`text` with Persian and Arabic digits written as 0-9."""
    return text if text.isascii() else text.translate(_DIGITS)


class _PhraseTable(dict[int, str]):
    """`str.translate`'s table for `fold_phrase`, filled as characters are met."""

    def __missing__(self, code: int) -> str:
        self[code] = replacement = _phrase_character(chr(code))
        return replacement


_APOSTROPHES = "'`\u00b4\u02bc\u2018\u2019"
_TATWEEL = "\u0640"


def _phrase_character(character: str) -> str:
    if character in _APOSTROPHES or character == _TATWEEL or _is_decoration(character):
        return ""
    folded = _PAIRS.get(character, character)
    category = unicodedata.category(folded)
    if category == "Cf":
        return ""
    return " " if category[0] in "PZ" or category == "Cc" else folded


def _is_decoration(character: str) -> bool:
    """Whether it only changes the look: a vowel sign, an emoji's style or skin colour."""
    return (
        "\u064b" <= character <= "\u065f"
        or character == "\u0670"
        or "\ufe00" <= character <= "\ufe0f"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


_PHRASE = _PhraseTable()
_MINUS = re.compile(r"(?<!\S)-(?=\d)")


def fold_phrase(text: str) -> str:
    """A whole message reduced to its words, for comparing what people type.

    Folded, without punctuation, vowel signs and emoji styles, its spaces collapsed: `"Yes!! "`
    and `"yes"` are the same phrase. The minus of `"-1"` stays, as U+2212. A text of nothing but
    punctuation is its folded self, so that a keyword `?` can be met.
    """
    composed = unicodedata.normalize("NFC", text)
    if "-" in composed:
        composed = _MINUS.sub("\u2212", composed)
    phrase = " ".join(composed.translate(_PHRASE).split())
    return phrase or " ".join(fold(composed).split())
