"""Places where any value may stand, and literals whose type only their field knows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct

from engine.fields.coerce import coerce
from engine.fields.faults import fault_text
from engine.fields.places import Locale
from engine.fields.readings import Refused
from engine.fields.types import Field, FieldType, Value
from engine.shapes.reader import Reader, Ref
from engine.shapes.shape import SCALAR_TYPES, Shape
from engine.shapes.templates import read_template
from engine.shapes.words import JSON_NUMBER
from engine.source import Mapping, Scalar, Sequence, Source
from engine.suggest import did_you_mean
from engine.templates import Template


class AnyValue(Shape[Any]):
    """Text, Template, bool, None, Decimal, a tuple or dict of these.

    Of plain words only `true`, `false`, `null` and JSON numbers are not text. An unreadable part
    is None, and reported: `null` is None too, so ask the problems whether it went well.
    """

    wanted = "a value"
    nullable = True

    def read(self, source: Source, reader: Reader) -> Any:
        match source:
            case Sequence(items):
                return tuple(self.read(item, reader) for item in items)
            case Mapping(entries):
                return {entry.key.text: self.read(entry.value, reader) for entry in entries}
            case Scalar(quoted=False, text=text) if text in _WORDS or JSON_NUMBER.fullmatch(text):
                return plain_word(text)
            case Scalar():
                template = read_template(source, reader)
                if template is None:
                    return None
                return template.source if template.is_constant else template

    def schema(self) -> dict[str, Any]:
        return {}


_WORDS = {"true": True, "false": False, "null": None, "": None}


def plain_word(text: str) -> str | bool | Decimal | None:
    """What an unquoted word means where anything may stand."""
    if text in _WORDS:
        return _WORDS[text]
    return Decimal(text) if JSON_NUMBER.fullmatch(text) else text


def plain(source: Source) -> Any:
    """The tree as dicts, lists and texts: the letters typed, None where nothing is written."""
    match source:
        case Scalar():
            return None if source.empty else source.text
        case Sequence(items):
            return [plain(item) for item in items]
        case Mapping(entries):
            return {entry.key.text: plain(entry.value) for entry in entries}


class Literal(Struct, frozen=True):
    """A value as written, or the Template it is; `typed` reads it as its field asks."""

    scalar: Source
    template: Template | None = None


class LiteralShape(Shape[Literal]):
    wanted = "a value"

    def read(self, source: Source, reader: Reader) -> Literal | None:
        if isinstance(source, Mapping):
            self.refuse(source, reader)
            return None
        if isinstance(source, Sequence):
            return Literal(source)
        template = read_template(source, reader)
        if template is None:
            return None
        return Literal(source, None if template.is_constant else template)

    def schema(self) -> dict[str, Any]:
        return {"type": [*SCALAR_TYPES, "null", "array"]}


def typed(literal: Literal, field: Field | None, reader: Reader) -> Value | Template:
    """The value in the type of `field`, or its Template, or None.

    Without a field it is what it looks like where anything may stand. What the field refuses
    (its type, its options, its rules) is reported and gives None. `null` and nothing clear.
    """
    if literal.template is not None:
        return literal.template
    source = literal.scalar
    if field is None:
        value = ANY_VALUE.read(source, reader)
        return value if not isinstance(value, dict) else None
    if isinstance(source, Scalar) and not source.quoted and source.text in ("null", ""):
        return None
    coerced = coerce(plain(source), field, locale_of(reader))
    if not isinstance(coerced, Refused):
        return coerced.value
    _report(coerced, source, field, reader)
    return None


def _report(refused: Refused, source: Source, field: Field, reader: Reader) -> None:
    options = [option.value for option in field.options]
    if isinstance(source, Scalar) and options:
        message = f"'{source.text}' is not an option of '{field.key}'"
        cure = did_you_mean(source.text, options) or f"It has {', '.join(options)}."
        reader.error(source.position, "E402", message, cure)
        return
    reason = fault_text(refused.fault, "en")
    cure = _FORMS.get(field.type, "")
    reader.error(source.position, "E403", f"not a value of '{field.key}': {reason}", cure)


_FORMS = {
    FieldType.NUMBER: "In files numbers are written 12 or 12.50.",
    FieldType.DATE: "In files dates are written 1990-05-15.",
    FieldType.DATETIME: "In files moments are written 2026-03-01T10:00:00+03:30.",
    FieldType.TIME: "In files times are written 18:30.",
    FieldType.BOOLEAN: "Write yes or no.",
}


def locale_of(reader: Reader) -> Locale:
    """The business's own conventions, by which its files are read."""
    business = reader.business
    return Locale(
        language=business.language,
        languages=business.languages,
        country=business.country or None,
        timezone=business.timezone,
        currency=business.currency,
    )


class Assignments(Shape[tuple[tuple[str, Any], ...]]):
    """`field: value` and `var.x: value`, top to bottom; a literal is read as its field asks."""

    wanted = "a mapping such as {points: 10, var.n: 0}"

    def read(self, source: Source, reader: Reader) -> tuple[tuple[str, Any], ...] | None:
        if not isinstance(source, Mapping) or not source.entries:
            self.refuse(source, reader)
            return None
        return tuple(self.assignment(entry.key, entry.value, reader) for entry in source.entries)

    def assignment(self, key: Scalar, source: Source, reader: Reader) -> tuple[str, Any]:
        # `customer.points` and `points` are one field.
        name = key.text.removeprefix("customer.")
        reader.refer(Ref.WRITE, name, key.position)
        if name.startswith("var."):
            return name, ANY_VALUE.read(source, reader)
        literal = LITERAL.read(source, reader)
        return name, None if literal is None else typed(literal, reader.field(name), reader)

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "minProperties": 1}


class Constant(AnyValue):
    """Any value that is the same for everybody."""

    wanted = "a plain value"

    def read(self, source: Source, reader: Reader) -> Any:
        value = super().read(source, reader)
        if _has_template(value):
            message = "a plain value belongs here, not a template"
            reader.error(
                source.position, "E203", message, "Set it in the first node: 'set: {var.x: ...}'."
            )
            return None
        return value


def _has_template(value: Any) -> bool:
    match value:
        case tuple():
            return any(_has_template(item) for item in value)
        case dict():
            return any(_has_template(item) for item in value.values())
        case _:
            return isinstance(value, Template)


CONSTANT = Constant()
ANY_VALUE = AnyValue()
VALUE = ANY_VALUE
LITERAL = LiteralShape()
ASSIGNMENTS = Assignments()
