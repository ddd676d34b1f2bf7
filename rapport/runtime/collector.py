"""Python's garbage collector in a process that runs for months."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

ALLOCATIONS = 100_000
"""Objects made before the collector looks for cycles. A turn makes some hundred and leaves no
cycle behind; Python's own 700 would have it look every other turn."""


@contextmanager
def paused() -> Iterator[None]:
    """Without the collector, for work that makes much that stays and no cycles.

    To load 500 flows makes two million objects; looking at them again and again took 40 % of it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def leave_alone_what_stays() -> None:
    """Call once, when everything that stays is loaded: modules, flows, statements.

    They live as long as the process, so the collector need not go through them in every round;
    on a service of this size that was a tenth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS)
