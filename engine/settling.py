"""A step that rests in its middle until what follows from its changes has followed."""

from __future__ import annotations

from engine.effects import Settle, changes_of
from engine.node import Next, Node
from engine.passage import Passage
from engine.resume import Settled

MOST_SETTLED = 8
"""So often a step may rest; then its nodes read what was there before."""


def must_settle(at: Passage, node: Node) -> bool:
    """Whether the node reads what follows from something that this step has changed."""
    names = at.flow.following.get(node.id)
    if names is None or at.settled >= MOST_SETTLED:
        return False
    inputs = at.facts.business.feeds.inputs_of(names)
    return any(name in inputs for effect in at.effects for name in changes_of(effect))


def settle(at: Passage) -> None:
    """Rest before the node at hand."""
    at.effects.append(Settle(at.reply, at.reply_value, at.settled + 1, at.waits, at.alone))
    at.wait = None


def go_on(at: Passage, settled: Settled) -> Next:
    """Enter the node that was rested before."""
    at.reply, at.reply_value = settled.reply, settled.value
    at.settled, at.waits, at.alone = settled.times, settled.waits, settled.alone
    return at.node.enter(at)
