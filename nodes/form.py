"""`form`: ask several fields in order, show the answers, correct single ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from engine.asking.building import question_of
from engine.asking.choices import GONE, in_rows, pressed, typed
from engine.asking.heard import Answered, Heard, Left, Open, Skipped, WentBack
from engine.asking.hearing import hear, is_first, refuse, unusable
from engine.asking.options import QUESTION_OPTIONS, RETRY, TIMEOUT
from engine.asking.posing import pose, put, send
from engine.asking.question import STANDARD_RETRY, Question
from engine.asking.renewing import offering, renewed
from engine.asking.timing import STANDARD_TIMEOUT
from engine.asking.trail import note_answered, step_back
from engine.bidi import isolated, runs_right
from engine.fields.readings import Read
from engine.fields.reply import read_reply
from engine.fields.show import show
from engine.fields.types import PLAIN, FieldType
from engine.messages import Message
from engine.node import Exit, Go, Next, Node, Return, Stay
from engine.passage import Passage
from engine.resume import Released, Reply, Resume
from engine.run import Choice, Wait
from engine.scope import Condition
from engine.shapes import (
    CRITERIA,
    SAVE_REF,
    TEXT,
    Either,
    ListOf,
    Option,
    Reader,
    Record,
    Shape,
)
from engine.source import Source
from engine.templates import Template
from engine.texts import Text
from engine.wording import wording

DONE, CORRECT = "done", "correct"
"""The acts of the buttons under the list of answers."""


_NO_TEXT = Text.plain(Template(""))


class Item(Struct, frozen=True):
    """One question of the form; it is asked only where `when` holds."""

    question: Question
    when: Condition | None = None


def _item(options: dict[str, Any], reader: Reader) -> Item | None:
    text = options.get("ask")
    question = question_of(options, text or _NO_TEXT, reader)
    if not question.save_to:
        reader.error(
            reader.at(),
            "E112",
            "what a form asks needs `save_to`",
            "Write the field or variable that keeps the reply.",
        )
    if text is None:
        question = replace(question, text=_own_text(question))
    return Item(question, options.get("when"))


def _own_text(question: Question) -> Text[Template]:
    """How a field is asked for where the form does not say: its own question, else its label."""
    return (question.field.ask or question.field.label).map(Template)


class _KeyItem(Shape[Item]):
    """A field by its key alone."""

    wanted = "a field's key"

    def read(self, source: Source, reader: Reader) -> Item | None:
        key = SAVE_REF.read(source, reader)
        return None if key is None else _item({"save_to": key}, reader)

    def schema(self) -> dict[str, Any]:
        return SAVE_REF.schema()


_ITEM = Either(
    scalar=_KeyItem(),
    mapping=Record(
        {
            "ask": Option(TEXT, "the question; by default the field's own, else its label"),
            **QUESTION_OPTIONS,
            "when": Option(CRITERIA, "it is asked only where this holds", "{gender: female}"),
        },
        _item,
        "a question of a form",
    ),
)


class Form(Node, frozen=True, kw_only=True):
    """confirm: None where the answers are not shown. overview: how the list of them is asked."""

    KIND: ClassVar[str] = "form"
    HELP: ClassVar[str] = "Asks several fields in order; `confirm` lists and corrects the answers."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "form": Option(
            ListOf(_ITEM),
            "keys of fields, or the options of `ask` and `when`",
            "[first_name, {save_to: email, skip: true}]",
            required=True,
        ),
        "confirm": Option(TEXT, "said above the list of answers", "Is this right?"),
        "retry": Option(RETRY, "for the list, and the questions without their own"),
        "timeout": Option(TIMEOUT, "for the list, and the questions without their own"),
    }

    items: tuple[Item, ...]
    overview: Question | None = None

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], reader: Reader) -> Form:
        items = tuple(_with_defaults(item, options) for item in options["form"])
        if not items:
            reader.error(
                reader.at("form"),
                "E202",
                "`form` asks nothing",
                "Write the keys of the fields it asks for.",
            )
        return cls(**common, items=items, overview=_overview(options))

    @property
    def waits(self) -> bool:
        return True

    def exits(self) -> Iterator[tuple[str, str]]:
        for item in self.items:
            for way, target in item.question.exits():
                yield f"{item.question.save_to} {way}", target
        if self.overview is not None:
            yield from self.overview.exits()

    def questions(self) -> Iterator[tuple[str, Question]]:
        for item in self.items:
            yield item.question.save_to, item.question
        if self.overview is not None:
            yield "", self.overview

    def asked(self, wait: Wait) -> str:
        return "" if "list" in wait.state else self.items[wait.state["place"]].question.save_to

    def take_over(self, before: Node | None, wait: Wait) -> Wait | None:
        """Questions are known by where they save to: the place of one may have changed."""
        if not isinstance(before, Form):
            return None
        if "list" in wait.state:
            moved = tuple(self._correcting(before, choice) for choice in wait.choices)
            return None if self.overview is None else replace(wait, choices=moved)
        place = self._place_of(before, wait.state.get("place", len(before.items)))
        if place is None:
            return None
        asked = (self._place_of(before, one) for one in wait.state.get("asked", ()))
        moved_trail = _trail([one for one in asked if one is not None])
        state = {key: value for key, value in wait.state.items() if key != "asked"}
        return replace(wait, state={**state, **moved_trail, "place": place})

    def renew(self, at: Passage, wait: Wait) -> Wait:
        if self.overview is not None and "list" in wait.state:
            return offering(wait, self._choices(at, self._asked(at)), self.overview)
        return renewed(at, self.items[wait.state["place"]].question, wait)

    def _correcting(self, before: Form, choice: Choice) -> Choice:
        """A button of the list of an earlier version: the question it asks again."""
        if choice.act != CORRECT:
            return choice
        place = self._place_of(before, choice.value)
        return replace(choice, value=-1 if place is None else place)

    def _place_of(self, before: Form, place: int) -> int | None:
        """Where a question of an earlier version stands now; None where it does not any more."""
        if place >= len(before.items):
            return None
        key = before.items[place].question.save_to
        return next((n for n, one in enumerate(self.items) if one.question.save_to == key), None)

    @property
    def goes_back(self) -> bool:
        return any(item.question.back for item in self.items)

    def enter(self, at: Passage) -> Next:
        if self.overview is not None and at.is_filled(self.id):
            return Stay(self._show(at, self.overview))
        return self._ask_from(at, 0)

    def reenter(self, at: Passage) -> Next:
        """Back from a later question: to the list of answers, else to the last of the questions."""
        if self.overview is not None:
            return Stay(self._show(at, self.overview))
        asked = [place for place, _ in self._asked(at)]
        return self._ask_before(at, asked) if asked else self._ask_from(at, 0)

    def resume(self, at: Passage, resume: Resume) -> Next:
        assert at.wait is not None, "only a waiting run is resumed"
        if self.overview is not None and "list" in at.wait.state:
            return self._resume_list(at, self.overview, at.wait, resume)
        question = self.items[at.wait.state["place"]].question
        return self._after(at, at.wait, hear(at, question, at.wait, resume))

    def _after(self, at: Passage, wait: Wait, heard: Heard) -> Next:
        match heard:
            case Open(still):
                return Stay(still)
            case Left(way):
                return way
            case Answered(goto) if goto:
                note_answered(at)
                return Go(goto, "choice")
            case Answered() | Skipped():
                if "correcting" in wait.state:
                    return self._ask_from(at, len(self.items))
                place = wait.state["place"]
                return self._ask_from(at, place + 1, (*wait.state.get("asked", ()), place))
            case WentBack():
                return self._go_back(at, wait)

    def _go_back(self, at: Passage, wait: Wait) -> Next:
        """To the list while one answer is corrected, else to what was asked before."""
        if "correcting" in wait.state:
            return self._ask_from(at, len(self.items))
        if asked := wait.state.get("asked"):
            return self._ask_before(at, asked)
        before = step_back(at)
        if before:
            return Return(before)
        return Stay(is_first(at, self.items[wait.state["place"]].question, wait))

    def _ask_before(self, at: Passage, asked: Sequence[int]) -> Next:
        """Ask the last of the questions asked so far once more."""
        *earlier, last = asked
        return Stay(put(at, self.items[last].question, place=last, **_trail(earlier)))

    def _ask_from(self, at: Passage, first: int, asked: Sequence[int] = ()) -> Next:
        for place in range(first, len(self.items)):
            item = self.items[place]
            if item.when is None or at.holds(item.when):
                wait = pose(at, item.question, place=place, **_trail(asked))
                if wait is not None:
                    return Stay(wait)
        at.mark_filled(self.id)
        return self._leave(at) if self.overview is None else Stay(self._show(at, self.overview))

    def _leave(self, at: Passage) -> Next:
        note_answered(at)
        return Exit()

    # -- the list of answers

    def _show(self, at: Passage, overview: Question) -> Wait:
        asked = self._asked(at)
        lines = [_line(_label(at, question), _answer(at, question)) for _, question in asked]
        text = "\n".join([at.message_of(overview.text), *lines])
        return send(at, overview, text, self._choices(at, asked), {"list": True})

    def _asked(self, at: Passage) -> list[tuple[int, Question]]:
        """The questions for this customer, with their places."""
        return [
            (place, item.question)
            for place, item in enumerate(self.items)
            if item.when is None or at.holds(item.when)
        ]

    def _choices(self, at: Passage, asked: list[tuple[int, Question]]) -> tuple[Choice, ...]:
        right = Choice(wording("all_correct", at.language), act=DONE)
        single = [Choice(_label(at, question), place, act=CORRECT) for place, question in asked]
        return in_rows([[right], *([choice] for choice in single)])

    def _resume_list(self, at: Passage, overview: Question, wait: Wait, resume: Resume) -> Next:
        if not isinstance(resume, Reply):
            return self._after(at, wait, hear(at, overview, wait, resume))
        at.reply = message = resume.message
        choice = _chosen(at, wait, message)
        if choice is None:
            return self._after(at, wait, _not_chosen(at, overview, wait, message))
        if choice.act == GONE:
            return self._after(at, wait, hear(at, overview, wait, Released()))
        if choice.act == DONE:
            return self._leave(at)
        question = self.items[choice.value].question
        return Stay(put(at, question, place=choice.value, correcting=True))


def _trail(asked: Sequence[int]) -> dict[str, list[int]]:
    """The part of a wait's state that tells what the form asked before."""
    return {"asked": list(asked)} if asked else {}


