"""What criteria ask of a database and the two databases say differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Interval,
    Numeric,
    String,
    Time,
    and_,
    case,
    cast,
    extract,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONPATH
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import TypeEngine

from crm.stored_extras import CLOCK, DAY, MOMENT, NUMBER
from crm.tables import customer
from crm.tables.types import Hundredths, UtcDateTime
from engine.criteria.operands import Part
from engine.fields.fold import FOLD_FROM, FOLD_TO
from engine.fields.types import FieldType

Expression = ColumnElement[Any]

SQL_TYPES: Mapping[FieldType, TypeEngine[Any]] = {
    **dict.fromkeys(FieldType, String()),
    FieldType.NUMBER: Hundredths(),
    FieldType.DATE: Date(),
    FieldType.BOOLEAN: Boolean(),
    FieldType.TIME: Time(),
    FieldType.DATETIME: UtcDateTime(),
}
"""What an expression of a field type is compared as, wherever it is stored."""

_DATE_PARTS = {
    Part.MONTH: "month",
    Part.DAY: "day",
    Part.YEAR: "year",
    Part.WEEKDAY: "dow",
}
_EXTRAS = customer.c.custom_fields_extra


class Store(Protocol):
    """Expressions over the customer table. Every one is NULL where its value is absent."""

    def folded(self, text: Expression) -> Expression: ...

    def place(self, text: Expression, letters: str) -> Expression:
        """Where `letters` begin in `text`, from 1; 0 if nowhere."""
        ...

    def by_code_point(self, text: Expression) -> Expression:
        """`text`, ordered as Python orders it."""
        ...

    def without_index(self, column: Expression) -> Expression:
        """`column`, by whose index the database does not look for customers."""
        ...

    def local_part(self, moment: Expression, part: Part, zone: ZoneInfo) -> Expression:
        """A number (weekdays from 0, Sunday), or a Time cut to the minute."""
        ...

    def extra_value(self, key: str, type_: FieldType) -> Expression:
        """A value among the extras, typed as `crm.stored_extras.typed_extra` types it."""
        ...

    def extra_has(self, key: str, names: Sequence[str] | None) -> ColumnElement[bool]:
        """Whether a list among the extras has one of `names`, or any text at all; never NULL."""
        ...


def date_part(day: Expression, part: Part) -> Expression:
    """A part of a date, in both databases: what an index on (month, day) is to be made of."""
    return extract(_DATE_PARTS[part], day)


class Sqlite:
    """Moments are integers and numbers hundredths; the functions are crm.sqlite_functions."""

    def folded(self, text: Expression) -> Expression:
        return func.fold(text, type_=String())

    def place(self, text: Expression, letters: str) -> Expression:
        return func.instr(text, letters)

    def by_code_point(self, text: Expression) -> Expression:
        return text  # the BINARY collation compares UTF-8, which sorts as code points do

    def without_index(self, column: Expression) -> Expression:
        # https://www.sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)

    def local_part(self, moment: Expression, part: Part, zone: ZoneInfo) -> Expression:
        type_: TypeEngine[Any] = Time() if part is Part.TIME else Integer()
        return func.local_part(moment, zone.key, part.value, type_=type_)

    def extra_value(self, key: str, type_: FieldType) -> Expression:
        kind, value = func.json_type(_EXTRAS, _path(key)), func.json_extract(_EXTRAS, _path(key))
        if type_ is FieldType.BOOLEAN:
            return case((kind == "true", literal(True)), (kind == "false", literal(False)))
        return func.extra_value(type_.value, kind, value, type_=SQL_TYPES[type_])

    def extra_has(self, key: str, names: Sequence[str] | None) -> ColumnElement[bool]:
        items = func.json_each(_EXTRAS, _path(key)).table_valued("value", "type", name="item")
        is_list = func.json_type(_EXTRAS, _path(key)) == "array"
        wanted = [items.c.type == "text"]
        if names is not None:
            wanted.append(items.c.value.in_(names))
        return select(literal(1)).select_from(items).where(is_list, *wanted).exists()


def _path(key: str) -> str:
    return f'$."{key}"'


class Postgresql:
    def folded(self, text: Expression) -> Expression:
        return func.translate(text, FOLD_FROM, FOLD_TO, type_=String())

    def place(self, text: Expression, letters: str) -> Expression:
        return func.strpos(text, letters)

    def by_code_point(self, text: Expression) -> Expression:
        return text.collate("C")

    def without_index(self, column: Expression) -> Expression:
        return column  # it knows its values well enough to choose

    def local_part(self, moment: Expression, part: Part, zone: ZoneInfo) -> Expression:
        local = func.timezone(zone.key, moment, type_=DateTime())
        if part is Part.TIME:
            return cast(func.date_trunc("minute", local), Time())
        return date_part(local, part)

    def extra_value(self, key: str, type_: FieldType) -> Expression:
        kind = func.jsonb_typeof(func.jsonb_extract_path(_EXTRAS, key))
        text = func.jsonb_extract_path_text(_EXTRAS, key, type_=String())
        if type_ is FieldType.BOOLEAN:
            return case((kind == "boolean", cast(text, Boolean())))
        if type_ is FieldType.NUMBER:
            read = case((_matches(text, NUMBER), cast(text, Numeric(20, 2))))
            return type_coerce(case((kind.in_(("number", "string")), read)), Hundredths())
        return case((kind == "string", _from_text(text, type_)))

    def extra_has(self, key: str, names: Sequence[str] | None) -> ColumnElement[bool]:
        stored = func.jsonb_extract_path(_EXTRAS, key)
        has: Expression = func.jsonb_path_exists(stored, cast(_ANY_TEXT, JSONPATH))
        if names is not None:
            has = stored.op("?|", is_comparison=True)(cast(list(names), ARRAY(String)))
        return func.coalesce(and_(func.jsonb_typeof(stored) == "array", has), False)


_ANY_TEXT = '$[*] ? (@.type() == "string")'
_MONTH_END = literal_column("interval '1 month -1 day'", Interval())


def _matches(text: Expression, pattern: str) -> ColumnElement[bool]:
    return text.regexp_match(f"^({pattern})$")


def _from_text(text: Expression, type_: FieldType) -> Expression:
    """A cast that fails raises on PostgreSQL, so each stands behind a question in a CASE."""
    match type_:
        case FieldType.DATE:
            return case((_matches(text, DAY), _of_a_day(text, cast(text, Date()))))
        case FieldType.DATETIME:
            moment = type_coerce(cast(text, DateTime(timezone=True)), UtcDateTime())
            return case((_matches(text, MOMENT), _of_a_day(text, moment)))
        case FieldType.TIME:
            return case((_matches(text, CLOCK), cast(text, Time())))
        case _:
            return func.nullif(text, "", type_=String())


def _of_a_day(text: Expression, value: Expression) -> Expression:
    """`value`, if `text` begins with a day that its month has: 2026-02-30 has the form of one."""
    first = cast(func.substr(text, 1, 7).concat("-01"), Date())
    last_day = extract("day", first + _MONTH_END)
    return case((cast(func.substr(text, 9, 2), Integer()) <= last_day, value))


STORES: Mapping[str, Store] = {"sqlite": Sqlite(), "postgresql": Postgresql()}
"""By the name of SQLAlchemy's dialect."""
