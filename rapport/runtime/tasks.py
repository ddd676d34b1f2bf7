"""Work that any process may do: plain functions of ids, given to whoever has time.

Where there is a broker (rapport.runtime.broker) a task goes to one of the workers; without one it
is done here. Either way it may be lost or done twice: what is to be done stands in the database,
and who gives a task gives it again as long as it does.

    drain           look for mail whose turns nobody takes
    perform         look for requests of flows that nobody makes
    build_indexes   build the indexes that fields want
    scan            plan what the clock's triggers are for
    retain          remove what is old enough
    follow_rules    find who is not as the rules have them
    import_files    store files of customers that wait
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

Task = Callable[..., None]
"""A plain function that takes ids; it is called in a thread, and may use the database there."""

DRAIN = "drain"
PERFORM = "perform"
BUILD_INDEXES = "build_indexes"
RETAIN = "retain"
SCAN = "scan"
FOLLOW_RULES = "follow_rules"
IMPORT_FILES = "import_files"


class Tasks(Protocol):
    """Where tasks are given."""

    async def give(self, name: str, *ids: int) -> None:
        """Have a task done. Raises what it raises where it is done here, and nothing else."""


class DirectTasks:
    """Does what it is given, here and now, in a thread. `known`: the tasks by name."""

    def __init__(self, known: Mapping[str, Task]) -> None:
        self._known = known

    async def give(self, name: str, *ids: int) -> None:
        """See Tasks. Returns when it is done."""
        await asyncio.to_thread(self._known[name], *ids)
