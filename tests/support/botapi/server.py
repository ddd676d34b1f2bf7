"""The server: HTTP around the methods, with the faults a network and Telegram have."""

import asyncio
import json
from typing import Any, Self

from aiohttp import web

from tests.support.botapi import params
from tests.support.botapi.errors import ApiError, bad_request
from tests.support.botapi.faults import ACCEPTING, Fault, FaultKind, Faults
from tests.support.botapi.methods import METHODS, Method
from tests.support.botapi.people import User
from tests.support.botapi.pushing import Pusher
from tests.support.botapi.state import Chat, State
from tests.support.planted import TOKEN


class BotApi:
    """A Bot API server for one bot, on a free port of 127.0.0.1; an async context manager."""

    def __init__(self, token: str = TOKEN, seed: int = 0, port: int = 0) -> None:
        self.token = token
        self.state = State()
        self.faults = Faults(seed)
        self._port = port
        self._users: dict[int, User] = {}
        self._runner: web.AppRunner | None = None
        self._pusher = Pusher(self.state)
        self._pushing: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address to give as TELEGRAM_API_BASE."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def sent(self) -> list[dict[str, Any]]:
        """Every message the bot sent, oldest first."""
        return self.state.sent

    @property
    def webhook_answers(self) -> list[int]:
        """What the webhook has answered to the updates brought to it, oldest first."""
        return self._pusher.answers

    def user(self, user_id: int, first_name: str = "Sara", **person: str) -> User:
        """A person; the same one for the same id. They have not written yet."""
        if user_id not in self._users:
            body = {"id": user_id, "is_bot": False, "first_name": first_name, **person}
            chat = Chat({"id": user_id, "type": "private", "first_name": first_name}, body)
            self.state.chats[user_id] = chat
            self._users[user_id] = User(self.state, chat)
        return self._users[user_id]

    def group(self, chat_id: int, person: User) -> User:
        """A group (its id is negative) in which this person writes."""
        known = self.state.chats[person.id].person
        chat = Chat({"id": chat_id, "type": "group", "title": "A group"}, known, started=True)
        self.state.chats[chat_id] = chat
        return User(self.state, chat)

    def moves(self, chat_id: int, new_id: int) -> None:
        """A group becomes a supergroup with another id."""
        self.state.chats[chat_id].moved_to = new_id

    def fault(self, kind: FaultKind, method: str = "*", **more: Any) -> None:
        """From now on, calls go wrong: see Fault."""
        self.faults.add(Fault(kind, method, **more))

    def repeats(self, update: dict[str, Any]) -> None:
        """Deliver an update once more, with the id it had."""
        self.state.updates.repeat(update)

    async def messages(self, chat_id: int, count: int) -> list[dict[str, Any]]:
        """What a person was sent, once it is at least `count` messages."""
        return await self._users[chat_id].waits_for(count)

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        return app

    async def start(self, app: web.Application | None = None) -> None:
        """Listen."""
        # Cancelled with its client, a poll or a slow answer does not outlive a killed bot.
        self._runner = web.AppRunner(
            app or self.app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._pushing = asyncio.create_task(self._pusher.run())

    async def stop(self) -> None:
        """Close every connection."""
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.wait([self._pushing])
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        try:
            result = await self._result(request)
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        return result

    async def _result(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != self.token:
            raise ApiError(401, "Unauthorized")
        name = request.match_info["method"]
        method = METHODS.get(name.lower())
        if method is None:
            raise ApiError(404, "Not Found")
        try:
            given = await params.read(request, method.readers)
        except json.JSONDecodeError as error:
            raise bad_request(f"can't parse JSON: {error}") from None
        fault = self.faults.next(name, given.get("chat_id"))
        if fault is not None and fault.kind not in ACCEPTING:
            return await _broken(request, fault)
        done = web.json_response({"ok": True, "result": await self._do(name, method, given)})
        if fault is not None:
            return await _late(request, fault, done)
        return done

    async def _do(self, name: str, method: Method, given: dict[str, Any]) -> Any:
        self.state.calls.append((name, given))
        return await method.does(self.state, given)


async def _broken(request: web.Request, fault: Fault) -> web.StreamResponse:
    """The answer of a call that has no effect."""
    match fault.kind:
        case "throttled":
            reason = f"Too Many Requests: retry after {fault.retry_after}"
            raise ApiError(429, reason, retry_after=fault.retry_after)
        case "forbidden":
            raise ApiError(403, "Forbidden: user is deactivated")
        case "unauthorized":
            raise ApiError(401, "Unauthorized")
        case "server_error":
            raise ApiError(500, "Internal Server Error")
        case "null":
            return web.json_response({"ok": True, "result": None})
        case "bare_error":
            return web.json_response({"ok": False}, status=500)
        case "bad_gateway":
            page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
            return web.Response(text=page, status=502, content_type="text/html")
        case "garbage":
            return web.Response(text="it works!", content_type="application/json")
        case "garbage_bytes":
            return web.Response(body=b'\xff\xfe{"ok"\x80', content_type="application/json")
        case "truncated":
            return await _truncated(request)
        case _:
            return _lost(request)


async def _late(request: web.Request, fault: Fault, done: web.StreamResponse) -> web.StreamResponse:
    """The answer, or none, of a call that has had its effect."""
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        return done
    return _lost(request)


async def _truncated(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "500"})
    await response.prepare(request)
    await response.write(b'{"ok":true,"result":{"message_id":1,"da')
    return _lost(request, response)


def _lost(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return response or web.Response()
