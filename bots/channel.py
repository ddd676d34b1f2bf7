"""What a channel is: the one contract between the runtime and Telegram, Instagram or a terminal.

The runtime knows this module and no channel by name. An adapter translates whatever its library
raises into exactly these errors:

    ChannelError              anything that went wrong between us and the platform
    ├── Temporary             5xx, time-out, network, an answer nobody can read: back off, try again
    ├── Throttled             the platform says "not before `retry_after` seconds"
    ├── Conflict              somebody else is fetching this account's updates
    ├── Unauthorised          the credentials are refused: nothing will work until they change
    ├── Unreachable           this person cannot be written to (blocked the bot, deleted account)
    ├── Moved                 the chat lives on under `new_peer`
    └── Rejected              this message will never be accepted as it is: a dead letter
        └── WindowClosed      nothing is accepted until this person writes again

    Undecodable               an update that cannot be read (raised by `decode` alone)

Every message of an error is safe to log: adapters remove credentials from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from engine.messages import Media, Menu, Rows

Kind = Literal[
    "text",  # payload: text
    "command",  # payload: text (all of it), command (lower case, no slash), argument ("" if none)
    "press",  # payload: token, callback_id, message_id (of the pressed message)
    "contact",  # payload: contact {phone_number, first_name, last_name, own}
    "location",  # payload: location {latitude, longitude}
    "photo",
    "video",
    "document",
    "voice",
    "audio",
    "sticker",
    "animation",
    "video_note",  # from photo on: media {kind, file_id, ...}, text (the caption, "" if none)
    "edited",  # payload of what it is now, with `content`: the kind it would be if it were new
    "post",  # something written in a broadcast channel, not by a person
    "reaction",  # payload: message_id, emoji (a list; empty when taken back)
    "blocked",  # we may no longer write to this peer
    "unblocked",  # we may again
    "echo",  # what the business said, here or in the platform's own app; payload as of `edited`
    "deleted",  # taken back by who wrote it; payload: message_id
    "read",  # payload: message_id
    "comment",  # under a post; payload: text, comment_id, media_id, is_live; peer answers it
    "story_mention",  # the person's story names the business; payload: media {kind, url}
    "other",  # understood to be none of the above; payload: what (the platform's word)
]


LONGEST_WAIT = 86_400.0
"""Seconds: a day, after which a message is given up anyway."""


class ChannelError(Exception):
    """The root of the tree above.

    `maybe_sent` is True where the platform may have accepted the message before the error (a
    time-out, a connection lost after writing, an unreadable answer): sending again may double it.
    """

    maybe_sent: bool = False


class Temporary(ChannelError):
    """Nobody's fault and it will pass: try again later, with growing pauses."""

    def __init__(self, reason: str, *, maybe_sent: bool = False) -> None:
        super().__init__(reason)
        self.maybe_sent = maybe_sent


class Throttled(ChannelError):
    """Too many requests. Nothing was sent; wait `retry_after` seconds before this peer's next.

    That is at most LONGEST_WAIT, whatever the platform says: no moment has room for some numbers.
    """

    def __init__(self, retry_after: float) -> None:
        self.retry_after = max(0.0, min(retry_after, LONGEST_WAIT))
        super().__init__(f"asked to wait {self.retry_after:g} s")


class Conflict(ChannelError):
    """Another program fetches our updates, or a webhook is set. Log once, keep trying."""


class Unauthorised(ChannelError):
    """The token or password is refused. Stop, and tell the owner to give a new one."""


class Unreachable(ChannelError):
    """This peer cannot be written to. Mark it and stop what is automatic; a message undoes it."""


class Moved(ChannelError):
    """The chat has another address now: store `new_peer` and send there."""

    def __init__(self, new_peer: str) -> None:
        super().__init__(f"the chat moved to {new_peer}")
        self.new_peer = new_peer


class Rejected(ChannelError):
    """The platform refuses this message for what it is. Sending it again cannot help."""


class WindowClosed(Rejected):
    """The platform lets us write only for some time after the person did, and that is over."""


class Undecodable(ValueError):
    """An update that breaks the platform's own format.

    `dedup_key` is the key of a readable update, or a digest of the content where there is no id,
    so that the same broken update is stored once.
    """

    def __init__(self, reason: str, dedup_key: str) -> None:
        super().__init__(reason)
        self.dedup_key = dedup_key


