"""The body of a request, which anybody may have sent: so much of it, and so long."""

from __future__ import annotations

import asyncio

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

MOST_BYTES = 4 * 2**20
"""A platform's update is some kilobytes; a thousand of them in one request, some megabytes."""

READ_SECONDS = 10.0
"""So long a body may take; who sends it letter by letter holds nothing for longer."""


async def read_body(request: Request, most: int = MOST_BYTES) -> bytes:
    """Raises HTTPException: 413 above `most` bytes, without reading on, 408 where it took too
    long, 400 where it ended early."""
    said = request.headers.get("content-length", "0")
    if said.isdecimal() and int(said) > most:
        raise HTTPException(413)
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > most:
                    raise HTTPException(413)
    except TimeoutError:
        raise HTTPException(408) from None
    except ClientDisconnect:
        raise HTTPException(400) from None
    return bytes(body)
