"""What may come of something heard at an open question."""

from __future__ import annotations

from msgspec import Struct

from engine.node import Next
from engine.run import Wait


class Answered(Struct, frozen=True):
    """A valid reply was stored; `goto` is where its choice leads, '' for the question's exit."""

    goto: str = ""


class Skipped(Struct, frozen=True):
    """It is left unanswered; nothing was stored, or what was known is kept."""


class WentBack(Struct, frozen=True):
    """The person wants the question before this one."""


class Open(Struct, frozen=True):
    """The question stays open."""

    wait: Wait


class Left(Struct, frozen=True):
    """The question is left by one of its own ways out."""

    next: Next


Heard = Answered | Skipped | WentBack | Open | Left
