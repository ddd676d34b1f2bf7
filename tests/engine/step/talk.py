"""A conversation on the pure step: no database, no clock, no channel.

It does what a turn does with one customer, and on every step it also holds that the same
arguments give the same answer and that the run survives being stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from engine.asking.gathering import MERGE
from engine.criteria import Moment
from engine.derive.rules import Derived
from engine.effects import (
    AddTag,
    CallHttp,
    Effect,
    JoinSegment,
    LearnDateOrder,
    QuitSegment,
    Record,
    RemoveTag,
    SendMessage,
    SetField,
    Settle,
    changes_of,
)
from engine.facts import Facts
from engine.fields.types import Value
from engine.flow import Flow
from engine.jsonable import event_to_json, run_from_json, run_to_json
from engine.loader import Loaded, load_project
from engine.messages import Button, Message
from engine.offer import (
    Answer,
    Cancel,
    Decision,
    Detour,
    Fallback,
    Nothing,
    OptIn,
    StalePress,
    Start,
    TriggerIndex,
    decide,
)
from engine.resume import (
    Cancelled,
    Elapsed,
    Gathered,
    HttpAnswered,
    Released,
    Reminded,
    Reply,
    Resume,
    Settled,
    Started,
    TimedOut,
)
from engine.run import Alarm, Frame, Run
from engine.step import step
from nodes import KINDS
from rapport.testing.answers import Answers

BUSINESS = """
business: {key: shop, name: Lotus, language: en, languages: [en, fa], timezone: UTC, country: IR}
fields:
  birth_date: {label: Birth date, type: date, rules: {past: true}}
  wedding: {label: Wedding, type: date}
  favorite_category:
    type: select
    label: {en: Favourite category, fa: دسته‌بندی}
    options:
      - {value: clothes, label: {en: Clothes, fa: لباس}}
      - {value: shoes, label: {en: Shoes, fa: کفش}}
      - {value: accessories, label: {en: Accessories, fa: اکسسوری}}
  shoe_size: {label: Shoe size, type: number, rules: {min: 20, max: 50}, ask: What is your size?}
  points: {label: Points, type: number}
  is_vip: {label: VIP, type: boolean}
  gender: {label: Gender, type: select, options: [female, male]}
  pregnant: {label: Pregnant, type: boolean}
  visit: {label: Visit, type: datetime, extra: true}
  site: {label: Site, type: url}
tags: {VIP: {}, Sneakers: {}}
staff:
  - {name: Ali, telegram: 777, role: owner}
  - {name: Sara N, telegram: 778, teams: [sales]}
