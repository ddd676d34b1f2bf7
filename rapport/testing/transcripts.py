"""Running transcript tests, and telling where a conversation went another way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from msgspec import Struct

from crm.errors import CrmError
from engine.fields.plain import to_plain
from engine.loader import Loaded
from engine.problems import Position
from engine.transcript import (
    Act,
    Advance,
    Begin,
    Bot,
    ByStaff,
    Expect,
    Happens,
    Press,
    Step,
    Told,
    Transcript,
    User,
)
from rapport.runtime.surroundings import Watch
from rapport.testing.answers import UnexpectedCall
from rapport.testing.differences import Difference, difference_of, difference_told, spoken
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


def run_transcripts(loaded: Loaded, watch: Watch | None = None) -> Iterator[Verdict]:
    """Hold every conversation of a project that loaded without errors, one after another.

    watch: is told of every step.
    """
    stages = Stages(loaded, watch)
    try:
        for transcript in loaded.tests:
            yield run_transcript(stages, transcript)
    finally:
        stages.close()


def setting_of(transcript: Transcript) -> Setting:
    """How a test begins."""
    return Setting(
        transcript.channel,
        transcript.now or DEFAULT_NOW,
        transcript.customer or None,
        transcript.flow,
        transcript.vars,
        transcript.arms,
        transcript.http,
    )


def run_transcript(stages: Stages, transcript: Transcript) -> Verdict:
    """Hold one conversation to its end, or to where it differs."""
    talk: list[str] = []
    try:
        with stages.open(setting_of(transcript)) as stage:
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
    if stage.told and any(isinstance(step, Told) for step in transcript.steps):
        why = "the staff was told something that no step expects"
        wrong = Difference(why, "(the test ends)", spoken(stage.told[0]))
        raise _Differs(wrong, transcript.steps[-1].position)


class NotPressed(Exception):
    """The button that a test presses is not there; the text says which ones are."""


def act(stage: Stage, step: Act) -> None:
    """Let happen what a step lets happen. Raises NotPressed, UnexpectedCall."""
    match step:
        case User(text):
            stage.say(text)
        case Press(button):
            if not stage.press(button):
                offered = ", ".join(shown.text for shown in stage.buttons)
                raise NotPressed(offered or "no buttons")
        case Advance(duration):
            stage.advance(duration)
        case Happens(event):
            stage.happens(event)
        case Begin(flow):
            stage.begin(flow)
        case ByStaff(text):
            stage.by_staff(text)


def _take(stage: Stage, step: Step, talk: list[str]) -> None:
    match step:
        case Bot():
            _next_message(stage, step, talk)
        case Told(expected):
            _next_told(stage, expected, talk)
        case Expect(values):
            for name, expected in values.items():
                _expect(stage, name, expected, step)
        case _:
            _let_happen(stage, step, talk)


def _let_happen(stage: Stage, step: Act, talk: list[str]) -> None:
    line = _told(step)
    silent = isinstance(step, Advance) and step.silent
    if silent or not isinstance(step, Advance):
        # What time brings may be looked at together with what came before it.
        _nothing_unread(stage, step, "(silence)" if silent else line)
    talk.append(line)
    try:
        act(stage, step)
    except CrmError as error:
        why = f"this cannot happen: {error}"
        raise _Differs(Difference(why, line), step.position) from None
    except NotPressed as offered:
        why = f"there is no button '{line.removeprefix('press: ')}' to press"
        raise _Differs(Difference(why, line, f"offered: {offered}"), step.position) from None
    if silent:
        _nothing_unread(stage, step, "(silence)")


def _told(step: Act) -> str:
    """What happens, as a line of the conversation."""
    match step:
        case User(text):
            return f"user: {text}"
        case Press(button):
            return f"press: {button}"
        case Advance(duration, silent=silent):
            return f"{'silent' if silent else 'advance'}: {duration}"
        case Happens(event):
            data = "".join(f" {name}={_written(value)}" for name, value in event.data.items())
            return f"event: {event.type}{data}"
        case Begin(flow):
            return f"start: {flow}"
        case ByStaff(text):
            return f"reply: {text}" if text else "release: bot"


def _next_message(stage: Stage, expected: Bot, talk: list[str]) -> None:
    sent = stage.unread.pop(0) if stage.unread else None
    difference = difference_of(sent, expected)
    if difference is not None:
        besides = tuple(map(spoken, stage.unread))
        raise _Differs(replace(difference, besides=besides), expected.position)
    if sent is not None:
        talk.append(spoken(sent))


def _next_told(stage: Stage, expected: Bot, talk: list[str]) -> None:
    sent = stage.told.pop(0) if stage.told else None
    difference = difference_told(sent, expected)
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
        actual, *besides = map(spoken, stage.unread)
        why = "the bot said something that no step expects"
        raise _Differs(Difference(why, expected, actual, tuple(besides)), step.position)


def _written(value: object) -> str:
    """A value as a test would write it."""
    if isinstance(value, frozenset | tuple | list):
        items = sorted(value) if isinstance(value, frozenset) else value
        return f"[{', '.join(_written(item) for item in items)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_written(item)}' for name, item in value.items())}}}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(to_plain(value))
