"""Numbers as they are stored: exact, with two decimal places."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

from engine.fields.faults import FaultCode
from engine.fields.readings import Read, Refused, refuse

PLACES = 2
"""Digits kept after the decimal point."""

LARGEST = Decimal("9999999999999999.99")
"""The largest number stored; minus it, the smallest. PostgreSQL's NUMERIC(20, 2) and SQLite's
64-bit hundredths both hold it exactly."""

EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
"""For arithmetic on them; the thread's own context could round otherwise."""

_PLACE = Decimal("0.01")
_ZERO = Decimal("0.00")
_FIRST_TOO_LARGE = Decimal(10**16)


def within_limits(number: Decimal) -> Read | Refused:
    """A finite number rounded to two places, refused where it cannot be stored."""
    if number.copy_abs() < _FIRST_TOO_LARGE:
        rounded = round_half_up(number)
        if rounded.copy_abs() <= LARGEST:
            return Read(rounded)
    return refuse(FaultCode.NUMBER_TOO_LARGE, limit=LARGEST)


def round_half_up(number: Decimal) -> Decimal:
    """`number`, below 10^50 in size, with exactly two places; never -0."""
    return number.quantize(_PLACE, context=EXACT) or _ZERO
