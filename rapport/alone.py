"""One process at a time on an SQLite file: two of them would send everything twice."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout


class AlreadyRunning(Exception):
    """Another process works on this database; the text names it."""


class OneAtATime:
    """The lock beside an SQLite file (None: a store that needs none).

    The operating system frees it when the process dies, however it dies.
    """

    def __init__(self, file: Path | None) -> None:
        self._lock = FileLock(f"{file}.lock") if file else None
        # Not in the lock's own file: that one is emptied by whoever tries it.
        self._owner = Path(f"{file}.owner")

    def __enter__(self) -> None:
        if self._lock is None:
            return
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise AlreadyRunning(f"this database is in use by {self._who()}") from None
        self._owner.write_text(f"process {os.getpid()}", encoding="utf-8")

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._owner.unlink(missing_ok=True)
            self._lock.release()

    def holder(self) -> str | None:
        """Who works on this database now, by the name it left; None where nobody does."""
        try:
            name = self._owner.read_text(encoding="utf-8")
        except OSError:
            return None
        # One that was killed leaves its name behind.
        number = name.rpartition(" ")[2]
        return name if number.isdigit() and _lives(int(number)) else None

    def _who(self) -> str:
        try:
            return self._owner.read_text(encoding="utf-8") or "another process"
        except OSError:
            return "another process"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
