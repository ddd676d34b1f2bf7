"""The options of a question, for every kind that asks: how each is read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from engine import source as tree
from engine.asking.moments import MOMENT_OR_TEMPLATE
from engine.asking.question import Retry
from engine.asking.rules import RULES
from engine.asking.timing import Reminder, Timeout
from engine.fields.types import FieldType
from engine.shapes import (
    BOOLEAN,
    BUTTON,
    CRITERIA,
    DURATION,
    KEEP_REF,
    LITERAL,
    NODE_REF,
    OFFSET,
    SAVE_REF,
    TEXT,
    WORD,
    ListOf,
    Literal,
    OneOf,
    Option,
    Reader,
    Record,
    Shape,
    WholeNumber,
)
from engine.source import Source
from engine.templates import Template
from engine.texts import Text

SENT = ("contact", "location", "photo", "document", "voice", "any")
"""What `expect:` may name that is no type of a field."""

EXPECTED = (*(type_.value for type_ in FieldType if type_ is not FieldType.LIST), *SENT)
"""What `expect:` may name."""


class WrittenOffer(Struct, frozen=True):
    """A choice as read, before the field it answers is known."""

    text: Text[Template]
    value: Literal | None = None
    goto: str = ""
    when: Any = None


def _offer(options: dict[str, Any], _: Reader) -> WrittenOffer:
    return WrittenOffer(**options)


_OFFER_OPTIONS: Mapping[str, Option] = {
    "text": Option(BUTTON, "what its button says", "Change it", required=True),
    "value": Option(LITERAL, "what is stored; without it, the text", "clothes"),
    "goto": Option(NODE_REF, "the node it leads to; without it, the question's exit"),
    "when": Option(CRITERIA, "it is offered only where this holds", "{is_vip: true}"),
}
_FULL_OFFER = Record(_OFFER_OPTIONS, _offer, "a choice")


class OfferShape(Shape[WrittenOffer]):
    """A text, in one language or several, or a mapping with `text`."""

    wanted = "a choice, a text or {text: ..., value: ...},"

    def read(self, source: Source, reader: Reader) -> WrittenOffer | None:
        if isinstance(source, tree.Mapping) and any(map(source.entry, _OFFER_OPTIONS)):
            return _FULL_OFFER.read(source, reader)
        text = BUTTON.read(source, reader)
        return None if text is None else WrittenOffer(text)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [BUTTON.schema(), _FULL_OFFER.schema()]}


ROW = ListOf(OfferShape())
"""A choice alone is a row of its own."""


class ChoicesShape(Shape[tuple[tuple[WrittenOffer, ...], ...] | Template]):
    """Rows of choices (an inner list is a row), or a template that gives the list."""

    wanted = "a list of choices"

    def read(
        self, source: Source, reader: Reader
    ) -> tuple[tuple[WrittenOffer, ...], ...] | Template | None:
        if isinstance(source, tree.Scalar):
            literal = LITERAL.read(source, reader)
            if literal is None or literal.template is not None:
                return None if literal is None else literal.template
        return ListOf(ROW).read(source, reader)

    def schema(self) -> dict[str, Any]:
        return ListOf(ROW).schema()


def _retry(options: dict[str, Any], reader: Reader) -> Retry:
    if ("attempts" in options) != ("goto" in options):
        missing = "goto" if "attempts" in options else "attempts"
        reader.error(
            reader.at(),
            "E112",
            f"`retry` needs `{missing}` too",
            "`attempts` counts invalid replies, and the last of them leaves by `goto`.",
        )
    return Retry(**options)


def _reminder(options: dict[str, Any], _: Reader) -> Reminder:
    return Reminder(**options)


def _timeout(options: dict[str, Any], reader: Reader) -> Timeout:
    if "after" in options and "until" in options:
        reader.error(
            reader.at("until"),
            "E112",
            "`timeout` has `after` or `until`, not both",
            "Keep one of them.",
        )
    if "offset" in options and "until" not in options:
        reader.error(
            reader.at("offset"),
            "E112",
            "`offset` counts from `until`, which is missing",
            "Write `until` too, or the whole time as `after`.",
        )
    timeout = Timeout(**options)
    for reminder in timeout.remind:
        if timeout.until is None and reminder.after >= timeout.after:
            reader.error(
                reader.at("remind"),
                "E112",
                f"a reminder after {reminder.after} comes when the question has closed, "
                f"after {timeout.after}",
                "Remind earlier, or wait longer.",
            )
    return timeout


RETRY = Record(
    {
        "text": Option(TEXT, "said instead of the rule that the reply broke"),
        "attempts": Option(WholeNumber(min=1), "which invalid reply leaves by `goto`", "3"),
        "goto": Option(NODE_REF, "where the last attempt leads"),
    },
    _retry,
    "retry",
)

REMINDER = Record(
    {
        "after": Option(DURATION, "counted from the question", "30m", required=True),
        "text": Option(TEXT, "what is said, with the question's buttons", required=True),
    },
    _reminder,
    "a reminder",
)

TIMEOUT = Record(
    {
        "after": Option(DURATION, "counted from the question", "2h"),
        "until": Option(MOMENT_OR_TEMPLATE, "a date or moment", "{{ customer.appointment }}"),
        "offset": Option(OFFSET, "before (-) or after `until`", "-1h"),
        "remind": Option(ListOf(REMINDER), "what is said before that"),
        "goto": Option(NODE_REF, "without it the run ends with outcome no_reply"),
    },
    _timeout,
    "timeout",
)


class _Words(Shape[tuple[str, ...] | bool]):
    """The author's own words, or the built-in ones and a button."""

    wanted = "true, or the words that people write for it,"

    def read(self, source: Source, reader: Reader) -> tuple[str, ...] | bool | None:
        if getattr(source, "text", "") in ("true", "false"):
            return BOOLEAN.read(source, reader)
        return ListOf(WORD).read(source, reader)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "boolean"}, ListOf(WORD).schema()]}


QUESTION_OPTIONS: Mapping[str, Option] = {
    "save_to": Option(SAVE_REF, "the customer's field, or var.x, that keeps the answer", "email"),
    "save_to_customer_field": Option(SAVE_REF, "the same as `save_to`"),
    "customer_field_key": Option(KEEP_REF, "a key that need not be a declared field"),
    "expect": Option(OneOf(*EXPECTED), "what is an answer; by default the field's type", "date"),
    "choices": Option(ChoicesShape(), "the answers offered", '["Yes", "No"]'),
    "rules": Option(RULES, "what the answer must keep to, besides its field's rules", "{min: 1}"),
    "retry": Option(RETRY, "what an invalid reply is answered with"),
    "timeout": Option(TIMEOUT, "when the question closes by itself; by default after 7d"),
    "skip": Option(_Words(), "words that leave it unanswered; true: a button", "[later]"),
    "back": Option(_Words(), "words that lead to the question before; true: a button", "true"),
    "choose": Option(
        OneOf("one", "many"),
        "many: choices are taken up one by one, a Done button stores the list",
    ),
    "merge_within": Option(
        DURATION, "texts that follow each other so quickly are one reply; default each is one", "2s"
    ),
    "overwrite": Option(
        OneOf("always", "if_empty", "confirm"),
        "if_empty asks nothing where a valid value is there; confirm asks whether it is right",
    ),
    "short": Option(TEXT, "how it is asked again; by default its last line"),
}
