"""Telegram's updates (core.telegram.org/bots/api#update) as Inbound. Pure, and without any SDK:
a field that Telegram adds tomorrow must not make one unreadable, so only what is used is read.
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bots import commands
from bots.channel import Inbound, Kind, Undecodable

_Json = dict[str, Any]

_INT64 = 2**63
_LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z, the last that datetime can say."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL refuses NUL, UTF-8 has no lone surrogates; JSON can bring both."""

_FILES: tuple[Kind, ...] = (
    "animation",  # before document: an animation carries both
    "photo",
    "video",
    "document",
    "voice",
    "audio",
    "sticker",
    "video_note",
)
_FILE_TEXTS = ("file_unique_id", "file_name", "mime_type", "emoji")
_FILE_NUMBERS = ("file_size", "duration", "width", "height")

_ENVELOPE = frozenset(
    {
        "message_id",
        "message_thread_id",
        "from",
        "sender_chat",
        "sender_boost_count",
        "sender_business_bot",
        "date",
        "business_connection_id",
        "chat",
        "forward_origin",
        "is_topic_message",
        "is_automatic_forward",
        "reply_to_message",
        "external_reply",
        "quote",
        "via_bot",
        "edit_date",
        "has_protected_content",
    }
)
"""What any message may have; the first key besides these says what a service message is about."""

_PROFILE = (
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("username", "username"),
    ("language_code", "language"),
)
_LOST = frozenset({"kicked", "left"})


class _Malformed(Exception):
    """Something is not what the Bot API promises."""


class _Origin(NamedTuple):
    key: str
    seq: int
    username: str
    what: str
    """The update's kind in Telegram's words; "" if it is none we know."""


def decode(raw: object, bot: str, username: str = "") -> Inbound:
    """Read one update received by the bot with id `bot`.

    `username` (without @) tells commands in a group that are for another bot; "" takes all as ours.
    An update of a kind nobody knows gives kind "other". Raises Undecodable for what breaks the
    format, and nothing else.
    """
    try:
        body = _mapping(raw)
        seq = _integer(body, "update_id")
    except _Malformed as reason:
        raise Undecodable(str(reason), f"tg:{bot}:{_digest(raw)}") from None
    key = f"tg:{bot}:{seq}"
    for what in body:
        if what in _READERS:
            break
    else:
        return _unknown(_Origin(key, seq, username, ""), body)
    try:
        return _READERS[what](_Origin(key, seq, username, what), _mapping(body[what]))
    except _Malformed as reason:
        raise Undecodable(str(reason), key) from None


def _message(origin: _Origin, body: _Json) -> Inbound:
    chat = _mapping(body.get("chat"))
    kind, payload = _content(body, origin.username)
    payload["message_id"] = str(_integer(body, "message_id"))
    if origin.what != "message":
        payload["content"] = kind
        kind = "edited" if origin.what.startswith("edited") else "post"
    if album := _text(body, "media_group_id"):
        payload["album"] = album
    if "reply_to_message" in body:
        answered = _mapping(body["reply_to_message"])
        payload["reply_to"] = str(_integer(answered, "message_id"))
    written_at = body.get("edit_date", body.get("date"))
    return _inbound(origin, kind, chat, body.get("from"), payload, written_at)


def _press(origin: _Origin, body: _Json) -> Inbound:
    payload: _Json = {"callback_id": _required(body, "id")}
    message = body.get("message")
    if message is None or "data" not in body:  # a game, or a message sent through inline mode
        payload["what"] = origin.what
        return _inbound(origin, "other", None, body.get("from"), payload, None)
    message = _mapping(message)
    payload["message_id"] = str(_integer(message, "message_id"))
    payload["token"] = _required(body, "data")
    chat = _mapping(message.get("chat"))
    return _inbound(origin, "press", chat, body.get("from"), payload, None)


def _membership(origin: _Origin, body: _Json) -> Inbound:
    status = _required(_mapping(body.get("new_chat_member")), "status")
    kind: Kind = "blocked" if status in _LOST else "unblocked"
    chat = _mapping(body.get("chat"))
    return _inbound(origin, kind, chat, body.get("from"), {}, body.get("date"))


def _reaction(origin: _Origin, body: _Json) -> Inbound:
    given = [_mapping(one) for one in _list(body, "new_reaction")]
    payload = {
        "message_id": str(_integer(body, "message_id")),
        "emoji": [emoji for one in given if (emoji := _text(one, "emoji"))],
    }
    chat = _mapping(body.get("chat"))
    return _inbound(origin, "reaction", chat, body.get("user"), payload, body.get("date"))


def _unknown(origin: _Origin, body: _Json) -> Inbound:
    what = next((_clean(name) for name in body if name != "update_id"), "nothing")
    return _inbound(origin, "other", None, None, {"what": what}, None)


