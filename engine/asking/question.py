"""A question as its author wrote it: what is asked, what is an answer, where it goes."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from engine.asking.timing import STANDARD_TIMEOUT, Timeout
from engine.durations import Duration
from engine.fields.types import PLAIN, Field, FieldType
from engine.scope import Condition
from engine.templates.template import Template
from engine.texts import Text

Overwrite = Literal["always", "if_empty", "confirm"]

Takes = Literal["typed", "contact", "location", "photo", "document", "voice", "any"]
"""What counts as a reply: a text that is read as the field's type (a phone also from a contact
card), one kind of thing alone, or anything at all."""


class Offer(Struct, frozen=True):
    """A choice as written. value: typed, a template, or None for the text itself."""

    text: Text[Template]
    value: Any = None
    goto: str = ""
    when: Condition | None = None


class Retry(Struct, frozen=True):
    """What an invalid reply is answered with: `text`, else the rule that it broke.

    attempts: which invalid reply leaves the question by `goto`; None to stay open.
    """

    text: Text[Template] | None = None
    attempts: int | None = None
    goto: str = ""


STANDARD_RETRY = Retry()
"""Say the rule, ask again, stay open."""


class Question(Struct, frozen=True, kw_only=True):
    """One thing to be asked.

    save_to: the key of a customer field, `var.x`, or '' to store nothing. field: what the reply
    is read as, its rules those of the customer's field and the question's own together.
    choices: rows of offers, or a template that gives a list of them; `only_choices` where nothing
    else is an answer, `free` where no field says of what type they are. skip: folded words that
    leave it unanswered; `skip_button` where it has a button for that. back: the same for the words
    that lead to the question before. many: several choices make one answer, a list. merge_within:
    the pause after which quick messages are one reply; None where each is one.
    """

    text: Text[Template]
    short: Text[Template] | None = None
    save_to: str = ""
    field: Field = PLAIN[FieldType.TEXT]
    takes: Takes = "typed"
    choices: tuple[tuple[Offer, ...], ...] | Template = ()
    only_choices: bool = False
    free: bool = False
    skip: frozenset[str] = frozenset()
    skip_button: bool = False
    back: frozenset[str] = frozenset()
    back_button: bool = False
    many: bool = False
    merge_within: Duration | None = None
    retry: Retry = STANDARD_RETRY
    timeout: Timeout = STANDARD_TIMEOUT
    overwrite: Overwrite = "always"

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The choices that are written out."""
        if isinstance(self.choices, Template):
            return ()
        return tuple(offer for row in self.choices for offer in row)

    def exits(self) -> tuple[tuple[str, str], ...]:
        """The ways out that it names: (name of the way, node id)."""
        ways = [("retry", self.retry.goto), ("timeout", self.timeout.goto)]
        ways += [(f"choice {place}", offer.goto) for place, offer in enumerate(self.offers, 1)]
        return tuple((name, target) for name, target in ways if target)
