"""What has only just come in, on its way into a turn of the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from bots.channel import Inbound
from rapport.runtime.cases import Case, Mail
from rapport.runtime.ids import Ids
from rapport.runtime.intake import Received


def split(
    received: Iterable[Received], cases: Mapping[int, Case]
) -> tuple[list[Received], list[Received]]:
    """What can be applied at once, and what is only stored: noise, behind mail that waits, or of a
    customer who is worked on elsewhere."""
    at_once: list[Received] = []
    later: list[Received] = []
    for item in received:
        at = item.conversation
        free = at is not None and at.status == "idle" and at.customer_id in cases
        (at_once if free else later).append(item)
    return at_once, later


def deliver(
    received: Iterable[Received], cases: Mapping[int, Case], ids: Ids, now: datetime
) -> None:
    """Give each case its new mail, in the provider's order."""
    for item, at, late in sorted(received, key=_provider_order):
        assert at is not None
        assert isinstance(item, Inbound)
        letter = Mail(ids.next_mail(), at.id, item.kind, None, item.payload, 0, now, item, late)
        cases[at.customer_id].mail.append(letter)


def _provider_order(received: Received) -> tuple[bool, int]:
    sequence = getattr(received.item, "provider_seq", None)
    return sequence is None, sequence or 0
