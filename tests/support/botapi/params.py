"""Parameters of a call, read strictly: each by its type, none that the method does not have.

Telegram itself ignores unknown names; here they are refused, because they are our mistakes.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from tests.support.botapi.errors import bad_request

Reader = Callable[[Any], Any]


async def read(request: web.Request, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Parameters from the address, a form or a JSON body."""
    given: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        body = await request.json()
        if not isinstance(body, dict):
            raise bad_request("object expected as the request body")
        given.update(body)
    else:
        given.update(await request.post())
    return {name: _read_one(name, value, readers) for name, value in given.items()}


def _read_one(name: str, value: Any, readers: Mapping[str, Reader]) -> Any:
    if name not in readers:
        raise bad_request(f"unknown parameter {name}")
    try:
        return readers[name](value)
    except (TypeError, ValueError) as error:
        raise bad_request(f"parameter {name} has a wrong type: {error}") from None


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a string is expected")
    return value


def integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("an integer is expected")
    return int(value)


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("a number is expected")
    return float(value)


def flag(value: Any) -> bool:
    """A Boolean of JSON, or its name in a form."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}[str(value).lower()]


def mapping(value: Any) -> dict[str, Any]:
    """An object of JSON, or its text in a form."""
    read = json.loads(value) if isinstance(value, str) else value
    if not isinstance(read, dict):
        raise TypeError("an object is expected")
    return read


def array(value: Any) -> list[Any]:
    """An array of JSON, or its text in a form."""
    read = json.loads(value) if isinstance(value, str) else value
    if not isinstance(read, list):
        raise TypeError("an array is expected")
    return read
