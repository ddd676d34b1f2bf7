"""`task`: give the staff something to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct, field

from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.recorded import DUE, REPEAT, Column, Due, Refusal, columns, due_at, values_of, who
from engine.records import TASK, NewTask
from engine.shapes import WHO, Either, Option, Reader, Record, Shape
from engine.source import Source


class Errand(Struct, frozen=True):
    """columns: title, description and priority, values or templates. assign, repeat: None for
    nobody and never."""

    columns: Mapping[str, Any] = field(default_factory=dict)
    due: Due | None = None
    assign: str | None = None
    repeat: str | None = None


_COLUMNS = columns(TASK, "title", "description", "priority")


def _errand(options: dict[str, Any], _: Reader) -> Errand:
    written = {key: value for key, value in options.items() if key in _COLUMNS}
    return Errand(written, options.get("due"), options.get("assign"), options.get("repeat"))


class _Title(Shape[Errand]):
    """A task of nothing but its title."""

    wanted = "what is to be done"

    def read(self, source: Source, reader: Reader) -> Errand | None:
        title = Column(TASK["title"]).read(source, reader)
        return None if title is None else Errand({"title": title})

    def schema(self) -> dict[str, Any]:
        return Column(TASK["title"]).schema()


_ERRAND = Record(
    {
        **_COLUMNS,
        "due": Option(DUE, "a duration from now, a day (its end) or a moment", "1d"),
        "assign": Option(WHO, "a name, role or team of crm.yaml, or assigned", "sales"),
        "repeat": Option(
            REPEAT,
            "when it comes again once it is done: weekly, or an RRULE",
            "FREQ=WEEKLY;BYDAY=MO",
        ),
    },
    _errand,
    "a task",
)


class Task(Node, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "task"
    HELP: ClassVar[str] = "Gives the staff something to do about the customer."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "task": Option(
            Either(scalar=_Title(), mapping=_ERRAND),
            "what is to be done, or its options",
            '{title: "Call {{ customer.display_name }}", due: 1d, assign: sales}',
            required=True,
        )
    }

    errand: Errand

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Task:
        return cls(**common, errand=options["task"])

    def enter(self, at: Passage) -> Next:
        errand = self.errand
        try:
            values = values_of(at, errand.columns, TASK)
        except Refusal:
            return Exit()
        at.add_record(
            NewTask(
                **values,
                due_at=due_at(at, errand.due),
                assigned_to=who(at, errand.assign),
                recurrence=errand.repeat,
            )
        )
        return Exit()
