"""Faults on demand: which calls go wrong, how, and how often."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal[
    "throttled",  # 429 with retry_after
    "forbidden",  # 403, as when a person has blocked the bot
    "unauthorized",  # 401
    "server_error",  # 500 with a JSON body
    "bad_gateway",  # 502 with an HTML body
    "garbage",  # 200 with something that is not JSON
    "garbage_bytes",  # 200 with something that is not even text
    "null",  # 200 {"ok": true, "result": null}
    "bare_error",  # 500 {"ok": false} without a description
    "reset_before",  # the connection is lost and nothing happened
    "reset_after",  # the connection is lost and it happened
    "truncated",  # half an answer
    "slow",  # it happened, and the answer comes `seconds` later
]

ACCEPTING: frozenset[FaultKind] = frozenset({"reset_after", "slow"})
"""The faults after which the call has had its effect."""


@dataclass(slots=True)
class Fault:
    """Calls of `method` ("*": any) to `chat` (None: any) go wrong, `times` more times.

    Each only with `probability`; `times` None is for ever.
    """

    kind: FaultKind
    method: str = "*"
    chat: int | None = None
    times: int | None = 1
    probability: float = 1.0
    retry_after: int = 7
    seconds: float = 3600.0

    def concerns(self, method: str, chat: object) -> bool:
        """Whether a call is one of these."""
        named = self.method == "*" or self.method.lower() == method.lower()
        return named and (self.chat is None or str(self.chat) == str(chat))


class Faults:
    """The faults in force, asked once for each call. The seed makes probabilities repeatable."""

    def __init__(self, seed: int) -> None:
        self._faults: list[Fault] = []
        self._random = random.Random(seed)
        self.suffered: Counter[tuple[FaultKind, str]] = Counter()
        """How often each kind has hit each method, by its name in lower case."""

    def add(self, fault: Fault) -> None:
        """From now on."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Everything works again."""
        self._faults.clear()

    def next(self, method: str, chat: object) -> Fault | None:
        """The fault that this call suffers, if any; it is used up."""
        for fault in self._faults:
            if fault.concerns(method, chat) and self._random.random() < fault.probability:
                self._use_up(fault)
                self.suffered[fault.kind, method.lower()] += 1
                return fault
        return None

    def _use_up(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._faults.remove(fault)
