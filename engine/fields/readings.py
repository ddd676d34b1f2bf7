"""What comes of reading a value: it is read, refused, or could mean several things."""

from __future__ import annotations

from msgspec import Struct

from engine.fields.faults import Fault, FaultCode, Param
from engine.fields.places import DateOrder
from engine.fields.types import Value


class Read(Struct, frozen=True):
    """The typed, normalised value; None clears the field."""

    value: Value


class Candidate(Struct, frozen=True):
    """One meaning of an ambiguous date, and the order of day and month it supposes.

    `order` is None where it is not the order that is open (a day without a year). Choosing the
    candidate teaches the customer's order.
    """

    value: Value
    order: DateOrder | None = None


class Ambiguous(Struct, frozen=True):
    """Two or more meanings, earliest order first; the person is asked which one is meant."""

    candidates: tuple[Candidate, ...]


class Refused(Struct, frozen=True):
    """Not a value of the field; `fault` says which rule it broke."""

    fault: Fault


Reading = Read | Ambiguous | Refused


def refuse(code: FaultCode, **params: Param) -> Refused:
    """A refusal by the rule `code`."""
    return Refused(Fault(code, params))
