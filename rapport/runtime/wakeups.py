"""Telling other processes at once what they would find by themselves within a second.

A wake-up may be lost or come twice: what it is about stands in the database, and a sweep finds it.
"""

from __future__ import annotations

from typing import Protocol


class Wakeups(Protocol):
    """Returns at once, fails silently: callers are in the middle of something that matters more."""

    def mail_waits(self) -> None:
        """Mail was stored whose turns are not taken here: one of the workers should look."""

    def calls_wait(self) -> None:
        """More requests of flows are due than are made here at once: a worker should look."""

    def outbox_filled(self, account_id: int, /) -> None:
        """There is something to send that was not handed to a sender here."""


class NoWakeups:
    """Nobody is told: there is no other process, or the sweep has to do."""

    def mail_waits(self) -> None:
        return None

    def calls_wait(self) -> None:
        return None

    def outbox_filled(self, _account_id: int) -> None:
        return None
