"""What comes of a reply, a reminder or the end of a question.

An invalid reply is never stored and never moves the flow on: the person gets one message, which
says what is wrong and asks again. A message that is no attempt at an answer (a sticker, an unknown
command) is asked again without counting; one whose pictures come as an album is asked once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from engine.asking.choices import (
    BACK,
    FINISH,
    GONE,
    MEANT,
    MEANT_ALONE,
    OTHER_DAY,
    SEEN,
    SKIP,
    buttons_of,
    choices_of,
    item_text,
    pressed,
    shown_now,
    typed,
)
from engine.asking.gathering import gather, gathers, heard_also, is_gathering, ungathered, whole
from engine.asking.heard import Answered, Heard, Left, Open, Skipped, WentBack
from engine.asking.incomplete import ask_for_rest, ask_in_words, completed, is_incomplete
from engine.asking.posing import CHANGE, KEEP, ask_again, put, short_text
from engine.asking.question import Question
from engine.asking.sent import WANTED, sent_value
from engine.asking.several import items_of, taken, toggled, typed_ones
from engine.asking.unclear import ask_back
from engine.fields.faults import Fault, FaultCode, fault_text
from engine.fields.fold import fold_phrase
from engine.fields.readings import Ambiguous, Read, Refused
from engine.fields.reply import read_reply
from engine.fields.show import plain
from engine.fields.types import PLAIN, Field, FieldType, Value
from engine.fields.validate import validate
from engine.messages import Message
from engine.node import Finish, Go
from engine.passage import Passage
from engine.resume import Gathered, Reminded, Reply, Resume, TimedOut
from engine.resume import Refused as RefusedByStore
from engine.run import Choice, Wait
from engine.wording import wording

NO_REPLY = "no_reply"
"""The outcome of a run whose question nobody answered in time."""

MOST_UNCLEAR = 20
"""Meanings of unclear replies a question keeps buttons for; more are refused as unreadable."""


def hear(at: Passage, question: Question, wait: Wait, resume: Resume) -> Heard:
    """Take what came while the question was open."""
    match resume:
        case Reply(message):
            return _hear_reply(at, question, wait, message)
        case Gathered() if is_gathering(wait):
            return _hear_message(at, question, ungathered(wait), whole(wait))
        case Reminded(_, number):
            return Open(_remind(at, question, wait, number))
        case TimedOut():
            goto = question.timeout.goto
            way = "timeout"
            return Left(Go(goto, way) if goto else Finish(NO_REPLY, everything=True, way=way))
        case RefusedByStore():
            return _invalid(at, question, ungathered(wait), wording("not_unique", at.language))
        case _:
            return Open(_again(at, question, wait))


def refuse(at: Passage, question: Question, wait: Wait, message: Message, why: str) -> Heard:
    """Count `message` as an invalid reply, and say why and what is asked, in one message."""
    return _invalid(at, question, replace(wait, heard=heard_also(wait, message)), why)


def unusable(at: Passage, question: Question, wait: Wait, message: Message) -> Heard:
    """Answer what cannot be a reply at all; it does not count as an attempt."""
    if message.album and wait.state.get("album") == message.album:
        return Open(wait)
    if message.album:
        wait = replace(wait, state={**wait.state, "album": message.album})
    if message.kind == "press":
        return Open(wait)
    before = _what_is_wanted(at, question, message)
    return Open(ask_again(at, wait, short_text(at, question, wait), before))


def is_first(at: Passage, question: Question, wait: Wait) -> Wait:
    """Say that nothing was asked before this, and ask it again."""
    before = wording("nothing_before", at.language)
    return ask_again(at, wait, short_text(at, question, wait), before)


def _hear_reply(at: Passage, question: Question, wait: Wait, message: Message) -> Heard:
    if gathers(question, message):
        heard = None if is_gathering(wait) else _hear_word(at, question, wait, message)
        return heard or Open(gather(at, question, wait, message))
    return _hear_message(at, question, wait, message)


def _hear_message(at: Passage, question: Question, wait: Wait, message: Message) -> Heard:
    at.reply = message
    if message.kind == "press":
        choice = pressed(wait, message.token)
        return _choose(at, question, wait, choice) if choice else Open(wait)
    if message.kind == "command":
        return unusable(at, question, wait, message)
    return _hear_word(at, question, wait, message) or _hear_answer(at, question, wait, message)


def _hear_answer(at: Passage, question: Question, wait: Wait, message: Message) -> Heard:
    """What is no choice and no word that skips or leads back."""
    if question.takes != "typed":
        return _hear_sent(at, question, wait, message)
    if message.kind == "contact" and question.field.type is FieldType.PHONE:
        return _hear_contact(at, question, wait, message)
    if not message.text.strip():
        return unusable(at, question, wait, message)
    return _hear_value(at, question, wait, message, _read(at, question, wait, message.text))


def _hear_word(at: Passage, question: Question, wait: Wait, message: Message) -> Heard | None:
    """The choice that was typed, or what the question's own words do; None for anything else."""
    text = message.text
    choice = typed(wait, text, question.field) or _kept(at, wait, text)
    if choice is not None:
        at.reply = message
        return _choose(at, question, wait, choice)
    if question.many and (chosen := typed_ones(wait, text, question.field)):
        wait = taken(at, question, wait, chosen)
        ends = any(one.act == FINISH for one in chosen)
        return _finish(at, question, wait) if ends else Open(wait)
    if not question.skip and not question.back:
        return None
    phrase = fold_phrase(text)
    if phrase in question.skip:
        return Skipped()
    return WentBack() if phrase in question.back else None


