"""How people write commands: `/start spring_24`, in groups also `/start@our_bot`."""

import re
from typing import NamedTuple

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]+))?(?:\s+(.*))?", re.DOTALL)
"""32: core.telegram.org/bots/api#botcommand, read 2026-11-20."""


class Command(NamedTuple):
    """`name` in lower case without slash; `addressee` without @; "" for what is not there."""

    name: str
    addressee: str
    argument: str


def parse(text: str) -> Command | None:
    """The command that a whole message is, or None."""
    if not text.startswith("/"):
        return None
    found = _COMMAND.fullmatch(text)
    if found is None:
        return None
    name, addressee, argument = found.groups(default="")
    return Command(name.lower(), addressee, argument.strip())
