"""How the options of a question are read from a file, for every kind that asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from engine import source as tree
from engine.asking.moments import MOMENT_OR_TEMPLATE
from engine.asking.question import Offer, Question, Retry, Takes
from engine.asking.rules import RULES, WrittenRules, with_rules
from engine.asking.timing import Reminder, Timeout
from engine.fields.fold import fold_phrase
from engine.fields.readings import Read
from engine.fields.reply import read_reply
from engine.fields.types import PLAIN, Field, FieldType
from engine.shapes import (
    BOOLEAN,
    BUTTON,
    CRITERIA,
    DURATION,
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
    typed,
)
from engine.shapes.values import locale_of
from engine.source import Source
from engine.templates import Template
from engine.texts import Text
from engine.wording import SKIP_WORDS

EXPECTED = (*(type_.value for type_ in FieldType if type_ is not FieldType.LIST), "contact", "any")
"""What `expect:` may name."""

_AS_READ = ("short", "retry", "timeout", "overwrite")

_SAVED = ("save_to", "save_to_customer_field", "customer_field_key")

_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)
"""For reading what does not depend on the day."""

_TEXTUAL = frozenset(
    {FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.SELECT}
)
"""Types whose values are texts, which a text field can keep."""


@dataclass(frozen=True, slots=True)
class WrittenOffer:
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
        reader.error(reader.at("until"), "E112", "`timeout` has `after` or `until`, not both")
    if "offset" in options and "until" not in options:
        reader.error(reader.at("offset"), "E112", "`offset` counts from `until`, which is missing")
    timeout = Timeout(**options)
    for reminder in timeout.remind:
        if timeout.until is None and reminder.after >= timeout.after:
            reader.error(
                reader.at("remind"),
                "E112",
                f"a reminder after {reminder.after} comes when the question has closed, "
                f"after {timeout.after}",
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


class _SkipWords(Shape[tuple[str, ...] | bool]):
    """The author's own words, or the built-in ones and a button."""

    wanted = "true, or the words that skip the question,"

    def read(self, source: Source, reader: Reader) -> tuple[str, ...] | bool | None:
        if getattr(source, "text", "") in ("true", "false"):
            return BOOLEAN.read(source, reader)
        return ListOf(WORD).read(source, reader)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "boolean"}, ListOf(WORD).schema()]}


QUESTION_OPTIONS: Mapping[str, Option] = {
    "save_to": Option(SAVE_REF, "the customer's field, or var.x, that keeps the answer", "email"),
    "save_to_customer_field": Option(SAVE_REF, "the same as `save_to`"),
    "customer_field_key": Option(WORD, "a key that need not be a declared field"),
    "expect": Option(OneOf(*EXPECTED), "what is an answer; by default the field's type", "date"),
    "choices": Option(ChoicesShape(), "the answers offered", '["Yes", "No"]'),
    "rules": Option(RULES, "what the answer must keep to, besides its field's rules", "{min: 1}"),
    "retry": Option(RETRY, "what an invalid reply is answered with"),
    "timeout": Option(TIMEOUT, "when the question closes by itself; by default after 7d"),
    "skip": Option(_SkipWords(), "words that leave it unanswered; true: a button", "[later]"),
    "overwrite": Option(
        OneOf("always", "if_empty", "confirm"),
        "if_empty asks nothing where a valid value is there; confirm asks whether it is right",
    ),
    "short": Option(TEXT, "how it is asked again; by default its last line"),
}


def question_of(options: Mapping[str, Any], text: Text[Template], reader: Reader) -> Question:
    """The question these options make; what contradicts is reported."""
    save_to = _save_to(options, reader)
    written = options.get("choices", ())
    field, takes = _answer(options, save_to, reader)
    only = _only_choices(options, field, save_to, reader)
    free = only and reader.field(save_to) is None
    skip = options.get("skip", ())
    plain = {name: options[name] for name in _AS_READ if name in options}
    return Question(
        text=text,
        save_to=save_to,
        field=field,
        takes=takes,
        choices=_choices(written, None if free else field, reader),
        only_choices=only,
        free=free,
        skip=frozenset(map(fold_phrase, SKIP_WORDS if skip is True else skip or ())),
        skip_button=skip is True,
        **plain,
    )


def _save_to(options: Mapping[str, Any], reader: Reader) -> str:
    written = [name for name in _SAVED if name in options]
    for name in written[1:]:
        reader.error(reader.at(name), "E112", f"`{name}` says the same as `{written[0]}`")
    return str(options[written[0]]).removeprefix("customer.") if written else ""


def _answer(options: Mapping[str, Any], save_to: str, reader: Reader) -> tuple[Field, Takes]:
    """What the reply is read as. The type of a customer's field and `expect` have to fit."""
    own, expect = reader.field(save_to), options.get("expect")
    takes: Takes = "contact" if expect == "contact" else "any" if expect == "any" else "typed"
    type_ = _type_of(expect) if expect else own.type if own else FieldType.TEXT
    if own is None:
        key = save_to.removeprefix("var.") or "answer"
        field = replace(PLAIN[type_], key=key, label=Text.plain(key.replace("_", " ")))
    else:
        if not _fits(type_, own.type):
            reader.error(
                reader.at("expect"),
                "E401",
                f"'{own.key}' keeps a {own.type}, and a reply read as {expect} is none",
            )
        field = own if type_ is own.type else replace(own, type=type_)
    rules: WrittenRules | None = options.get("rules")
    return (with_rules(field, rules, reader) if rules else field), takes


def _type_of(expect: str) -> FieldType:
    if expect == "contact":
        return FieldType.PHONE
    return FieldType.TEXT if expect == "any" else FieldType(expect)


def _fits(read: FieldType, kept: FieldType) -> bool:
    return read is kept or (kept is FieldType.TEXT and read in _TEXTUAL)


def _only_choices(options: Mapping[str, Any], field: Field, save_to: str, reader: Reader) -> bool:
    """Whether nothing but the choices is an answer: where no type says what else could be one."""
    expect = options.get("expect")
    if expect == "select" and not field.options and not options.get("choices"):
        reader.error(reader.at("expect"), "E112", "`expect: select` needs `choices`")
    if not options.get("choices"):
        return False
    if expect is not None:
        return bool(expect == "select")
    own = reader.field(save_to)
    return own is None or own.type in (FieldType.SELECT, FieldType.BOOLEAN)


def _choices(
    written: tuple[tuple[WrittenOffer, ...], ...] | Template, field: Field | None, reader: Reader
) -> tuple[tuple[Offer, ...], ...] | Template:
    if isinstance(written, Template):
        return written
    return tuple(tuple(_made(offer, field, reader) for offer in row) for row in written)


def _made(written: WrittenOffer, field: Field | None, reader: Reader) -> Offer:
    value = typed(written.value, field, reader) if written.value is not None else None
    if written.value is None and field is not None:
        _check_label(written.text, field, reader)
    return Offer(written.text, value, written.goto, written.when)


def _check_label(text: Text[Template], field: Field, reader: Reader) -> None:
    """A choice without a value is stored by its text, which the field has to take."""
    leaf = text.pick(reader.language, None, (reader.business.language,))
    # What a text means as a date depends on the day on which it is offered.
    if not leaf.is_constant or field.type in (FieldType.DATE, FieldType.DATETIME):
        return
    if not isinstance(read_reply(leaf.source, field, locale_of(reader), _ANY_DAY), Read):
        reader.error(
            reader.at("choices"),
            "E402" if field.options else "E403",
            f"the choice '{leaf.source}' is no value of '{field.key}'",
            "Give it one: {text: ..., value: ...}.",
        )