class Inbound(NamedTuple):
    """One thing that came in, decoded. Pure data (a tuple: a third of a frozen dataclass's cost).

    `payload` is JSON and safe for any database: no NUL, no lone surrogates, no NaN. Besides what
    `Kind` lists it may hold `message_id` (text), `album` (several messages of one upload share it),
    `reply_to` (the message_id answered) and `profile` {first_name, last_name, username, language},
    each only where the platform told it.
    """

    dedup_key: str
    """Unique over all channels and accounts, the same for every copy: `tg:{bot}:{update_id}`."""
    provider_seq: int | None
    """The platform's own order of what waits together; fits 64 bits."""
    kind: Kind
    peer: str
    """Where to answer (a chat id); "" where there is nowhere."""
    sender: str
    """The person's id on the channel; "" where no person did it."""
    private: bool
    """True in a conversation of one person with the bot."""
    payload: dict[str, Any]
    sent_at: datetime | None = None


class Outgoing(NamedTuple):
    """One message to send: plain text, never markup."""

    peer: str
    text: str
    """With media, its caption, which may be ""."""
    buttons: Rows = ()
    """Rows of buttons, top to bottom. Each has a token (comes back in a press) or a url."""
    media: Media | None = None
    late_answer: bool = False
    """A person of the business wrote it, after the time in which the bot may write."""


class Delivered(NamedTuple):
    """The platform accepted it under this id (unique within the peer).

    echo_key: the `dedup_key` of the echo that the platform brings of it; "" where it brings none.
    """

    message_id: str
    echo_key: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are on the platform. `username` is "" where there is none."""

    external_id: str
    username: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer to `fetch`: raw updates in the platform's order, for `decode` one by one."""

    updates: Sequence[object]
    next_offset: int | None
    """What to pass to the next `fetch` once these are stored: it confirms them."""


class Channel(Protocol):
    """An account on a platform. Methods that wait raise only `ChannelError`."""

    @property
    def name(self) -> str:
        """The platform: "telegram", "instagram", "chat"."""

    @property
    def account(self) -> str:
        """The account's id on the platform; known before `open`."""

    async def open(self) -> Account:
        """Check the credentials and make `fetch` possible. May be called again after an error."""

    async def fetch(self, offset: int | None) -> Fetched:
        """Wait for updates, at most about half a minute; none is a normal answer.

        `offset` None (the first call after a start) confirms nothing; `next_offset` of an answer
        confirms that answer, so it is passed only after its updates are stored.
        """

    def decode(self, raw: object) -> Inbound:
        """Read one raw update. Pure. Raises Undecodable and nothing else."""

    def parts(self, message: Outgoing) -> Sequence[Outgoing]:
        """Cut a message into pieces the platform accepts, each one `send`; mostly one. Pure.

        Each piece is to be stored as a delivery of its own: then a failure in the middle repeats
        nothing. The buttons are on the last.
        """

    async def send(self, message: Outgoing) -> Delivered:
        """Send one piece. One request, no retry, no pacing: those are the sender's."""

    async def acknowledge(self, callback_id: str, text: str = "") -> None:
        """End the progress bar of a pressed button, showing `text` (cut to what fits) if any.

        Best effort: what the platform refuses (an old press) is ignored and nothing is raised.
        """

    async def show_menu(self, menu: Menu) -> None:
        """Offer these commands from now on, instead of what was offered. Raises ChannelError."""

    async def withdraw(self, peer: str, message_id: str) -> None:
        """Take the buttons from under a message that was sent. Best effort, as `acknowledge`; where
        a platform cannot, nothing happens."""

    async def close(self) -> None:
        """Free connections. May be called twice, and without `open`."""


class Webhook(Protocol):
    """How a platform brings the updates of an account to an address of ours. Nothing here waits."""

    def may_be_genuine(self, headers: Mapping[str, str]) -> bool:
        """Whether the body is worth reading. The names of headers are in lower case."""

    def is_genuine(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether it is the platform that sent this; the body is as it came."""

    def updates(self, body: bytes) -> Sequence[object]:
        """The raw updates of a genuine body, for `Channel.decode` one by one; what is another
        account's is left out. Raises Undecodable."""

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """The answer to a platform that makes sure that the address is ours (a GET); None: no."""
