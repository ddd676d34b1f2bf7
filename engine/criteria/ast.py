"""A criterion: comparisons under all, any and not, and its canonical printed form."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from engine.criteria.operands import Day, Neighbour, Part, Relative
from engine.criteria.operators import Op
from engine.fields.plain import to_plain
from engine.fields.types import FieldType

Path = tuple[str | int, ...]
"""Keys and places from the outermost value to the one meant."""


class Key(str):
    """The last step of a path whose key, not the value beside it, is meant."""

    __slots__ = ()


class Compare(Struct, frozen=True, eq=False):
    """One comparison.

    As parsed, `field` is the name as written and `value` a JSON value. `check` types it: `value`
    becomes an Operand, `type` the type of the field (None where only the value at hand tells
    it), and of `now.weekday` `field` keeps `now` and `part` takes the weekday.
    `path` says where its value was written and `name_path` where its name and operator were;
    they do not count when two are compared.
    """

    field: str
    op: Op
    value: object = None
    type: FieldType | None = None
    part: Part | None = None
    path: Path = ()
    name_path: Path = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compare) and self._said == other._said

    def __hash__(self) -> int:
        return hash(self._said)

    @property
    def _said(self) -> tuple[object, ...]:
        return self.field, self.op, self.value, self.type, self.part

    @property
    def name(self) -> str:
        """The field as an author writes it."""
        return self.field if self.part is None else f"{self.field}.{self.part}"


class All(Struct, frozen=True):
    """Holds when every item does."""

    items: tuple[Criterion, ...]


class Any(Struct, frozen=True):
    """Holds when at least one item does."""

    items: tuple[Criterion, ...]


class Not(Struct, frozen=True):
    """Holds exactly where `item` does not, absent values included."""

    item: Criterion


Criterion = Compare | All | Any | Not


def reads(criterion: Criterion) -> frozenset[str]:
    """The names of the fields a checked criterion looks at; a part counts as its field."""
    return frozenset(compare.field for compare in compares(criterion))


def compares(criterion: Criterion) -> Iterator[Compare]:
    """Every comparison, in the order written."""
    match criterion:
        case Compare():
            yield criterion
        case Not(item):
            yield from compares(item)
        case All(items) | Any(items):
            for item in items:
                yield from compares(item)


def to_canonical(criterion: Criterion) -> dict[str, object]:
    """JSON: `{field, op, value}` under all, any and not; without `value` where there is none.

    `parse`, and `check` if it had been checked, make the same criterion of it again.
    """
    match criterion:
        case Compare(value=None):
            return {"field": criterion.name, "op": criterion.op.value}
        case Compare():
            value = _plain(criterion.value)
            return {"field": criterion.name, "op": criterion.op.value, "value": value}
        case Not(item):
            return {"not": to_canonical(item)}
        case All(items):
            return {"all": [to_canonical(item) for item in items]}
        case Any(items):
            return {"any": [to_canonical(item) for item in items]}


def _plain(value: object) -> object:
    match value:
        case tuple() | list():
            return [_plain(item) for item in value]
        case Relative() | Day() | Neighbour():
            return str(value)
        case _:
            return to_plain(value)
