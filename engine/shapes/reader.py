"""What is known while files are read: the business, the flow at hand, what was found so far."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, TypeVar, cast

from msgspec import Struct, field

from engine.business import Business
from engine.fields.types import Field
from engine.problems import NOWHERE, Position, Problems
from engine.source import Source
from engine.templates import Template

T = TypeVar("T")


class Ref(StrEnum):
    """What a remembered name is the name of."""

    NODE = "node"
    FLOW = "flow"
    TAG = "tag"
    FIELD = "field that an event is about"
    SEGMENT = "segment"
    MEMBERS = "members"
    WRITE = "field that is written"
    SAVE = "field that a reply is saved to"
    KEEP = "key that a reply is kept under, declared or not"
    WHO = "name, role or team of the staff"
    TOLD = "name, role or team that is told"


class Reference(Struct, frozen=True):
    """A name a file uses, to be looked up once everything is read."""

    kind: Ref
    name: str
    position: Position


NOT_OF_CUSTOMER = frozenset(
    ("var", "reply", "answer", "event", "business", "now", "channel", "secret")
)
"""First words of names that criteria know besides the customer's own."""


class NameUse(Struct, frozen=True):
    """A dotted name that a template or criterion reads: ("customer", "first_name")."""

    path: tuple[str, ...]
    position: Position
    in_template: bool = True

    @property
    def of_customer(self) -> str:
        """What of the customer it reads, a field or `tags` and the like; '' if nothing."""
        first = self.path[0]
        if first == "customer":
            return self.path[1] if len(self.path) > 1 else ""
        return "" if self.in_template or first in NOT_OF_CUSTOMER else first


class WrittenText(Struct, frozen=True):
    """A text that people see, as it stands in a file.

    variants: (language, channel, what stands there), None for any; a scalar, or the mapping of
    its plural forms. language: the one of what is written without a language. languages: all that
    may be written here. form: how a mapping is written in its place, TEXT standing for it and
    SCALAR for the one value that is there. fixed: it is no template.
    """

    source: Source
    variants: tuple[tuple[str | None, str | None, Source], ...]
    language: str
    languages: tuple[str, ...]
    form: str = "TEXT"
    fixed: bool = False


class Reader(Struct):
    """Carried through the reading of one document.

    language and languages: of the flow, else of the business. channels: those the flow is used
    on, for their limits; a node's own `channels` narrow them while it is read. The lists are
    what lint, `Flow.reads` and catalogues of translations are made from.
    """

    problems: Problems
    business: Business
    flow: str = ""
    language: str = ""
    languages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    references: list[Reference] = field(default_factory=list)
    uses: list[NameUse] = field(default_factory=list)
    histories: list[NameUse] = field(default_factory=list)
    texts: list[WrittenText] = field(default_factory=list)
    _kept: dict[Hashable, tuple[Business, Any]] = field(default_factory=dict)
    _records: list[tuple[Position, Mapping[str, Position]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.language = self.language or self.business.language
        self.languages = self.languages or self.business.languages

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for the business as it is now."""
        business, made = self._kept.get(key, (None, None))
        if business is not self.business:
            made = make()
            self._kept[key] = (self.business, made)
        return cast("T", made)

    def error(self, position: Position, code: str, message: str, suggestion: str = "") -> None:
        self.problems.error(position, code, message, suggestion)

    def warning(self, position: Position, code: str, message: str, suggestion: str = "") -> None:
        self.problems.warning(position, code, message, suggestion)

    @contextmanager
    def inside(self, position: Position, places: Mapping[str, Position]) -> Iterator[None]:
        """While a record is built: where it stands, and the values of its options."""
        self._records.append((position, places))
        try:
            yield
        finally:
            self._records.pop()

    def at(self, option: str = "") -> Position:
        """Where the value of `option` stands in the record being built; else the record."""
        if not self._records:
            return NOWHERE
        position, places = self._records[-1]
        return places.get(option, position)

    def refer(self, kind: Ref, name: str, position: Position) -> None:
        self.references.append(Reference(kind, name, position))

    def field(self, key: str) -> Field | None:
        """A customer field of the business, base or mapped; None for `var.x` and the unknown."""
        return self.business.fields.get(key)

    def use_template(self, template: Template, origin: Position | None, near: Position) -> None:
        """Remember the names a template reads. origin: where its source begins, if known."""
        for use in template.uses:
            self.uses.append(NameUse(use.path, inside_text(origin, near, use.line, use.column)))
        for use in template.histories:
            position = inside_text(origin, near, use.line, use.column)
            self.histories.append(NameUse(use.path, position))


def inside_text(origin: Position | None, near: Position, line: int, column: int) -> Position:
    """The place in the file of a place in a text; `near` where the text's lines were joined."""
    if origin is None:
        return near
    if line == 1:
        return Position(origin.file, origin.line, origin.column + column - 1)
    return Position(origin.file, origin.line + line - 1, origin.column + column - 1)
