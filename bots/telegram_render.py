"""An Outgoing as Telegram's methods want it, and as many of them as its length needs. Pure.

Texts go without parse_mode: what a business or a customer wrote is never markup.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bots.channel import Outgoing, Rejected
from bots.cutting import pieces
from engine.limits import (
    TELEGRAM_CAPTION,
    TELEGRAM_COMMAND_TEXT,
    TELEGRAM_COMMANDS,
    TELEGRAM_TEXT,
    measure,
)
from engine.messages import Button, Entry, Media

_LOCATION = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*")

_METHODS: Mapping[str, str] = {
    "photo": "sendPhoto",
    "video": "sendVideo",
    "document": "sendDocument",
    "voice": "sendVoice",
}


def request(message: Outgoing) -> tuple[str, dict[str, Any]]:
    """The Bot API method and its JSON parameters for one piece.

    A file's source is an http(s) address or a file_id of this bot; a location's is "LAT,LON".
    Raises Rejected for media that Telegram has no method for.
    """
    sent: dict[str, Any] = {"chat_id": message.peer}
    if message.media is None:
        method = "sendMessage"
        sent["text"] = message.text
    else:
        method = _media(message.media, message.text, sent)
    if message.buttons:
        keyboard = [[_button(button) for button in row] for row in message.buttons]
        sent["reply_markup"] = {"inline_keyboard": keyboard}
    return method, sent


def commands(entries: Iterable[Entry]) -> dict[str, Any]:
    """The parameters of setMyCommands. What is more than Telegram takes is left out or cut."""
    offered = [
        {"command": entry.command, "description": _shortened(entry.text)} for entry in entries
    ]
    return {
        "commands": offered[: TELEGRAM_COMMANDS.value],
        "scope": {"type": "all_private_chats"},
    }


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    most = TELEGRAM_COMMAND_TEXT.value
    return text if len(text) <= most else text[: most - 1] + "…"


def _media(media: Media, caption: str, sent: dict[str, Any]) -> str:
    if media.kind == "location":
        place = _LOCATION.fullmatch(media.source)
        if place is None:
            raise Rejected(f"a location is written LAT,LON, not {media.source[:60]!r}")
        sent["latitude"], sent["longitude"] = map(float, place.groups())
        return "sendLocation"
    if media.kind not in _METHODS:
        raise Rejected(f"Telegram has no way to send {media.kind[:60]!r}")
    sent[media.kind] = media.source
    if caption:
        sent["caption"] = caption
    return _METHODS[media.kind]


def _button(button: Button) -> dict[str, str]:
    if button.url is not None:
        return {"text": button.label, "url": button.url}
    return {"text": button.label, "callback_data": button.token or ""}


def parts(message: Outgoing) -> Sequence[Outgoing]:
    """Cut what is more than one request; the buttons stay under the last piece.

    Media whose caption does not fit go first and alone, and so does every location.
    """
    if message.media is not None:
        return _media_parts(message, message.media)
    most = TELEGRAM_TEXT.value
    if len(message.text) <= most // 2 or measure(message.text, TELEGRAM_TEXT.unit) <= most:
        return (message,)
    texts = list(pieces(message.text, TELEGRAM_TEXT))
    return [
        *(Outgoing(message.peer, text) for text in texts[:-1]),
        message._replace(text=texts[-1]),
    ]


def _media_parts(message: Outgoing, media: Media) -> Sequence[Outgoing]:
    fits = measure(message.text, TELEGRAM_CAPTION.unit) <= TELEGRAM_CAPTION.value
    if not message.text or (fits and media.kind != "location"):
        return (message,)
    return [Outgoing(message.peer, "", media=media), *parts(message._replace(media=None))]
