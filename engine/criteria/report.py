"""How reading and checking a criterion tell what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.criteria.ast import Path

Report = Callable[[Path, str, str], None]
"""Called with the path of what is wrong, what is wrong with it, and a cure ('' for none)."""


class Counting:
    """A report that remembers whether it was used."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.used = False

    def __call__(self, path: Path, message: str, suggestion: str) -> None:
        self.used = True
        self._report(path, message, suggestion)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean 'crm_score'?`, or '' where nothing known is like `word`."""
    from rapidfuzz import process  # 40 ms to import, and most files have no problem
    from rapidfuzz.utils import default_process

    nearest = process.extractOne(word, sorted(known), processor=default_process, score_cutoff=60)
    return f"Did you mean '{nearest[0]}'?" if nearest else ""
