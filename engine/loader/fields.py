"""Reading `fields:`: those of the business, on top of its industry's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from engine import source as tree
from engine.fields.base import BASE_FIELDS
from engine.fields.patterns import compile_pattern
from engine.fields.slots import SIZES, SLOTS, slots_of
from engine.fields.types import Field, FieldType, Rules
from engine.fields.types import Option as Choice
from engine.problems import Position
from engine.shapes import (
    BOOLEAN,
    BUTTON_LABEL,
    LABEL,
    LITERAL,
    PLAIN_OPTION,
    QUESTION,
    WORD,
    Either,
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
from engine.shapes.structures import places_of, read_options
from engine.source import Source
from engine.suggest import PATTERN_CURE
from engine.texts import Text

RESERVED = frozenset(
    (
        *BASE_FIELDS,
        *SLOTS,
        *("tags", "segment", "segments", "extra", "var", "reply", "answer", "event", "business"),
        *("now", "channel", "secret", "customer", "marketing_preferences", "integration_data"),
        *("all", "any", "not", "entity", "match_type", "rules", "field", "op", "value", "end"),
        *("min_visits", "max_visits", "min_spent", "max_spent", "max_days_since_visit"),
        *("min_days_since_visit", "tags_include", "tags_exclude", "custom_fields"),
        *("last_contacted", "custom_fields_extra"),
    )
)
"""Words that mean something else where a field's key may stand."""

LABEL_SIZE, HELP_SIZE, PLACEHOLDER_SIZE = 200, 500, 200
"""Characters, as the columns of the database have them."""

_KEY = re.compile(r"[a-z][a-z0-9_]{0,99}")

# text and url are indexed on demand: their values are long and seldom filtered.
_UNFILTERED = (FieldType.TEXT, FieldType.URL, FieldType.TIME, FieldType.DATETIME, FieldType.LIST)


def _choice(values: dict[str, Any], _: Reader) -> Choice:
    value = values["value"]
    return Choice(value, values.get("label", Text.plain(value)))


CHOICE: Mapping[str, Option] = {
    "value": Option(WORD, "What is stored", "shoes", required=True),
    "label": Option(BUTTON_LABEL, "What people see", "{en: Shoes, fa: کفش}"),
}


class _PlainChoice(Shape[Choice]):
    """An option that is shown as it is stored."""

    wanted = "an option"

    def read(self, source: Source, reader: Reader) -> Choice | None:
        label = PLAIN_OPTION.read(source, reader)
        return Choice(source.text, label) if label and isinstance(source, tree.Scalar) else None

    def schema(self) -> dict[str, Any]:
        return WORD.schema()


def _same(values: dict[str, Any], _: Reader) -> dict[str, Any]:
    return values


_LENGTH = WholeNumber(0, 100_000)

RULES: Mapping[str, Option] = {
    "min": Option(LITERAL, "The smallest value, or the earliest", "20"),
    "max": Option(LITERAL, "The greatest value, or the latest", "50"),
    "min_length": Option(_LENGTH, "At least so many characters"),
    "max_length": Option(_LENGTH, "At most so many characters"),
    "pattern": Option(WORD, "An RE2 pattern that the whole text matches", "[A-Z]{2}[0-9]+"),
    "past": Option(BOOLEAN, "Before today"),
    "future": Option(BOOLEAN, "After today"),
    "unique": Option(BOOLEAN, "No two customers have the same"),
}

FIELD: Mapping[str, Option] = {
    "type": Option(OneOf(*FieldType), "What kind of value it is; default text"),
    "label": Option(LABEL, "Its name as people see it", "{en: Birth date, fa: تاریخ تولد}"),
    "options": Option(
        ListOf(Either(scalar=_PlainChoice(), mapping=Record(CHOICE, _choice, "an option"))),
        "What a select may be",
    ),
    "rules": Option(Record(RULES, _same, "rules"), "What a value keeps to", "{past: true}"),
    "ask": Option(QUESTION, "The question that asks for it"),
    "active": Option(BOOLEAN, "`false`: out of use; its values are kept"),
    "required": Option(BOOLEAN, "Whole records need it"),
    "extra": Option(BOOLEAN, "Stored among the extras: needs no slot"),
    "filterable": Option(BOOLEAN, "Has an index for lists and segments"),
    "sensitive": Option(BOOLEAN, "Its values are for owners, admins and the customer's own agent"),
    "self_service": Option(BOOLEAN, "People may correct it themselves"),
    "track": Option(BOOLEAN, "Keeps a history row for an equal answer too"),
    "order": Option(WholeNumber(0, 100_000), "Its place in lists; default last"),
    "help_text": Option(LABEL, "A hint for whoever fills it in"),
    "placeholder": Option(LABEL, "An example of a value"),
}
"""The keys of one field."""


