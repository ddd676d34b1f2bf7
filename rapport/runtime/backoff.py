"""How long to wait before another try."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """Pauses that double from `first` to `most` seconds, each cut by up to half at random.

    The jitter keeps many that failed together from coming back together.
    """

    def __init__(self, first: float, most: float, random: Callable[[], float]) -> None:
        self._first = first
        self._most = most
        self._random = random

    def seconds(self, attempt: int) -> float:
        """The pause after the `attempt`th failure, counted from 1."""
        full = min(self._most, self._first * 2.0 ** min(attempt - 1, 30))
        return full * (0.5 + self._random() / 2)
