"""What a platform's JSON may hold, checked while it is read, and texts any database can store."""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

_INT64 = 2**63
_LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z, the last that datetime can say."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL refuses NUL, UTF-8 has no lone surrogates; JSON can bring both."""


class Malformed(Exception):
    """Something is not what the platform promises."""


def mapping(value: object) -> Json:
    """The value as an object. Raises Malformed, as all of these do."""
    if not isinstance(value, dict):
        raise Malformed(f"an object was expected, not {type(value).__name__}")
    return value


def listing(body: Json, key: str) -> list[object]:
    """The list of a key."""
    value = body.get(key)
    if not isinstance(value, list):
        raise Malformed(f"{key} is not a list")
    return value


def integer(body: Json, key: str) -> int:
    """The integer of a key; a bool is none."""
    value = body.get(key)
    if type(value) is not int or not -_INT64 <= value < _INT64:  # a bool is an int to isinstance
        raise Malformed(f"{key} is not an integer of 64 bits")
    return value


def required(body: Json, key: str) -> str:
    """The text of a key that must be there."""
    if key not in body:
        raise Malformed(f"{key} is missing")
    return text(body, key)


def text(body: Json, key: str) -> str:
    """The text of a key; "" where there is none."""
    value = body.get(key, "")
    if not isinstance(value, str):
        raise Malformed(f"{key} is not a text")
    return value if value.isascii() and "\0" not in value else clean(value)


def clean(written: str) -> str:
    """The text with what no database can store replaced."""
    return _UNSTORABLE.sub("\ufffd", written)


def moment(seconds: object) -> datetime | None:
    """Seconds since 1970; None for what is no moment."""
    if type(seconds) is not int or not 0 < seconds <= _LAST_SECOND:  # 0: too old to be told
        return None
    return datetime.fromtimestamp(seconds, UTC)


def digest(raw: object) -> str:
    """The same for the same JSON, for what has no id."""
    written = json.dumps(raw, sort_keys=True, default=repr)
    return f"sha256:{hashlib.sha256(written.encode()).hexdigest()}"
