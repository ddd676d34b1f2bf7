"""Structured logs on standard error: ids and reasons, never message texts, never secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal

import structlog

HIDDEN = "***"


def set_up(form: Literal["text", "json"], secrets: Iterable[str] = ()) -> None:
    """Configure structlog for the process. `secrets` are blanked out wherever they would stand."""
    hidden = tuple(secret for secret in secrets if len(secret) >= 4)

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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # The channel libraries log by the standard module, addresses with tokens included.
    logging.getLogger("aiogram").setLevel(logging.CRITICAL)


def _without(value: Any, hidden: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, HIDDEN)
    return value
