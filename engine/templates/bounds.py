"""What a template may use up, and how it says that it failed.

Every value inside a template is bounded: a text by MAX_TEXT, a list by MAX_ITEMS, a number by the
digits of NUMBERS. The number of operations is bounded when the template is loaded (MAX_WORK). So
the time of a render has a limit that needs no timer.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

MAX_TEXT = 8_192
"""Characters of any one text in a template, and of its output."""

MAX_ITEMS = 100
"""Items of a list that a template goes through: by `for`, `in`, or a filter."""

MAX_SOURCE = 16_384
"""Characters of a template as written."""

MAX_WORK = 20_000
"""Work of one render: an operation counts 1, or HEAVY; inside the `for` MAX_ITEMS times that.

The dearest template that loads, on the longest texts and lists, renders within about a second.
"""

HEAVY = 20
"""What an operation counts that goes through a text or a list, or asks babel."""

MAX_DEPTH = 50
"""How deep expressions and blocks may lie in each other."""

MAX_WIDTH = 100
"""Width or precision in a pattern of `format`."""

NUMBERS = Context(
    prec=28,
    rounding=ROUND_HALF_UP,
    Emin=-28,
    Emax=28,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""All arithmetic goes through this one context: the thread's own may be anybody's."""

ZERO = Decimal(0)


class TemplateFailed(Exception):
    """A template met values it cannot work with. `reason` names kinds, never the values."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def bounded(text: str) -> str:
    """The same text. Raises TemplateFailed if it is longer than MAX_TEXT."""
    if len(text) > MAX_TEXT:
        raise TemplateFailed(f"a text of more than {MAX_TEXT:,} characters")
    return text


def finite(number: Decimal) -> Decimal:
    """The number in at most 28 digits.

    Raises TemplateFailed for infinity and what is not a number, decimal.Overflow beyond 10^29.
    """
    if not number.is_finite():
        raise TemplateFailed("a number that is not finite")
    return NUMBERS.plus(number)
