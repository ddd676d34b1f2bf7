"""What comes in from a person and what goes out to one, before any channel renders it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct, field


class Message(Struct, frozen=True):
    """One thing a person did, as the engine sees it.

    kind: text | command | press | contact | location | photo | video | document | voice | audio |
    sticker | edited | other. `text` is '' where there is none; `token` is the pressed button's;
    `command` and `argument` are those of `/command argument`; `media` is the channel's
    description of a file, contact or location; `album` is shared by the files of one upload.
    A contact is {phone_number, own}, `own` where it is the sender's card. `mail_id` is the mail it
    came in (0 in pure tests).
    """

    kind: str = "text"
    text: str = ""
    token: str = ""
    command: str = ""
    argument: str = ""
    media: Mapping[str, Any] = field(default_factory=dict)
    callback_id: str = ""
    message_id: str = ""
    album: str = ""
    mail_id: int = 0


class Button(NamedTuple):
    """A button under a message. It has a `token` (comes back in a press) or a `url`, never both.

    A tuple, so that JSON stores it as [label, token, url] and `Button(*row)` reads it back.
    """

    label: str
    token: str | None = None
    url: str | None = None


STARTS_FLOW = "f:"
"""Before a flow's key it makes a token that starts the flow, however old its message is."""


MEDIA = ("photo", "video", "document", "voice", "location")
"""What may be sent beside a text."""


class Media(Struct, frozen=True):
    """A file to send: a kind of MEDIA; `source`: its web address or the channel's own name of a
    file that it has; of a location `LATITUDE,LONGITUDE`."""

    kind: str
    source: str

    def told(self, text: str) -> str:
        """What is sent with it, in one line for a timeline or a terminal."""
        return f"[{self.kind} {self.source}] {text}".rstrip()


Rows = tuple[tuple[Button, ...], ...]


class Entry(NamedTuple):
    """One line of a channel's menu of commands. command: without slash."""

    command: str
    text: str


Menu = Mapping[str, tuple[Entry, ...]]
"""By language, as the business writes it: the default one first. Empty where nothing is offered."""
