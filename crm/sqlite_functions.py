"""Functions of ours that SQL calls on every SQLite connection."""

from __future__ import annotations

import sqlite3

from engine.fields.fold import fold


def register(connection: sqlite3.Connection) -> None:
    connection.create_function("fold", 1, _fold, deterministic=True)


def _fold(text: str | None) -> str | None:
    return None if text is None else fold(text)
