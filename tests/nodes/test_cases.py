"""Each node kind has a case file: flows that use it, and the conversations they must hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from engine.effects import SendMessage, TellStaff
from engine.fields.coerce import coerce
from engine.fields.patterns import compile_pattern
from engine.fields.places import Locale
from engine.fields.readings import Read
from engine.loader import Loaded
from engine.passage import Passage
from engine.shapes.values import plain_word
from engine.transcript import Advance, Bot, Expect, Press, Step, Told, Transcript, User
from nodes import KINDS
from rapport.testing.answers import Answers
from tests.engine.step.talk import NOON, Talk, load

CASES = Path(__file__).parent / "cases"


def test_every_kind_has_one_file_and_one_case_file() -> None:
    kinds = {kind.KIND for kind in KINDS}
    modules = {path.stem for path in Path("nodes").glob("*.py")} - {"__init__"}
    assert modules == kinds
    assert {path.stem for path in CASES.glob("*.yaml")} == kinds
    assert len(KINDS) == len(kinds)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_a_kind_says_what_it_does_and_what_each_option_is_for(kind: Any) -> None:
    assert kind.HELP.endswith(".")
    assert kind.KIND == "end" or kind.OPTIONS[kind.KIND].required
    assert all(option.help for option in kind.OPTIONS.values())


def project(path: Path) -> Loaded:
    return load(path.read_text())


def transcripts() -> Iterator[Any]:
    for path in sorted(CASES.glob("*.yaml")):
        loaded = project(path)
        for test in loaded.tests:
            yield pytest.param(loaded, test, id=f"{path.stem}: {test.name}")


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_case_file_is_without_a_problem(path: Path) -> None:
    assert [str(problem) for problem in project(path).problems] == []


@pytest.mark.parametrize(("loaded", "transcript"), list(transcripts()))
def test_a_conversation_is_held_as_written(loaded: Loaded, transcript: Transcript) -> None:
    talk = Rehearsal(loaded, transcript)
    for step in transcript.steps:
        talk.take(step)
    talk.nothing_unheard()


class Rehearsal(Talk):
    """A transcript played on the pure step."""

    def __init__(self, loaded: Loaded, transcript: Transcript) -> None:
        now = (transcript.now or NOON).astimezone(UTC)
        super().__init__(loaded, now=now, channel=transcript.channel)
        self.answers = Answers(transcript.http)
        for key, letters in transcript.customer.items():
            self.values[key] = self.typed(key, letters)

    def typed(self, key: str, letters: Any) -> Any:
        """The letters of a test as a value of the field."""
        read = coerce(letters, self.business.fields[key], Locale())
        assert isinstance(read, Read), (key, letters, read)
        return read.value

    def take(self, step: Step) -> None:
        match step:
            case User(text):
                self.nothing_unheard()
                self.user(text)
            case Press(button):
                self.nothing_unheard()
                self.press(self.label_of(button))
            case Advance(duration, silent=silent):
                self.nothing_unheard()
                self.advance(duration.after(self.now, self.zone()) - self.now)
                assert not (silent and self.heard), self.heard
            case Bot():
                self.expect_message(step)
            case Told(expected):
                told = [one for one in self.effects if isinstance(one, TellStaff)]
                self.effects = [one for one in self.effects if one not in told[:1]]
                self.expect_message(expected, SendMessage(told[0].text))
            case Expect(values):
                for name, letters in values.items():
                    assert self.value(name, letters) == self.wanted(name, letters), name

    def nothing_unheard(self) -> None:
        assert self.heard == [], "a message that no step expects"

    def zone(self) -> Any:
        return Passage(self.flows, self.run, self.facts, self.now).zone  # type: ignore[arg-type]  # a run has begun

    def label_of(self, written: str) -> str:
        wait = self.run.wait if self.run else None
        for choice in wait.choices if wait else ():
            if choice.value == written:
                return choice.label
        return written

    def expect_message(self, wanted: Bot, message: SendMessage | None = None) -> None:
        """message: None for what the bot said next."""
        assert message or self.heard, f"nothing was said where {wanted} is expected"
        message = message or self.heard.pop(0)
        if wanted.text is not None:
            assert message.text == wanted.text
        assert all(piece in message.text for piece in wanted.contains), (message, wanted)
        assert not any(piece in message.text for piece in wanted.not_contains), (message, wanted)
        assert wanted.matches is None or compile_pattern(wanted.matches).search(message.text)
        if wanted.buttons is not None:
            labels = [button.label for row in message.buttons for button in row]
            assert labels == [self.label_of(label) for label in wanted.buttons]

    def value(self, name: str, letters: Any) -> Any:
        match name.split("."):
            case ["outcome"]:
                return self.outcome
            case ["node"]:
                return self.node
            case ["tags"]:
                return self.tags
            case ["segments"]:
                return self.segments
            case ["var", key]:
                return self.vars[key]
            case ["customer", key]:
                return self.values.get(key)
        raise AssertionError(f"{name} is not looked at here")

    def wanted(self, name: str, letters: Any) -> Any:
        if name in ("tags", "segments"):
            return frozenset(letters)
        if name.startswith("customer."):
            return self.typed(name.removeprefix("customer."), letters)
        return plain_word(letters) if name.startswith("var.") else letters