_READERS: dict[str, Callable[[_Origin, _Json], Inbound]] = {
    "message": _message,
    "edited_message": _message,
    "channel_post": _message,
    "edited_channel_post": _message,
    "callback_query": _press,
    "my_chat_member": _membership,
    "message_reaction": _reaction,
}

ALLOWED_UPDATES = tuple(_READERS)
"""What to ask Telegram for: it sends nothing else, and keeps the last list it was given."""


def _inbound(
    origin: _Origin,
    kind: Kind,
    chat: _Json | None,
    person: object,
    payload: _Json,
    seconds: object,
) -> Inbound:
    sender = ""
    if person is not None:
        person = _mapping(person)
        sender = str(_integer(person, "id"))
        payload["profile"] = _profile(person)
    return Inbound(
        dedup_key=origin.key,
        provider_seq=origin.seq,
        kind=kind,
        peer="" if chat is None else str(_integer(chat, "id")),
        sender=sender,
        private=chat is not None and chat.get("type") == "private",
        payload=payload,
        sent_at=_moment(seconds),
    )


def _profile(person: _Json) -> _Json:
    return {name: _text(person, key) for key, name in _PROFILE if person.get(key)}


def _content(body: _Json, username: str) -> tuple[Kind, _Json]:
    if "text" in body:
        return _written(_required(body, "text"), username)
    if "contact" in body:
        return "contact", {"contact": _contact(body)}
    if "location" in body:
        return "location", {"location": _location(_mapping(body["location"]))}
    for kind in _FILES:
        if kind in body:
            return kind, {"media": _media(kind, body[kind]), "text": _text(body, "caption")}
    what = next((_clean(name) for name in body if name not in _ENVELOPE), "message")
    return "other", {"what": what}


def _written(text: str, username: str) -> tuple[Kind, _Json]:
    command = commands.parse(text)
    if command is None:
        return "text", {"text": text}
    if command.addressee and username and command.addressee.lower() != username.lower():
        return "other", {"what": "command for another bot", "text": text}
    return "command", {"text": text, "command": command.name, "argument": command.argument}


def _contact(body: _Json) -> _Json:
    card = _mapping(body["contact"])
    person = body.get("from")
    shared = {
        "phone_number": _required(card, "phone_number"),
        "first_name": _text(card, "first_name"),
        "last_name": _text(card, "last_name"),
    }
    read: _Json = {key: value for key, value in shared.items() if value}
    read["own"] = "user_id" in card and card["user_id"] == _mapping(person or {}).get("id")
    return read


def _location(place: _Json) -> _Json:
    return {
        "latitude": _degrees(place, "latitude", 90),
        "longitude": _degrees(place, "longitude", 180),
    }


def _media(kind: Kind, file: object) -> _Json:
    if kind == "photo":  # every size of the same picture, the largest last
        if not isinstance(file, list) or not file:
            raise _Malformed("photo is not a list of sizes")
        file = file[-1]
    body = _mapping(file)
    read: _Json = {"kind": kind, "file_id": _required(body, "file_id")}
    read.update((key, _text(body, key)) for key in _FILE_TEXTS if key in body)
    read.update((key, _integer(body, key)) for key in _FILE_NUMBERS if key in body)
    return read


def _mapping(value: object) -> _Json:
    if not isinstance(value, dict):
        raise _Malformed(f"an object was expected, not {type(value).__name__}")
    return value


def _list(body: _Json, key: str) -> list[object]:
    value = body.get(key)
    if not isinstance(value, list):
        raise _Malformed(f"{key} is not a list")
    return value


def _integer(body: _Json, key: str) -> int:
    value = body.get(key)
    if type(value) is not int or not -_INT64 <= value < _INT64:  # a bool is an int to isinstance
        raise _Malformed(f"{key} is not an integer of 64 bits")
    return value


def _degrees(body: _Json, key: str, most: int) -> float:
    value = body.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= most:
        return float(value)
    raise _Malformed(f"{key} is not between -{most} and {most}")


def _required(body: _Json, key: str) -> str:
    if key not in body:
        raise _Malformed(f"{key} is missing")
    return _text(body, key)


def _text(body: _Json, key: str) -> str:
    value = body.get(key, "")
    if not isinstance(value, str):
        raise _Malformed(f"{key} is not a text")
    return value if value.isascii() and "\0" not in value else _clean(value)


def _clean(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text)


def _moment(seconds: object) -> datetime | None:
    if type(seconds) is not int or not 0 < seconds <= _LAST_SECOND:  # 0: too old to be told
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _digest(raw: object) -> str:
    written = json.dumps(raw, sort_keys=True, default=repr)
    return f"sha256:{hashlib.sha256(written.encode()).hexdigest()}"
