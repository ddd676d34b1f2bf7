"""An Outgoing as Instagram's Send API wants it, and as many requests as its length needs. Pure.

buttons of a question     quick replies; more than 13, or a label over 20 characters: a list with
                          numbers in the text, and the number is the answer
up to three links         buttons of a generic template, where the text fits its title
other links               lines of the text, which Instagram makes links of
a file                    a message of its own before its text: there are no captions
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bots.channel import Outgoing, Rejected
from bots.cutting import pieces
from engine.limits import (
    INSTAGRAM_LABEL,
    INSTAGRAM_PAYLOAD,
    INSTAGRAM_QUICK_REPLIES,
    INSTAGRAM_TEMPLATE_BUTTONS,
    INSTAGRAM_TEXT,
    INSTAGRAM_TITLE,
    Limit,
    measure,
)
from engine.messages import Button, Media

COMMENT = "comment:"
"""Before a comment's id it makes the peer that is answered privately: once, within seven days."""

_LOCATION = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*")
_MAP = "https://www.google.com/maps/search/?api=1&query="

_ATTACHMENTS: Mapping[str, str] = {
    "photo": "image",
    "video": "video",
    "document": "file",
    "voice": "audio",
}


def request(message: Outgoing) -> dict[str, Any]:
    """The JSON body of one piece. Raises Rejected for media that Instagram cannot show."""
    kind: dict[str, Any] = {"messaging_type": "RESPONSE"}
    if message.late_answer:
        kind = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    return {"recipient": _recipient(message.peer), **kind, "message": _content(message)}


def parts(message: Outgoing) -> Sequence[Outgoing]:
    """Cut what is more than one request; buttons are under the last, files before their text."""
    place = _place(message.media)
    if message.media is not None and place is None:
        alone = Outgoing(message.peer, "", media=message.media)
        rest = message._replace(media=None)
        return [alone, *parts(rest)] if message.text or message.buttons else [alone]
    if place is not None:
        message = _with_map(message, place)
    message = _shown(message)
    if _fits(message.text, INSTAGRAM_TEXT):
        return (message,)
    texts = list(pieces(message.text, INSTAGRAM_TEXT))
    return [
        *(Outgoing(message.peer, text) for text in texts[:-1]),
        message._replace(text=texts[-1]),
    ]


def _fits(text: str, limit: Limit) -> bool:
    return measure(text, limit.unit) <= limit.value


def _place(media: Media | None) -> str | None:
    """LAT,LON of a location that is one."""
    if media is None or media.kind != "location":
        return None
    found = _LOCATION.fullmatch(media.source)
    return None if found is None else ",".join(found.groups())


def _with_map(message: Outgoing, place: str) -> Outgoing:
    """There are no messages of places: the text ends with a link to the map."""
    link = _MAP + place
    text = f"{message.text}\n{link}" if message.text else link
    return message._replace(text=text, media=None)


def _shown(message: Outgoing) -> Outgoing:
    """The same with buttons that Instagram has, and the others as lines of the text."""
    flat = [button for row in message.buttons for button in row]
    links = [button for button in flat if button.url is not None]
    answers = [button for button in flat if button.url is None]
    if links and not answers and _is_template(message.text, links):
        return message
    lines = [f"{button.label}: {button.url}" for button in links]
    rows: tuple[tuple[Button, ...], ...] = (tuple(answers),) if answers else ()
    if not _are_quick(answers):
        lines = [f"{place}. {button.label}" for place, button in enumerate(answers, 1)] + lines
        rows = ()
    text = "\n".join([message.text, "", *lines]) if lines else message.text
    return message._replace(text=text, buttons=rows)


def _is_template(text: str, links: Sequence[Button]) -> bool:
    return (
        len(links) <= INSTAGRAM_TEMPLATE_BUTTONS.value
        and bool(text.strip())
        and _fits(text, INSTAGRAM_TITLE)
        and all(_fits(button.label, INSTAGRAM_LABEL) for button in links)
    )


def _are_quick(answers: Sequence[Button]) -> bool:
    return len(answers) <= INSTAGRAM_QUICK_REPLIES.value and all(
        _fits(button.label, INSTAGRAM_LABEL) for button in answers
    )


def _recipient(peer: str) -> dict[str, str]:
    if peer.startswith(COMMENT):
        return {"comment_id": peer.removeprefix(COMMENT)}
    return {"id": peer}


def _content(message: Outgoing) -> dict[str, Any]:
    if message.media is not None:
        return {"attachment": _attachment(message.media)}
    flat = [button for row in message.buttons for button in row]
    if any(button.url is not None for button in flat):
        return {"attachment": _template(message.text, flat)}
    content: dict[str, Any] = {"text": message.text}
    if flat:
        content["quick_replies"] = [_quick_reply(button) for button in flat]
    return content


def _attachment(media: Media) -> dict[str, Any]:
    if media.kind not in _ATTACHMENTS:
        raise Rejected(f"Instagram has no way to send {media.kind[:60]!r}")
    if not media.source.startswith(("https://", "http://")):
        raise Rejected("a file for Instagram is an address that it can fetch")
    return {"type": _ATTACHMENTS[media.kind], "payload": {"url": media.source}}


def _template(title: str, buttons: Sequence[Button]) -> dict[str, Any]:
    shown = [{"type": "web_url", "title": one.label, "url": one.url} for one in buttons]
    element = {"title": title, "buttons": shown}
    return {"type": "template", "payload": {"template_type": "generic", "elements": [element]}}


def _quick_reply(button: Button) -> dict[str, str]:
    token = button.token or ""
    if not token or not _fits(token, INSTAGRAM_PAYLOAD):
        raise Rejected("a quick reply's payload has 1 to 1000 characters")
    return {"content_type": "text", "title": button.label, "payload": token}
