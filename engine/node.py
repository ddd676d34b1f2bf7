"""What every node kind is: how it is declared, what it may do when entered and when resumed.

A kind is one class in one file of `nodes/`. Its `OPTIONS` say how its YAML is read; the loader
builds the class from them. `enter` runs when the run arrives, `resume` when what it waited for
comes; both return where to go next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from msgspec import Struct, field
from msgspec.structs import replace

from engine.problems import NOWHERE, Position

if TYPE_CHECKING:
    from engine.asking.question import Question
    from engine.flow import Trigger
    from engine.passage import Passage
    from engine.resume import Resume
    from engine.run import Wait
    from engine.shapes import Option, Reader

END = "end"
"""The target that ends the flow."""


class Exit(Struct, frozen=True):
    """Leave the node by its own exit: its `end`, its `goto`, or the node below.

    way: why by that one, where there is something to tell; see engine.effects.Leave.
    """

    way: str = ""


class Go(Struct, frozen=True):
    """Leave the node for another one (an id of this flow, or `end`), by the way of that name."""

    target: str
    way: str = ""


class Stay(Struct, frozen=True):
    """Wait here: what has to happen before the run goes on."""

    wait: Wait


class Rest(Struct, frozen=True):
    """Rest before the node at hand until what follows from the changes so far has followed."""


class Finish(Struct, frozen=True):
    """End this flow with an outcome; with `everything`, the flows that called it too."""

    outcome: str
    everything: bool = False
    way: str = ""


class Enter(Struct, frozen=True):
    """Run another flow and come back to this node's exit."""

    flow: str
    vars: Mapping[str, Any] = field(default_factory=dict)


class Return(Struct, frozen=True):
    """Go back to a question that was answered before, and ask it again whatever is known."""

    target: str


Next = Exit | Go | Stay | Rest | Finish | Enter | Return


class Node(Struct, frozen=True, kw_only=True):
    """What all kinds have.

    id: as written, or made from the kind and place. goto: a node id, `end`, or '' for the node
    below. end, end_all: the outcome it ends with, '' for none. channels: where it runs; empty
    for everywhere (elsewhere it is passed over by its own exit).
    """

    KIND: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    OPTIONS: ClassVar[Mapping[str, Option]] = {}

    id: str
    position: Position = NOWHERE
    goto: str = ""
    end: str = ""
    end_all: str = ""
    channels: tuple[str, ...] = ()

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Self:
        """The node of what was read.

        common: id, position, goto, end, end_all, channels. options: those of OPTIONS that were
        written, the required ones always. What contradicts goes to the reader, which is the last
        argument; a node comes back all the same.
        """
        return cls(**common, **options)

    @property
    def waits(self) -> bool:
        """True where the run rests here until something happens."""
        return False

    @property
    def starts(self) -> bool:
        """True where it begins another flow that goes its own way."""
        return False

    @property
    def awaits(self) -> Trigger | None:
        """The event that a run which rests here waits for."""
        return None

    def exits(self) -> Iterator[tuple[str, str]]:
        """The ways out other than its own exit: (name of the way, target)."""
        return iter(())

    def questions(self) -> Iterator[tuple[str, Question]]:
        """What it asks a person, each with a name: '' where it asks one thing alone."""
        return iter(())

    def asked(self, wait: Wait) -> str:  # noqa: ARG002  # for kinds
        """The name of the question that somebody who waits here was asked."""
        return ""

    @property
    def falls_through(self) -> bool:
        """True where its own exit can be taken (a branch with an `else` never does)."""
        return True

    def take_over(self, before: Node | None, wait: Wait) -> Wait | None:  # noqa: ARG002  # for kinds
        """What somebody waits for who waited at this node in an earlier version of the flow.

        before: the node as it was, of the same kind; None where that version cannot be read any
        more. None where they cannot go on here: then they finish on the earlier version. Called
        without knowing the customer; what asks them about looks at the rest in `renew`.
        """
        return wait

    def renew(self, at: Passage, wait: Wait) -> Wait:  # noqa: ARG002  # for kinds
        """The wait of somebody moved here, before the first thing that happens to it."""
        return replace(wait, moved=False)

    def enter(self, at: Passage) -> Next:
        raise NotImplementedError

    @property
    def goes_back(self) -> bool:
        """True where a person may go back from here to the question before."""
        return False

    def reenter(self, at: Passage) -> Next:
        """Come back to what was answered here; by default, as `enter`."""
        return self.enter(at)

    def resume(self, at: Passage, resume: Resume) -> Next:
        """Go on after a wait. Only kinds that wait are resumed."""
        raise NotImplementedError(f"a {self.KIND} node does not wait")