class Declared(Struct, frozen=True):
    """What one entry of `fields:` says, read but not yet made a field."""

    values: Mapping[str, Any]
    position: Position
    places: Mapping[str, Position]
    is_system: bool = False

    def over(self, below: Declared) -> Declared:
        """This declaration where it says something, `below` where it does not."""
        return Declared(
            {**below.values, **self.values},
            self.position,
            {**below.places, **self.places},
            below.is_system,
        )


def read_declared(
    source: Source | None, reader: Reader, is_system: bool = False
) -> dict[str, Declared]:
    """Every entry that can be read, by key, in the order written."""
    if source is None:
        return {}
    if not isinstance(source, tree.Mapping):
        message = "'fields' takes a mapping such as {birth_date: {type: date}}"
        reader.error(source.position, "E201", message, "Write each field as 'KEY: {type: ...}'.")
        return {}
    declared: dict[str, Declared] = {}
    for entry in source.entries:
        if _is_key(entry.key, reader):
            declared[entry.key.text] = _declaration(entry, reader, is_system)
    return declared


def _declaration(entry: tree.Entry, reader: Reader, is_system: bool) -> Declared:
    value = entry.value
    if isinstance(value, tree.Scalar) and value.empty:
        return Declared({}, entry.key.position, {}, is_system)
    if not isinstance(value, tree.Mapping):
        reader.error(
            value.position,
            "E201",
            "a field takes a mapping such as {type: date}",
            "Write what stands here as 'type:' or 'label:'.",
        )
        return Declared({}, entry.key.position, {}, is_system)
    values, _ = read_options(value, FIELD, reader, "a field")
    return Declared(values, entry.key.position, places_of(value), is_system)


def _is_key(key: tree.Scalar, reader: Reader) -> bool:
    if not _KEY.fullmatch(key.text):
        message = (
            f"'{key.text}' cannot be a field: small English letters, digits and _, at most 100"
        )
        reader.error(
            key.position, "E702", message, "Call it so by its 'label', and give it a plain key."
        )
    elif key.text in BASE_FIELDS:
        message = f"'{key.text}' is there already: every customer has it"
        reader.error(key.position, "E702", message, "Use it in flows without declaring it.")
    elif key.text in RESERVED:
        message = f"'{key.text}' cannot be a field: the word has another meaning"
        reader.error(key.position, "E702", message, "Take another key.")
    else:
        return True
    return False


def build_fields(declared: Mapping[str, Declared], reader: Reader) -> dict[str, Field]:
    """The fields in use, in the order in which they are shown, checked against the slots there
    are. One out of use is checked by itself, so that it can come back."""
    fields: dict[str, Field] = {}
    order = 0
    for key, one in declared.items():
        order = one.values.get("order", order + 1)
        made = _field(key, one, order, reader)
        if one.values.get("active", True):
            fields[key] = made
    _check_slots(fields, declared, reader)
    return dict(sorted(fields.items(), key=lambda item: item[1].order))


def _field(key: str, declared: Declared, order: int, reader: Reader) -> Field:
    values = declared.values
    type_ = FieldType(values.get("type", FieldType.TEXT))
    bare = Field(
        key=key,
        type=type_,
        label=values.get("label", Text.plain(key.replace("_", " ").capitalize())),
        extra=values.get("extra", False) or not slots_of(type_),
        options=values.get("options", ()),
        required=values.get("required", False),
        filterable=values.get("filterable", type_ not in _UNFILTERED),
        sensitive=values.get("sensitive", False),
        self_service=values.get("self_service", False),
        track=values.get("track", False),
        order=order,
        ask=values.get("ask"),
        help_text=values.get("help_text"),
        placeholder=values.get("placeholder"),
        is_system=declared.is_system,
        size=SIZES.get(type_),
    )
    with reader.inside(declared.position, declared.places):
        _check_options(bare, reader)
        _check_sizes(bare, reader)
        rules = read_rules(values.get("rules", {}), bare, reader)
    return replace(bare, rules=rules)


