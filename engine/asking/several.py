"""Choosing many: each press takes an item up or puts it down, and Done stores the list."""

from __future__ import annotations

import re

from msgspec.structs import replace

from engine.asking.choices import FINISH, is_chosen, item_text, shown, typed
from engine.asking.posing import ask_again, short_text
from engine.asking.question import Question
from engine.fields.choices import find_option
from engine.fields.faults import Fault, FaultCode
from engine.fields.fold import fold_phrase
from engine.fields.types import Field
from engine.fields.validate import validate
from engine.passage import Passage
from engine.run import Choice, Wait
from engine.wording import DONE_WORDS, wording

DONE = frozenset(map(fold_phrase, DONE_WORDS))
"""What ends the choosing, folded."""

_SEPARATORS = re.compile(r"[,،;؛\n]")


def typed_ones(wait: Wait, text: str, field: Field) -> list[Choice] | None:
    """The choices of a typed list, by their texts or numbers; None where one item is none."""
    pieces = [piece for piece in _SEPARATORS.split(text) if piece.strip()]
    found = [_meant(wait, piece, field) for piece in pieces]
    return [one for one in found if one is not None] if found and None not in found else None


def _meant(wait: Wait, piece: str, field: Field) -> Choice | None:
    if fold_phrase(piece) in DONE:
        return next((one for one in wait.choices if one.act == FINISH), None)
    return typed(wait, piece, field) or _by_option(wait, piece, field)


def _by_option(wait: Wait, piece: str, field: Field) -> Choice | None:
    """The choice of an option that was typed by its value or its label in another language."""
    value = find_option(piece.strip(), field) if field.options else None
    offered = (one for one in wait.choices if not one.act and one.value == value)
    return None if value is None else next(offered, None)


def toggled(at: Passage, question: Question, wait: Wait, choice: Choice) -> Wait:
    """With this choice taken up, or put down where it was, and the question asked again."""
    chosen, item = list(wait.state.get("chosen", ())), item_text(choice.value)
    chosen = [one for one in chosen if one != item] if item in chosen else [*chosen, item]
    return _asked_again(at, question, _with(wait, chosen))


def taken(at: Passage, question: Question, wait: Wait, choices: list[Choice]) -> Wait:
    """With these choices taken up beside the others; asked again but where Done is one of them."""
    items = [item_text(choice.value) for choice in choices if not choice.act]
    wait = _with(wait, [*wait.state.get("chosen", ()), *items])
    ends = any(choice.act == FINISH for choice in choices)
    return wait if ends else _asked_again(at, question, wait)


def items_of(at: Passage, question: Question, wait: Wait) -> tuple[str, ...] | Fault:
    """The items chosen, in the order of the buttons; the rule that they break."""
    items = tuple(dict.fromkeys(item_text(one.value) for one in _chosen(wait)))
    fault = validate(items, question.field, at.locale, at.now)
    if fault is None and not items:
        return Fault(FaultCode.TOO_FEW, {"limit": 1})
    return items if fault is None else fault


def _chosen(wait: Wait) -> list[Choice]:
    """The choices taken up, of those that are on offer at present."""
    chosen = wait.state.get("chosen", ())
    return [wait.choices[place] for place in shown(wait) if is_chosen(wait.choices[place], chosen)]


def _with(wait: Wait, chosen: list[str]) -> Wait:
    return replace(wait, state={**wait.state, "chosen": list(dict.fromkeys(chosen))})


def _asked_again(at: Passage, question: Question, wait: Wait) -> Wait:
    labels = [choice.label for choice in _chosen(wait)]
    comma = "، " if at.language == "fa" else ", "
    before = wording("chosen" if labels else "none_chosen", at.language, items=comma.join(labels))
    return ask_again(at, wait, short_text(at, question, wait), before)
