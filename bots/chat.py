"""The terminal as a channel: one line a message, buttons by number."""

import uuid
from collections.abc import Callable, Sequence

from bots import plain
from bots.channel import Account, Delivered, Fetched, Inbound, Outgoing
from engine.bidi import unmarked
from engine.messages import Button, Menu

_POLL_SECONDS = 25.0


def lines(message: Outgoing) -> list[str]:
    """A message as printed: `bot: TEXT` on one line, then each button as `[1] TEXT`."""
    text = unmarked(message.text)  # a terminal shows the marks, or their places
    if message.media is not None:
        text = message.media.told(text)
    buttons = [f"[{n}] {one_line(_label(b))}" for n, b in enumerate(_flat(message), start=1)]
    return [f"bot: {one_line(text)}", *buttons]


def one_line(text: str) -> str:
    return " ⏎ ".join(text.splitlines())


def _label(button: Button) -> str:
    return f"{button.label} <{button.url}>" if button.url is not None else button.label


def _flat(message: Outgoing) -> list[Button]:
    return [button for row in message.buttons for button in row]


class TerminalChat:
    """People typing at a terminal, each under a name. `write` prints one line.

    language: what they are said to speak, as Telegram says it of its people; '' for nothing.
    """

    name = "chat"
    account = "terminal"

    def __init__(self, write: Callable[[str], None], language: str = "") -> None:
        self._write = write
        self._profile = {"language": language} if language else {}
        self._inbox = plain.Inbox(_POLL_SECONDS)
        self._shown: dict[str, tuple[str, list[Button]]] = {}

    def says(self, peer: str, text: str) -> None:
        """`peer` typed a line. The bot sees a command if it is one."""
        update = plain.text_update(peer, text)
        payload = {**update["payload"], "profile": self._profile}
        self._inbox.put({**update, "payload": payload, "key": _new_id()})

    def presses(self, peer: str, number: int) -> None:
        """`peer` pressed button `number` of the last message that had any.

        Raises LookupError, with a sentence for the person, where there is no such button.
        """
        message_id, buttons = self._shown.get(peer, ("", []))
        token = buttons[number - 1].token if 0 < number <= len(buttons) else None
        if token is None:
            raise LookupError(f"there is no button {number} to press")
        update = plain.press_update(peer, token, message_id, callback_id=_new_id())
        self._inbox.put({**update, "key": _new_id()})

    async def open(self) -> Account:
        """A terminal is always there."""
        return Account(self.account, "")

    async def fetch(self, offset: int | None) -> Fetched:
        """See Inbox."""
        return await self._inbox.fetch(offset)

    def decode(self, raw: object) -> Inbound:
        """See plain."""
        return plain.decode(raw, self.name, self.account)

    def parts(self, message: Outgoing) -> Sequence[Outgoing]:
        """A terminal takes everything."""
        return (message,)

    async def send(self, message: Outgoing) -> Delivered:
        """Print it."""
        for line in lines(message):
            self._write(line)
        message_id = _new_id()
        if message.buttons:
            self._shown[message.peer] = (message_id, _flat(message))
        return Delivered(message_id)

    async def acknowledge(self, callback_id: str, text: str = "") -> None:  # noqa: ARG002 - Channel
        """Print the text, if there is one."""
        if text:
            self._write(f"bot: {one_line(text)}")

    async def show_menu(self, menu: Menu) -> None:
        """A terminal shows none."""

    async def withdraw(self, peer: str, message_id: str) -> None:
        """What a terminal has printed stays."""

    async def close(self) -> None:
        """Nothing to free."""


def _new_id() -> str:
    # Not a number: the database outlives this process, and its keys with it.
    return uuid.uuid4().hex
