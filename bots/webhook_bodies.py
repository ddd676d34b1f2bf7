"""The body of a webhook, read as JSON."""

import hashlib
import json

from bots.channel import Undecodable

MOST_DEEP = 100
"""Levels of lists and objects in each other. The deepest update that a platform documents has ten;
Python's own reader and writer of JSON end somewhere below a thousand."""


def read_json(body: bytes, start: str) -> object:
    """What the body says. start: of the key of what cannot be read, as `tg:BOT`.

    Raises Undecodable for what is no JSON, or lies too deep.
    """
    try:
        read: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"the body is no JSON: {error}", body, start) from None
    # Whoever is no deeper than it has brackets need not be measured.
    if body.count(b"{") + body.count(b"[") > MOST_DEEP and _is_deep(read):
        raise _unreadable(f"the body lies more than {MOST_DEEP} levels deep", body, start)
    return read


def _is_deep(value: object) -> bool:
    layer = [value]
    for _ in range(MOST_DEEP):
        layer = [inner for outer in layer for inner in _inside(outer)]
        if not layer:
            return False
    return True


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _unreadable(reason: str, body: bytes, start: str) -> Undecodable:
    return Undecodable(reason, f"{start}:sha256:{hashlib.sha256(body).hexdigest()}")
