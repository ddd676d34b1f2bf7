"""Instagram's webhook events (developers.facebook.com/docs/instagram-platform/webhooks) as Inbound.

Pure. A raw update is one thing of a batch (instagram_webhook), with the account it is about:

    {"account": ID, "messaging": {sender, recipient, timestamp, message | postback...}, "part": 0}
    {"account": ID, "time": SECONDS, "change": {"field": "comments", "value": {...}}}

`part` is the place of an attachment in a message that has several. What the platform adds tomorrow
makes nothing unreadable: only what is used is read.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from bots import commands
from bots.channel import Inbound, Kind, Undecodable
from bots.json_fields import (
    Json,
    Malformed,
    clean,
    digest,
    listing,
    mapping,
    moment,
    required,
    text,
)

MOST_ID = 90
"""Characters of a message's id that are kept as they are; they come with 40 to 200."""

_FILES: Mapping[str, Kind] = {
    "image": "photo",
    "video": "video",
    "audio": "voice",
    "file": "document",
    "ig_reel": "video",
    "reel": "video",
}


_ENVELOPE = frozenset({"sender", "recipient", "timestamp"})


class _Event(NamedTuple):
    account: str
    body: Json
    part: int


def message_key(mid: str) -> str:
    """A message's id as it is kept; a long one as its digest, for a column has its width."""
    if len(mid) <= MOST_ID:
        return mid
    return f"sha256:{hashlib.sha256(mid.encode('utf-8', 'replace')).hexdigest()}"


def event_key(account: str, key: str) -> str:
    """The `dedup_key` of an event with an id: of a message, what `message_key` makes of its."""
    return f"ig:{account}:{key}"


def decode(raw: object, account: str) -> Inbound:
    """Read one raw update of the account. An event of a kind nobody knows gives kind "other".

    Raises Undecodable for what breaks the format, and nothing else.
    """
    try:
        update = mapping(raw)
        if "change" in update:
            return _change(update, account)
        return _messaging(update, account)
    except Malformed as reason:
        raise Undecodable(str(reason), f"ig:{account}:{digest(raw)}") from None


def _messaging(update: Json, account: str) -> Inbound:
    body = mapping(update.get("messaging"))
    part = update.get("part", 0)
    for what, reader in _READERS.items():
        if what in body:
            event = _Event(account, body, part if isinstance(part, int) else 0)
            return reader(event, mapping(body[what]))
    return _other(
        update, account, next((name for name in body if name not in _ENVELOPE), "nothing")
    )


def _message(event: _Event, message: Json) -> Inbound:
    mid = message_key(required(message, "mid"))
    if message.get("is_deleted") is True:
        return _inbound(event, "deleted", {"message_id": mid}, f"{mid}:deleted")
    kind, payload = _content(message, event.part)
    payload["message_id"] = mid
    key = mid if event.part == 0 else f"{mid}:{event.part}"
    if len(_attachments(message)) > 1:
        payload["album"] = mid
    _note_reply(message, payload)
    if message.get("is_echo") is True:
        payload["content"] = kind
        kind = "echo"
    return _inbound(event, kind, payload, key)


def _content(message: Json, part: int) -> tuple[Kind, Json]:
    written = text(message, "text") if part == 0 else ""
    if "quick_reply" in message:
        token = required(mapping(message["quick_reply"]), "payload")
        return "press", {"token": token, "text": written}
    if "referral" in message and (reference := _reference(message["referral"])):
        return _started(reference, written)
    if message.get("is_unsupported") is True:
        return "other", {"what": "unsupported", "text": written}
    attachments = _attachments(message)
    if part < len(attachments):
        return _attached(mapping(attachments[part]), written)
    if "text" not in message:
        return "other", {"what": "message"}
    command = commands.parse(written)
    if command is None:
        return "text", {"text": written}
    payload = {"text": written, "command": command.name, "argument": command.argument}
    return "command", payload


def _attachments(message: Json) -> list[object]:
    return listing(message, "attachments") if "attachments" in message else []


def _attached(attachment: Json, written: str) -> tuple[Kind, Json]:
    what = required(attachment, "type")
    inside = attachment.get("payload")
    url = text(mapping(inside), "url") if inside is not None else ""
    if what in _FILES:
        kind = _FILES[what]
        return kind, {"media": {"kind": kind, "url": url}, "text": written}
    if what == "story_mention":
        return "story_mention", {"media": {"kind": what, "url": url}, "text": written}
    shared: Json = {"what": what, "text": written}
    if url:
        shared["media"] = {"kind": what, "url": url}
    # Words beside a shared post are words; the post alone is nothing that was said.
    return ("text" if written else "other"), shared


