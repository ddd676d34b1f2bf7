"""A conversation of the terminal, written down as a transcript test."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bots.channel import Outgoing
from engine.bidi import unmarked
from engine.http_request import Request
from engine.rewording import scalar
from rapport.testing.answers import shown

KINDS_OF_CALL = ("status", "json", "text", "error")


class StandingClock:
    """Time that only `/advance` moves, so that a test finds what was there. Seconds are whole."""

    is_kept = True

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        return self._now

    def move_to(self, moment: datetime) -> None:
        self._now = moment


class Recorder:
    """What was said and done so far, as the steps of a test. zone: the business's."""

    def __init__(self, language: str, zone: str) -> None:
        self.clock = StandingClock(datetime.now(UTC))
        self._begun = self.clock.now().astimezone(ZoneInfo(zone))
        self._language = language
        self._steps: list[str] = []
        self._calls: dict[str, list[str]] = {}
        self._buttons: list[str] = []

    def user(self, text: str) -> None:
        self._steps.append(f"user: {scalar(text)}")

    def press(self, number: int) -> None:
        """A button of the last message that had any, counted from 1."""
        self._steps.append(f"press: {scalar(self._buttons[number - 1])}")

    def advance(self, duration: str) -> None:
        self._steps.append(f"advance: {duration}")

    def bot(self, message: Outgoing) -> None:
        labels = [button.label for row in message.buttons for button in row]
        self._buttons = labels or self._buttons
        text = scalar(unmarked(message.text))
        if not labels and message.media is None:
            self._steps.append(f"bot: {text}")
            return
        parts = [f"contains: {text}"] if message.text else []
        parts += [f"buttons: [{', '.join(map(scalar, labels))}]"] if labels else []
        parts += [f"media: {message.media.kind}"] if message.media is not None else []
        self._steps.append(f"bot: {{{', '.join(parts)}}}")

    def staff(self, message: Outgoing) -> None:
        self._steps.append(f"staff: {scalar(unmarked(message.text))}")

    def call(self, request: Request, answer: Mapping[str, Any]) -> None:
        """A request that the conversation made: the test is answered the same."""
        told = {name: answer.get(name) for name in KINDS_OF_CALL if answer.get(name)}
        if not answer.get("status"):
            told = {"error": str(answer.get("error") or "no answer")}
        elif "json" in told:
            told = {"status": told["status"], "json": told["json"]}
        else:
            told.pop("error", None)
        written = json.dumps(told, ensure_ascii=False)
        self._calls.setdefault(f"{request.method} {shown(request)}", []).append(written)

    def text(self, flow: str, expected: Mapping[str, str]) -> str:
        """The test as a file has it. flow: what it is about. expected: names and values, written,
        that it ends with."""
        return "".join(f"{line}\n" for line in self._lines(flow, expected))

    @property
    def name(self) -> str:
        return f"recorded on {self._begun:%Y-%m-%d at %H:%M:%S}"

    def _lines(self, flow: str, expected: Mapping[str, str]) -> Iterator[str]:
        yield f"test: {scalar(self.name)}"
        yield f"flow: {flow}"
        yield "channel: chat"
        if self._language:
            yield f"customer: {{language: {self._language}}}"
        yield f"now: {self._begun.isoformat()}"
        if self._calls:
            yield "http:"
            for address, answers in self._calls.items():
                yield f"  {json.dumps(address)}: {_one_or_list(answers)}"
        yield "steps:"
        yield from (f"  - {step}" for step in self._steps)
        if expected:
            both = ", ".join(f"{name}: {value}" for name, value in expected.items())
            yield f"  - expect: {{{both}}}"


def _one_or_list(answers: Sequence[str]) -> str:
    return answers[0] if len(answers) == 1 else f"[{', '.join(answers)}]"
