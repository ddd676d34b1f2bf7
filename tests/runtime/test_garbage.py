"""What a turn has made goes with it: the collector of cycles, which is called rarely, finds nothing
of ours."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.desk import CRM, Office

FLOWS = """
flow: lead
triggers: [{on: command, command: start}]
nodes:
  - {id: name, ask: "Your name, {{ customer.username }}?", save_to: first_name}
  - {ask: "Size, {{ customer.first_name }}?", save_to: size}
  - {tag: {add: [VIP]}}
  - {say: "Size {{ customer.size }}", end: captured}
"""

SAID = ("/start", "Sara", "none", "38")

OURS = frozenset({"bots", "crm", "engine", "nodes", "rapport"})


@contextmanager
def leftovers() -> Iterator[list[type]]:
    """The kinds of our objects that only the collector frees of what is made meanwhile."""
    found: list[type] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        kinds = map(type, gc.garbage)
        found += [kind for kind in kinds if kind.__module__.partition(".")[0] in OURS]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_a_turn_leaves_no_cycle_behind() -> None:
    office = Office(FLOWS, crm=CRM)
    office.says(*SAID, *SAID)  # statements are compiled once, which leaves much
    with leftovers() as left:
        office.says(*SAID)
    assert left == []