def _check_options(field: Field, reader: Reader) -> None:
    if field.type is FieldType.SELECT and not field.options:
        reader.error(
            reader.at("type"),
            "E109",
            f"the select '{field.key}' needs 'options'",
            "Write 'options: [...]', or another type.",
        )
    if field.options and field.type not in (FieldType.SELECT, FieldType.LIST):
        message = f"only a select or list has options, '{field.key}' is a {field.type}"
        reader.error(reader.at("options"), "E704", message, "Delete them, or make it a select.")
    for value, count in Counter(option.value for option in field.options).items():
        if count > 1:
            reader.error(
                reader.at("options"),
                "E704",
                f"the option '{value}' is there twice",
                "Delete one of the two.",
            )


def _check_sizes(field: Field, reader: Reader) -> None:
    texts = {
        "label": (field.label, LABEL_SIZE),
        "help_text": (field.help_text, HELP_SIZE),
        "placeholder": (field.placeholder, PLACEHOLDER_SIZE),
    }
    for name, (text, size) in texts.items():
        if text and any(len(leaf) > size for _, _, leaf in text.variants):
            reader.error(
                reader.at(name), "E203", f"'{name}' has more than {size} characters", "Shorten it."
            )


# -- rules

_MEASURED = (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.LIST)
_DATED = (FieldType.DATE, FieldType.DATETIME)
_ORDERED = (*_DATED, FieldType.NUMBER, FieldType.TIME)

_APPLIES: Mapping[str, tuple[FieldType, ...]] = {
    "min": _ORDERED,
    "max": _ORDERED,
    "min_length": _MEASURED,
    "max_length": _MEASURED,
    "pattern": (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL),
    "past": _DATED,
    "future": _DATED,
    "unique": tuple(type_ for type_ in FieldType if type_ is not FieldType.LIST),
}


def read_rules(values: Mapping[str, Any], field: Field, reader: Reader) -> Rules:
    """The rules of `field`, their bounds of its type; those that do not apply are reported.

    `reader.at("rules")` is where they stand.
    """
    kept = {name: value for name, value in values.items() if _applies(name, field, reader)}
    for name in ("min", "max"):
        if isinstance(kept.get(name), Literal):
            kept[name] = typed(kept[name], field, reader)
    for low, high in (("min", "max"), ("min_length", "max_length")):
        if kept.get(low) is not None and kept.get(high) is not None and kept[low] > kept[high]:
            reader.error(
                reader.at("rules"),
                "E704",
                f"'{low}' is greater than '{high}'",
                f"Exchange them, or write the smaller one as '{low}'.",
            )
    if kept.get("past") and kept.get("future"):
        reader.error(
            reader.at("rules"),
            "E704",
            "nothing is both in the past and in the future",
            "Keep one of 'past' and 'future'.",
        )
    if not _can_be_used(kept.get("pattern"), reader):
        del kept["pattern"]  # what is read later is not to be held against it
    return Rules(**kept)


def _applies(name: str, field: Field, reader: Reader) -> bool:
    if field.type in _APPLIES[name]:
        return True
    there = [rule for rule, types in _APPLIES.items() if field.type in types]
    reader.error(
        reader.at("rules"),
        "E704",
        f"the rule '{name}' does not apply to a {field.type}",
        f"It has {', '.join(there)}.",
    )
    return False


def _can_be_used(pattern: str | None, reader: Reader) -> bool:
    try:
        if pattern is not None:
            compile_pattern(pattern)
    except ValueError as error:
        message = f"the pattern cannot be used: {error}"
        reader.error(reader.at("rules"), "E405", message, PATTERN_CURE)
        return False
    return True


# -- slots


def _check_slots(
    fields: Mapping[str, Field], declared: Mapping[str, Declared], reader: Reader
) -> None:
    """Each type has its own slots; together they are all there are."""
    taken: Counter[FieldType] = Counter()
    for key, field in fields.items():
        if field.extra:
            continue
        taken[field.type] += 1
        room = len(slots_of(field.type))
        if taken[field.type] > room:
            reader.error(
                declared[key].position,
                "E703",
                f"'{key}' is {field.type} field number {taken[field.type]}, there are {room} "
                f"slots for them ({len(SLOTS)} in all)",
                "Write 'extra: true' in it: it is stored, checked and filtered all the same.",
            )
