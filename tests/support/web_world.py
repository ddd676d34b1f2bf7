"""The site and the page of its one visitor, as the contract of channels moves them."""

from collections.abc import Sequence

from bots import web_chat
from bots.channel import Delivered, Outgoing
from bots.web_chat import WebChat

SARA = "7"


class SiteWithAPage(WebChat):
    """The site, and what came to the page of its one visitor."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Outgoing] = []

    async def send(self, message: Outgoing) -> Delivered:
        delivered = await super().send(message)
        self.shown.append(message)
        return delivered


class WebWorld:
    """The site; what visitors do is brought by their pages. It has no network that could fail, and
    nobody on it can be unreachable."""

    def __init__(self) -> None:
        self.channel = self._site = SiteWithAPage()
        self.name, self.tells_what_was_pressed = "web", False
        self._brought: list[object] = []

    async def arrived(self) -> Sequence[object]:
        return self._brought

    def says(self, text: str) -> object:
        return self._bring(web_chat.text_update(SARA, f"key-{len(self._brought)}", text))

    def presses(self, label: str) -> object:
        for message in self._site.shown:
            for button in (one for row in message.buttons for one in row):
                if button.label == label:
                    token = button.token or ""
                    return self._bring(web_chat.press_update(SARA, "key-p", token))
        raise LookupError(label)

    def unknown(self) -> object:
        return self._bring({"kind": "telepathy", "peer": SARA, "key": "key-u", "payload": {}})

    def broken(self) -> object:
        return self._bring({"peer": 7})

    def blocks(self) -> None:
        raise NotImplementedError

    def fails(self, fault: str) -> None:
        raise NotImplementedError(fault)

    def texts(self) -> list[str]:
        return [message.text for message in self._site.shown]

    def answered(self) -> list[str]:
        return []

    def has_buttons(self) -> list[bool]:
        return [bool(message.buttons) for message in self._site.shown]

    def _bring(self, update: object) -> object:
        self._brought.append(update)
        return update
