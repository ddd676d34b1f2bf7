"""What can keep a system from its work, looked at: one sighting for each thing, good or bad.

Pure but for the free space of the disk. An account is looked at by the process that fetches or
sends for it, the store by every process. What cannot be known now has no sighting.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from bots.channel import ChannelError, Conflict, Unauthorised
from rapport.runtime.alarms import Alarm, Sighting
from rapport.runtime.status import Dead, Status
from rapport.runtime.tallies import PollerTally, SenderTally, WriterTally

LITTLE_SPACE = 500_000_000
"""Bytes on the disk below which it is nearly full ..."""

LITTLE_SHARE = 0.05
"""... or this part of it ..."""

ENOUGH = 1.2
"""... and so many times as much until it is not any more."""

LONG = timedelta(minutes=5)
"""So old the oldest message that waits may be; it is well again at a fifth of that."""

OF_ACCOUNTS = ("refused", "unreachable", "conflict", "blocked", "outbox")
"""Kinds of alarms about an account."""

A_DAY = timedelta(days=1)

CHATS_IN_A_ROW = 20
"""So many chats one after another that may not be written to are no chance: it is the bot."""

LONG_PAUSE = 300.0
"""Seconds. Who is asked to wait so long is not paced but shut out."""


def of_accounts(
    pollers: Mapping[int, PollerTally], senders: Mapping[int, SenderTally], names: Mapping[int, str]
) -> Iterator[Sighting]:
    """The accounts that this process works for."""
    for account in sorted(pollers.keys() | senders.keys()):
        name = names.get(account)
        if name is None:
            continue
        poller, sender = pollers.get(account), senders.get(account)
        troubles = [one.trouble for one in (poller, sender) if one is not None]
        yield Sighting("refused", name, _of_kind(Unauthorised, troubles))
        if poller is not None:
            trouble = poller.trouble
            is_gone = isinstance(trouble, ChannelError) and not isinstance(
                trouble, Conflict | Unauthorised
            )
            yield Sighting("conflict", name, _of_kind(Conflict, [trouble]))
            yield Sighting("unreachable", name, str(trouble) if is_gone else None)
        if sender is not None:
            yield Sighting("blocked", name, _blocked(sender))


def of_the_store(error: Exception | None, writer: WriterTally) -> Sighting:
    """Whether the store answered this look, and took what was written last."""
    trouble = error or writer.trouble
    return Sighting("database", "", None if trouble is None else str(trouble))


def of_what_waits(status: Status, served: Collection[str]) -> Iterator[Sighting]:
    """How long people wait: for a turn, and for an answer to go out on an account in service."""
    oldest = status.waiting.oldest_at
    yield from _waiting("queue", "", timedelta() if oldest is None else status.at - oldest)
    lag = {lane.account_id: lane.lag(status.at) for lane in status.outbox if lane.lane == 0}
    for account, name in status.accounts.items():
        if name in served:
            yield from _waiting("outbox", name, lag.get(account, timedelta()))


def of_leases(status: Status) -> Iterator[Sighting]:
    """Whether somebody does what only one process may do."""
    for lease in status.leases:
        reason = "nobody holds this lease" if lease.is_abandoned else None
        yield Sighting("unattended", lease.label, reason)


def of_replaced_bots(
    alarms: Iterable[Alarm], served: Collection[str], now: datetime
) -> Iterator[Sighting]:
    """Alarms about accounts that nobody serves any more: the bot was replaced."""
    for alarm in alarms:
        is_old = now - alarm.raised_at > A_DAY
        if alarm.kind in OF_ACCOUNTS and alarm.about not in served and is_old:
            yield Sighting(alarm.kind, alarm.about, None)


def of_dead(before: Dead | None, now: Dead) -> Sighting:
    """Whether there are dead letters that were not there at the look before."""
    is_new = before is not None and any(
        new > old for new, old in zip(now.newest, before.newest, strict=True)
    )
    return Sighting("dead", "", str(now.mail + now.outbox) if is_new else None)


def of_the_disk(database: Path) -> Iterator[Sighting]:
    """The disk that the database's file is on. Between little and enough nothing is said."""
    try:
        disk = shutil.disk_usage(database.resolve().parent)
    except OSError:
        return
    little = max(LITTLE_SPACE, LITTLE_SHARE * disk.total)
    if disk.free < little:
        yield Sighting("disk", "", f"{disk.free // 1_000_000} MB")
    elif disk.free > ENOUGH * little:
        yield Sighting("disk", "", None)


def _of_kind(kind: type[Exception], troubles: list[Exception | None]) -> str | None:
    return next((str(trouble) for trouble in troubles if isinstance(trouble, kind)), None)


def _blocked(sender: SenderTally) -> str | None:
    if sender.asked_to_wait >= LONG_PAUSE:
        return f"asked to wait {sender.asked_to_wait:g} s"
    if sender.unreachable >= CHATS_IN_A_ROW:
        return f"{sender.unreachable} chats in a row refuse its messages"
    return None


def _waiting(kind: str, about: str, age: timedelta) -> Iterator[Sighting]:
    if age >= LONG:
        yield Sighting(kind, about, f"{age // timedelta(minutes=1)}")
    elif age < LONG / 5:
        yield Sighting(kind, about, None)