def _chosen(at: Passage, wait: Wait, message: Message) -> Choice | None:
    """The button pressed or typed; a plain yes means that all is correct."""
    if message.kind == "press":
        return pressed(wait, message.token)
    choice = typed(wait, message.text, PLAIN[FieldType.TEXT])
    if choice is not None:
        return choice
    answer = read_reply(message.text, PLAIN[FieldType.BOOLEAN], at.locale, at.now)
    return wait.choices[0] if isinstance(answer, Read) and answer.value else None


def _not_chosen(at: Passage, overview: Question, wait: Wait, message: Message) -> Heard:
    if not message.text.strip() or message.kind in ("press", "command"):
        return unusable(at, overview, wait, message)
    return refuse(at, overview, wait, message, wording("choose_button", at.language))


def _label(at: Passage, question: Question) -> str:
    return question.field.label.pick(at.language, fallbacks=at.locale.languages)


def _line(label: str, answer: str) -> str:
    return f"{label}: {isolated(answer, runs_right(label))}"


def _answer(at: Passage, question: Question) -> str:
    value = at.read(question.save_to)
    return show(value, question.field, at.locale) or wording("no_value", at.language)


def _overview(options: Mapping[str, Any]) -> Question | None:
    if "confirm" not in options:
        return None
    return Question(
        text=options["confirm"],
        retry=options.get("retry", STANDARD_RETRY),
        timeout=options.get("timeout", STANDARD_TIMEOUT),
    )


def _with_defaults(item: Item, options: Mapping[str, Any]) -> Item:
    """The item with the form's `retry` and `timeout` where it has none of its own."""
    question = item.question
    if question.retry == STANDARD_RETRY and "retry" in options:
        question = replace(question, retry=options["retry"])
    if question.timeout == STANDARD_TIMEOUT and "timeout" in options:
        question = replace(question, timeout=options["timeout"])
    return Item(question, item.when)
