"""Telegram's updates (core.telegram.org/bots/api#update) as Inbound. Pure, and without any SDK:
a field that Telegram adds tomorrow must not make one unreadable, so only what is used is read.
"""

from collections.abc import Callable
from typing import NamedTuple

from bots import commands
from bots.channel import Inbound, Kind, Undecodable
from bots.json_fields import (
    Json,
    Malformed,
    clean,
    digest,
    integer,
    listing,
    mapping,
    moment,
    required,
    text,
)

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
        body = mapping(raw)
        seq = integer(body, "update_id")
    except Malformed as reason:
        raise Undecodable(str(reason), f"tg:{bot}:{digest(raw)}") from None
    key = f"tg:{bot}:{seq}"
    for what in body:
        if what in _READERS:
            break
    else:
        return _unknown(_Origin(key, seq, username, ""), body)
    try:
        return _READERS[what](_Origin(key, seq, username, what), mapping(body[what]))
    except Malformed as reason:
        raise Undecodable(str(reason), key) from None


def _message(origin: _Origin, body: Json) -> Inbound:
    chat = mapping(body.get("chat"))
    kind, payload = _content(body, origin.username)
    payload["message_id"] = str(integer(body, "message_id"))
    if origin.what != "message":
        payload["content"] = kind
        kind = "edited" if origin.what.startswith("edited") else "post"
    if album := text(body, "media_group_id"):
        payload["album"] = album
    if "reply_to_message" in body:
        answered = mapping(body["reply_to_message"])
        payload["reply_to"] = str(integer(answered, "message_id"))
    written_at = body.get("edit_date", body.get("date"))
    return _inbound(origin, kind, chat, body.get("from"), payload, written_at)


def _press(origin: _Origin, body: Json) -> Inbound:
    payload: Json = {"callback_id": required(body, "id")}
    message = body.get("message")
    if message is None or "data" not in body:  # a game, or a message sent through inline mode
        payload["what"] = origin.what
        return _inbound(origin, "other", None, body.get("from"), payload, None)
    message = mapping(message)
    payload["message_id"] = str(integer(message, "message_id"))
    payload["token"] = required(body, "data")
    chat = mapping(message.get("chat"))
    return _inbound(origin, "press", chat, body.get("from"), payload, None)


def _membership(origin: _Origin, body: Json) -> Inbound:
    status = required(mapping(body.get("new_chat_member")), "status")
    kind: Kind = "blocked" if status in _LOST else "unblocked"
    chat = mapping(body.get("chat"))
    return _inbound(origin, kind, chat, body.get("from"), {}, body.get("date"))


def _reaction(origin: _Origin, body: Json) -> Inbound:
    given = [mapping(one) for one in listing(body, "new_reaction")]
    payload = {
        "message_id": str(integer(body, "message_id")),
        "emoji": [emoji for one in given if (emoji := text(one, "emoji"))],
    }
    chat = mapping(body.get("chat"))
    return _inbound(origin, "reaction", chat, body.get("user"), payload, body.get("date"))


def _unknown(origin: _Origin, body: Json) -> Inbound:
    what = next((clean(name) for name in body if name != "update_id"), "nothing")
    return _inbound(origin, "other", None, None, {"what": what}, None)


_READERS: dict[str, Callable[[_Origin, Json], Inbound]] = {
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
    chat: Json | None,
    person: object,
    payload: Json,
    seconds: object,
) -> Inbound:
    sender = ""
    if person is not None:
        person = mapping(person)
        sender = str(integer(person, "id"))
        payload["profile"] = _profile(person)
    return Inbound(
        dedup_key=origin.key,
        provider_seq=origin.seq,
        kind=kind,
        peer="" if chat is None else str(integer(chat, "id")),
        sender=sender,
        private=chat is not None and chat.get("type") == "private",
        payload=payload,
        sent_at=moment(seconds),
    )


def _profile(person: Json) -> Json:
    return {name: text(person, key) for key, name in _PROFILE if person.get(key)}


def _content(body: Json, username: str) -> tuple[Kind, Json]:
    if "text" in body:
        return _written(required(body, "text"), username)
    if "contact" in body:
        return "contact", {"contact": _contact(body)}
    if "location" in body:
        return "location", {"location": _location(mapping(body["location"]))}
    for kind in _FILES:
        if kind in body:
            return kind, {"media": _media(kind, body[kind]), "text": text(body, "caption")}
    what = next((clean(name) for name in body if name not in _ENVELOPE), "message")
    return "other", {"what": what}


def _written(text: str, username: str) -> tuple[Kind, Json]:
    command = commands.parse(text)
    if command is None:
        return "text", {"text": text}
    if command.addressee and username and command.addressee.lower() != username.lower():
        return "other", {"what": "command for another bot", "text": text}
    return "command", {"text": text, "command": command.name, "argument": command.argument}


def _contact(body: Json) -> Json:
    card = mapping(body["contact"])
    person = body.get("from")
    shared = {
        "phone_number": required(card, "phone_number"),
        "first_name": text(card, "first_name"),
        "last_name": text(card, "last_name"),
    }
    read: Json = {key: value for key, value in shared.items() if value}
    read["own"] = "user_id" in card and card["user_id"] == mapping(person or {}).get("id")
    return read


def _location(place: Json) -> Json:
    return {
        "latitude": _degrees(place, "latitude", 90),
        "longitude": _degrees(place, "longitude", 180),
    }


def _media(kind: Kind, file: object) -> Json:
    if kind == "photo":  # every size of the same picture, the largest last
        if not isinstance(file, list) or not file:
            raise Malformed("photo is not a list of sizes")
        file = file[-1]
    body = mapping(file)
    read: Json = {"kind": kind, "file_id": required(body, "file_id")}
    read.update((key, text(body, key)) for key in _FILE_TEXTS if key in body)
    read.update((key, integer(body, key)) for key in _FILE_NUMBERS if key in body)
    return read


def _degrees(body: Json, key: str, most: int) -> float:
    value = body.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= most:
        return float(value)
    raise Malformed(f"{key} is not between -{most} and {most}")
