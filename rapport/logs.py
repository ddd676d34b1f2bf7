"""Structured logs on standard error: ids and reasons, never message texts, never secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal

import structlog

HIDDEN = "***"

SHORTEST_SECRET = 4
"""Shorter ones would blank out ordinary words; they are no secrets either."""


def set_up(
    form: Literal["text", "json"], secrets: Iterable[str] = (), least: int = logging.INFO
) -> None:
    """Configure structlog for the process. `secrets` are blanked out wherever they would stand.

    least: the level from which on lines are written.
    """
    hidden = tuple(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)

    def hide(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Any:
        return {key: _without(value, hidden) for key, value in event.items()}

    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if form == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
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
