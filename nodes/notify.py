"""`notify`: tell the staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import TOLD, Option, Reader, TextShape
from engine.telling import tell_staff
from engine.templates import Template
from engine.texts import Text

_TEXT: TextShape[Template] = TextShape(Template, "other")
"""It goes out on Telegram, in pieces where it is long, wherever the customer is."""


class Notify(Node, frozen=True, kw_only=True):
    """Who is told is found when the turn is stored: the staff may have changed by then."""

    KIND: ClassVar[str] = "notify"
    HELP: ClassVar[str] = (
        "Tells people of the business something, on Telegram and in the business's language."
    )
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "notify": Option(
            _TEXT, "what they are told", '"{{ customer.display_name }} wants a call"', required=True
        ),
        "to": Option(
            TOLD, "a name, role or team of crm.yaml, or assigned: each of them is told", "sales",
            required=True,
        ),
    }  # fmt: skip

    text: Text[Template]
    to: str

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Notify:
        return cls(**common, text=options["notify"], to=options["to"])

    def enter(self, at: Passage) -> Next:
        tell_staff(at, self.to, self.text)
        return Exit()
