"""The chat of the business's own site.

    GET  /chat            the page; ?lang=fa, ?start=CODE as of a deep link
    GET  /chat/embed.js   puts it into a corner of another page
    POST /chat/messages   what a visitor writes or presses: 200 after the commit
    GET  /chat/stream     what is said to them, as server-sent events

A visitor shows their secret in `Authorization: Bearer`, not in a cookie: another site's page cannot
make a browser send it, and it stands in no address and no log.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from msgspec import Meta, Struct

from bots.web_chat import TooManyPages, press_update, text_update
from crm.database import DatabaseUnavailable
from engine.limits import TELEGRAM_CALLBACK_DATA
from rapport.http.bodies import read_body
from rapport.http.chat_page import FILES, headers_of, page_of, spoken
from rapport.http.talk import Line
from rapport.http.visitors import Chat, visitor_at
from rapport.runtime.receiver import Overloaded

COME_AGAIN_SECONDS = 5

MOST_BYTES = 2**15
"""Of a message: the longest text, if every letter of it is written as an escape."""

KEEP_SECONDS = 15.0
"""How often an open page hears that it is connected, and is looked after anyway."""

LOOK_SECONDS = 2.0
"""How often it is looked for what another process has sent."""

SOON_SECONDS = 1.0
"""After so long what was just sent is stored as sent."""

Name = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{8,64}$")]


class Written(Struct, forbid_unknown_fields=True):
    """A message of a page: `text`, or `press` with the token of a button."""

    id: Name
    text: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    press: Annotated[str, Meta(min_length=1, max_length=TELEGRAM_CALLBACK_DATA.value)] | None = None
    language: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{0,10}$")] = ""


def chat(door: Callable[[], Chat | None], sites: str = "") -> APIRouter:
    """The routes. door: the chat while the process is at work, None before and after.

    sites: the origins whose pages may show it, with spaces.
    """
    router = APIRouter(prefix="/chat")

    def opened() -> Chat:
        at_work = door()
        if at_work is None:
            raise _come_again()
        return at_work

    @router.get("/stream")
    async def stream(request: Request) -> Response:
        at_work, visitor = opened(), visitor_at(request)
        events = _events(at_work, visitor)
        try:
            first = await anext(events)
        except TooManyPages:
            at_work.receiver.tally.requests["turned_away"] += 1
            raise _come_again() from None
        except DatabaseUnavailable:
            raise _come_again() from None
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_all(first, events), 200, headers, "text/event-stream")

    @router.post("/messages")
    async def write(request: Request) -> Response:
        at_work = opened()
        ended = "turned_away"
        try:
            await _take(at_work, request)
            ended = "taken"
        except (Overloaded, DatabaseUnavailable):
            raise _come_again() from None
        except HTTPException as error:
            ended = "forged" if error.status_code == 401 else "refused"
            raise
        finally:
            at_work.receiver.tally.requests[ended] += 1
        return Response()

    _add_page(router, opened, sites)
    return router


def _add_page(router: APIRouter, opened: Callable[[], Chat], sites: str) -> None:
    @router.get("")
    async def page(request: Request, lang: str = "", start: str = "") -> Response:
        business = opened().business()
        language = spoken(business, lang, request.headers.get("accept-language", ""))
        return HTMLResponse(page_of(business, language, start), headers=headers_of(sites))

    @router.get("/{name}")
    async def file(name: str) -> Response:
        if name not in FILES:
            raise HTTPException(404)
        kind, content = FILES[name]
        headers = {"Cache-Control": "max-age=300", "X-Content-Type-Options": "nosniff"}
        return Response(content, headers=headers, media_type=kind)


async def _take(at: Chat, request: Request) -> None:
    visitor = visitor_at(request)
    at.require_patience(visitor, request)
    try:
        written = msgspec.json.decode(await read_body(request, MOST_BYTES), type=Written)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise HTTPException(400) from None
    if (written.text is None) == (written.press is None):
        raise HTTPException(400)
    if written.press is not None:
        # Some tokens start flows: only those that this visitor was shown are theirs to press.
        if not await asyncio.to_thread(_was_shown, at, visitor, written.press):
            raise HTTPException(409)
        update = press_update(visitor, written.id, written.press)
    else:
        assert written.text is not None, "one of the two is there"
        update = text_update(visitor, written.id, written.text, written.language)
    await at.receiver.store([update])


def _was_shown(at: Chat, visitor: str, token: str) -> bool:
    return any(
        button.token == token for line in at.talk(visitor) for row in line.buttons for button in row
    )


async def _events(at: Chat, visitor: str) -> AsyncGenerator[str]:
    """What is new, again and again. The first event comes at once, with what there is already.

    Raises TooManyPages, and DatabaseUnavailable: then the page comes again.
    """
    told: set[int] = set()
    with at.channel.page_of(visitor) as woken:
        is_first = True
        while True:
            was_woken = woken.is_set()
            woken.clear()
            lines = await asyncio.to_thread(at.talk, visitor)
            new = [line for line in lines if line.id not in told]
            told = {line.id for line in lines}
            yield _event(new) if new or is_first else ": here\n\n"
            is_first = False
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), _pause(at, was_woken=was_woken))


def _pause(at: Chat, *, was_woken: bool) -> float:
    if was_woken:
        return SOON_SECONDS
    return KEEP_SECONDS if at.sends_here() else LOOK_SECONDS


async def _all(first: str, events: AsyncGenerator[str]) -> AsyncIterator[str]:
    async with aclosing(events):
        yield first
        with suppress(DatabaseUnavailable):  # the page comes again
            async for event in events:
                yield event


def _event(lines: list[Line]) -> str:
    said = [
        {
            "id": line.id, "by": line.by, "text": line.text, "at": line.at.isoformat(),
            "key": line.key,
            "buttons": [[button._asdict() for button in row] for row in line.buttons],
        }
        for line in lines
    ]  # fmt: skip
    return f"data: {json.dumps(said)}\n\n"


def _come_again() -> HTTPException:
    return HTTPException(503, headers={"Retry-After": str(COME_AGAIN_SECONDS)})
