"""Whom a person's message is for: the open question, a flow, or one of the built-in acts.

    decide(message, wait, index, facts, now) -> Decision

A message is offered, in this order, to: opt-out words; the open question's own choices and skip
words; `always:` of the business; commands and referrals; the open question; keywords and the
rest of the `message` triggers; `fallback:`. The first that takes it gets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct, field

from engine.asking.choices import pressed
from engine.audience import Offered, is_for
from engine.business import Always, Business
from engine.events import is_automatic, types_of
from engine.facts import Facts
from engine.fields.fold import fold_phrase
from engine.flow import Flow, Trigger
from engine.happenings import matches
from engine.messages import STARTS_FLOW, Message
from engine.own_data import act_of
from engine.run import Wait


class Answer(Struct, frozen=True):
    """It is a reply to the open question: resume that run with `Reply(message)`."""


class Start(Struct, frozen=True):
    """It starts a flow: the person's own act, so it interrupts what holds the question.

    trigger: `flow/ID`; `flow/button` where a button of the flow itself was pressed, `flow/always`
    where an `always:` word was written and no question was open. event: what `event.x` reads.
    """

    flow: str
    trigger: str
    event: Mapping[str, Any] = field(default_factory=dict)


class Detour(Struct, frozen=True):
    """Run this flow on top of the open question; when it ends the question is asked again."""

    flow: str
    trigger: str
    event: Mapping[str, Any] = field(default_factory=dict)


class HandOver(Struct, frozen=True):
    """Somebody of the staff is to talk with the person, on top of an open question."""

    always: Always


class Fallback(Struct, frozen=True):
    """Nothing claims it: run the business's fallback flow; an open question stays open."""

    flow: str
    event: Mapping[str, Any] = field(default_factory=dict)


class Cancel(Struct, frozen=True):
    """End what is open (`/cancel`, or a `/start` that no flow claims)."""


class StalePress(Struct, frozen=True):
    """A button of an older question: say so politely and change nothing."""


class OptOut(Struct, frozen=True):
    """The person wants no automatic messages any more, and nothing that is open."""


class OptIn(Struct, frozen=True):
    """Undo an earlier opt-out, then do `then`."""

    then: Start | Fallback | Cancel | Nothing


class OwnData(Struct, frozen=True):
    """The person asks about themselves (engine.own_data): `act` is the command or button."""

    act: str


class Nothing(Struct, frozen=True):
    """Nobody takes it; `reason` is for the log."""

    reason: str


Decision = (
    Answer
    | Start
    | Detour
    | HandOver
    | Fallback
    | Cancel
    | StalePress
    | OptOut
    | OptIn
    | OwnData
    | Nothing
)


class TriggerIndex(Struct, frozen=True):
    """What the current flows of a business listen to, ready to be looked up by a message.

    All words are folded phrases. Where several triggers share a word, the first whose `only:`
    and channels hold gets the message: those of higher priority, then those with an `only:`,
    are asked first. `referrals` are by ref, those of any ref under ''. `automatic` are by the type
    of event that starts them, `by_id` are all, `limited` those of people's own acts with a `once`.
    """

    flows: Mapping[str, Flow]
    always: Mapping[str, Always]
    fallback: str
    referrals: Mapping[str, tuple[Trigger, ...]]
    commands: Mapping[str, tuple[Trigger, ...]]
    keywords: Mapping[str, tuple[Trigger, ...]]
    contains: tuple[tuple[str, Trigger], ...]
    patterns: tuple[Trigger, ...]
    created: tuple[Trigger, ...]
    anything: tuple[Trigger, ...]
    automatic: Mapping[str, tuple[Trigger, ...]] = {}
    by_id: Mapping[str, Trigger] = {}
    limited: tuple[Trigger, ...] = ()

    @classmethod
    def of(cls, flows: Iterable[Flow], business: Business) -> TriggerIndex:
        """The index of the current version of each flow."""
        by_key = {flow.key: flow for flow in flows}
        triggers = [trigger for flow in by_key.values() for trigger in flow.triggers]
        triggers.sort(key=_rank)
        said = [trigger for trigger in triggers if trigger.on == "message"]
        return cls(
            flows=by_key,
            always=_always(business),
            fallback=business.fallback,
            referrals=_grouped(_refs(triggers)),
            commands=_grouped(_commands(triggers)),
            keywords=_grouped(_words(said, "keywords")),
            contains=tuple(sorted(_words(said, "contains"), key=lambda item: -len(item[0]))),
            patterns=tuple(trigger for trigger in said if "pattern" in trigger.options),
            created=tuple(trigger for trigger in triggers if trigger.on == "customer_created"),
            anything=tuple(trigger for trigger in said if trigger.options.get("any")),
            automatic=_grouped(_happening(triggers)),
            by_id={trigger.id: trigger for trigger in triggers},
            limited=tuple(one for one in triggers if "once" in one.options and _is_own_act(one)),
        )


