"""Where platforms bring what people write: /webhooks/CHANNEL.

200 only after the commit; 503 where nothing was stored and the platform is to come again. Who is
not the platform learns nothing but that.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse

from crm.database import DatabaseUnavailable
from rapport.http.bodies import read_body
from rapport.runtime.receiver import Overloaded, Receiver, Receivers, webhook_path

COME_AGAIN_SECONDS = 5

log = structlog.get_logger(__name__)


def webhooks(receivers: Callable[[], Receivers | None]) -> APIRouter:
    """The routes. receivers: those at work now, None where the process is not at work."""
    router = APIRouter()

    def receiver_of(channel: str) -> Receiver:
        at_work = receivers()
        if at_work is None:
            raise _come_again()
        if channel not in at_work:
            raise HTTPException(404)
        return at_work[channel]

    @router.get(webhook_path("{channel}"))
    async def challenge(channel: str, request: Request) -> Response:
        receiver = receiver_of(channel)
        answer = receiver.webhook.challenge(request.query_params)
        if answer is None:
            receiver.tally.requests["forged"] += 1
            raise HTTPException(403)
        return PlainTextResponse(answer)

    @router.post(webhook_path("{channel}"))
    async def push(channel: str, request: Request) -> Response:
        receiver = receiver_of(channel)
        ended = "turned_away"
        try:
            await _take(receiver, request)
            ended = "taken"
        except (Overloaded, DatabaseUnavailable):
            raise _come_again() from None
        except HTTPException as error:
            ended = "forged" if error.status_code == _NOT_THE_PLATFORM else "refused"
            raise
        finally:
            receiver.tally.requests[ended] += 1
        return Response()

    return router


_NOT_THE_PLATFORM = 403


async def _take(receiver: Receiver, request: Request) -> None:
    webhook, headers = receiver.webhook, request.headers
    if not webhook.may_be_genuine(headers):
        raise HTTPException(_NOT_THE_PLATFORM)
    body = await read_body(request)
    if not webhook.is_genuine(headers, body):
        raise HTTPException(_NOT_THE_PLATFORM)
    await receiver.take(body)


def _come_again() -> HTTPException:
    return HTTPException(503, headers={"Retry-After": str(COME_AGAIN_SECONDS)})
