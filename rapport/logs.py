"""Structured logs on standard error: ids and reasons, never secrets, message texts if asked for.

Changes are `info`; each turn, each message sent and each fetch is `debug`. A line has the ids of
what it is about where it has them: business, account, customer, conversation, run, mail, turn.
What people write is given to a line as `Words`, which nothing shows unless it was asked for.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal

import structlog

HIDDEN = "***"

SHORTEST_SECRET = 4
"""Shorter ones would blank out ordinary words; they are no secrets either."""


class Words:
    """A text that somebody wrote or reads, on its way into a log line."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "(not shown)"


def says_each_turn() -> bool:
    """Whether `debug` lines are written; to be asked once, by what would make one for each turn."""
    return structlog.is_configured() and bool(structlog.get_logger().is_enabled_for(logging.DEBUG))


def set_up(
    form: Literal["text", "json"],
    secrets: Iterable[str] = (),
    least: int = logging.INFO,
    *,
    texts: bool = False,
) -> None:
    """Configure structlog for the process. `secrets` are blanked out wherever they would stand.

    least: the level from which on lines are written. texts: whether they show what people wrote.
    """
    hidden = tuple(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)

    def hide(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Any:
        return {key: _without(value, hidden) for key, value in event.items()}

    def show_words(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Any:
        for key in [key for key, value in event.items() if isinstance(value, Words)]:
            words = event.pop(key)
            if texts:
                event[key] = words.text
        return event

    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if form == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            show_words,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            hide,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        # Asked for at each line, and not cached: a program may exchange its standard error.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    # The channel libraries log by the standard module, addresses with tokens included.
    logging.getLogger("aiogram").setLevel(logging.CRITICAL)


def _without(value: Any, hidden: tuple[str, ...]) -> Any:
    """A value with no secret in it, however deep; what is no plain value is shown as text."""
    if isinstance(value, dict):
        return {key: _without(item, hidden) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without(item, hidden) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    for secret in hidden:
        text = text.replace(secret, HIDDEN)
    return text
