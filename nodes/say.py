"""`say`: send one text or several, with buttons and a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from engine.messages import MEDIA, STARTS_FLOW, Button, Media, Rows
from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import BUTTON, FLOW_REF, TEXT, ListOf, Option, Reader, Record, check_buttons
from engine.templates import Template
from engine.texts import Text

_SCHEMES = ("https://", "http://", "tg://")

_PLACE = re.compile(r"\s*-?\d{1,2}(\.\d+)?\s*,\s*-?\d{1,3}(\.\d+)?\s*")

_EXAMPLES = {"location": "35.6892,51.3890", "photo": "https://example.com/menu.jpg"}

_FILES: Mapping[str, Option] = {
    kind: Option(
        TEXT,
        "a place, LATITUDE,LONGITUDE"
        if kind == "location"
        else f"a {kind} under which the last text stands: its web address",
        _EXAMPLES.get(kind, ""),
    )
    for kind in MEDIA
}


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
    """texts: at least one; the buttons, and the file, go with the last."""

    KIND: ClassVar[str] = "say"
    HELP: ClassVar[str] = "Sends a text, or several one after another; with a file if one is named."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "say": Option(
            ListOf(TEXT), "what is said; a list makes several messages", "Hello!", required=True
        ),
        "buttons": Option(
            ListOf(ListOf(_BUTTON)), "rows of buttons", "[{text: Our shop, url: https://...}]"
        ),
        **_FILES,
    }

    texts: tuple[Text[Template], ...]
    buttons: tuple[tuple[SayButton, ...], ...] = ()
    kind: str = ""
    source: Text[Template] | None = None

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], reader: Reader) -> Say:
        if not options["say"]:
            reader.error(reader.at("say"), "E202", "`say` has no text", "Write the text.")
        buttons = options.get("buttons", ())
        check_buttons([len(row) for row in buttons], reader.at("buttons"), reader)
        kind, source = _file(options, reader)
        return cls(**common, texts=options["say"], buttons=buttons, kind=kind, source=source)

    def enter(self, at: Passage) -> Next:
        for text in self.texts[:-1]:
            at.say_text(text)
        for text in self.texts[-1:]:
            at.say(at.message_of(text), self._rows(at), self._media(at))
        return Exit()

    def _media(self, at: Passage) -> Media | None:
        """The file; None, and a row on the timeline, where its address is none."""
        if self.source is None:
            return None
        source = at.render(self.source)
        if source is None:
            return None
        if _is_source(self.kind, source):
            return Media(self.kind, source.strip())
        at.problem(f"the {self.kind} '{source[:60]}' has no address that could be sent")
        return None

    def _rows(self, at: Passage) -> Rows:
        made = ([_made(at, button) for button in row] for row in self.buttons)
        rows = (tuple(button for button in row if button) for row in made)
        return tuple(row for row in rows if row)


def _file(options: dict[str, Any], reader: Reader) -> tuple[str, Text[Template] | None]:
    """The kind of the file that goes along and where it is; '' and None for none."""
    kinds = [kind for kind in MEDIA if kind in options]
    if len(kinds) > 1:
        message = f"`{kinds[1]}` stands beside `{kinds[0]}`"
        reader.error(reader.at(kinds[1]), "E112", message, "Say it with a node of its own.")
    if not kinds:
        return "", None
    kind = kinds[0]
    source: Text[Template] = options[kind]
    for _, _, template in source.variants:
        if template.is_constant and not _is_source(kind, template.source):
            form = "35.6892,51.3890" if kind == "location" else "https://example.com/file"
            message = f"'{template.source}' is not where a {kind} could be found"
            reader.error(reader.at(kind), "E203", message, f"Write it like {form}.")
    return kind, source


def _is_source(kind: str, source: str) -> bool:
    """A web address or a file's name at the channel has no blanks; a place has two numbers."""
    if kind == "location":
        return _PLACE.fullmatch(source) is not None
    return bool(source.strip()) and not re.search(r"\s", source.strip())


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
