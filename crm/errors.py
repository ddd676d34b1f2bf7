"""What the CRM refuses, as exceptions; the text of each is one sentence for a person.

CrmError
  NotFound            the reference names nothing of this business
  Ambiguous           the reference names several customers
  WrongCursor         a page of a list is asked for that no page before has named
  InvalidValues       values break the rules of their fields
  EmailTaken          another customer has this address
  NoFreeSlot          all typed columns of a field's type are taken
  NumberTaken         another customer has a purchase of this number
  CannotMerge         two customers cannot become one, or not two again
  NotAllowed          a change that the state of a record, or who asks, does not allow
  FileRefused         a file that is not read, or not like this; nothing of it was stored
  NotTalking          the customer cannot be talked with so
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class CrmError(Exception):
    """The CRM refuses what was asked; nothing was written. Show the text, do not retry."""


class NotFound(CrmError):
    """Nothing of this business answers to the reference; ask for another one."""


@dataclass(frozen=True, slots=True)
class Match:
    """A customer that a reference or a search found."""

    customer_id: int
    display_name: str


class Ambiguous(CrmError):
    """Several customers answer to the reference: let the person choose among `matches`."""

    def __init__(self, reference: str, matches: tuple[Match, ...]) -> None:
        self.matches = matches
        names = ", ".join(f"{match.display_name} (id:{match.customer_id})" for match in matches)
        super().__init__(f"{reference} may be any of {len(matches)}: {names}")


class UnknownField(CrmError):
    """No column is called so; extras cannot be listed or sorted by. Correct the name."""

    def __init__(self, name: str, suggestion: str) -> None:
        self.name = name
        super().__init__(f"There is no column for '{name}'. {suggestion}".rstrip())


class WrongCursor(CrmError):
    """The place where a page should begin is none of this list's: begin with the first page."""

    def __init__(self, cursor: str) -> None:
        super().__init__(f"No page of this list begins at '{cursor[:60]}'.")


class InvalidValues(CrmError):
    """`reasons` says, by field, which rule a value breaks; correct them and try again."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        super().__init__("; ".join(f"{key}: {reason}" for key, reason in reasons.items()))


class EmailTaken(CrmError):
    """`match` has this address already: change that customer, or archive it first."""

    def __init__(self, email: str, match: Match) -> None:
        self.match = match
        super().__init__(f"{email} belongs to {match.display_name} (id:{match.customer_id})")


_NO_FREE_SLOT = {
    "en": "No room for '{key}': all {count} {type} columns are in use. "
    "Take a field out of crm.yaml, or declare this one with `extra: true`.",
    "fa": "برای «{key}» جایی نیست: هر {count} ستون نوع {type} پر است. "
    "یک فیلد را از crm.yaml بردارید، یا این فیلد را با `extra: true` تعریف کنید.",
}
_IN_THE_WAY = {
    "en": " Values of {retired}, out of use, keep columns: `rapport fields archive KEY` moves them "
    "to the extras.",
    "fa": " مقدارهای {retired} که دیگر به کار نمی‌روند ستون‌هایی را نگه داشته‌اند: "
    "`rapport fields archive KEY` آن‌ها را به extras می‌برد.",
}


class NoFreeSlot(CrmError):
    """All `count` columns of the type are taken, or still hold the values of fields `retired`.

    Deactivate a field, archive or clear the values of a retired one, or declare this one with
    `extra: true`: it is stored in the JSON of extras, typed, validated and filterable all the same.
    """

    def __init__(self, key: str, type: str, count: int, retired: tuple[str, ...] = ()) -> None:
        self.key, self.type, self.count, self.retired = key, type, count, retired
        super().__init__(self.text("en"))

    def text(self, language: str) -> str:
        """The sentence in `language` (en, fa); English for any other."""
        known = language if language in _NO_FREE_SLOT else "en"
        pattern = _NO_FREE_SLOT[known] + (_IN_THE_WAY[known] if self.retired else "")
        names = ", ".join(f"'{key}'" for key in self.retired)
        return pattern.format(key=self.key, type=self.type, count=self.count, retired=names)


class NotForAnybody(CrmError):
    """The mail could not be read, so it has no conversation to go back to; it can only be seen."""


class NumberTaken(CrmError):
    """`match` has a purchase of this number: a number names one purchase of the business."""

    def __init__(self, number: str, match: Match) -> None:
        self.match = match
        owner = f"{match.display_name} (id:{match.customer_id})"
        super().__init__(f"The purchase {number} belongs to {owner}.")


class NotAllowed(CrmError):
    """What is asked is not possible as things are, or not for this person; the text says why."""


class CannotMerge(CrmError):
    """These two cannot be made one, or not two again; the text says why. Nothing was changed."""


class FileRefused(CrmError):
    """A file of customers cannot be read or written like this; the text says what to change."""


class NotTalking(CrmError):
    """The customer cannot be talked with so: nobody has taken over, they are nowhere reachable, or
    there is nothing to say."""