def _rank(trigger: Trigger) -> tuple[int, bool]:
    """Where triggers rival: by priority, then those for some customers before those for all."""
    return -trigger.options.get("priority", 0), trigger.only is None


def _always(business: Business) -> Mapping[str, Always]:
    always: dict[str, Always] = {}
    for entry in business.always:
        for word in entry.keywords:
            always.setdefault(fold_phrase(word), entry)
    return always


def _refs(triggers: Iterable[Trigger]) -> Iterator[tuple[str, Trigger]]:
    for trigger in triggers:
        if trigger.on == "referral":
            yield trigger.options.get("ref", ""), trigger


def _commands(triggers: Iterable[Trigger]) -> Iterator[tuple[str, Trigger]]:
    for trigger in triggers:
        if trigger.on == "command":
            yield str(trigger.options["command"]).removeprefix("/").lower(), trigger


def _words(triggers: Iterable[Trigger], option: str) -> Iterator[tuple[str, Trigger]]:
    for trigger in triggers:
        for word in trigger.options.get(option, ()):
            yield fold_phrase(word), trigger


def _is_own_act(trigger: Trigger) -> bool:
    return not is_automatic(trigger.on)


def _happening(triggers: Iterable[Trigger]) -> Iterator[tuple[str, Trigger]]:
    """Those that start by themselves, by the types of events that they are for."""
    for trigger in triggers:
        if is_automatic(trigger.on) or trigger.on == "customer_created":
            for type_ in types_of(trigger.on):
                yield type_, trigger


def _grouped(pairs: Iterable[tuple[str, Trigger]]) -> Mapping[str, tuple[Trigger, ...]]:
    groups: dict[str, tuple[Trigger, ...]] = {}
    for word, trigger in pairs:
        groups[word] = (*groups.get(word, ()), trigger)
    return groups


def decide(
    message: Message,
    wait: Wait | None,
    index: TriggerIndex,
    facts: Facts,
    now: datetime,
    *,
    created: bool = False,
    spent: frozenset[str] = frozenset(),
) -> Decision:
    """Whom `message` is for.

    wait: the open question of the customer's asking run, None where there is none. created: this
    message made the customer. spent: the ids of triggers that `once` keeps from starting now.
    """
    if message.kind == "press":
        return _press(message, wait, index)
    if message.kind == "edited":
        return _edited(message, wait)
    phrase = _phrase_of(message.text)
    if message.kind in _WRITTEN and phrase in _opt_out_words(facts.business.opt_out):
        return OptOut()
    offered = Offered(message, facts, now, _event_of(message), spent)
    if facts.values.get("opted_out_at") is not None and _undoes(message, phrase, facts.business):
        then = _taken(offered, phrase, None, index, created)
        return OptIn(then if isinstance(then, Start | Fallback | Cancel) else Nothing("opted in"))
    return _taken(offered, phrase, wait, index, created)


def is_opt_out(text: str, business: Business) -> bool:
    """Whether a whole message asks to be left alone, in any of the languages known."""
    return _phrase_of(text) in _opt_out_words(business.opt_out)


_phrase_of = lru_cache(maxsize=512)(fold_phrase)
"""`fold_phrase` of the latest messages: each is looked at as it comes in, and when it is taken."""


_OPT_OUT = (
    # Our choice. English: of the words that text messages in the USA have to honour (stop,
    # unsubscribe, cancel, end, quit: solutionsbytext.com/opt-out-policy, read 2026-11-20), not
    # the last three, which are answers too.
    *("stop", "stop all", "stopall", "unsubscribe", "opt out", "optout"),
    # Persian
    *("لغو11", "لغو 11", "لغو عضویت", "لغو اشتراک", "توقف", "پیام نده", "دیگه پیام نده"),
    # Arabic
    *("إيقاف", "ايقاف", "أوقف", "الغاء الاشتراك", "إلغاء الاشتراك"),
    # Turkish
    *("dur", "durdur", "abonelikten çık", "üyelikten çık", "aboneliği iptal et"),
)

_OPT_IN = (
    *("start", "unstop", "subscribe", "resume"),
    *("شروع", "عضویت", "اشتراک"),
    *("ابدأ", "اشتراك"),
    *("başla", "abone ol"),
)

_WRITTEN = frozenset({"text", "command"})

