"""Running transcript tests, and telling where a conversation went another way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import re2

from engine.loader import Loaded
from engine.problems import Position
from engine.transcript import Advance, Bot, Expect, Press, Step, Transcript, User
from rapport.testing.stage import DEFAULT_NOW, Sent, Stage


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one test. `difference` is '' where it passed; `conversation` is what was said."""

    transcript: Transcript
    difference: str = ""
    at: Position | None = None
    conversation: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        return self.difference == ""


class _Differs(Exception):
    def __init__(self, text: str, at: Position) -> None:
        super().__init__(text)
        self.at = at


def run_transcripts(loaded: Loaded) -> Iterator[Verdict]:
    """Hold every conversation of a project, one after another."""
    for transcript in loaded.tests:
        yield run_transcript(loaded, transcript)


def run_transcript(loaded: Loaded, transcript: Transcript) -> Verdict:
    stage = Stage(
        loaded,
        transcript.channel,
        transcript.now or DEFAULT_NOW,
        transcript.customer,
        {transcript.flow: transcript.vars} if transcript.vars else {},
    )
    talk: list[str] = []
    try:
        for item in transcript.steps:
            _take(stage, item, talk)
        _nothing_unread(stage, transcript.steps[-1] if transcript.steps else None, talk)
    except _Differs as differs:
        return Verdict(transcript, str(differs), differs.at, tuple(talk))
    finally:
        stage.close()
    return Verdict(transcript, conversation=tuple(talk))


def _take(stage: Stage, item: Step, talk: list[str]) -> None:
    match item:
        case User(text):
            _nothing_unread(stage, item, talk)
            talk.append(f"user: {text}")
            stage.say(text)
        case Press(button):
            _nothing_unread(stage, item, talk)
            talk.append(f"press: {button}")
            if not stage.press(button):
                offered = ", ".join(label for label, _, _ in stage.last_buttons) or "none"
                raise _Differs(f"there is no button '{button}' (buttons: {offered})", item.position)
        case Advance(duration, silent=silent):
            talk.append(f"advance: {duration}")
            stage.advance(duration)
            if silent:
                _nothing_unread(stage, item, talk)
        case Bot():
            _next_message(stage, item, talk)
        case Expect(values):
            for name, expected in values.items():
                if not stage.is_equal(name, expected):
                    actual = stage.value(name)
                    raise _Differs(f"{name} is {actual!r}, not {expected!r}", item.position)


def _next_message(stage: Stage, expected: Bot, talk: list[str]) -> None:
    if not stage.unread:
        raise _Differs("the bot said nothing more", expected.position)
    sent = stage.unread.pop(0)
    talk.append(_spoken(sent))
    difference = _difference(sent, expected)
    if difference:
        raise _Differs(difference, expected.position)


def _difference(sent: Sent, expected: Bot) -> str:
    """What about a message is not as expected; '' for nothing."""
    if expected.text is not None and sent.text != expected.text:
        return f"the bot said {sent.text!r}, not {expected.text!r}"
    for piece in expected.contains:
        if piece not in sent.text:
            return f"{piece!r} is not in {sent.text!r}"
    for piece in expected.not_contains:
        if piece in sent.text:
            return f"{piece!r} is in {sent.text!r}"
    if expected.matches is not None and not re2.search(expected.matches, sent.text):
        return f"{sent.text!r} does not match {expected.matches!r}"
    return _buttons_differ(sent, expected.buttons)


def _buttons_differ(sent: Sent, expected: tuple[str, ...] | None) -> str:
    if expected is None:
        return ""
    labels = [label for label, _, _ in sent.buttons]
    same = len(labels) == len(expected) and all(
        wanted in (label, str(value))
        for wanted, (label, _, value) in zip(expected, sent.buttons, strict=True)
    )
    return "" if same else f"the buttons are {labels}, not {list(expected)}"


def _nothing_unread(stage: Stage, item: Step | None, talk: list[str]) -> None:
    """What the bot said and no step expected fails the test."""
    if stage.unread and item is not None:
        sent = stage.unread.pop(0)
        talk.append(_spoken(sent))
        raise _Differs(f"the bot said {sent.text!r}, which no step expects", item.position)


def _spoken(sent: Sent) -> str:
    buttons = "".join(f" [{label}]" for label, _, _ in sent.buttons)
    return f"bot: {sent.text}{buttons}"
