"""The answers a question offers: what they are for this customer, their buttons, and which one
a person meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from msgspec.structs import replace

from engine.asking.question import Offer, Question
from engine.fields.choices import find_option
from engine.fields.clean import plain_line
from engine.fields.coerce import coerce
from engine.fields.fold import fold_phrase
from engine.fields.readings import Read
from engine.fields.reply import read_reply
from engine.fields.show import show, show_number
from engine.fields.types import Field, FieldType
from engine.messages import Button, Rows
from engine.passage import Passage
from engine.run import Choice, Wait
from engine.templates.template import Template
from engine.wording import DONE_WORDS, wording

SKIP = "skip"
"""The act of the button that leaves a question unanswered."""

GONE = "gone"
"""The act of a button of an earlier version whose value is not on offer any more."""

SEEN = "seen"
"""In a wait's state: the first and the last place, which is left out, of the choices the person was
shown last, where others are on offer since."""

_BY_NUMBER = frozenset({FieldType.TEXT, FieldType.SELECT, FieldType.BOOLEAN, FieldType.LIST})
"""Where a bare number may mean the choice at that place; elsewhere it is a value itself."""

BACK = "back"
"""The act of the button that leads to the question before."""

FINISH = "finish"
"""The act of the button that ends a choice of many."""

MEANT_ALONE = "meant"
MEANT = frozenset({MEANT_ALONE, "dmy", "mdy"})
"""The acts of what an unclear date may have meant: with the order of day and month it teaches."""

OTHER_DAY = "other_day"
"""The act of the button that says: none of the days that are offered."""

CHOSEN = "✓ "
"""Before the label of a choice that is taken up."""

folded = lru_cache(maxsize=4096)(fold_phrase)
"""`fold_phrase` of the texts that flows repeat: labels and skip words."""


def choices_of(at: Passage, question: Question, *, back: bool = False) -> tuple[Choice, ...]:
    """What to offer now: the question's choices, else the field's options or yes and no.

    back: whether there is a question before this one.
    """
    rows = _written(at, question)
    if question.many:
        rows.append([Choice(wording("done", at.language), act=FINISH)])
    if question.back_button and back:
        rows.append([Choice(wording("back", at.language), act=BACK)])
    if question.skip_button:
        rows.append([Choice(wording("skip", at.language), act=SKIP)])
    return in_rows(rows) if rows else ()


def in_rows(rows: Iterable[Iterable[Choice | None]]) -> tuple[Choice, ...]:
    """The choices that there are, each with its row's number; empty rows do not count."""
    kept = [[choice for choice in row if choice] for row in rows]
    numbered = enumerate(row for row in kept if row)
    return tuple(replace(choice, row=number) for number, row in numbered for choice in row)


def _written(at: Passage, question: Question) -> list[list[Choice | None]]:
    field = question.field
    if isinstance(question.choices, Template):
        return _listed(at, question, question.choices)
    if question.choices:
        return [[_offered(at, question, offer) for offer in row] for row in question.choices]
    if field.options:
        locale = at.locale
        return [[Choice(show(one.value, field, locale), one.value)] for one in field.options]
    if field.type is FieldType.BOOLEAN:
        yes, no = wording("yes", at.language), wording("no", at.language)
        return [[Choice(yes, True), Choice(no, False)]]
    return []


def _offered(at: Passage, question: Question, offer: Offer) -> Choice | None:
    if offer.when is not None and not at.holds(offer.when):
        return None
    label = at.render(offer.text)
    if not label or not label.strip():
        return None
    value = _own_text(at, offer) if offer.value is None else at.evaluate(offer.value)
    return _choice(at, question, label, value, offer.goto)


def _own_text(at: Passage, offer: Offer) -> str | None:
    """A choice without a value is worth its text in the flow's own language, so that what is
    stored does not depend on who answers.
    """
    own = at.flow.language or at.facts.business.language
    fallbacks = (at.facts.business.language,)
    text: str | None = at.fill(offer.text.pick(own, at.facts.channel, fallbacks))
    return text


def _listed(at: Passage, question: Question, template: Template) -> list[list[Choice | None]]:
    """Rows of choices out of a template's list: texts, or mappings with text, value and goto; an
    inner list is a row.
    """
    items = at.evaluate(template)
    if not isinstance(items, Sequence) or isinstance(items, str):
        if items is not None:
            at.problem("`choices` gives no list")
        return []
    rows = (item if isinstance(item, list | tuple) else (item,) for item in items)
    return [[_from_item(at, question, item) for item in row] for row in rows]


def _from_item(at: Passage, question: Question, item: Any) -> Choice | None:
    if not isinstance(item, Mapping):
        item = {"text": item}
    label = str(item.get("text") or "").strip()
    if not label:
        return None
    goto = str(item.get("goto") or "")
    return _choice(at, question, label, item.get("value", label), goto)


