"""What the tests of a project go through of its flows, and what they never do.

Counted are the nodes; the ways out of those that have several; of a question what its author wrote
besides: the answer to an invalid reply, the time-out, each reminder, the words that skip or lead
back. Choices that lead to the same node are one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from engine.asking.question import STANDARD_RETRY, Question
from engine.asking.timing import STANDARD_TIMEOUT
from engine.effects import Effect, Leave
from engine.flow import Flow
from engine.node import END, Node
from engine.problems import Position
from engine.resume import Reminded, Resume
from engine.run import Frame, Run

NEXT, INVALID = "next", "invalid"
"""The path by a node's own exit, and the one that asks again."""


class Path(NamedTuple):
    """A node (`by` is ''), or one of the paths at it: `next`, `case 2`, `timeout`, `reminder 1`,
    `choice TARGET`; of a form's question behind the question's name, `email timeout`."""

    flow: str
    node: str
    by: str = ""


class Untaken(Struct, frozen=True):
    """What no test goes through, where it stands, and a sentence about it."""

    path: Path
    position: Position
    why: str


class Covered(Struct, frozen=True):
    """Of one flow: how many paths there are, and those that no test takes."""

    flow: str
    total: int
    untaken: tuple[Untaken, ...]


class Coverage:
    """The paths taken so far, of the flows of one project."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self._flows = flows
        self.taken: set[Path] = set()

    def watch(self, before: Run, resume: Resume, after: Run, effects: Sequence[Effect]) -> None:
        """Take note of a step."""
        stood, stands = before.frames[-1], after.frames[-1]
        here, asked = Path(stood.flow, stood.node), self._asked(before)
        if isinstance(resume, Reminded) and before.wait and before.wait.id == resume.wait_id:
            self._take(here, f"{asked}reminder {resume.number + 1}")
        if _is_same(stood, stands) and stands.tries > stood.tries:
            self._take(here, asked + INVALID)
        for leave in (one for one in effects if isinstance(one, Leave)):
            left = Path(leave.flow, leave.node)
            by = self._by(leave)
            own = left == here and by != NEXT
            self.taken.add(left)
            self._take(left, asked + by if own else by)
            asked = ""  # only its first way out is one of the question's
        self.taken.update(Path(frame.flow, frame.node) for frame in after.frames)

    def _take(self, at: Path, by: str) -> None:
        node = self._node(at.flow, at.node)
        self.taken.add(at._replace(by=_shared(node, by) if node is not None else by))

    def report(self) -> Iterator[Covered]:
        """Flow by flow, in their order."""
        for key, flow in self._flows.items():
            paths = list(_paths(flow))
            untaken = tuple(one for one in paths if one.path not in self.taken)
            yield Covered(key, len(paths), untaken)

    def _asked(self, run: Run) -> str:
        """The name of the question that a run rests at, with a blank; '' where it has none."""
        stood = run.frames[-1]
        node = self._node(stood.flow, stood.node)
        name = node.asked(run.wait) if node is not None and run.wait is not None else ""
        return f"{name} " if name else ""

    def _by(self, leave: Leave) -> str:
        if leave.way:
            return f"choice {leave.left_by}" if leave.way == "choice" else leave.way
        flow, node = self._flows.get(leave.flow), self._node(leave.flow, leave.node)
        if flow is None or node is None:
            return NEXT
        if node.falls_through and leave.left_by == _own(flow, node):
            return NEXT
        return next((way for way, target in node.exits() if target == leave.left_by), NEXT)

    def _node(self, flow: str, node: str) -> Node | None:
        found = self._flows.get(flow)
        return found.node(node) if found is not None else None


def counts_of(covered: Iterable[Covered]) -> tuple[int, int]:
    """How many paths are taken, and how many there are."""
    flows = list(covered)
    total = sum(one.total for one in flows)
    return total - sum(len(one.untaken) for one in flows), total


def _is_same(one: Frame, other: Frame) -> bool:
    return (one.flow, one.node, one.entered_at) == (other.flow, other.node, other.entered_at)


def _own(flow: Flow, node: Node) -> str:
    """Where a node's own exit leads."""
    return node.end or node.end_all or node.goto or flow.below(node.id) or END


def _paths(flow: Flow) -> Iterator[Untaken]:
    for node in flow.nodes:
        yield Untaken(Path(flow.key, node.id), node.position, "no test gets here")
        whys = {_shared(node, by): why for by, why in _ways(flow, node)}
        for by, why in whys.items():
            yield Untaken(Path(flow.key, node.id, by), node.position, why)


def _ways(flow: Flow, node: Node) -> Iterator[tuple[str, str]]:
    """The paths at a node, and what is told of one that is never taken."""
    exits = tuple(node.exits())
    if node.falls_through and (exits or node.waits) and not _always_leads_on(node):
        yield NEXT, f"no test goes on to '{_own(flow, node)}'"
    for way, target in exits:
        name, number = way.rpartition(" ")[::2]
        if name.rpartition(" ")[2] == "choice" and number.isdigit():
            yield f"{name} {target}", f"no test takes a choice that leads to '{target}'"
        else:
            to = "" if way == target else f" to '{target}'"
            yield way, f"no test takes the way '{way}'{to}"
    for name, question in node.questions():
        yield from _of_question(f"{name} " if name else "", question)


def _shared(node: Node, by: str) -> str:
    """A form's own time-out and retry are those of all its questions that have none: one path, at
    whichever of them it is taken."""
    name, _, way = by.partition(" ")
    questions = dict(node.questions()) if way else {}
    own, asked = questions.get(""), questions.get(name)
    if own is None or asked is None:
        return by
    is_timed = way == "timeout" or way.startswith("reminder ")
    same = asked.timeout == own.timeout if is_timed else asked.retry == own.retry
    return way if same and (is_timed or way in (INVALID, "retry")) else by


def _always_leads_on(node: Node) -> bool:
    """Whether it asks what is answered by choices alone, each of which says where it leads."""
    questions = [question for _, question in node.questions()]
    return bool(questions) and all(
        one.only_choices and one.offers and all(offer.goto for offer in one.offers)
        for one in questions
    )


def _of_question(prefix: str, question: Question) -> Iterator[tuple[str, str]]:
    retry, timeout = question.retry, question.timeout
    of = f" to '{prefix.strip()}'" if prefix else ""
    if retry != STANDARD_RETRY and not (retry.goto and retry.attempts == 1):
        yield prefix + INVALID, f"no test gives an invalid reply{of}"
    if timeout != STANDARD_TIMEOUT:
        if not timeout.goto:
            yield f"{prefix}timeout", f"no test lets the time run out{of}"
        for number, _ in enumerate(timeout.remind, start=1):
            yield f"{prefix}reminder {number}", f"no test waits for reminder {number}{of}"
    if not prefix and question.skip:
        yield "skip", "no test skips the question"
    if not prefix and question.back:
        yield "back", "no test goes back from here"