segments: {ambassadors: {static: true}, friends: {static: true}}
"""

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@lru_cache(maxsize=256)
def load(flows: str, business: str = BUSINESS) -> Loaded:
    """A project of one file of flows beside `business`."""
    return load_project({"crm.yaml": business, "flows.yaml": flows}, KINDS, lambda _: None)


class Talk:
    """One customer and the run they are in; `heard` is what the bot said since last asked."""

    def __init__(
        self,
        flows: str | Loaded,
        *,
        business: str = BUSINESS,
        now: datetime = NOON,
        channel: str = "telegram",
        **values: Value,
    ) -> None:
        loaded = load(flows, business) if isinstance(flows, str) else flows
        assert loaded.ok, [str(problem) for problem in loaded.problems]
        self.business = loaded.business
        self.flows: dict[tuple[str, int], Flow] = {
            (key, 0): flow for key, flow in loaded.flows.items()
        }
        self.index = TriggerIndex.of(loaded.flows.values(), loaded.business)
        self.now, self.channel = now, channel
        self.values: dict[str, Value] = {"timezone": "UTC", **values}
        self.extra: dict[str, Any] = {}
        self.tags: frozenset[str] = frozenset()
        self.ruled: frozenset[str] = frozenset()
        self.segments: frozenset[str] = frozenset()
        self.customer_id, self.filled, self.asked, self.answered = 7, 0, 0, 0
        self.changed: set[str] = set()
        self.derived: list[Derived] = []
        self.run: Run | None = None
        self.below: list[Run] = []
        self.runs = 0
        self.heard: list[SendMessage] = []
        self.effects: list[Effect] = []
        self.answers: Answers | None = None
        """What requests are answered with at once; None where a test does that itself."""

    # -- what happens

    def start(self, flow: str, event: Mapping[str, Any] | None = None, **variables: Value) -> Talk:
        self.runs += 1
        known = self.flows[flow, 0]
        frame = Frame(flow, 0, vars={**known.vars, **variables})
        self.run = Run(self.runs, (frame,), event=event or {})
        return self.resume(Started())

    def user(self, text: str, **message: Any) -> Talk:
        """The customer writes; `/start spring` is a command with its argument."""
        if text.startswith("/"):
            command, _, argument = text[1:].partition(" ")
            message = {"kind": "command", "command": command, "argument": argument, **message}
        return self.send(Message(text=text, **message))

    def press(self, label: str) -> Talk:
        return self.send(Message(kind="press", token=self.button(label).token or ""))

    def send(self, message: Message) -> Talk:
        decision = self.decide(message)
        self.carry_out(decision, message)
        return self

    def decide(self, message: Message, *, created: bool = False) -> Decision:
        asking = self.run.wait if self.run and self.run.status == "asking" else None
        return decide(message, asking, self.index, self.facts, self.now, created=created)

    def carry_out(self, decision: Decision, message: Message) -> None:
        match decision:
            case Answer():
                self.resume(Reply(message))
            case Start(flow, _, event):
                self.end("interrupted")
                self.start(flow, event)
            case Detour(flow, _, event) | Fallback(flow, event=event):
                if self.run and self.run.status == "asking":
                    self.below.append(self.run)
                self.start(flow, event)
            case Cancel():
                self.end("cancelled")
            case OptIn(then):
                self.values["opted_out_at"] = None
                self.carry_out(then, message)
            case Nothing() | StalePress():
                pass
            case _:
                raise AssertionError(decision)

    def end(self, outcome: str) -> None:
        if self.run and self.run.wait:
            self.resume(Cancelled(outcome))

    def advance(self, span: timedelta) -> Talk:
        """Time passes, and what falls due by its end happens."""
        end = self.now + span
        while self.run and self.run.wait and (due := self.run.wait.due_at) and due <= end:
            self.now = max(self.now, due)
            self.ring(min(self.run.wait.alarms, key=lambda alarm: alarm.at))
        self.now = end
        return self

    def ring(self, alarm: Alarm) -> None:
        assert self.run is not None
        assert self.run.wait is not None
        wait_id = self.run.wait.id
        rung: dict[str, Resume] = {
            "remind": Reminded(wait_id, alarm.number),
            "timeout": TimedOut(wait_id),
            "elapsed": Elapsed(wait_id),
            MERGE: Gathered(wait_id),
        }
        self.resume(rung[alarm.kind])

    def resume(self, resume: Resume) -> Talk:
        assert self.run is not None
        run, effects = step(self.flows, self.run, resume, self.facts, self.now)
        again = step(self.flows, self.run, resume, self.facts, self.now)
        assert again == (run, effects), "the same arguments give the same answer"
        frames, wait, event = (
            part and bytes(part).decode() for part in (*run_to_json(run), event_to_json(run.event))
        )
        stored = run_from_json(run.id, frames, wait, event, run.outcome)
        assert stored == run, "a run survives being stored"
        self.run = run
        for effect in effects:
            self.apply(effect)
        for call in [effect for effect in effects if isinstance(effect, CallHttp)]:
            if self.answers is not None:
                answer = self.answers.answer(call.request)
                self.resume(HttpAnswered(call.wait_id, answer))
        if effects and isinstance(effects[-1], Settle):
            asks = effects[-1]
            self.settle()
            return self.resume(Settled(asks.reply, asks.value, asks.times, asks.waits))
        if run.status == "ended" and self.below:
            self.run = self.below.pop()
            self.resume(Released())
        return self

    def settle(self) -> None:
        """Let follow what follows from the changes so far."""
        moment = Moment(self.now, ZoneInfo(self.business.timezone))
        self.filled = sum(
            self.values.get(key) is not None
            for key, field in self.business.fields.items()
            if not (field.base or field.extra)
        )
        self.derived += self.business.rules.settle(self, self.changed, moment)
        self.changed = set()

    def apply(self, effect: Effect) -> None:
        self.effects.append(effect)
        self.changed.update(changes_of(effect))
        match effect:
            case SendMessage():
                self.heard.append(effect)
            case SetField(key, new=new) if key in self.business.fields:
                self.values[key] = new
            case SetField(key, new=new):
                self.extra[key] = new
            case AddTag(name):
                self.tags |= {name}
            case RemoveTag(name):
                self.tags -= {name}
            case JoinSegment(key):
                self.segments |= {key}
            case QuitSegment(key):
                self.segments -= {key}
            case LearnDateOrder(order):
                self.values["date_order"] = order

    # -- what is seen

    @property
    def facts(self) -> Facts:
        return Facts(
            customer_id=7,
            business=self.business,
            channel=self.channel,
            values=dict(self.values),
            extra=dict(self.extra),
            tags=self.tags,
            segments=self.segments,
        )

    def said(self) -> list[str]:
        """The texts since the last time this was asked."""
        texts = [message.text for message in self.heard]
        self.heard = []
        return texts

    def button(self, label: str) -> Button:
        """The button of the latest message that has one with this label."""
        sent = [effect for effect in self.effects if isinstance(effect, SendMessage)]
        found = [b for m in reversed(sent) for row in m.buttons for b in row if b.label == label]
        assert found, f"no button '{label}'"
        return found[0]

    def buttons(self) -> list[list[str]]:
        """The rows of labels under the latest message."""
        sent = [effect for effect in self.effects if isinstance(effect, SendMessage)]
        return [[button.label for button in row] for row in sent[-1].buttons]

    @property
    def node(self) -> str:
        assert self.run is not None
        return "ended" if self.run.status == "ended" else self.run.frames[-1].node

    @property
    def outcome(self) -> str | None:
        return self.run.outcome if self.run else None

    @property
    def vars(self) -> Mapping[str, Any]:
        assert self.run is not None
        return self.run.frames[-1].vars

    @property
    def problems(self) -> list[str]:
        """What was put on the timeline about templates and values that failed."""
        return [
            effect.description
            for effect in self.effects
            if isinstance(effect, Record) and effect.type in ("flow_problem", "workflow_failed")
        ]
