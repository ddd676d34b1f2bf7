"""Putting a question to the customer, the first time and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from engine.asking.choices import buttons_of, choices_of, claims_of, in_rows, shown_now
from engine.asking.question import Question
from engine.asking.timing import alarms_of
from engine.asking.trail import can_step_back
from engine.bidi import isolated, runs_right
from engine.fields.coerce import coerce
from engine.fields.readings import Read
from engine.fields.show import show
from engine.fields.types import Value
from engine.fields.validate import validate
from engine.passage import Passage
from engine.run import Choice, Wait
from engine.wording import wording

KEEP, CHANGE = "keep", "change"
"""The acts of the two buttons under a value that is known already."""


def known_value(at: Passage, question: Question) -> Value:
    """What is stored where the answer would go, if it is still valid; else None."""
    value = at.read(question.save_to) if question.save_to else None
    if value is None or question.save_to.startswith("var."):
        return value
    if at.field(question.save_to) is None:
        # Under a key that no field declares lies JSON; the question says what type it is of.
        coerced = coerce(value, question.field, at.locale, at.now)
        return coerced.value if isinstance(coerced, Read) else None
    return value if validate(value, question.field, at.locale, at.now) is None else None


def pose(at: Passage, question: Question, **state: Any) -> Wait | None:
    """Ask, unless the answer is known and need not be asked for: then None.

    state: what the node kind wants to find in the wait again.
    """
    known = None if question.overwrite == "always" else known_value(at, question)
    if known is None:
        return put(at, question, **state)
    if question.overwrite == "if_empty":
        return None
    keep = Choice(wording("keep", at.language), act=KEEP)
    change = Choice(wording("change", at.language), act=CHANGE)
    offered = in_rows([[keep, change]])
    return send(at, question, _keep_text(at, question, known), offered, state)


def put(at: Passage, question: Question, **state: Any) -> Wait:
    """Ask, whatever is known."""
    back = question.back_button and may_go_back(at, state)
    choices = choices_of(at, question, back=back)
    return send(at, question, question_text(at, question), choices, state)


def may_go_back(at: Passage, state: Mapping[str, Any]) -> bool:
    """Whether something was asked before: in the same form, or by another node of the flow."""
    return bool(state.get("asked")) or "correcting" in state or can_step_back(at)


def send(
    at: Passage,
    question: Question,
    text: str,
    choices: tuple[Choice, ...],
    state: Mapping[str, Any],
) -> Wait:
    """Say `text` with the choices under it, and wait for one of them or another reply."""
    if at.reply is not None and at.reply.album:
        # The rest of the pictures that came with the reply are no replies to what is asked now.
        state = {**state, "album": at.reply.album}
    wait = Wait(
        id=at.new_wait_id(),
        asked_at=at.now,
        asks=True,
        choices=choices,
        claims=claims_of(choices, question),
        alarms=alarms_of(at, question.timeout),
        state=state,
    )
    at.say(text, buttons_of(wait))
    return wait


def question_text(at: Passage, question: Question) -> str:
    """The question in full; the flow's error text where it comes out as nothing."""
    text = at.message_of(question.text)
    return text if text.strip() else at.error_text()


def short_text(at: Passage, question: Question, wait: Wait) -> str:
    """What is asked when it is asked again: the short form, by default its last line."""
    if any(choice.act == KEEP for choice in wait.choices):
        known = known_value(at, question)
        if known is not None:
            return _keep_text(at, question, known)
    if question.short is not None:
        short = at.message_of(question.short)
        if short.strip():
            return short
    lines = question_text(at, question).strip().splitlines()
    return lines[-1].strip()


def ask_again(at: Passage, wait: Wait, short: str, before: str = "") -> Wait:
    """The question in its short form with its own buttons, in one message with what goes before."""
    wait = shown_now(wait)
    if "unclear" in wait.state:
        state = {key: value for key, value in wait.state.items() if key != "unclear"}
        wait = replace(wait, state=state)
    at.say(f"{before}\n{short}" if before else short, buttons_of(wait))
    return wait


def _keep_text(at: Passage, question: Question, value: Value) -> str:
    field = question.field
    label = field.label.pick(at.language, fallbacks=at.locale.languages)
    shown = isolated(show(value, field, at.locale), runs_right(label))
    return wording("keep_value", at.language, label=label, value=shown)
