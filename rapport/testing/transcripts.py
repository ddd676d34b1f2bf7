"""Running transcript tests, and telling where a conversation went another way."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from engine.fields.plain import to_plain
from engine.loader import Loaded
from engine.problems import Position
from engine.transcript import Advance, Bot, Expect, Press, Step, Transcript, User
from rapport.testing.answers import UnexpectedCall
from rapport.testing.differences import Difference, difference_of, spoken
from rapport.testing.stage import BadSetting, Stage
from rapport.testing.stages import DEFAULT_NOW, Setting, Stages


class Verdict(Struct, frozen=True):
    """What came of one test. `difference` and `at`, the step it is about, are None where it
    passed; `conversation` is what was said until then, a line each."""

    transcript: Transcript
    conversation: tuple[str, ...] = ()
    difference: Difference | None = None
    at: Position | None = None

    @property
    def passed(self) -> bool:
        return self.difference is None


class _Differs(Exception):
    def __init__(self, difference: Difference, at: Position) -> None:
        super().__init__(difference)
        self.difference = difference
        self.at = at


def run_transcripts(loaded: Loaded) -> Iterator[Verdict]:
    """Hold every conversation of a project that loaded without errors, one after another."""
    stages = Stages(loaded)
    try:
        for transcript in loaded.tests:
            yield run_transcript(stages, transcript)
    finally:
        stages.close()


def run_transcript(stages: Stages, transcript: Transcript) -> Verdict:
    setting = Setting(
        transcript.channel,
        transcript.now or DEFAULT_NOW,
        transcript.customer or None,
        transcript.flow,
        transcript.vars,
        transcript.arms,
        transcript.http,
    )
    talk: list[str] = []
    try:
        with stages.open(setting) as stage:
            _hold(stage, transcript, talk)
    except _Differs as differs:
        return Verdict(transcript, tuple(talk), differs.difference, differs.at)
    except BadSetting as error:
        wrong = Difference(str(error))
        return Verdict(transcript, tuple(talk), wrong, transcript.position)
    return Verdict(transcript, tuple(talk))


def _hold(stage: Stage, transcript: Transcript, talk: list[str]) -> None:
    for step in transcript.steps:
        try:
            _take(stage, step, talk)
        except UnexpectedCall as call:
            wrong = Difference("a request was made that the test does not answer", "", str(call))
            raise _Differs(wrong, step.position) from None
    if transcript.steps:
        _nothing_unread(stage, transcript.steps[-1], "(the test ends)")


def _take(stage: Stage, step: Step, talk: list[str]) -> None:
    match step:
        case User(text):
            _nothing_unread(stage, step, f"user: {text}")
            talk.append(f"user: {text}")
            stage.say(text)
        case Press(button):
            _nothing_unread(stage, step, f"press: {button}")
            talk.append(f"press: {button}")
            _press(stage, button, step)
        case Advance(duration, silent=silent):
            talk.append(f"{'silent' if silent else 'advance'}: {duration}")
            if silent:
                _nothing_unread(stage, step, "(silence)")
            stage.advance(duration)
            if silent:
                _nothing_unread(stage, step, "(silence)")
        case Bot():
            _next_message(stage, step, talk)
        case Expect(values):
            for name, expected in values.items():
                _expect(stage, name, expected, step)


def _press(stage: Stage, button: str, step: Press) -> None:
    if not stage.press(button):
        offered = ", ".join(shown.text for shown in stage.buttons) or "no buttons"
        why = f"there is no button '{button}' to press"
        raise _Differs(Difference(why, f"press: {button}", f"offered: {offered}"), step.position)


def _next_message(stage: Stage, expected: Bot, talk: list[str]) -> None:
    sent = stage.unread.pop(0) if stage.unread else None
    difference = difference_of(sent, expected)
    if difference is not None:
        raise _Differs(difference, expected.position)
    if sent is not None:
        talk.append(spoken(sent))


def _expect(stage: Stage, name: str, expected: object, step: Expect) -> None:
    try:
        if stage.is_equal(name, expected):
            return
        actual = stage.value(name)
    except LookupError as error:
        raise _Differs(Difference(str(error)), step.position) from None
    why = f"{name} is not as expected"
    lines = (f"{name}: {_written(expected)}", f"{name}: {_written(actual)}")
    raise _Differs(Difference(why, *lines), step.position)


def _nothing_unread(stage: Stage, step: Step, expected: str) -> None:
    """What the bot said and no step expected fails the test."""
    if stage.unread:
        actual = spoken(stage.unread[0])
        why = "the bot said something that no step expects"
        raise _Differs(Difference(why, expected, actual), step.position)


def _written(value: object) -> str:
    """A value as a test would write it."""
    if isinstance(value, frozenset | tuple | list):
        items = sorted(value) if isinstance(value, frozenset) else value
        return f"[{', '.join(_written(item) for item in items)}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(to_plain(value))
