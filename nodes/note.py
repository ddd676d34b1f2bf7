"""`note`: leave a note about the customer for the staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.recorded import Refusal, value_of
from engine.records import LONGEST_TEXT, NOTE, NewNote
from engine.shapes import BOOLEAN, Option, Reader, TextShape
from engine.templates import Template
from engine.texts import Text

_TEXT: TextShape[Template] = TextShape(Template, "other")


class Note(Node, frozen=True, kw_only=True):
    """Names of the staff after an @ are mentions."""

    KIND: ClassVar[str] = "note"
    HELP: ClassVar[str] = (
        "Leaves a note about the customer for the staff; `@Ali` mentions somebody."
    )
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "note": Option(
            _TEXT, "what it says (Markdown)", '"Wants {{ customer.size }}. @Ali"', required=True
        ),
        "pinned": Option(BOOLEAN, "whether it stands before the others"),
    }

    text: Text[Template]
    pinned: bool = False

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], reader: Reader) -> Note:
        longest = max(_letters(leaf) for _, _, leaf in options["note"].variants)
        if longest > LONGEST_TEXT:
            message = f"the note has {longest} characters, at most {LONGEST_TEXT} are kept"
            reader.error(reader.at("note"), "E403", message, "Write a shorter one, or two.")
        return cls(**common, text=options["note"], pinned=options.get("pinned", False))

    def enter(self, at: Passage) -> Next:
        try:
            text = value_of(at, at.render(self.text), NOTE["text"])
        except Refusal:
            return Exit()
        at.add_record(NewNote(str(text), pinned=self.pinned))
        return Exit()


def _letters(leaf: Template) -> int:
    """Of a text that is the same for everybody; others are measured when they are written."""
    return len(leaf.source) if leaf.is_constant else 0