def _hear_sent(at: Passage, question: Question, wait: Wait, message: Message) -> Heard:
    """What is no text to be read: a place, a file, a card, or anything."""
    if question.takes == "contact" and message.kind == "contact":
        return _hear_contact(at, question, wait, message)
    if question.takes == "any" and message.text.strip():
        reading = read_reply(message.text, question.field, at.locale, at.now)
        return _hear_value(at, question, wait, message, reading)
    value = sent_value(message, question.takes)
    if value is None and question.takes != "any":
        if not message.text.strip():
            return unusable(at, question, wait, message)
        return refuse(at, question, wait, message, _what_is_wanted(at, question, message))
    fault = validate(value, question.field, at.locale, at.now)
    if fault is not None:
        return refuse(at, question, wait, message, fault_text(fault, at.locale))
    return _store(at, question, value)


def _hear_value(
    at: Passage,
    question: Question,
    wait: Wait,
    message: Message,
    reading: Read | Ambiguous | Refused,
) -> Heard:
    match reading:
        case Read(value):
            return _store(at, question, value)
        case Ambiguous(candidates) if len(wait.choices) < MOST_UNCLEAR:
            return Open(ask_back(at, wait, candidates))
        case Ambiguous():
            reading = Refused(Fault(FaultCode.NOT_DATE))
        case Refused(fault) if len(wait.choices) < MOST_UNCLEAR:
            rest = ask_for_rest(at, question, wait, fault)
            if rest is not None:
                return Open(rest)
    return refuse(at, question, wait, message, fault_text(reading.fault, at.locale))


def _kept(at: Passage, wait: Wait, text: str) -> Choice | None:
    """Yes or no to whether a known value is still right; None where that is not the question."""
    if not _offers_to_keep(wait):
        return None
    answer = read_reply(text, PLAIN[FieldType.BOOLEAN], at.locale, at.now)
    return wait.choices[0 if answer.value else 1] if isinstance(answer, Read) else None


def _offers_to_keep(wait: Wait) -> bool:
    return bool(wait.choices) and wait.choices[0].act == KEEP


def _read(at: Passage, question: Question, wait: Wait, text: str) -> Read | Ambiguous | Refused:
    reading = read_reply(text, question.field, at.locale, at.now)
    if is_incomplete(wait) and not isinstance(reading, Read):
        return completed(at, question, wait, text) or reading
    if not question.only_choices:
        return reading
    if question.many and not _offers_to_keep(wait):
        return Refused(Fault(FaultCode.NOT_OPTION))
    offered = choices_of(at, question) if _offers_to_keep(wait) else wait.choices
    values = [choice.value for choice in offered if not choice.act]
    if isinstance(reading, Read) and _is_offered(reading.value, values):
        return reading
    return Refused(Fault(FaultCode.NOT_OPTION))


def _is_offered(value: Value, offered: list[Any]) -> bool:
    if isinstance(value, tuple):
        return {item_text(one) for one in offered}.issuperset(value)
    return value in offered


