"""A channel in memory, for tests: what a person does is put in, what was sent is kept.

It passes the same contract tests as the real ones.
"""

from collections.abc import Sequence
from typing import Any

from bots import plain
from bots.channel import (
    Account,
    ChannelError,
    Delivered,
    Fetched,
    Inbound,
    Outgoing,
    Unreachable,
)
from bots.telegram_render import parts
from engine.messages import Menu


class FakeChannel:
    """Behaves as Telegram does, at once and without a network."""

    def __init__(self, name: str = "telegram", account: str = "1", poll_seconds: float = 0) -> None:
        self.name = name
        self.account = account
        self.sent: list[Outgoing] = []
        """What was accepted, oldest first; the message_id is the place in it, from 1."""
        self.acknowledged: list[tuple[str, str]] = []
        """(callback_id, text) of presses."""
        self.blocked: set[str] = set()
        """Peers that do not want to hear from us."""
        self.menu: Menu = {}
        self._inbox = plain.Inbox(poll_seconds)
        self._failures: list[tuple[ChannelError, bool]] = []

    def says(self, peer: str, text: str, **profile: str) -> dict[str, Any]:
        """A person writes; `profile` is what the platform tells of them. Returns the raw update."""
        update = plain.text_update(peer, text)
        if profile:
            update["payload"]["profile"] = profile
        return self._inbox.put(update)

    def presses(self, peer: str, label: str) -> dict[str, Any]:
        """A person presses the newest button so labelled. Raises LookupError without one."""
        for number in range(len(self.sent), 0, -1):
            message = self.sent[number - 1]
            for button in (one for row in message.buttons for one in row):
                if message.peer == peer and button.label == label and button.token:
                    update = plain.press_update(peer, button.token, str(number), f"press-{number}")
                    return self._inbox.put(update)
        raise LookupError(f"nobody was sent a button {label!r}")

    def receives(self, update: dict[str, Any]) -> dict[str, Any]:
        """Any other update: {kind, peer, payload}, or something broken."""
        return self._inbox.put(update)

    def fail(self, *errors: ChannelError, accepted: bool = False) -> None:
        """The next sends raise these, one each; `accepted`: after the message went through."""
        self._failures.extend((error, accepted) for error in errors)

    async def open(self) -> Account:
        """Always succeeds."""
        return Account(self.account, "fake_bot")

    async def fetch(self, offset: int | None) -> Fetched:
        """See Inbox."""
        return await self._inbox.fetch(offset)

    def decode(self, raw: object) -> Inbound:
        """See plain."""
        return plain.decode(raw, self.name, self.account)

    def parts(self, message: Outgoing) -> Sequence[Outgoing]:
        """Cut as for Telegram."""
        return parts(message)

    async def send(self, message: Outgoing) -> Delivered:
        """Keep the message, or raise what the test asked for."""
        if self._failures:
            error, accepted = self._failures.pop(0)
            if accepted:
                self.sent.append(message)
            raise error
        if message.peer in self.blocked:
            raise Unreachable("bot was blocked by the user")
        plain.refuse(message)
        self.sent.append(message)
        return Delivered(str(len(self.sent)))

    async def acknowledge(self, callback_id: str, text: str = "") -> None:
        """Remember it."""
        self.acknowledged.append((callback_id, text))

    async def show_menu(self, menu: Menu) -> None:
        """Keep it."""
        self.menu = menu

    async def withdraw(self, peer: str, message_id: str) -> None:
        """Take the buttons from the message."""
        place = int(message_id) - 1
        if 0 <= place < len(self.sent) and self.sent[place].peer == peer:
            self.sent[place] = self.sent[place]._replace(buttons=())

    async def close(self) -> None:
        """Nothing to free."""
