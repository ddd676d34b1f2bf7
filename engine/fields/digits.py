"""Numbers, days and times in the digits of a language: Persian ones for Persian, else 0-9."""

from __future__ import annotations

from engine.fields.places import base_language

_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_NUMBER = str.maketrans("0123456789,.", "۰۱۲۳۴۵۶۷۸۹٬٫")


def persian_digits(text: str) -> str:
    """`text` with 0-9 written in Persian digits."""
    return text.translate(_DIGITS)


def in_digits_of(language: str, text: str) -> str:
    """A day or time as the language writes its digits; what stands between them stays."""
    return persian_digits(text) if base_language(language) == "fa" else text


def number_in(language: str, written: str) -> str:
    """A number such as 12.5 or 1,250 as the language writes it: ۱۲٫۵, ۱٬۲۵۰."""
    return written.translate(_NUMBER) if base_language(language) == "fa" else written
