"""The flow that hands a customer over to the staff where no flow of the business does."""

from __future__ import annotations

from engine.flow import Flow
from engine.node import Node
from engine.templates import Template
from engine.texts import Text
from engine.wording import WORDINGS
from nodes.handoff import Handoff
from nodes.say import Say

STAFF_FLOW = "(staff)"
"""Its key. No author can write that name."""


def staff_flow() -> Flow:
    """It hands over as its event says (nodes.handoff), and tells the person when the bot is back.

    It never changes, so that it is the same for a run of long ago.
    """
    back = Text.by_language({at: Template(text) for at, text in WORDINGS["handed_back"].items()})
    nodes: tuple[Node, ...] = (Handoff(id="handoff", to=""), Say(id="back", texts=(back,)))
    places = {node.id: place for place, node in enumerate(nodes)}
    return Flow(STAFF_FLOW, 1, nodes=nodes, places=places)
