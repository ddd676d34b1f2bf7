"""How reading and checking a criterion tell what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from engine.criteria.ast import Path

Report = Callable[[Path, str, str], None]
"""Called with the path of what is wrong, what is wrong with it, and a cure ('' for none).

The last step of the path is a `Key` where the key itself is wrong: an unknown field.
"""


class Counting:
    """A report that remembers whether it was used."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.used = False

    def __call__(self, path: Path, message: str, suggestion: str) -> None:
        self.used = True
        self._report(path, message, suggestion)
