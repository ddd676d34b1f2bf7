"""Structured logs on standard error: ids and reasons, never secrets, message texts if asked for.

Changes are `info`; each turn, each message sent and each fetch is `debug`. A line has the ids of
what it is about where it has them: business, account, customer, conversation, run, mail, turn.
What people write is given to a line as `Words`, which nothing shows unless it was asked for.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

from rapport.printable import printable
from rapport.redaction import redacted_value


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
    least: int = logging.INFO,
    *,
    texts: bool = False,
) -> None:
    """Configure structlog for the process. Secrets are blanked out (rapport.redaction).

    least: the level from which on lines are written. texts: whether they show what people wrote.
    """

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
            _clean,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        # Asked for at each line, and not cached: a program may exchange its standard error.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    # The channel libraries log by the standard module, addresses with tokens included.
    logging.getLogger("aiogram").setLevel(logging.CRITICAL)


def lend() -> None:
    """Log by Python's own module, where the host of a guest finds it: loggers `rapport.*`. A host
    that has set structlog up keeps it as it is."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _without_words,
            structlog.processors.format_exc_info,
            _clean,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _without_words(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Any:
    return {key: value for key, value in event.items() if not isinstance(value, Words)}


def _clean(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Any:
    """No secret in any value, and no sign that a terminal would obey."""
    return {key: _printable(redacted_value(value)) for key, value in event.items()}


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value
