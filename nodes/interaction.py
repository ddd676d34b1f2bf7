"""`interaction`: record a call, a visit and the like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct, field

from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.recorded import DUE, Column, Due, Refusal, columns, due_day, values_of, who
from engine.records import INTERACTION, NewInteraction
from engine.shapes import WHO, Either, Option, Reader, Record, Shape
from engine.source import Source


class Contact(Struct, frozen=True):
    """columns: values or templates by name. follow_up_date: None where no day is meant."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    handled_by: str | None = None
    follow_up_date: Due | None = None


_COLUMNS = columns(
    INTERACTION, "kind", "channel", "direction", "subject", "notes", "duration_minutes", "outcome",
    "follow_up_required",
)  # fmt: skip


def _contact(options: dict[str, Any], _: Reader) -> Contact:
    written = {key: value for key, value in options.items() if key in _COLUMNS}
    return Contact(written, options.get("handled_by"), options.get("follow_up_date"))


class _Kind(Shape[Contact]):
    """An interaction of nothing but its kind."""

    wanted = "a kind such as visit"

    def read(self, source: Source, reader: Reader) -> Contact | None:
        kind = Column(INTERACTION["kind"]).read(source, reader)
        return None if kind is None else Contact({"kind": kind})

    def schema(self) -> dict[str, Any]:
        return Column(INTERACTION["kind"]).schema()


_CONTACT = Record(
    {
        **_COLUMNS,
        "handled_by": Option(WHO, "who of the staff it was with", "Ali"),
        "follow_up_date": Option(DUE, "the day to follow up, or how long from now", "3d"),
    },
    _contact,
    "an interaction",
)


class Interaction(Node, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "interaction"
    HELP: ClassVar[str] = "Records a call, a visit and the like; totals and follow-ups follow."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "interaction": Option(
            Either(scalar=_Kind(), mapping=_CONTACT),
            "its kind, or its columns",
            "{kind: visit, outcome: bought, follow_up_date: 30d}",
            required=True,
        )
    }

    contact: Contact

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Interaction:
        return cls(**common, contact=options["interaction"])

    def enter(self, at: Passage) -> Next:
        contact = self.contact
        try:
            values = values_of(at, contact.columns, INTERACTION)
        except Refusal:
            return Exit()
        if "duration_minutes" in values:
            values["duration_minutes"] = int(values["duration_minutes"])
        at.add_record(
            NewInteraction(
                **values,
                handled_by=who(at, contact.handled_by),
                follow_up_date=due_day(at, contact.follow_up_date),
            )
        )
        return Exit()
