"""Numbers as people write them."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise

from engine.fields.clean import plain_line
from engine.fields.decimals import EXACT, round_half_up, within_limits
from engine.fields.faults import FaultCode
from engine.fields.fold import fold
from engine.fields.places import base_language
from engine.fields.readings import Read, Refused, refuse

UNIT_WORDS = 3
"""How many words may stand around a number."""

_SIMPLE = re.compile(r"-?[0-9]{1,16}(?:\.[0-9]{1,2})?")
_THIN = " \u00a0\u2009\u202f"
# Digits right after a letter belong to a unit (m2, CO2). A blank joins groups of three only.
_NUMBER = re.compile(
    rf"(?:(?<!\w)[-+\u2212])?(?<![^\W\d_])(?<!\d)(?<!\d[.,])"
    rf"(?:[0-9]+|(?<![^\s+\-\u2212])(?=[.,\u066b][0-9]))"
    rf"(?:[.,'\u2019\u066b\u066c][0-9]+|[{_THIN}][0-9]{{3}}(?![0-9]))*"
)
_ALWAYS_GROUPS = re.compile(rf"[{_THIN}'\u2019\u066c]")
_GROUPED = {mark: re.compile(rf"[1-9][0-9]{{0,2}}(?:[{mark}][0-9]{{3}})+") for mark in ".,"}
_GROUPED_FREELY = re.compile(rf"[0-9]{{1,3}}(?:[{_THIN}'\u2019\u066c][0-9]{{3}})+")
# In front of a number these change what it says: "-$20", "< 50".
_CHANGES_MEANING = re.compile("[-\u2212<>\u2264\u2265]\\W*$")
_WORD_AFTER = re.compile(r"\s*([^\W\d_]+)")
_EXPONENT = re.compile(r"[0-9][eE][-+]?[0-9]")

DECIMAL_COMMA = frozenset(
    language
    for languages in (
        "af az be bg bs ca cs da de el es et eu fi fr gl hr hu hy id is it ka kk ky",
        "lt lv mk nb nl nn no pl pt ro ru sk sl sq sr sv tr uk uz vi",
    )
    for language in languages.split()
)
"""Languages that write 1.250,5 (Unicode CLDR, number symbols); all others write 1,250.5."""

_SCALES = {
    word: Decimal(scale)
    for scale, words in (
        (12, "dozen دوجین"),
        (100, "hundred صد"),
        (1000, "k thousand هزار"),
        (1_000_000, "million میلیون"),
        (1_000_000_000, "billion میلیارد"),
    )
    for word in map(fold, words.split())
}


def read_number(text: str, language: str) -> Read | Refused:
    """One number, what stands around it taken for a unit: `80 kg`, `12 تومان`, `24ans`.

    * A unit is at most `UNIT_WORDS` words; in a longer sentence the number may not be the answer.
      A word of quantity right after the number multiplies it: `2.5 million`, `۵ هزار تومان`.
    * Groups of three may be parted by a blank, an apostrophe, `٬`, `,` or `.`; `٫`, `.` or `,`
      is the decimal mark; where both `.` and `,` stand, the last one is.
    * `1,250` and `1.250`, one mark and three digits, follow the language: a decimal comma in
      those of `DECIMAL_COMMA` (1.25 and 1250 in German), a decimal point in all others (1250
      and 1.25). One mark with any other number of digits after it is the decimal mark.
    * Rounded half up to two places. Two different numbers are refused, and so is what changes
      the meaning: `< 50`, `-$20`, `1e5`.
    """
    if _SIMPLE.fullmatch(text):
        return Read(round_half_up(Decimal(text)))
    number = number_in(text, language)
    return number if isinstance(number, Refused) else within_limits(number)


def number_in(text: str, language: str) -> Decimal | Refused:
    """The number that `read_number` reads, as exact as it is written and of any size."""
    line = plain_line(text)
    found: list[re.Match[str]] = []
    numbers: set[Decimal | None] = set()
    for match in _NUMBER.finditer(line):
        found.append(match)
        numbers.add(_scaled(line, match, language))
        if len(numbers) > 1 or len(found) > UNIT_WORDS:
            return refuse(FaultCode.SEVERAL_NUMBERS)
    number = numbers.pop() if numbers else None
    if number is None or _EXPONENT.search(line) or not _is_unit(line, found):
        return refuse(FaultCode.NOT_NUMBER)
    return number


def _scaled(line: str, match: re.Match[str], language: str) -> Decimal | None:
    number = _parse(match.group(), language)
    word = _WORD_AFTER.match(line, match.end())
    scale = _SCALES.get(fold(word.group(1))) if word else None
    if number is None or scale is None:
        return number
    return EXACT.multiply(number, scale)


def _parse(written: str, language: str) -> Decimal | None:
    sign = "-" if written[0] in "-\u2212" else ""
    digits = written.lstrip("-+\u2212")
    whole, decimal_mark, fraction = digits.partition("\u066b")
    if not decimal_mark:
        whole, fraction = _split(digits, language)
    whole = _without_groups(whole)
    if not (whole + fraction).isdecimal():
        return None
    return Decimal(f"{sign}{whole or 0}.{fraction or 0}")


def _split(digits: str, language: str) -> tuple[str, str]:
    """The part before the decimal mark and the one after it, by the rules of `read_number`."""
    mark = max(".,", key=digits.rfind)
    whole, found, fraction = digits.rpartition(mark)
    if not found:
        return digits, ""
    other = "," if mark == "." else "."
    if other in whole:
        return whole, fraction
    if mark in whole:
        return digits, ""
    decimal_mark = "," if base_language(language) in DECIMAL_COMMA else "."
    if mark != decimal_mark and _GROUPED[mark].fullmatch(digits):
        return digits, ""
    return whole, fraction


def _without_groups(whole: str) -> str:
    """Digits without their group marks; unchanged where the groups are not of three."""
    for mark, pattern in _GROUPED.items():
        if pattern.fullmatch(whole):
            return whole.replace(mark, "")
    return _ALWAYS_GROUPS.sub("", whole) if _GROUPED_FREELY.fullmatch(whole) else whole


def _is_unit(line: str, found: list[re.Match[str]]) -> bool:
    """Whether what stands around the number leaves its meaning alone."""
    before, after = line[: found[0].start()], line[found[-1].end() :]
    between = [line[a.end() : b.start()] for a, b in pairwise(found)]
    words = re.findall(r"\w+", " ".join((before, *between, after)))
    return len(words) <= UNIT_WORDS and not _CHANGES_MEANING.search(before)
