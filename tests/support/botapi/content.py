"""What may stand in a message: texts, entities and keyboards, checked as Telegram checks them."""

import re
from html.parser import HTMLParser
from typing import Any

from tests.support.botapi.errors import bad_request

TEXT_MOST = 4096
CAPTION_MOST = 1024
CALLBACK_DATA_MOST = 64
_BUTTON_KINDS = {"callback_data", "url", "web_app", "switch_inline_query", "pay", "copy_text"}
_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre"}
_COMMAND = re.compile(r"(?:^|(?<=\s))/[A-Za-z0-9_]{1,32}(?:@[A-Za-z0-9_]+)?")


def units(text: str) -> int:
    """Length in UTF-16 code units, in which Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def parsed(text: str, parse_mode: str | None, most: int, what: str) -> str:
    """The text as shown, without markup. Raises 400 if it is too long then, or badly marked up."""
    if parse_mode == "HTML":
        text = _without_tags(text)
    elif parse_mode:
        raise bad_request("unsupported parse_mode")
    text = text.strip()
    if units(text) > most:
        raise bad_request(f"{what} is too long")
    return text


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise bad_request(f'can\'t parse entities: Unsupported start tag "{tag}"')
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise bad_request(f'can\'t parse entities: Unexpected end tag "{tag}"')

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


def _without_tags(text: str) -> str:
    tags = _Tags()
    tags.feed(text)
    tags.close()
    if tags.open:
        raise bad_request(f"can't parse entities: Can't find end tag for \"{tags.open[-1]}\"")
    return "".join(tags.shown)


def command_entities(text: str) -> list[dict[str, Any]]:
    """The bot_command entities that Telegram adds to what people write."""
    return [
        {
            "type": "bot_command",
            "offset": units(text[: found.start()]),
            "length": units(found.group()),
        }
        for found in _COMMAND.finditer(text)
    ]


def check_entities(entities: list[Any], text: str) -> None:
    """Entities must lie inside the text."""
    for entity in entities:
        if not isinstance(entity, dict) or not isinstance(entity.get("type"), str):
            raise bad_request("can't parse entities: entity must be an Object with a type")
        offset, length = entity.get("offset"), entity.get("length")
        if type(offset) is not int or type(length) is not int or offset < 0 or length <= 0:
            raise bad_request("can't parse entities: offset and length must be Integers")
        if offset + length > units(text):
            raise bad_request("can't parse entities: entity is outside of the text")


def check_markup(markup: dict[str, Any]) -> None:
    """An inline keyboard is checked to the last button; the other keyboards by their name."""
    if "inline_keyboard" not in markup:
        if not markup.keys() & {"keyboard", "remove_keyboard", "force_reply"}:
            raise bad_request("object expected as reply markup")
        return
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request("field inline_keyboard of the InlineKeyboardMarkup must be an Array")
    for button in (one for row in rows for one in row):
        _check_button(button)


def _check_button(button: Any) -> None:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise bad_request("can't parse inline keyboard button: text must be a String")
    if not button["text"].strip():
        raise bad_request("can't parse inline keyboard button: the text is empty")
    if len(button.keys() & _BUTTON_KINDS) != 1:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed")
    if "url" in button and not re.match(r"(https?|tg)://\S+", button["url"]):
        raise bad_request(f"inline keyboard button URL '{button['url']}' is invalid")
    if "callback_data" in button:
        _check_data(button["callback_data"])


def _check_data(data: Any) -> None:
    if not isinstance(data, str):
        raise bad_request("field callback_data must be a String")
    if not 1 <= len(data.encode()) <= CALLBACK_DATA_MOST:
        raise bad_request("BUTTON_DATA_INVALID")
