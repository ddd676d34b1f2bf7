"""Running a coroutine in a test, without a plugin."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


def run(main: Coroutine[Any, Any, _Result], seconds: float = 30) -> _Result:
    """Run to the end on a loop of its own; TimeoutError if that takes longer than `seconds`."""

    async def limited() -> _Result:
        async with asyncio.timeout(seconds):
            return await main

    return asyncio.run(limited())
