"""What an answer of the Graph API means for a sending: told by code and subcode alone.

Texts are localised, and the status of one error differs between sources. Codes:
developers.facebook.com/docs/graph-api/guides/error-handling and recorded answers, 2026-11-20.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from bots.channel import (
    ChannelError,
    Rejected,
    Temporary,
    Throttled,
    Unauthorised,
    Unreachable,
    WindowClosed,
)

_WINDOW = frozenset({2534022, 2018278})
_NOBODY = frozenset({2534014, 1545041, 2018001, 2018108})
"""Subcodes: outside of the window; the person is gone, does not want us, or never wrote."""

_NOBODY_CODE = 551
_TOKEN = frozenset({102, 190})
_RATE = frozenset({4, 17, 32, 613, 80002, 80006})
_ABUSE = 368
_PASSES = frozenset({1, 2})

RATE_SECONDS = 60.0
"""How long a rate limit is waited for where the platform does not say."""

ABUSE_SECONDS = 3600.0

_USAGE = "x-business-use-case-usage"


class Fault(NamedTuple):
    """An error of the Graph API. code 0: it names none."""

    code: int
    subcode: int
    is_transient: bool
    said: str


def fault_in(answer: object) -> Fault | None:
    """The error in an answer, whatever its status was; None where there is none."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if error is None:
        return None
    if not isinstance(error, dict):
        return Fault(0, 0, is_transient=False, said=str(error))
    return Fault(
        _number(error.get("code")),
        _number(error.get("error_subcode")),
        error.get("is_transient") is True,
        str(error.get("message", "no reason is given")),
    )


def translated(fault: Fault, status: int, headers: Mapping[str, str], reason: str) -> ChannelError:
    """Our error for theirs. reason: may be logged."""
    code, subcode = fault.code, fault.subcode
    if subcode in _WINDOW:
        return WindowClosed(reason)
    if code == _NOBODY_CODE or subcode in _NOBODY:
        return Unreachable(reason)
    if code in _TOKEN:
        return Unauthorised(f"the access token is refused ({reason})")
    if code in _RATE:
        return Throttled(_regained_in(headers))
    if code == _ABUSE:
        return Throttled(ABUSE_SECONDS)
    if code in _PASSES or fault.is_transient or (not code and status >= 500):
        return Temporary(reason)
    return Rejected(reason)


def _number(value: object) -> int:
    return value if type(value) is int else 0


def _regained_in(headers: Mapping[str, str]) -> float:
    """Seconds: the header tells minutes, for each account and each kind of call.

    https://developers.facebook.com/docs/graph-api/overview/rate-limiting, read 2026-11-20.
    """
    try:
        usage: Any = json.loads(headers.get(_USAGE, "{}"))
    except (ValueError, RecursionError):
        return RATE_SECONDS
    kinds = usage.values() if isinstance(usage, dict) else ()
    minutes = [
        _number(one.get("estimated_time_to_regain_access"))
        for kind in kinds
        if isinstance(kind, list)
        for one in kind
        if isinstance(one, dict)
    ]
    longest = max(minutes, default=0)
    return longest * 60.0 if longest > 0 else RATE_SECONDS