def _choice(at: Passage, question: Question, label: str, value: Any, goto: str) -> Choice | None:
    """None, and a row on the timeline, where the field would refuse what is offered."""
    if question.free:
        return Choice(label, value, goto)
    field = question.field
    if question.many:
        return _one_of_many(at, question, label, value)
    coerced = coerce(value, field, at.locale, at.now)
    if not isinstance(coerced, Read) and isinstance(value, str):
        reading = read_reply(value, field, at.locale, at.now)
        coerced = reading if isinstance(reading, Read) else coerced
    if not isinstance(coerced, Read):
        at.problem(f"the choice '{label}' is no value of {field.key}")
        return None
    return Choice(label, coerced.value, goto)


def _one_of_many(at: Passage, question: Question, label: str, value: Any) -> Choice | None:
    """An item of a list; None, and a row on the timeline, where the list's options exclude it."""
    item = find_option(str(value), question.field) if question.field.options else value
    if item is None:
        at.problem(f"the choice '{label}' is no value of {question.field.key}")
        return None
    return Choice(label, item)


def claims_of(choices: Collection[Choice], question: Question) -> tuple[str, ...]:
    """The folded words that answer the question before anything else may take them."""
    if not choices and not question.skip and not question.back:
        return ()
    labels = (folded(choice.label) for choice in choices)
    done = map(folded, DONE_WORDS) if question.many else ()
    return tuple(dict.fromkeys((*labels, *sorted(question.skip), *sorted(question.back), *done)))


def with_unclear(wait: Wait, choices: tuple[Choice, ...], **state: Any) -> Wait:
    """The wait with the meanings of an unclear reply on offer, behind its own choices."""
    state = {**wait.state, **state, "unclear": len(choices)}
    return replace(wait, choices=(*wait.choices, *choices), state=state)


def shown(wait: Wait) -> range:
    """The places of the choices on offer at present: those of an unclear reply, else its own."""
    count, first = len(wait.choices), wait.earlier
    if unclear := wait.state.get("unclear"):
        return range(count - unclear, count)
    places = range(first, count)
    return range(first, next((n for n in places if wait.choices[n].act in MEANT), count))


def seen(wait: Wait) -> range:
    """The places of the choices that the person was shown last: what a number means."""
    if SEEN in wait.state and "unclear" not in wait.state:
        return range(*wait.state[SEEN])
    return shown(wait)


def shown_now(wait: Wait) -> Wait:
    """The wait once all that is on offer is shown."""
    if SEEN not in wait.state:
        return wait
    return replace(wait, state={key: wait.state[key] for key in wait.state if key != SEEN})


def buttons_of(wait: Wait) -> Rows:
    """The buttons of what is on offer at present."""
    if not wait.choices:
        return ()
    placed = ((place, wait.choices[place]) for place in shown(wait))
    buttons = ((one.row, _button(wait, place, one)) for place, one in placed)
    rows = groupby(buttons, key=itemgetter(0))
    return tuple(tuple(button for _, button in row) for _, row in rows)


def _button(wait: Wait, place: int, choice: Choice) -> Button:
    mark = CHOSEN if is_chosen(choice, wait.state.get("chosen", ())) else ""
    return Button(mark + choice.label, f"{wait.id}.{place}")


def is_chosen(choice: Choice, chosen: Collection[str]) -> bool:
    """Whether a choice is among those that are taken up, which are known by their items."""
    return bool(chosen) and not choice.act and item_text(choice.value) in chosen


def item_text(value: Any) -> str:
    """A choice's value as an item of a list, which has texts only."""
    return show_number(value) if isinstance(value, Decimal) else str(value)


def pressed(wait: Wait, token: str) -> Choice | None:
    """The choice of a button's token; None where it is another question's."""
    wait_id, _, place = token.rpartition(".")
    if wait_id != wait.id or not (place.isascii() and place.isdecimal() and len(place) < 5):
        return None
    return wait.choices[int(place)] if int(place) < len(wait.choices) else None


def typed(wait: Wait, text: str, field: Field) -> Choice | None:
    """The choice whose text, or else whose number, was typed."""
    if not wait.choices:
        return None
    phrase = fold_phrase(text)
    for choice in wait.choices:
        if folded(choice.label) == phrase and choice.act != GONE:
            return choice
    if "year" in wait.state:
        return None  # a number is the day
    return _numbered(wait, text) if field.type in _BY_NUMBER or "unclear" in wait.state else None


def _numbered(wait: Wait, text: str) -> Choice | None:
    number, places = plain_line(text).strip(" .)("), seen(wait)
    if not (number.isascii() and number.isdecimal()) or len(number) > 3:
        return None
    if not 0 < int(number) <= len(places):
        return None
    choice = wait.choices[places[int(number) - 1]]
    return None if choice.act == GONE else choice
