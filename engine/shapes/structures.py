"""Lists, mappings and records of other shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

from msgspec import Struct

from engine import source as tree
from engine.problems import Position
from engine.shapes.reader import Reader
from engine.shapes.shape import Option, Shape, cut_off, kind_of
from engine.source import Source
from engine.suggest import did_you_mean

T = TypeVar("T")

IGNORED = "x_"
"""Keys that begin so are a place for anchors and nothing else."""


class ListOf(Shape[tuple[T, ...]], Struct, Generic[T], frozen=True):
    """A list; one item may stand for a list of one.

    Items that cannot be read are left out; it is unreadable where none is left.
    """

    item: Shape[T]
    wanted: str = "a list"

    def read(self, source: Source, reader: Reader) -> tuple[T, ...] | None:
        items = source.items if isinstance(source, tree.Sequence) else (source,)
        read = [self.item.read(item, reader) for item in items]
        kept = tuple(item for item in read if item is not None)
        return kept if kept or not items else None

    def schema(self) -> dict[str, Any]:
        item = self.item.schema()
        return {"anyOf": [{"type": "array", "items": item}, item]}


class MapOf(Shape[dict[str, T]], Struct, Generic[T], frozen=True):
    """A mapping of names to values of one shape, in the order written."""

    key: Shape[str]
    value: Shape[T]
    wanted: str = "a mapping"

    def read(self, source: Source, reader: Reader) -> dict[str, T] | None:
        if not isinstance(source, tree.Mapping):
            self.refuse(source, reader)
            return None
        read: dict[str, T] = {}
        for entry in source.entries:
            key = self.key.read(entry.key, reader)
            value = self.value.read(entry.value, reader)
            if key is not None and (value is not None or self.value.nullable):
                read[key] = cast("T", value)  # None only where it is a value of T
        return read

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.value.schema()}


Build = Callable[[dict[str, Any], Reader], T | None]
"""Makes a record of the options written. Its problems go to the reader; None if it cannot."""


class Record(Shape[T], Struct, Generic[T], frozen=True):
    """A mapping with known keys.

    Options that could not be read are missing from what `build` gets, as are those not written.
    """

    options: Mapping[str, Option]
    build: Build[T]
    wanted: str = "a mapping"

    def read(self, source: Source, reader: Reader) -> T | None:
        if not isinstance(source, tree.Mapping):
            keys = ", ".join(self.options)
            message = f"{self.wanted} is a mapping, not {kind_of(source)}"
            reader.error(source.position, "E201", message, f"Write {{KEY: VALUE}}. Keys: {keys}.")
            return None
        values, complete = read_options(source, self.options, reader, self.wanted)
        if not complete:
            return None
        with reader.inside(source.position, places_of(source)):
            return self.build(values, reader)

    def schema(self) -> dict[str, Any]:
        return record_schema(self.options)


def read_options(
    source: tree.Mapping, options: Mapping[str, Option], reader: Reader, what: str
) -> tuple[dict[str, Any], bool]:
    """The values of the options written, and whether every required one is there and readable."""
    values: dict[str, Any] = {}
    for entry in source.entries:
        name = entry.key.text
        if name in options:
            if options[name].later:
                _warn_of_later(entry.key, reader)
            value = options[name].shape.read(entry.value, reader)
            if value is not None:
                values[name] = value
        elif not name.startswith(IGNORED):
            message = f"unknown key '{name}'"
            meant = did_you_mean(name, options) or cut_off(entry)
            cure = meant or f"Known here: {', '.join(options)}."
            reader.error(entry.key.position, "E101", message, cure)
    missing = [name for name, option in options.items() if option.required and name not in values]
    for name in missing:
        if source.entry(name) is None:
            reader.error(source.position, "E109", f"{what} needs '{name}'", f"Write '{name}' too.")
    return values, not missing


def _warn_of_later(key: tree.Scalar, reader: Reader) -> None:
    message = f"'{key.text}' has no effect yet in this version"
    cure = "Leave it out until it has."
    reader.warning(key.position, "W901", message, cure)


def places_of(source: tree.Mapping) -> dict[str, Position]:
    return {entry.key.text: entry.value.position for entry in source.entries}


def record_schema(options: Mapping[str, Option]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: described(option) for name, option in options.items()},
        "patternProperties": {f"^{IGNORED}": {}},
        "additionalProperties": False,
    }
    required = [name for name, option in options.items() if option.required]
    return schema | ({"required": required} if required else {})


def described(option: Option) -> dict[str, Any]:
    """The schema of an option with what an editor shows beside it."""
    schema = option.shape.schema() | {"description": option.told}
    return schema | ({"examples": [option.example]} if option.example else {})


class Either(Shape[Any], Struct, frozen=True):
    """Another shape for each form of value; a form without one does not belong."""

    scalar: Shape[Any] | None = None
    sequence: Shape[Any] | None = None
    mapping: Shape[Any] | None = None

    @property
    def wanted(self) -> str:  # type: ignore[override]  # made from the shapes
        return " or ".join(shape.wanted for shape in self.shapes())

    def read(self, source: Source, reader: Reader) -> Any:
        shape = self.shape_of(source)
        if shape is None:
            self.refuse(source, reader)
            return None
        return shape.read(source, reader)

    def shape_of(self, source: Source) -> Shape[Any] | None:
        match source:
            case tree.Scalar():
                return self.scalar
            case tree.Sequence():
                return self.sequence
            case tree.Mapping():
                return self.mapping

    def shapes(self) -> list[Shape[Any]]:
        return [shape for shape in (self.scalar, self.sequence, self.mapping) if shape]

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [shape.schema() for shape in self.shapes()]}
