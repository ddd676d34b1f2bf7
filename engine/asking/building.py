"""From the options as read to the question they make."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from engine.asking.options import SENT, WrittenOffer
from engine.asking.question import Offer, Question, Takes
from engine.asking.rules import WrittenRules, with_rules
from engine.fields.fold import fold_phrase
from engine.fields.readings import Read
from engine.fields.reply import read_reply
from engine.fields.types import NO_RULES, PLAIN, Field, FieldType
from engine.shapes import Reader, check_buttons, typed
from engine.shapes.values import locale_of
from engine.templates import Template
from engine.texts import Text
from engine.wording import BACK_WORDS, SKIP_WORDS

_AS_READ = ("short", "retry", "timeout", "overwrite", "merge_within")

_SAVED = ("save_to", "save_to_customer_field", "customer_field_key")

_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)
"""For reading what does not depend on the day."""

_TEXTUAL = frozenset(
    {FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.SELECT}
)
"""Types whose values are texts, which a text field can keep."""


def question_of(options: Mapping[str, Any], text: Text[Template], reader: Reader) -> Question:
    """The question these options make; what contradicts is reported."""
    save_to = _save_to(options, reader)
    written = options.get("choices", ())
    field, takes = _answer(options, save_to, reader)
    many = _many(options, field, reader)
    only = many or _only_choices(options, field, save_to, reader)
    free = only and reader.field(save_to) is None
    if many:
        field = replace(field, type=FieldType.LIST)
    skip, back = options.get("skip", ()), options.get("back", ())
    _check_pause(options, reader)
    plain = {name: options[name] for name in _AS_READ if name in options}
    _check_count(written, field, reader, more=(skip is True) + (back is True) + many)
    return Question(
        text=text,
        save_to=save_to,
        field=field,
        takes=takes,
        choices=_choices(written, _of_choices(field, free=free, many=many), reader),
        many=many,
        only_choices=only,
        free=free,
        skip=_folded(skip, SKIP_WORDS),
        skip_button=skip is True,
        back=_folded(back, BACK_WORDS),
        back_button=back is True,
        **plain,
    )


def _folded(words: tuple[str, ...] | bool, ours: tuple[str, ...]) -> frozenset[str]:
    """The author's words, or ours where `true` was written."""
    return frozenset(map(fold_phrase, ours if words is True else words or ()))


def _many(options: Mapping[str, Any], field: Field, reader: Reader) -> bool:
    """Whether several choices make one answer; by default where a list has choices."""
    written = options.get("choices", ())
    choose, is_list = options.get("choose"), field.type is FieldType.LIST
    if choose is None:
        return is_list and bool(written or field.options)
    if choose == "one":
        return False
    if not written and not field.options:
        reader.error(
            reader.at("choose"),
            "E112",
            "`choose: many` has nothing to choose from",
            "Write `choices`, or save to a list field that has options.",
        )
    if options.get("expect") not in (None, "select"):
        reader.error(
            reader.at("expect"),
            "E112",
            "`choose: many` chooses, and expects no other",
            "Leave `expect` out.",
        )
    if not isinstance(written, Template) and any(one.goto for row in written for one in row):
        reader.error(
            reader.at("choices"),
            "E112",
            "with `choose: many` a choice has no `goto` of its own",
            "Done leaves the question: look at what was chosen in a `branch` below.",
        )
    own = reader.field(_save_to(options, reader))
    if own is not None and not is_list:
        reader.error(
            reader.at("choose"),
            "E401",
            f"'{own.key}' keeps a {own.type}, and many are a list",
            "Save to a field of type list, or to a variable.",
        )
    return True


def _check_pause(options: Mapping[str, Any], reader: Reader) -> None:
    pause, timeout = options.get("merge_within"), options.get("timeout")
    if pause is not None and timeout is not None and timeout.until is None:
        if pause >= timeout.after:
            reader.error(
                reader.at("merge_within"),
                "E112",
                f"after a pause of {pause} the question has closed, after {timeout.after}",
                "Write a shorter pause, such as 2s.",
            )


def _save_to(options: Mapping[str, Any], reader: Reader) -> str:
    written = [name for name in _SAVED if name in options]
    for name in written[1:]:
        reader.error(
            reader.at(name),
            "E112",
            f"`{name}` says the same as `{written[0]}`",
            "Keep one of them.",
        )
    return str(options[written[0]]).removeprefix("customer.") if written else ""


def _answer(options: Mapping[str, Any], save_to: str, reader: Reader) -> tuple[Field, Takes]:
    """What the reply is read as. The type of a customer's field and `expect` have to fit."""
    own, expect = reader.field(save_to), options.get("expect")
    takes: Takes = expect if expect in SENT else "typed"
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
                "Leave `expect` out: the field's own type is the default.",
            )
        field = own if type_ is own.type else replace(own, type=type_)
    rules: WrittenRules | None = options.get("rules")
    return (with_rules(field, rules, reader) if rules else field), takes


def _type_of(expect: str) -> FieldType:
    if expect == "contact":
        return FieldType.PHONE
    return FieldType.TEXT if expect in SENT else FieldType(expect)


def _fits(read: FieldType, kept: FieldType) -> bool:
    return read is kept or (kept is FieldType.TEXT and read in _TEXTUAL)


def _only_choices(options: Mapping[str, Any], field: Field, save_to: str, reader: Reader) -> bool:
    """Whether nothing but the choices is an answer: where no type says what else could be one."""
    expect = options.get("expect")
    if expect == "select" and not field.options and not options.get("choices"):
        reader.error(
            reader.at("expect"),
            "E112",
            "`expect: select` needs `choices`",
            "Write the choices, or save to a select field, whose options they are.",
        )
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


def _of_choices(field: Field, *, free: bool, many: bool) -> Field | None:
    """What each choice has to be a value of; None where no field says."""
    if free:
        return None
    if many:
        return replace(field, type=FieldType.SELECT, rules=NO_RULES) if field.options else None
    return field


def _check_count(
    written: tuple[tuple[WrittenOffer, ...], ...] | Template,
    field: Field,
    reader: Reader,
    *,
    more: int,
) -> None:
    """Choices with a `when` do not count: they may exclude each other. more: rows of our own."""
    if isinstance(written, Template):
        return
    rows = [sum(1 for offer in row if offer.when is None) for row in written]
    rows = (rows or [1] * len(field.options)) + [1] * more
    check_buttons(rows, reader.at("choices" if written else "save_to"), reader)


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
