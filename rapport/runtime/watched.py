"""A process at work as those see it who watch: its web pages, its alarms.

What the process itself knows is in plain numbers (`tallies`); what waits in the store is read when
somebody asks (`status`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bots.channel import ChannelError
from crm.database import DatabaseUnavailable
from rapport.runtime.clock import Clock
from rapport.runtime.reading import Reader
from rapport.runtime.status import Status, read_status
from rapport.runtime.tallies import (
    PollerTally,
    ReceiverTally,
    SenderTally,
    ServiceTally,
    WriterTally,
)


@dataclass(frozen=True, slots=True)
class Watched:
    """pollers, senders, receivers: those at work here now, by account id; asked for at each look,
    because they come and go. database: the SQLite file, None for another store. redis: why Redis
    cannot be used now, '' where it can be; None where none is set up.
    """

    business_id: int
    read: Reader
    clock: Clock
    service: ServiceTally
    writer: WriterTally
    pollers: Callable[[], Mapping[int, PollerTally]]
    senders: Callable[[], Mapping[int, SenderTally]]
    database: Path | None = None
    redis: Callable[[], str] | None = None
    receivers: Callable[[], Mapping[int, ReceiverTally]] = dict

    def status(self) -> Status:
        """How the store stands now. Raises DatabaseUnavailable; to be called in a thread."""
        now = self.clock.now()
        return self.read(lambda db: read_status(db, self.business_id, now))


Seen = Callable[[], Watched | None]
"""The process as it is seen now; None where it is not at work."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps a process from its work. about: `database`, or an account."""

    about: str
    reason: str


def problems(watched: Watched) -> list[Problem]:
    """Why the process cannot do its work now; empty where it can. Reads the store."""
    try:
        status = watched.status()
    except DatabaseUnavailable as error:
        return [Problem("database", str(error)), *_of_accounts(watched, {})]
    found = list(_of_accounts(watched, status.accounts))
    if watched.writer.trouble is not None:
        found.insert(0, Problem("database", str(watched.writer.trouble)))
    abandoned = (lease.label for lease in status.leases if lease.is_abandoned)
    return [*found, *(Problem(label, "nobody holds this lease") for label in abandoned)]


def _of_accounts(watched: Watched, names: Mapping[int, str]) -> Iterator[Problem]:
    tallies = (("fetching", watched.pollers()), ("sending", watched.senders()))
    for doing, by_account in tallies:
        for account_id, tally in by_account.items():
            # Trouble with the store is said of the store.
            if isinstance(tally.trouble, ChannelError):
                name = names.get(account_id, f"account {account_id}")
                trouble = tally.trouble
                yield Problem(name, f"{doing}: {type(trouble).__name__}: {trouble}")
