"""The cases of customers lately worked on, so that their next turn need not read them again.

Only on SQLite, where one process writes and a file tells who else did. What is remembered equals
what would be loaded, or it is not there:

* An entry is taken out when a turn uses it, and comes back after the commit of that turn, as the
  turn left it. What is rolled back does not come back.
* Everything is forgotten as soon as somebody else has written: another connection (PRAGMA
  data_version) or a function of this process that does not say what it changed (the connection
  counts its changes). `beside_cases` is for those that touch nothing a case is loaded from.
* A customer who talks in several conversations, or whose mail has to wait, is loaded each time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from crm.database import sqlite_driver
from crm.services.ledger import Ledger
from engine.flow import Reads
from rapport.runtime.cases import Case, Conversation
from rapport.runtime.ids import CountedIds, Ids
from rapport.runtime.library import Library
from rapport.runtime.load import keys_read

MOST = 10_000
"""Customers remembered, the latest: some kilobytes each."""

_BESIDE = "changes beside cases"


class Kept(Struct, frozen=True):
    """What a turn leaves to be remembered once it is committed.

    trust: the memory's own mark of the moment; it is not that any more where something happened in
    the same transaction that may have changed these cases again.
    """

    cases: tuple[Case, ...]
    ids: CountedIds
    trust: int


class Memory:
    """One business's cases of one process. Used under the transaction's write lock alone."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        # By customer, the one longest unused first; customers by account and peer, by conversation.
        self._cases: dict[int, Case] = {}
        self._customers: dict[tuple[int, str], int] = {}
        self._talkers: dict[int, int] = {}
        self._ids: CountedIds | None = None
        self._reads: Reads | None = None
        self._keys: Mapping[str, str] = {}
        self._driver: sqlite3.Connection | None = None
        self._info: Mapping[str, Any] = {}
        self._version = 0
        self._changes = 0
        self._trust = 0

    @property
    def cases(self) -> Sequence[Case]:
        """What is remembered, the case longest unused first."""
        return tuple(self._cases.values())

    def check(self, db: Connection, library: Library) -> None:
        """Forget everything if somebody else may have changed anything, or if more is read of
        customers than when they were loaded. To be called first in a transaction."""
        if db.dialect.name != "sqlite":
            return
        driver = sqlite_driver(db)
        if driver is not self._driver or library.reads is not self._reads:
            self.forget()
            self._driver, self._info = driver, db.info
            self._reads, self._keys = library.reads, keys_read(library)
        (version,) = driver.execute("PRAGMA data_version").fetchone()
        if version != self._version or self._changed() != self._changes:
            self.forget()
            self._version, self._changes = version, self._changed()

    def forget(self) -> None:
        self._cases.clear()
        self._customers.clear()
        self._talkers.clear()
        self.distrust()

    def distrust(self) -> None:
        """Something beside turns was written: what waits for its commit does not come back."""
        self._trust += 1
        self._ids = None

    def wake(self, conversations: Iterable[int]) -> None:
        """Mail was stored for these conversations, and nothing else was written."""
        self.distrust()
        self.drop([self._talkers[item] for item in conversations if item in self._talkers])
        self.know()

    def drop(self, customers: Iterable[int]) -> None:
        """Forget these customers."""
        for customer_id in customers:
            self._take(customer_id)

    def conversations(self, account_id: int, peers: Iterable[str]) -> dict[str, Conversation]:
        """The conversations of those peers whose cases are remembered, by peer: they are idle."""
        found = ((peer, self._customers.get((account_id, peer))) for peer in peers)
        return {peer: _only(self._cases[of]) for peer, of in found if of is not None}

    def take_ids(self) -> CountedIds | None:
        """The last numbers given; None where they must be read."""
        ids, self._ids = self._ids, None
        return ids

    def recall(self, cases: Mapping[int, Case]) -> tuple[dict[int, Case], dict[int, Case]]:
        """Of the cases of these customers, those that are known, and those that must be loaded."""
        known: dict[int, Case] = {}
        unknown: dict[int, Case] = {}
        for customer_id, case in cases.items():
            found = self._take(customer_id)
            if found is not None and found.conversations.keys() == case.conversations.keys():
                known[customer_id] = found
            else:
                unknown[customer_id] = case
        return known, unknown

    def note(
        self, cases: Iterable[Case], ledger: Ledger, library: Library, ids: Ids
    ) -> Kept | None:
        """What is written until now is known: it is of these cases. None where none is kept."""
        if self._driver is None or not isinstance(ids, CountedIds):
            return None
        self.know()
        kept = {
            case.customer_id: case
            for case in cases
            if len(case.conversations) == 1 and not case.elsewhere and not case.holds
        }
        for case in kept.values():
            _take_over(case, ledger, self._keys)
        if library.reads.history:
            _take_over_history(kept, ledger, library)
        return Kept(tuple(kept.values()), ids, self._trust)

    def know(self) -> None:
        """What is written until now has changed no case that is remembered."""
        self._changes = self._changed()

    def keep(self, kept: Kept) -> None:
        """After the commit: remember it, unless something came after it in the transaction that may
        have changed it. What nobody told of makes the next `check` forget it."""
        if kept.trust != self._trust:
            return
        self._ids = kept.ids
        for case in kept.cases:
            self._take(case.customer_id)
            at = _only(case)
            self._cases[case.customer_id] = case
            self._customers[at.account_id, at.peer] = case.customer_id
            self._talkers[at.id] = case.customer_id
        while len(self._cases) > self._most:
            self._take(next(iter(self._cases)))

    def _take(self, customer_id: int) -> Case | None:
        case = self._cases.pop(customer_id, None)
        if case is not None:
            at = _only(case)
            self._customers.pop((at.account_id, at.peer), None)
            self._talkers.pop(at.id, None)
        return case

    def _changed(self) -> int:
        """Rows changed on this connection that a case may be loaded from."""
        beside: int = self._info.get(_BESIDE, 0)
        return 0 if self._driver is None else self._driver.total_changes - beside


@contextmanager
def beside_cases(db: Connection) -> Iterator[None]:
    """What is changed inside is nothing that a case is loaded from: no memory need forget any."""
    if db.dialect.name != "sqlite":
        yield
        return
    driver = sqlite_driver(db)
    before = driver.total_changes
    yield
    db.info[_BESIDE] = db.info.get(_BESIDE, 0) + driver.total_changes - before


def _only(case: Case) -> Conversation:
    (conversation,) = case.conversations.values()
    return conversation


def _take_over(case: Case, ledger: Ledger, keys: Mapping[str, str]) -> None:
    """Make a case, whose turns are written, what a load would give. keys: by column."""
    case.mail.clear()
    at = _only(case)
    if at.status == "ready":
        case.conversations[at.id] = at._replace(status="idle", revision=at.revision + 1)
    for column, value in ledger.columns_of(case.customer_id).items():
        if column in keys:
            case.values[keys[column]] = value
        elif column == "asking_run":
            case.asking_run = value
    for key in ledger.extras_of(case.customer_id):
        if case.extra[key] is None:
            del case.extra[key], case.values[key]


def _take_over_history(cases: Mapping[int, Case], ledger: Ledger, library: Library) -> None:
    for customer_id, key, new in ledger.history():
        case = cases.get(customer_id)
        if case is not None and key in library.reads.history:
            case.history[key] = (library.typed(key, new), *case.history.get(key, ()))
