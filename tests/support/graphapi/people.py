"""People as a test moves them. Every action is an event to be brought, and is returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.graphapi.server import GraphApi


class Person:
    """Somebody who writes to the account."""

    def __init__(self, api: GraphApi, igsid: str) -> None:
        self._api = api
        self.igsid = igsid
        self._count = 0

    def says(self, text: str, **more: Any) -> dict[str, Any]:
        """Write a text; `more` is what else its message holds."""
        return self.posts({"text": text, **more})

    def posts(self, message: dict[str, Any]) -> dict[str, Any]:
        """Write a message of anything."""
        self._count += 1
        return self.does({"message": {"mid": f"in.{self.igsid}.{self._count}", **message}})

    def does(self, what: dict[str, Any]) -> dict[str, Any]:
        """Anything else: {"postback": {...}}, {"reaction": {...}}."""
        api = self._api
        event = {
            "sender": {"id": self.igsid},
            "recipient": {"id": api.account},
            "timestamp": api.tick(),
            **what,
        }
        return api.happens(event)

    def presses(self, label: str) -> dict[str, Any]:
        """Tap the newest quick reply with this label. Raises LookupError if there is none."""
        for sent in reversed(self._api.sent):
            for reply in sent["message"].get("quick_replies", []):
                if reply["title"] == label and sent["recipient"].get("id") == self.igsid:
                    return self.says(label, quick_reply={"payload": reply["payload"]})
        raise LookupError(f"{self.igsid} sees no button {label!r}")
