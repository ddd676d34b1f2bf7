"""What must come of mail, timers and new versions of a flow, one thing after another, in memory.

The flow is FLOWS of tests/crash/machine.py. No batches, transactions, processes or deliveries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

ALARMS = ((timedelta(minutes=30), "Still there?"), (timedelta(hours=2), "Bye"))
STALE = "That button belongs to an earlier question."
CHOOSE = "Please choose one of the options."


class Letter(NamedTuple):
    """kind: text | press | timer. wait: of the question whose button or alarm it is."""

    kind: str
    seq: int = 0
    text: str = ""
    wait: int = 0
    at: datetime | None = None


@dataclass
class Person:
    """asks: the node whose question is open. said: each text, with the wait that its buttons are
    for. timer: when the next alarm rings."""

    asks: str = ""
    wait: int = 0
    alarms: list[tuple[datetime, str]] = field(default_factory=list)
    timer: datetime | None = None
    values: dict[str, str] = field(default_factory=dict)
    said: list[tuple[str, int]] = field(default_factory=list)
    waiting: list[Letter] = field(default_factory=list)
    version: int = 1

    def ask(self, node: str, text: str, now: datetime) -> None:
        self.asks, self.wait = node, self.wait + 1
        self.alarms = [(now + after, said) for after, said in ALARMS] if node == "nick" else []
        self.timer = self.alarms[0][0] if self.alarms else None
        self.say(text)

    def say(self, text: str) -> None:
        self.said.append((text, self.wait if self.asks == "sure" else 0))

    def end(self, text: str) -> None:
        self.asks, self.timer = "", None
        self.say(text)

    def apply(self, letter: Letter, now: datetime, version: int) -> None:
        match letter.kind, self.asks:
            case "timer", "nick" if letter.wait == self.wait:
                self.sound(max(now, letter.at or now))
            case "timer", _:
                pass
            case "press", asks if asks != "sure" or letter.wait != self.wait:
                self.say(STALE)
            case "text", _ if letter.text == "/start":
                self.version = version
                self.ask("name", f"Your name, in version {version}?", now)
            case "text", "name":
                self.values["first_name"] = letter.text
                self.ask("nick", f"A nickname, {letter.text}, in version {self.version}?", now)
            case "text", "nick":
                self.values["nickname"] = letter.text
                self.ask("sure", "Sure?", now)
            case _, "sure" if letter.text in ("Yes", "No"):
                self.end(f"Thank you, {self.values['first_name']}.")
            case _, "sure":
                self.say(f"{CHOOSE}\nSure?")

    def sound(self, now: datetime) -> None:
        due = [text for at, text in self.alarms if at <= now]
        self.alarms = [(at, text) for at, text in self.alarms if at > now]
        self.timer = self.alarms[0][0] if self.alarms else None
        if "Bye" in due:
            self.end("Bye")
        elif due:
            self.say(*due)

    def ring(self, now: datetime) -> None:
        if self.timer is not None and self.timer <= now:
            self.waiting.append(Letter("timer", wait=self.wait, at=now))
            self.timer = None

    def take(self, letters: list[Letter], now: datetime, version: int, *, at_once: bool) -> None:
        """Apply what has come in, or let it wait where something waits already."""
        if not at_once or self.waiting:
            self.waiting += letters
            return
        self.waiting = [*letters]
        self.work(now, version)

    def work(self, now: datetime, version: int) -> None:
        """Apply what waits: what people did before what a clock did, in the platform's order."""
        letters, self.waiting = self.waiting, []
        for letter in sorted(letters, key=lambda one: (one.kind == "timer", one.seq)):
            self.apply(letter, now, version)
