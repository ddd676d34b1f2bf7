"""An Outgoing as Telegram's methods want it, and as many of them as its length needs. Pure.

Texts go without parse_mode: what a business or a customer wrote is never markup.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bots.channel import Outgoing, Rejected
from engine.limits import TELEGRAM_CAPTION, TELEGRAM_TEXT, measure
from engine.messages import Button, Media

_MOST = TELEGRAM_TEXT.value

_PLACES = tuple(re.compile(place) for place in (r"\n\s*\n", r"\n", r"(?<=[.!?؟。…])\s", r"\s"))
"""Where to cut, best first: between paragraphs, lines, sentences, words."""

_JOINER = "\u200d"
_VARIATION = "\ufe0f"
"""Zero width joiner and variation selector tie what stands around them into one sign."""

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
    if len(message.text) <= _MOST // 2 or measure(message.text, TELEGRAM_TEXT.unit) <= _MOST:
        return (message,)
    texts = list(_pieces(message.text))
    return [
        *(Outgoing(message.peer, text) for text in texts[:-1]),
        message._replace(text=texts[-1]),
    ]


def _media_parts(message: Outgoing, media: Media) -> Sequence[Outgoing]:
    fits = measure(message.text, TELEGRAM_CAPTION.unit) <= TELEGRAM_CAPTION.value
    if not message.text or (fits and media.kind != "location"):
        return (message,)
    return [Outgoing(message.peer, "", media=media), *parts(message._replace(media=None))]


def _pieces(text: str) -> Iterator[str]:
    rest = text.strip()
    while measure(rest, TELEGRAM_TEXT.unit) > _MOST:
        cut = _cut(rest)
        yield rest[:cut].rstrip()
        rest = rest[cut:].lstrip()
    yield rest


def _cut(text: str) -> int:
    """An index into a text that is too long, so that what is before it fits and is not small."""
    units = text.encode("utf-16-le", "surrogatepass")[: 2 * _MOST]
    fits = len(units.decode("utf-16-le", "ignore"))
    for place in _PLACES:
        ends = [found.end() for found in place.finditer(text, fits // 2, fits)]
        if ends:
            return ends[-1]
    return _between_signs(text, fits)


def _between_signs(text: str, fits: int) -> int:
    """The last index up to `fits` that tears no accent or joined emoji from what it belongs to."""
    for index in range(fits, fits // 2, -1):
        before, after = text[index - 1], text[index]
        tied = after in (_JOINER, _VARIATION) or unicodedata.combining(after)
        if not tied and before != _JOINER:
            return index
    return fits
