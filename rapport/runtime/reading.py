"""Reading beside the writer: connections of their own, which never hold a transaction open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine

from crm.database import clear_errors

T = TypeVar("T")


class Reader:
    """Runs functions with a reading connection, in the caller's thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, f: Callable[[Connection], T]) -> T:
        """What `f` returns. Raises DatabaseUnavailable where the store cannot be read."""
        with clear_errors(), self._engine.connect() as db:
            return f(db)
