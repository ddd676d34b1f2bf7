"""What a process does: any number of processes share the work of a business, each with its roles.

    poller      fetches updates and stores them      one at a time for each account
    worker      takes turns                          as many as there are
    web         takes in what platforms bring        as many as there are
    sender      sends what the outbox holds          one at a time for each account
    scheduler   wakes what happens now and then      one at a time for each business

Where only one may work, the others stand by (rapport.runtime.tenure).
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A part of the work; its value is what `--roles` calls it."""

    POLLER = "poller"
    WEB = "web"
    WORKER = "worker"
    SENDER = "sender"
    SCHEDULER = "scheduler"


Roles = frozenset[Role]

EVERY_ROLE: Roles = frozenset(Role)


class UnknownRole(ValueError):
    """The text is one line that names the roles there are."""


def parse_roles(text: str) -> Roles:
    """The roles of a list such as `poller,sender`. Raises UnknownRole, for an empty list too."""
    known = ", ".join(Role)
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in set(Role):
            raise UnknownRole(f"there is no role '{name}': {known}")
    if not names:
        raise UnknownRole(f"name at least one role: {known}")
    return frozenset(Role(name) for name in names)
