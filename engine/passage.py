"""The working state of one step, and what nodes may do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from engine.effects import (
    AddRecord,
    AddTag,
    Effect,
    JoinSegment,
    LearnDateOrder,
    Leave,
    QuitSegment,
    Record,
    RemoveTag,
    SendMessage,
    SetField,
)
from engine.errors import FlowFailed
from engine.facts import Facts
from engine.fields.places import Locale
from engine.fields.types import Field, Value
from engine.flow import Flow
from engine.locales import PLACES, locale_of
from engine.messages import Media, Message, Rows
from engine.node import Node
from engine.records import NewRecord
from engine.run import Frame, Run, Wait
from engine.scope import Condition, Scope, known_zone, scope_of
from engine.templates.bounds import TemplateFailed
from engine.templates.template import Template
from engine.texts import Text
from engine.wording import wording

RESTARTED = "restarted"
"""How a node was left whose flow begins anew."""


class Passage:
    """A run on its way from one wait to the next.

    Nodes read `now`, `facts`, `flow`, `wait`, `reply`, and change things through the methods;
    fields, tags and variables change at once for the nodes that follow. `alone` is a run that
    goes on by itself, behind a delay: nobody is being talked with. What is missing from
    `flows` raises FlowFailed where it is needed, which ends the run.
    """

    __slots__ = (
        "_flow", "_locale", "_node", "_scope", "alone", "effects", "event", "extra", "facts",
        "flows", "frames", "now", "outcome", "reply", "reply_value", "run", "segments", "settled",
        "tags", "values", "vars", "wait", "waits",
    )  # fmt: skip

    def __init__(
        self, flows: Mapping[tuple[str, int], Flow], run: Run, facts: Facts, now: datetime
    ) -> None:
        self.flows, self.run = flows, run
        self.facts, self.now = facts, now
        self.event = run.event
        self.effects: list[Effect] = []
        self.values: dict[str, Value] = dict(facts.values)
        self.extra: dict[str, Any] = dict(facts.extra)
        self.tags, self.segments = set(facts.tags), set(facts.segments)
        self.frames: list[Frame] = list(run.frames)
        self.vars: dict[str, Any] = dict(run.frames[-1].vars)
        self.reply: Message | None = None
        self.reply_value: Value = None
        self.wait: Wait | None = run.wait
        self.waits, self.settled = run.waits, 0
        self.alone = run.wait is not None and not run.wait.asks
        self.outcome: str | None = run.outcome
        self._flow: Flow | None = None
        self._node: Node | None = None
        self._locale: Locale | None = None
        self._scope: Scope | None = None

    # -- where the run is

    @property
    def flow(self) -> Flow:
        if self._flow is None:
            frame = self.frames[-1]
            self._flow = self.flows.get((frame.flow, frame.version))
            if self._flow is None:
                raise FlowFailed(f"flow '{frame.flow}' version {frame.version} does not exist")
        return self._flow

    @property
    def node(self) -> Node:
        if self._node is None:
            frame = self.frames[-1]
            self._node = self.flow.node(frame.node)
            if self._node is None:
                where = f"{frame.flow} version {frame.version}"
                raise FlowFailed(f"node '{frame.node}' is not in {where}")
        return self._node

    @property
    def answer(self) -> Mapping[str, Any]:
        """What the last flow called, or the last request, brought back to this one."""
        return self.frames[-1].answer

    def first_node(self) -> Node | None:
        """Stand at the active flow's first node; None where it has no nodes."""
        if not self.flow.nodes:
            return None
        return self._stand_at(self.flow.nodes[0])

    def move_to(self, target: str, way: str = "") -> Node:
        """Leave the node for another one of the same flow, by the way of that name."""
        node = self.flow.node(target)
        if node is None:
            raise FlowFailed(f"node '{target}' is not in {self.flow.key}")
        self._leave(self.frames[-1], target, way)
        return self._stand_at(node)

    def call(self, key: str, variables: Mapping[str, Value]) -> Node | None:
        """Put another flow on the stack and stand at its first node."""
        called = self.flows.get((key, 0))
        if called is None:
            raise FlowFailed(f"flow '{key}' does not exist")
        self._keep_vars()
        self.vars = {**called.vars, **variables}
        self.frames.append(Frame(key, called.version))
        self._flow, self._node = called, None
        return self.first_node()

    def begin_anew(self, place: int) -> Node | None:
        """Leave all that the flow at `place` has called, and stand at the first node of its newest
        version. What the flow was called with stays; of a flow that nobody called nothing does."""
        key = self.frames[place].flow
        newest = self.flows.get((key, 0))
        if newest is None:
            raise FlowFailed(f"flow '{key}' does not exist")
        self._keep_vars()
        left = self.frames[place:]
        for frame in reversed(left):
            self._leave(frame, RESTARTED, RESTARTED)
        del self.frames[place:]
        self.vars = {**newest.vars, **left[0].vars} if place else dict(newest.vars)
        self.frames.append(Frame(key, newest.version))
        self.wait = None
        self._flow, self._node = newest, None
        return self.first_node()

    def finish(self, outcome: str, *, everything: bool, way: str = "") -> bool:
        """End the active flow, or the whole run. True once no caller is left."""
        if everything:
            self._leave_all(outcome, way)
        else:
            self._leave(self.frames[-1], outcome, way)
        if everything or len(self.frames) == 1:
            self.outcome, self.wait = outcome, None
            return True
        self.frames.pop()
        brought = {**self.vars, "outcome": outcome}
        self.bring(brought)
        self.vars = dict(self.frames[-1].vars)
        self._flow = self._node = None
        return False

    def fail(self, reason: str, outcome: str) -> None:
        """End the whole run because it cannot go on, saying why on the timeline."""
        flow, node = self.frames[-1].flow, self.frames[-1].node
        self.record(
            "workflow_failed", f"Flow {flow} failed at {node or 'its start'}: {reason}", flow=flow
        )
        self._leave_all(outcome, "failed")
        self.outcome, self.wait = outcome, None

    def rest(self, wait: Wait) -> None:
        self.wait = wait

    def new_wait_id(self) -> str:
        self.waits += 1
        return f"{self.run.id}-{self.waits}"

    def bring(self, answer: Mapping[str, Any]) -> None:
        """Keep what came back, for `answer.x`."""
        self.frames[-1] = replace(self.frames[-1], answer=answer)

    def count_invalid(self) -> None:
        """One more invalid reply was given at the node."""
        frame = self.frames[-1]
        self.frames[-1] = replace(frame, tries=frame.tries + 1)

    def mark_filled(self, form: str) -> None:
        """Remember, for as long as this flow runs, that a form was answered to the end."""
        frame = self.frames[-1]
        if form not in frame.filled:
            self.frames[-1] = replace(frame, filled=(*frame.filled, form))

    def is_filled(self, form: str) -> bool:
        return form in self.frames[-1].filled

    def freeze(self) -> Run:
        """The run as it is now; variables are copied, so that the passage may be thrown away."""
        self._keep_vars()
        self._scope = None  # which knows the passage: they would keep each other
        return Run(
            id=self.run.id,
            frames=tuple(self.frames),
            wait=self.wait,
            outcome=self.outcome,
            event=self.run.event,
        )

    # -- what a node reads

    @property
    def language(self) -> str:
        """The customer's language if the business speaks it, else the business's own."""
        return self.locale.language

    @property
    def locale(self) -> Locale:
        """What reading a reply and showing a value depend on."""
        if self._locale is None:
            self._locale = locale_of(self.values, self.facts.business)
        return self._locale

    @property
    def zone(self) -> ZoneInfo:
        """The customer's zone, in which days begin."""
        return known_zone(self.locale.timezone)

    @property
    def scope(self) -> Scope:
        """The names of templates and criteria, seeing every change at once."""
        if self._scope is None:
            self._scope = scope_of(self)
        return self._scope

    def holds(self, condition: Condition) -> bool:
        """Whether a criterion holds for the customer now."""
        return condition.holds(self.scope.get, self.scope.moment)

    def field(self, name: str) -> Field | None:
        return self.facts.business.fields.get(name)

    def read(self, name: str) -> Any:
        """A value by its name: a customer field, `customer.x` or `var.x`."""
        return self.scope.get(name)

    def pick(self, text: Text[Any]) -> Any:
        """The variant of a text for this customer on this channel."""
        if len(text.variants) == 1:  # the language need not be looked up
            return text.variants[0][2]
        fallbacks = (self.flow.language, self.facts.business.language)
        return text.pick(self.language, self.facts.channel, fallbacks)

    def render(self, text: Text[Template]) -> str | None:
        """A text with its template filled in; None, and a timeline row, where that fails."""
        rendered: str | None = self.fill(self.pick(text))
        return rendered

    def tell(self, text: Text[Template]) -> str | None:
        """As `render`, for a message: what is put in keeps its direction."""
        told: str | None = self.fill(self.pick(text), Template.tell)
        return told

    def fill(self, template: Template, way: Callable[..., Any] = Template.render) -> Any:
        """What `way` makes of one variant of a text; None, and a timeline row, where that fails."""
        if template.is_constant:
            return template.source
        try:
            return way(template, self.scope)
        except TemplateFailed as failure:
            self.problem(f"a template failed: {failure}")
            return None

    def evaluate(self, value: Any) -> Any:
        """A literal as it is, templates in it with the type of their value; None if one fails."""
        if isinstance(value, Template):
            return self.fill(value, Template.evaluate)
        if isinstance(value, tuple):
            return tuple(self.evaluate(item) for item in value)
        if isinstance(value, dict):
            return {key: self.evaluate(item) for key, item in value.items()}
        return value

    # -- what a node changes

    def say(self, text: str, buttons: Rows = (), media: Media | None = None) -> None:
        if text.strip() or media:
            self.effects.append(SendMessage(text, buttons, media))

    def say_text(self, text: Text[Template], buttons: Rows = ()) -> None:
        """Send a text of the flow; the flow's `error:` text where its template fails."""
        self.say(self.message_of(text), buttons)

    def message_of(self, text: Text[Template]) -> str:
        """A whole message: the text, or the flow's `error:` text where its template fails."""
        rendered = self.tell(text)
        return self.error_text() if rendered is None else rendered

    def error_text(self) -> str:
        """What is said where a message cannot be made: the flow's `error:`, else built in."""
        if self.flow.error is not None:
            rendered = self.tell(self.flow.error)
            if rendered:
                return rendered
        return wording("template_failed", self.language)

    def write(self, name: str, value: Value) -> None:
        """Store a valid value in a customer field or a variable (`var.x`)."""
        if name.startswith("var."):
            self.vars[name[4:]] = value
            return
        field = self.field(name)
        mapped = field is not None
        old = self.values.get(name) if mapped else self.extra.get(name)
        if old == value and not (field and field.track):
            return
        if mapped:
            self.values[name] = value
        else:
            self.extra[name] = value
        if name in PLACES:
            self._locale = self._scope = None
        frame = self.frames[-1]
        extra = field is None or field.extra
        mail_id = self.reply.mail_id if self.reply else 0
        self.effects.append(
            SetField(name, old, value, frame.flow, frame.version, frame.node, extra, mail_id)
        )

    def add_tag(self, name: str) -> None:
        if name not in self.tags:
            self.tags.add(name)
            self.effects.append(AddTag(name, self.frames[-1].node))

    def remove_tag(self, name: str) -> None:
        if name in self.tags:
            self.tags.discard(name)
            self.effects.append(RemoveTag(name, self.frames[-1].node))

    def add_record(self, record: NewRecord) -> None:
        """Keep a note, task, purchase or interaction."""
        frame = self.frames[-1]
        self.effects.append(AddRecord(record, frame.flow, frame.version, frame.node))

    def join_segment(self, key: str) -> None:
        if key not in self.segments:
            self.segments.add(key)
            self.effects.append(JoinSegment(key, self.frames[-1].node))

    def quit_segment(self, key: str) -> None:
        if key in self.segments:
            self.segments.discard(key)
            self.effects.append(QuitSegment(key, self.frames[-1].node))

    def learn_date_order(self, order: str) -> None:
        self.values["date_order"] = order
        self._locale = self._scope = None
        self.effects.append(LearnDateOrder(order))

    def ask_for(self, effect: Effect) -> None:
        """Something that nothing of this step depends on."""
        self.effects.append(effect)

    def record(self, type: str, description: str, **data: Any) -> None:
        self.effects.append(Record(type, description, data))

    def problem(self, reason: str) -> None:
        """Record a content problem; the flow goes on."""
        frame = self.frames[-1]
        what = f"{frame.flow}, node {frame.node}: {reason}"
        self.record("flow_problem", what, flow=frame.flow, node=frame.node)

    # -- inside

    def _stand_at(self, node: Node) -> Node:
        self.frames[-1] = replace(self.frames[-1], node=node.id, entered_at=self.now, tries=0)
        self._node = node
        return node

    def _keep_vars(self) -> None:
        if self.vars or self.frames[-1].vars:
            self.frames[-1] = replace(self.frames[-1], vars=self.vars)

    def _leave(self, frame: Frame, left_by: str, way: str) -> None:
        if frame.node:
            entered_at = frame.entered_at or self.now
            self.effects.append(
                Leave(frame.flow, frame.node, entered_at, left_by, way, frame.tries)
            )

    def _leave_all(self, left_by: str, way: str) -> None:
        for frame in reversed(self.frames):
            self._leave(frame, left_by, way)