_CANCEL, _START = "cancel", "start"


@lru_cache(maxsize=64)
def _opt_out_words(own: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(fold_phrase, (*_OPT_OUT, *own)))


@lru_cache(maxsize=64)
def _opt_in_words(own: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(fold_phrase, (*_OPT_IN, *own)))


def _undoes(message: Message, phrase: str, business: Business) -> bool:
    if message.kind == "command":
        return message.command == _START
    return message.kind == "text" and phrase in _opt_in_words(business.opt_in)


def _press(message: Message, wait: Wait | None, index: TriggerIndex) -> Decision:
    if wait is not None and pressed(wait, message.token) is not None:
        return Answer()
    if act := act_of("", message.token):
        return OwnData(act)
    key = message.token.removeprefix(STARTS_FLOW)
    if key != message.token and key in index.flows:
        return Start(key, f"{key}/button", {"text": message.text})
    return StalePress()


def _edited(message: Message, wait: Wait | None) -> Decision:
    """Editing a message that the open question could not use is another try; else too late."""
    if wait is not None and message.message_id and message.message_id in wait.heard:
        return Answer()
    return Nothing("edited after it was taken")


def _taken(
    offered: Offered, phrase: str, wait: Wait | None, index: TriggerIndex, created: bool
) -> Decision:
    message = offered.message
    if wait is not None and message.kind == "text" and phrase in wait.claims:
        return Answer()
    if message.kind in _WRITTEN and (always := index.always.get(phrase)):
        return _always_taken(always, offered, wait)
    if message.kind == "command":
        return _command(offered, wait, index, created)
    if wait is not None:
        return Answer()
    return _unasked(offered, phrase, index, created)


def _always_taken(always: Always, offered: Offered, wait: Wait | None) -> Decision:
    if not always.flow:
        return HandOver(always)
    trigger = f"{always.flow}/always"
    if wait is None:
        return Start(always.flow, trigger, offered.event)
    return Detour(always.flow, trigger, offered.event)


def _command(offered: Offered, wait: Wait | None, index: TriggerIndex, created: bool) -> Decision:
    message = offered.message
    if act := act_of(message.command, ""):
        return OwnData(act)
    ref = message.argument
    came = (*index.referrals.get(ref, ()), *index.referrals.get("", ())) if ref else ()
    named = index.commands.get(message.command, ())
    trigger = _first(offered, index, (*(came if message.command == _START else ()), *named))
    if trigger is not None:
        return _started(trigger, offered)
    if message.command == _CANCEL:
        return Cancel()
    if message.command == _START:
        trigger = _first(offered, index, (*(index.created if created else ()), *index.anything))
        if trigger is not None:
            return _started(trigger, offered)
        if wait is not None or not index.fallback:
            return Cancel()
    return _unclaimed(offered, wait, index)


def _unclaimed(offered: Offered, wait: Wait | None, index: TriggerIndex) -> Decision:
    """A command that nobody knows: the fallback's; the open question says so and asks again."""
    if index.fallback:
        return Fallback(index.fallback, offered.event)
    return Nothing("no flow claims this command") if wait is None else Answer()


def _unasked(offered: Offered, phrase: str, index: TriggerIndex, created: bool) -> Decision:
    """A message while nothing is asked: the most specific trigger's, else the fallback's."""
    message = offered.message
    if not phrase and not created:
        return Nothing("nothing was written and no question is open")
    spaced = f" {phrase} "
    candidates = (
        *index.keywords.get(phrase, ()),
        *(trigger for word, trigger in index.contains if f" {word} " in spaced),
        *(one for one in index.patterns if matches(one.options["pattern"], message.text)),
        *(index.created if created else ()),
        *index.anything,
    )
    trigger = _first(offered, index, candidates)
    if trigger is not None:
        return _started(trigger, offered)
    if index.fallback and phrase:
        return Fallback(index.fallback, offered.event)
    return Nothing("no trigger and no fallback take it")


def _started(trigger: Trigger, offered: Offered) -> Start:
    return Start(trigger.flow, trigger.id, offered.event)


def _first(offered: Offered, index: TriggerIndex, triggers: Iterable[Trigger]) -> Trigger | None:
    """The first trigger that is for this channel and customer."""
    flows = index.flows
    fitting = (
        one
        for one in triggers
        if one.id not in offered.spent and is_for(one, flows[one.flow], offered)
    )
    return next(fitting, None)


def _event_of(message: Message) -> Mapping[str, Any]:
    event = {"text": message.text}
    if message.kind == "command":
        event |= {"command": message.command, "ref": message.argument}
    return event