def _choose(at: Passage, question: Question, wait: Wait, choice: Choice) -> Heard:
    match choice.act:
        case "" if question.many:
            return Open(toggled(at, question, wait, choice))
        case "":
            return _store(at, question, choice.value, choice.goto)
        case act if act in MEANT:
            if act != MEANT_ALONE:
                at.learn_date_order(act)
            return _store(at, question, choice.value)
        case _ if choice.act == CHANGE:
            return Open(put(at, question, **_kept_state(wait)))
        case _ if choice.act in (SKIP, KEEP):
            return Skipped()
        case _ if choice.act == GONE:
            why = fault_text(Fault(FaultCode.NOT_OPTION), at.locale)
            return Open(ask_again(at, wait, short_text(at, question, wait), why))
        case _ if choice.act == FINISH:
            return _finish(at, question, wait)
        case _ if choice.act == BACK:
            return WentBack()
        case _ if choice.act == OTHER_DAY:
            return Open(ask_in_words(at, wait))
        case act:
            raise ValueError(f"a question has no act '{act}'")


def _kept_state(wait: Wait) -> Mapping[str, Any]:
    return {key: value for key, value in wait.state.items() if key not in _OF_A_TRY}


_OF_A_TRY = frozenset({"unclear", "album", "year", "day", "chosen", "gathered", SEEN})
"""What a wait remembers of replies, and not of the node it belongs to."""


def _finish(at: Passage, question: Question, wait: Wait) -> Heard:
    """Store what was chosen, if it keeps the rules."""
    items = items_of(at, question, wait)
    if isinstance(items, Fault):
        return _invalid(at, question, wait, fault_text(items, at.locale))
    return _store(at, question, items)


def _store(at: Passage, question: Question, value: Value, goto: str = "") -> Heard:
    at.reply_value = value
    if question.save_to:
        at.write(question.save_to, _storable(at, question, value))
    return Answered(goto)


def _storable(at: Passage, question: Question, value: Value) -> Value:
    """A key that is not mapped keeps texts; one choice for a list is a list of one."""
    name = question.save_to
    if question.field.type is FieldType.LIST and isinstance(value, str):
        value = (value,)
    if name.startswith("var.") or at.field(name) is not None or value is None:
        return value
    return plain(value, question.field, at.locale)


def _invalid(at: Passage, question: Question, wait: Wait, why: str) -> Heard:
    retry, attempts = question.retry, wait.attempts + 1
    at.count_invalid()
    if retry.goto and retry.attempts is not None and attempts >= retry.attempts:
        return Left(Go(retry.goto, "retry"))
    wait = replace(wait, attempts=attempts)
    told = at.tell(retry.text) if retry.text is not None else None
    return Open(ask_again(at, wait, short_text(at, question, wait), told or why))


def _again(at: Passage, question: Question, wait: Wait) -> Wait:
    return ask_again(at, wait, short_text(at, question, wait))


def _remind(at: Passage, question: Question, wait: Wait, number: int) -> Wait:
    """Say a reminder with the buttons of the question; those before it are not said any more."""
    reminders = question.timeout.remind
    if number < len(reminders):
        at.say(at.message_of(reminders[number].text), buttons_of(wait))
        wait = shown_now(wait)
    rest = (alarm for alarm in wait.alarms if alarm.kind != "remind" or alarm.number > number)
    return replace(wait, alarms=tuple(rest))


def _hear_contact(at: Passage, question: Question, wait: Wait, message: Message) -> Heard:
    """A contact card is a phone number; of a field that is the customer's own, only their own."""
    if not message.media.get("own") and question.takes != "contact":
        return refuse(at, question, wait, message, wording("not_own_contact", at.language))
    number = str(message.media.get("phone_number") or "")
    # Telegram leaves out the + of an international number (Bot API, Contact).
    number = number if number.startswith(("+", "0")) else f"+{number}"
    reading = read_reply(number, _phone_field(question.field), at.locale, at.now)
    return _hear_value(at, question, wait, message, reading)


def _phone_field(field: Field) -> Field:
    return field if field.type is FieldType.PHONE else PLAIN[FieldType.PHONE]


def _what_is_wanted(at: Passage, question: Question, message: Message) -> str:
    if message.kind == "command":
        return wording("unknown_command", at.language)
    return wording(WANTED.get(question.takes, "text_wanted"), at.language)
