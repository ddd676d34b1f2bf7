"""Instagram's updates as it brings them itself: batches, signed over their bytes by the app."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bots.webhook_bodies import read_json
from bots.webhook_signatures import (
    INSTAGRAM_HEADER,
    is_from_instagram,
    is_instagrams_challenge,
)

_HEADER = INSTAGRAM_HEADER.lower()
_SIGNED = "sha256="
_LONGEST_CHALLENGE = 200


@dataclass(frozen=True, slots=True)
class InstagramWebhook:
    """The webhook of the account with id `account`. See bots.channel.Webhook.

    app_secret signs what is brought; verify_token is what the app's page was told when the address
    was given to it.
    """

    account: str
    app_secret: str = field(repr=False)
    verify_token: str = field(repr=False)

    def may_be_genuine(self, headers: Mapping[str, str]) -> bool:
        """Without a signature nothing is read."""
        return headers.get(_HEADER, "").startswith(_SIGNED)

    def is_genuine(self, headers: Mapping[str, str], body: bytes) -> bool:
        """The signature is over the bytes as they came."""
        return is_from_instagram(headers.get(_HEADER), body, self.app_secret)

    def updates(self, body: bytes) -> Sequence[object]:
        """What is about this account, one by one, as instagram_decode reads them."""
        read = read_json(body, f"ig:{self.account}")
        if not isinstance(read, dict) or read.get("object") != "instagram":
            return []
        entries = read.get("entry")
        if not isinstance(entries, list):
            return []
        ours = [one for one in entries if isinstance(one, dict) and one.get("id") == self.account]
        return [update for entry in ours for update in self._of(entry)]

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """The bare challenge, to who knows our verify token."""
        mode, token = query.get("hub.mode"), query.get("hub.verify_token")
        if not is_instagrams_challenge(mode, token, self.verify_token):
            return None
        return query.get("hub.challenge", "")[:_LONGEST_CHALLENGE]

    def _of(self, entry: dict[str, Any]) -> Iterator[object]:
        account = self.account
        for event in _list(entry, "messaging"):
            for part in range(_files_of(event)):
                yield {"account": account, "messaging": event, "part": part}
        for change in _list(entry, "changes"):
            yield {"account": account, "time": entry.get("time"), "change": change}
        for event in _list(entry, "standby"):  # another app has the conversation
            change = {"field": "standby", "value": event}
            yield {"account": account, "time": entry.get("time"), "change": change}


def _list(entry: Mapping[str, Any], key: str) -> list[object]:
    value = entry.get(key, [])
    return value if isinstance(value, list) else [value]


def _files_of(event: object) -> int:
    """How many updates an event is: one for each of its attachments."""
    message = event.get("message") if isinstance(event, dict) else None
    files = message.get("attachments") if isinstance(message, dict) else None
    return max(1, len(files)) if isinstance(files, list) else 1
