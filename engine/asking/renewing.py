"""A question whose flow has changed since it was put: its buttons are still out there.

A button stands for a value. Where the question still offers that value, under whatever label, the
button means it and leads where it leads now; where not, it is no answer any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from engine.asking.choices import GONE, MEANT, SEEN, choices_of, claims_of, seen
from engine.asking.posing import CHANGE, KEEP, may_go_back
from engine.asking.question import Question
from engine.fields.types import FieldType
from engine.passage import Passage
from engine.run import Choice, Wait

_DATES = frozenset({FieldType.DATE, FieldType.DATETIME})


def renewed(at: Passage, question: Question, wait: Wait) -> Wait:
    """The wait as the question is now; nothing is said."""
    acts = {choice.act for choice in wait.choices}
    if acts & {KEEP, CHANGE}:
        return replace(wait, moved=False)
    if acts & MEANT and question.field.type in _DATES:
        # What is on offer are the days that an unclear reply may have meant.
        return replace(wait, moved=False, claims=claims_of(wait.choices, question))
    back = question.back_button and may_go_back(at, wait.state)
    return offering(wait, choices_of(at, question, back=back), question)


def offering(wait: Wait, fresh: Sequence[Choice], question: Question) -> Wait:
    """The wait with the choices of now behind those of its buttons, which keep their places."""
    old = tuple(_as_now(choice, fresh) for choice in wait.choices)
    choices = (*old, *fresh)
    places = seen(wait)
    state = {key: value for key, value in wait.state.items() if key != "unclear"}
    if old:
        state[SEEN] = (places.start, places.stop)
    claimed = [choice for choice in choices if choice.act != GONE]
    return replace(
        wait, moved=False, choices=choices, claims=claims_of(claimed, question),
        earlier=len(old), state=state,
    )  # fmt: skip


def _as_now(choice: Choice, fresh: Iterable[Choice]) -> Choice:
    """What an earlier button means now. A button that only does something is the one which does the
    same to the same."""
    plain = choice.act in ("", GONE)
    for one in fresh:
        if one.value == choice.value and (not one.act if plain else one.act == choice.act):
            return replace(choice, act=one.act, goto=one.goto)
    return replace(choice, act=GONE, goto="")
