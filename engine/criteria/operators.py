"""Every operator of the criteria language, with the types it applies to and what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from types import MappingProxyType

from msgspec import Struct

from engine.fields.types import FieldType


class Op(StrEnum):
    """The canonical names, as they are written and stored."""

    EQUALS = "equals"
    NOT_EQUALS = "not_equals"
    EQUALS_IGNORE_CASE = "equals_ignore_case"
    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    GREATER_THAN = "greater_than"
    GREATER_THAN_OR_EQUAL = "greater_than_or_equal"
    LESS_THAN = "less_than"
    LESS_THAN_OR_EQUAL = "less_than_or_equal"
    BETWEEN = "between"
    IN_LIST = "in_list"
    NOT_IN_LIST = "not_in_list"
    IS_EMPTY = "is_empty"
    IS_NOT_EMPTY = "is_not_empty"
    MONTH = "month"
    DAY = "day"
    YEAR = "year"
    WEEKDAY = "weekday"
    TIME = "time"
    ON_THIS_DAY = "on_this_day"
    WITHIN_DAYS = "within_days"
    OLDER_THAN_DAYS = "older_than_days"
    IN_NEXT_DAYS = "in_next_days"
    HAS_ANY = "has_any"
    HAS_ALL = "has_all"
    HAS_NONE = "has_none"


OPS: Mapping[str, Op] = MappingProxyType({op.value: op for op in Op})


class Shape(Enum):
    """What stands beside an operator."""

    NOTHING = auto()  # or yes | no: no turns it round
    ONE = auto()
    TWO = auto()  # [lowest, highest]
    MANY = auto()  # a list; one item may stand for a list of one
    LETTERS = auto()  # a piece of text, not itself a value of the field
    DAYS = auto()  # a whole number from 0
    PART = auto()  # one or a list: month, day, year: a number or this | next | last


class Operator(Struct, frozen=True):
    types: frozenset[FieldType]
    shape: Shape


TEXTS = frozenset(
    (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.SELECT)
)
DATES = frozenset((FieldType.DATE, FieldType.DATETIME))
ORDERED = frozenset((FieldType.TEXT, FieldType.NUMBER, FieldType.TIME)) | DATES
LISTS = frozenset((FieldType.LIST,))
EVERY = frozenset(FieldType)
SINGLE = EVERY - LISTS

OPERATORS: Mapping[Op, Operator] = MappingProxyType(
    {
        Op.EQUALS: Operator(SINGLE, Shape.ONE),
        Op.NOT_EQUALS: Operator(SINGLE, Shape.ONE),
        Op.EQUALS_IGNORE_CASE: Operator(TEXTS, Shape.LETTERS),
        Op.CONTAINS: Operator(TEXTS, Shape.LETTERS),
        Op.NOT_CONTAINS: Operator(TEXTS, Shape.LETTERS),
        Op.STARTS_WITH: Operator(TEXTS, Shape.LETTERS),
        Op.ENDS_WITH: Operator(TEXTS, Shape.LETTERS),
        Op.GREATER_THAN: Operator(ORDERED, Shape.ONE),
        Op.GREATER_THAN_OR_EQUAL: Operator(ORDERED, Shape.ONE),
        Op.LESS_THAN: Operator(ORDERED, Shape.ONE),
        Op.LESS_THAN_OR_EQUAL: Operator(ORDERED, Shape.ONE),
        Op.BETWEEN: Operator(ORDERED, Shape.TWO),
        Op.IN_LIST: Operator(SINGLE, Shape.MANY),
        Op.NOT_IN_LIST: Operator(SINGLE, Shape.MANY),
        Op.IS_EMPTY: Operator(EVERY, Shape.NOTHING),
        Op.IS_NOT_EMPTY: Operator(EVERY, Shape.NOTHING),
        Op.MONTH: Operator(DATES, Shape.PART),
        Op.DAY: Operator(DATES, Shape.PART),
        Op.YEAR: Operator(DATES, Shape.PART),
        Op.WEEKDAY: Operator(DATES, Shape.PART),
        Op.TIME: Operator(frozenset((FieldType.DATETIME,)), Shape.PART),
        Op.ON_THIS_DAY: Operator(DATES, Shape.NOTHING),
        Op.WITHIN_DAYS: Operator(DATES, Shape.DAYS),
        Op.OLDER_THAN_DAYS: Operator(DATES, Shape.DAYS),
        Op.IN_NEXT_DAYS: Operator(DATES, Shape.DAYS),
        Op.HAS_ANY: Operator(LISTS, Shape.MANY),
        Op.HAS_ALL: Operator(LISTS, Shape.MANY),
        Op.HAS_NONE: Operator(LISTS, Shape.MANY),
    }
)

NEGATION_OF: Mapping[Op, Op] = MappingProxyType(
    {
        Op.NOT_EQUALS: Op.EQUALS,
        Op.NOT_CONTAINS: Op.CONTAINS,
        Op.NOT_IN_LIST: Op.IN_LIST,
        Op.IS_EMPTY: Op.IS_NOT_EMPTY,
        Op.HAS_NONE: Op.HAS_ANY,
    }
)
"""Operators that are the exact complement of another: true of an absent value."""

ON_LISTS: Mapping[Op, Op] = MappingProxyType(
    {
        Op.EQUALS: Op.HAS_ANY,
        Op.IN_LIST: Op.HAS_ANY,
        Op.CONTAINS: Op.HAS_ANY,
        Op.NOT_EQUALS: Op.HAS_NONE,
        Op.NOT_IN_LIST: Op.HAS_NONE,
        Op.NOT_CONTAINS: Op.HAS_NONE,
    }
)
"""What an operator of single values says of a list: `tags: [VIP]`, `segment: vip_customers`."""

LOOKUPS: Mapping[str, Op] = MappingProxyType(
    {
        "exact": Op.EQUALS,
        "ne": Op.NOT_EQUALS,
        "iexact": Op.EQUALS_IGNORE_CASE,
        "icontains": Op.CONTAINS,
        "startswith": Op.STARTS_WITH,
        "istartswith": Op.STARTS_WITH,
        "endswith": Op.ENDS_WITH,
        "iendswith": Op.ENDS_WITH,
        "gt": Op.GREATER_THAN,
        "gte": Op.GREATER_THAN_OR_EQUAL,
        "lt": Op.LESS_THAN,
        "lte": Op.LESS_THAN_OR_EQUAL,
        "range": Op.BETWEEN,
        "in": Op.IN_LIST,
        "isnull": Op.IS_EMPTY,
        **OPS,
    }
)
"""What may follow `field__` in a lookup: Django's words, and every canonical name."""
