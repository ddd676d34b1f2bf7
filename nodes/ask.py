"""`ask`: the waiting node. Asks, waits for a reply, validates, normalises and stores it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from engine.asking.building import question_of
from engine.asking.heard import Answered, Left, Open, Skipped, WentBack
from engine.asking.hearing import hear, is_first
from engine.asking.options import QUESTION_OPTIONS
from engine.asking.posing import pose, put
from engine.asking.question import Question
from engine.asking.renewing import renewed
from engine.asking.trail import note_answered, step_back
from engine.node import Exit, Go, Next, Node, Return, Stay
from engine.passage import Passage
from engine.resume import Resume
from engine.run import Wait
from engine.shapes import TEXT, Option, Reader


class Ask(Node, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "ask"
    HELP: ClassVar[str] = "Asks a question, waits for a valid reply and stores it."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "ask": Option(TEXT, "the question", "When is your birthday?", required=True),
        **QUESTION_OPTIONS,
    }

    question: Question

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], reader: Reader) -> Ask:
        return cls(**common, question=question_of(options, options["ask"], reader))

    @property
    def waits(self) -> bool:
        return True

    def exits(self) -> Iterator[tuple[str, str]]:
        return iter(self.question.exits())

    def renew(self, at: Passage, wait: Wait) -> Wait:
        return renewed(at, self.question, wait)

    def questions(self) -> Iterator[tuple[str, Question]]:
        yield "", self.question

    @property
    def goes_back(self) -> bool:
        return bool(self.question.back)

    def enter(self, at: Passage) -> Next:
        wait = pose(at, self.question)
        return Exit() if wait is None else Stay(wait)

    def reenter(self, at: Passage) -> Next:
        return Stay(put(at, self.question))

    def resume(self, at: Passage, resume: Resume) -> Next:
        assert at.wait is not None, "only a waiting run is resumed"
        match hear(at, self.question, at.wait, resume):
            case Open(wait):
                return Stay(wait)
            case Answered(goto):
                note_answered(at)
                return Go(goto, "choice") if goto else Exit()
            case Skipped():
                note_answered(at)
                return Exit("skip")
            case WentBack():
                before = step_back(at)
                return Return(before) if before else Stay(is_first(at, self.question, at.wait))
            case Left(way):
                return way
