"""The node kinds, one file each. Adding one is a file, a line in this list, and a case file."""

from engine.node import Node
from nodes.ask import Ask
from nodes.branch import Branch
from nodes.call import Call
from nodes.delay import Delay
from nodes.end import End
from nodes.form import Form
from nodes.handoff import Handoff
from nodes.http import Http
from nodes.interaction import Interaction
from nodes.note import Note
from nodes.notify import Notify
from nodes.purchase import Purchase
from nodes.say import Say
from nodes.segment import Segment
from nodes.set import Set
from nodes.split import Split
from nodes.start import Start
from nodes.tag import Tag
from nodes.task import Task
from nodes.wait_for import WaitFor

KINDS: tuple[type[Node], ...] = (
    Say,
    Ask,
    Form,
    Branch,
    Split,
    Set,
    Tag,
    Segment,
    Note,
    Task,
    Purchase,
    Interaction,
    Notify,
    Delay,
    Http,
    WaitFor,
    Call,
    Start,
    Handoff,
    End,
)
"""In the order of the reference."""
