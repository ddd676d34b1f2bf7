"""The working state of one step, and what nodes may do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

from engine.effects import (
    AddTag,
    Effect,
    LearnDateOrder,
    Leave,
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
from engine.messages import Media, Message, Rows
from engine.node import Node
from engine.run import Frame, Run, Wait
from engine.scope import Scope, scope_of
from engine.templates import Template, TemplateFailed
from engine.texts import Text
from engine.wording import wording


class Passage:
    """A run on its way from one wait to the next.

    Nodes read `now`, `facts`, `flow`, `wait`, `reply`, and change things through the methods;
    fields, tags and variables change at once for the nodes that follow.
    """

    def __init__(
        self, flows: Mapping[tuple[str, int], Flow], run: Run, facts: Facts, now: datetime
    ) -> None:
        self.flows = flows
        self.run = run
        self.facts = facts
        self.now = now
        self.effects: list[Effect] = []
        self.values: dict[str, Value] = dict(facts.values)
        self.tags: set[str] = set(facts.tags)
        self.frames: list[Frame] = list(run.frames)
        self.vars: dict[str, Value] = dict(run.frames[-1].vars)
        self.answer: Mapping[str, Any] = run.answer
        self.reply: Message | None = None
        self.reply_value: Value = None
        self.wait: Wait | None = run.wait
        self.waits = run.waits
        self.outcome: str | None = run.outcome
        self.entered_at = run.wait.asked_at if run.wait else now
        self.flow = self._flow_of(self.frames[-1])

    # -- where the run is

    @property
    def node(self) -> Node:
        frame = self.frames[-1]
        node = self.flow.node(frame.node)
        if node is None:
            raise FlowFailed(f"node '{frame.node}' is not in {frame.flow} version {frame.version}")
        return node

    def first_node(self) -> Node | None:
        if not self.flow.nodes:
            return None
        return self._stand_at(self.flow.nodes[0])

    def move_to(self, target: str) -> Node:
        node = self.flow.node(target)
        if node is None:
            raise FlowFailed(f"node '{target}' is not in {self.flow.key}")
        self._leave(target)
        return self._stand_at(node)

    def call(self, key: str, variables: Mapping[str, Value]) -> Node | None:
        """Put another flow on the stack and stand at its first node."""
        called = self.flows.get((key, 0))
        if called is None:
            raise FlowFailed(f"flow '{key}' does not exist")
        self.frames[-1] = replace(self.frames[-1], vars=self.vars)
        self.vars = {**called.vars, **variables}
        self.frames.append(Frame(key, called.version, "", self.vars))
        self.flow = called
        return self.first_node()

    def finish(self, outcome: str, *, everything: bool) -> bool:
        """End the active flow, or the whole run. True once no caller is left."""
        self._leave(outcome)
        ended = self.frames.pop()
        if everything or not self.frames:
            self.frames = [*self.frames, ended]
            self.outcome, self.wait = outcome, None
            return True
        self.answer = {**self.vars, "outcome": outcome}
        self.vars = dict(self.frames[-1].vars)
        self.flow = self._flow_of(self.frames[-1])
        return False

    def fail(self, reason: str, outcome: str) -> None:
        """End the whole run because it cannot go on, saying why on the timeline."""
        flow, node = self.frames[-1].flow, self.frames[-1].node
        self.record(
            "workflow_failed", f"Flow {flow} failed at {node or 'its start'}: {reason}", flow=flow
        )
        self.outcome, self.wait = outcome, None

    def rest(self, wait: Wait) -> None:
        self.wait = wait

    def new_wait_id(self) -> str:
        self.waits += 1
        return f"{self.run.id}-{self.waits}"

    def freeze(self) -> Run:
        self.frames[-1] = replace(self.frames[-1], vars=self.vars)
        return replace(
            self.run,
            frames=tuple(self.frames),
            wait=self.wait,
            outcome=self.outcome,
            answer=self.answer,
            waits=self.waits,
        )

    # -- what a node reads

    @property
    def language(self) -> str:
        """The customer's language if the business speaks it, else the business's own."""
        language = self.values.get("language")
        business = self.facts.business
        return str(language) if language in business.languages else business.language

    @property
    def locale(self) -> Locale:
        """What reading a reply and showing a value depend on."""
        business, values = self.facts.business, self.values
        return Locale(
            language=self.language,
            languages=business.languages,
            country=business.country or None,
            timezone=str(values.get("timezone") or business.timezone),
            calendar=business.calendar,
            date_order=values.get("date_order"),  # type: ignore[arg-type]  # dmy | mdy by the only writer
            currency=str(values.get("currency") or business.currency),
        )

    @cached_property
    def scope(self) -> Scope:
        """The names of templates and criteria, seeing every change at once."""
        return scope_of(self)

    def field(self, name: str) -> Field | None:
        return self.facts.business.fields.get(name)

    def read(self, name: str) -> Value:
        """A value by its name: a customer field, `customer.x` or `var.x`."""
        return self.scope.get(name)

    def pick(self, text: Text[Any]) -> Any:
        """The variant of a text for this customer on this channel."""
        fallbacks = (self.flow.language, self.facts.business.language)
        return text.pick(self.language, self.facts.channel, fallbacks)

    def render(self, text: Text[Template]) -> str | None:
        """A text with its template filled in; None, and a timeline row, where that fails."""
        try:
            return str(self.pick(text).render(self.scope))
        except TemplateFailed as failure:
            self.problem(f"a template failed: {failure}")
            return None

    def evaluate(self, value: Any) -> Any:
        """A literal as it is; a template's value with its type, None where it fails."""
        if not isinstance(value, Template):
            return value
        try:
            return value.evaluate(self.scope)
        except TemplateFailed as failure:
            self.problem(f"a template failed: {failure}")
            return None

    # -- what a node changes

    def say(self, text: str, buttons: Rows = (), media: Media | None = None) -> None:
        if text.strip() or media:
            self.effects.append(SendMessage(text, buttons, media))

    def say_text(
        self, text: Text[Template], buttons: Rows = (), media: Media | None = None
    ) -> None:
        """Send a text of the flow; the flow's `error:` text where its template fails."""
        rendered = self.render(text)
        self.say(self.error_text() if rendered is None else rendered, buttons, media)

    def error_text(self) -> str:
        if self.flow.error is not None:
            rendered = self.render(self.flow.error)
            if rendered:
                return rendered
        return wording("template_failed", self.language)

    def write(self, name: str, value: Value) -> None:
        """Store a valid value in a customer field or a variable (`var.x`)."""
        if name.startswith("var."):
            self.vars[name[4:]] = value
            return
        field = self.field(name)
        old = self.values.get(name)
        if old == value and not (field and field.track):
            return
        self.values[name] = value
        frame = self.frames[-1]
        extra = field is None or field.extra
        self.effects.append(
            SetField(name, old, value, frame.flow, frame.version, frame.node, extra)
        )

    def add_tag(self, name: str) -> None:
        if name not in self.tags:
            self.tags.add(name)
            self.effects.append(AddTag(name, self.frames[-1].node))

    def remove_tag(self, name: str) -> None:
        if name in self.tags:
            self.tags.discard(name)
            self.effects.append(RemoveTag(name, self.frames[-1].node))

    def learn_date_order(self, order: str) -> None:
        self.values["date_order"] = order
        self.effects.append(LearnDateOrder(order))

    def record(self, type: str, description: str, **data: Any) -> None:
        self.effects.append(Record(type, description, data))

    def problem(self, reason: str) -> None:
        """Record a content problem; the flow goes on."""
        frame = self.frames[-1]
        self.record(
            "flow_problem",
            f"{frame.flow}, node {frame.node}: {reason}",
            flow=frame.flow,
            node=frame.node,
        )

    # -- inside

    def _flow_of(self, frame: Frame) -> Flow:
        flow = self.flows.get((frame.flow, frame.version))
        if flow is None:
            raise FlowFailed(f"flow '{frame.flow}' version {frame.version} does not exist")
        return flow

    def _stand_at(self, node: Node) -> Node:
        self.frames[-1] = replace(self.frames[-1], node=node.id)
        self.entered_at = self.now
        return node

    def _leave(self, left_by: str) -> None:
        frame = self.frames[-1]
        if frame.node:
            self.effects.append(Leave(frame.flow, frame.node, self.entered_at, left_by))
