"""`say`: send one text or several, with buttons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from engine.messages import STARTS_FLOW, Button, Rows
from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import BUTTON, FLOW_REF, TEXT, ListOf, Option, Reader, Record, check_buttons
from engine.templates import Template
from engine.texts import Text

_SCHEMES = ("https://", "http://", "tg://")


class SayButton(Struct, frozen=True):
    """A button that opens `url` or starts `flow`; one of the two is set."""

    text: Text[Template]
    url: Text[Template] | None = None
    flow: str = ""


def _button(options: dict[str, Any], reader: Reader) -> SayButton:
    if ("url" in options) is ("flow" in options):
        reader.error(
            reader.at(),
            "E112",
            "a button needs `url` or `flow`, one of the two",
            "Write where it leads, and only once.",
        )
    return SayButton(**options)


_BUTTON = Record(
    {
        "text": Option(BUTTON, "what it says", "Our shop", required=True),
        "url": Option(TEXT, "the page it opens", "https://example.com"),
        "flow": Option(FLOW_REF, "the flow it starts, however old its message is"),
    },
    _button,
    "a button",
)


class Say(Node, frozen=True, kw_only=True):
    """texts: at least one; the buttons stand under the last."""

    KIND: ClassVar[str] = "say"
    HELP: ClassVar[str] = "Sends a text, or several one after another."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "say": Option(
            ListOf(TEXT), "what is said; a list makes several messages", "Hello!", required=True
        ),
        "buttons": Option(
            ListOf(ListOf(_BUTTON)), "rows of buttons", "[{text: Our shop, url: https://...}]"
        ),
    }

    texts: tuple[Text[Template], ...]
    buttons: tuple[tuple[SayButton, ...], ...] = ()

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], reader: Reader) -> Say:
        if not options["say"]:
            reader.error(reader.at("say"), "E202", "`say` has no text", "Write the text.")
        buttons = options.get("buttons", ())
        check_buttons([len(row) for row in buttons], reader.at("buttons"), reader)
        return cls(**common, texts=options["say"], buttons=buttons)

    def enter(self, at: Passage) -> Next:
        for text in self.texts[:-1]:
            at.say_text(text)
        for text in self.texts[-1:]:
            at.say_text(text, self._rows(at))
        return Exit()

    def _rows(self, at: Passage) -> Rows:
        made = ([_made(at, button) for button in row] for row in self.buttons)
        rows = (tuple(button for button in row if button) for row in made)
        return tuple(row for row in rows if row)


def _made(at: Passage, button: SayButton) -> Button | None:
    """The button for this customer; None, and a row on the timeline, where it has no address."""
    label = at.render(button.text)
    if not label or not label.strip():
        return None
    if button.url is None:
        return Button(label, token=STARTS_FLOW + button.flow)
    url = at.render(button.url)
    if url is None or not url.startswith(_SCHEMES):
        at.problem(f"the button '{label}' has no web address")
        return None
    return Button(label, url=url)
