"""What a shape is: how the value at one place of a file is read, described and checked."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import Struct

from engine.shapes.reader import Reader
from engine.source import Entry, Mapping, Scalar, Sequence, Source

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

SCALAR_TYPES = ["string", "number", "boolean"]
"""What an editor's YAML may make of a plain word; here it is always read from its letters."""


class Shape(Generic[T_co]):
    """One form of value. Shapes are frozen and shared."""

    wanted = "a value"
    """What belongs here, with its article and where useful an example, for messages."""

    cure = ""
    """What to do where another form of value stands here."""

    nullable = False
    """Whether None is a value too, `null`."""

    def read(self, source: Source, reader: Reader) -> T_co | None:
        """The value; None if it could not be read, which has then been reported."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the value as an editor sees it."""
        raise NotImplementedError

    def refuse(self, source: Source, reader: Reader) -> None:
        """Report that another form of value belongs here, if nothing was told of this yet."""
        if isinstance(source, Mapping) and source.broken:
            return
        found = kind_of(source)
        message = f"{self.wanted} belongs here, not {found}"
        if isinstance(source, Scalar):
            cure = f"Write {self.wanted}."
        else:
            cure = "Write it without brackets; a text that begins with { or [ wants quotes."
        reader.error(source.position, "E201", message, self.cure or cure)


class Option(Struct, frozen=True):
    """One key of a record: its shape, one line of what it does, an example of its value.

    help and example go into the schema's tooltips and the generated reference. later: it is
    read and checked, but this version does nothing with it, of which its author is warned.
    """

    shape: Shape[Any]
    help: str
    example: str = ""
    required: bool = False
    later: bool = False

    @property
    def told(self) -> str:
        """What it does, in a line that ends with its mark where it does nothing yet."""
        return f"{self.help} (no effect yet)" if self.later else self.help


class ScalarShape(Shape[T_co]):
    """One value written as one word or text; subclasses say how its letters are read."""

    def read(self, source: Source, reader: Reader) -> T_co | None:
        if not isinstance(source, Scalar):
            self.refuse(source, reader)
            return None
        if source.empty:
            reader.error(
                source.position,
                "E202",
                f"nothing is written here: {self.wanted} belongs",
                "Write it, or delete the key.",
            )
            return None
        try:
            return self.parse(source.text)
        except ValueError as error:
            reader.error(source.position, "E203", str(error), f"Write {self.wanted}.")
            return None

    def parse(self, text: str) -> T_co:
        """The value of these letters. Raises ValueError with a message for the author."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        return {"type": SCALAR_TYPES}


def cut_off(entry: Entry) -> str:
    """The cure of a strange key without a value: what follows a comma inside `{ }` is a key."""
    if isinstance(entry.value, Scalar) and entry.value.empty:
        if ":" in entry.key.text:
            return f"A blank is missing after ':' in '{entry.key.text}'."
        return "A text with a comma wants quotes inside { }."
    return ""


def kind_of(source: Source) -> str:
    match source:
        case Scalar():
            return "one value"
        case Sequence():
            return "a list"
        case Mapping():
            return "a mapping"
