"""Whose a message is: the host's bot's, or the flows'."""

from __future__ import annotations

import re
from typing import Literal, get_args

from bots.channel import Inbound
from engine.messages import STARTS_FLOW
from engine.own_data import act_of
from rapport.runtime.intake import ACTS

Owner = Literal["host_first", "engine_first", "only_when_waiting"]
"""Who is asked first.

host_first          the host; what none of its handlers takes is the flows'
engine_first        the flows; what none of them claims is the host's
only_when_waiting   the host, but for people whose next message a flow waits for
"""

OWNERS: tuple[str, ...] = get_args(Owner)

ALWAYS_OURS = frozenset({"blocked", "unblocked"})
"""Kinds that the flows hear of whoever answers: whether a person can be written to."""

_OF_A_QUESTION = re.compile(r"\d+-\d+\.\d+")
"""The token of a choice: its wait's id and its place (engine.asking.choices)."""


def is_our_button(item: Inbound) -> bool:
    """Whether a press is of a button that a flow has sent, as far as its token tells."""
    token = item.payload.get("token", "")
    return (
        token.startswith(STARTS_FLOW)
        or _OF_A_QUESTION.fullmatch(token) is not None
        or bool(act_of("", token))
    )


def may_be_ours(item: Inbound) -> bool:
    """Whether the flows have any use for it: something that a person did alone with the bot, but
    for presses of the host's own buttons."""
    if not item.private or not item.sender:
        return False
    if item.kind == "press":
        return is_our_button(item)
    return item.kind in ACTS or item.kind == "edited"
