"""The order in which a text of two directions is shown: what is put into a sentence is isolated.

In a Persian sentence `1990-05-15` would be shown as 15-05-1990, `W-12` and `+98 912` in pieces,
and a sentence that begins with a Latin name would run from the left. The cure of UAX #9 is a pair
of invisible marks, U+2068 and U+2069, around what is put in. They are set where the directions
meet and nowhere else: not in links, commands and names such as @lotus, which would break, and not
in anything that is stored as a customer's.
"""

from __future__ import annotations

import re
from unicodedata import bidirectional

FIRST_STRONG, POP = "\u2068", "\u2069"
"""FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE (https://unicode.org/reports/tr9)."""

_RIGHT = frozenset({"R", "AL"})
_NUMBER = frozenset({"EN", "AN"})
_TURNS = frozenset({"ES", "ET", "ON", "WS", "CS"})
"""What stands in or beside a number and may change sides with it."""

_ALONE = re.compile(r"[0-9۰-۹٠-٩]+([.,:/٫٬][0-9۰-۹٠-٩]+)*")
"""A number that is shown alike in both directions."""

_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")

_ISOLATE = re.compile(f"{FIRST_STRONG}([^{FIRST_STRONG}{POP}\n]*){POP}")

_GLUED_BEFORE = re.compile(r"[A-Za-z0-9/@_#?=&.%~+-]*[A-Za-z0-9/@_#][A-Za-z0-9/@_#?=&.:%~+-]*$")
_GLUED_AFTER = re.compile(r"[A-Za-z0-9/@_]|[.?=&#-][A-Za-z0-9]")


def runs_right(text: str) -> bool | None:
    """Whether a text begins at the right: by its first letter that has a direction; None if none
    has."""
    for sign in text:
        direction = bidirectional(sign)
        if direction in _RIGHT:
            return True
        if direction == "L":
            return False
    return None


def isolated(value: str, right: bool | None) -> str:
    """`value` as it is put into a text that runs from the right (True), the left, or neither way.

    Each line by itself, for a mark ends with its line. Marks in the value that would turn what
    stands after it are left out.
    """
    if right is None or (_ALONE.fullmatch(value) if right else value.isascii()):
        return value
    # What was isolated before keeps its own marks: a wording inside of another one.
    plain = _CONTROLS.sub("", value) if _CONTROLS.search(_ISOLATE.sub("", value)) else value
    if "://" in plain or not (plain != value or _turns(plain, right)):
        return plain
    return "\n".join(f"{FIRST_STRONG}{line}{POP}" if line else "" for line in plain.split("\n"))


def _turns(value: str, right: bool) -> bool:
    """Whether it could be shown, or turn what stands beside it, in the wrong order: unless it
    begins and ends in the direction of the text."""
    begins = runs_right(value)
    if begins is None:
        kinds = {bidirectional(sign) for sign in value}
        return "AN" in kinds if not right else bool(kinds & _NUMBER and kinds & _TURNS)
    return begins is not right or runs_right(value[::-1]) is not right


def out_of_links(text: str) -> str:
    """The text without the marks that would stand inside of a word: a link, a command, a name."""
    if FIRST_STRONG not in text:
        return text
    done, at = "", 0
    for found in _ISOLATE.finditer(text):
        done += text[at : found.start()]
        at = found.end()
        glued = _GLUED_BEFORE.search(done) or _GLUED_AFTER.match(text, at)
        done += found[1] if glued else found[0]
    return done + text[at:]


def unmarked(text: str) -> str:
    """The text as its author wrote it and its reader sees it: without the marks."""
    if FIRST_STRONG not in text:
        return text
    return text.replace(FIRST_STRONG, "").replace(POP, "")