def _note_reply(message: Json, payload: Json) -> None:
    if "reply_to" not in message:
        return
    answered = mapping(message["reply_to"])
    if "mid" in answered:
        payload["reply_to"] = message_key(required(answered, "mid"))
    if "story" in answered:
        story = mapping(answered["story"])
        payload["story"] = {"id": text(story, "id"), "url": text(story, "url")}


def _postback(event: _Event, postback: Json) -> Inbound:
    key = message_key(text(postback, "mid"))
    if "referral" in postback and (reference := _reference(postback["referral"])):
        kind, payload = _started(reference, text(postback, "title"))
        return _inbound(event, kind, payload, key)
    payload = {"token": required(postback, "payload"), "text": text(postback, "title")}
    return _inbound(event, "press", payload, key)


def _referral(event: _Event, referral: Json) -> Inbound:
    reference = _reference(referral)
    if not reference:
        return _inbound(event, "other", {"what": "referral"})
    kind, payload = _started(reference, "")
    return _inbound(event, kind, payload)


def _reference(referral: object) -> str:
    return text(mapping(referral), "ref")


def _started(reference: str, written: str) -> tuple[Kind, Json]:
    """Whoever comes by a link with a reference has said what `/start REFERENCE` says elsewhere."""
    said = written or f"/start {reference}"
    return "command", {"text": said, "command": "start", "argument": reference}


def _reaction(event: _Event, reaction: Json) -> Inbound:
    emoji = text(reaction, "emoji") or text(reaction, "reaction")
    is_given = reaction.get("action") != "unreact" and bool(emoji)
    given = [emoji] if is_given else []
    payload = {"message_id": message_key(required(reaction, "mid")), "emoji": given}
    return _inbound(event, "reaction", payload)


def _read(event: _Event, read: Json) -> Inbound:
    return _inbound(event, "read", {"message_id": message_key(text(read, "mid"))})


_READERS: Mapping[str, Callable[[_Event, Json], Inbound]] = {
    "message": _message,
    "postback": _postback,
    "referral": _referral,
    "reaction": _reaction,
    "read": _read,
}


def _inbound(event: _Event, kind: Kind, payload: Json, key: str = "") -> Inbound:
    """key: of the event; "" for one without an id, which is known by all it says."""
    sender, recipient = _party(event.body, "sender"), _party(event.body, "recipient")
    at = _milliseconds(event.body.get("timestamp"))
    is_ours = kind == "echo" or sender == event.account
    return Inbound(
        dedup_key=event_key(event.account, key or digest(event.body)),
        provider_seq=at,
        kind=kind,
        peer=recipient if is_ours else sender,
        sender=sender,
        private=True,
        payload=payload,
        sent_at=None if at is None else moment(at // 1000),
    )


def _party(body: Json, name: str) -> str:
    return required(mapping(body.get(name)), "id")


def _milliseconds(written: object) -> int | None:
    """Test events of the dashboard have their time as a text."""
    if isinstance(written, str) and written.isascii() and written.isdigit() and len(written) < 16:
        written = int(written)
    if type(written) is not int or not 0 < written < 10**15:
        return None
    return written


def _other(update: Json, account: str, what: str) -> Inbound:
    key = f"ig:{account}:{digest(update)}"
    return Inbound(key, None, "other", "", "", private=False, payload={"what": clean(what)})


def _change(update: Json, account: str) -> Inbound:
    change = mapping(update["change"])
    field, value = required(change, "field"), change.get("value")
    if field not in ("comments", "live_comments"):
        return _other(update, account, field)
    body = mapping(value)
    author, comment = mapping(body.get("from")), required(body, "id")
    payload: Json = {
        "text": text(body, "text"),
        "comment_id": comment,
        "media_id": text(mapping(body.get("media") or {}), "id"),
        "is_live": field == "live_comments",
    }
    if parent := text(body, "parent_id"):
        payload["parent_id"] = parent
    if username := text(author, "username"):
        payload["profile"] = {"username": username}
    writer = required(author, "id")
    at = update.get("time")
    return Inbound(
        dedup_key=f"ig:{account}:comment:{message_key(comment)}",
        provider_seq=None,
        kind="comment",
        peer=f"comment:{comment}",
        sender="" if writer == account else writer,
        private=False,
        payload=payload,
        sent_at=moment(at),
    )
