"""Moving the people and the faults of a server in another process, over HTTP. JSON in and out.

POST /control/says     {user, text, first_name?}      -> the update
POST /control/presses  {user, button}                 -> the update, 404 if there is no such button
POST /control/sends    {user, update: {kind: body}}   -> the update
POST /control/queue    anything, as it is             -> null
POST /control/blocks   {user}                         -> the update
POST /control/faults   {kind, method?, chat?, times?, probability?, retry_after?, seconds?}
DELETE /control/faults
GET  /control/messages?user=7&count=3&seconds=10      -> messages of a chat, 408 if fewer came
GET  /control/sent                                    -> all messages
GET  /control/state                                   -> {pending, polls, sent, answered}
"""

from typing import Any

from aiohttp import web

from tests.support.botapi.faults import Fault
from tests.support.botapi.people import User
from tests.support.botapi.server import BotApi


class Control:
    """Handlers of the addresses above."""

    def __init__(self, api: BotApi) -> None:
        self._api = api

    def add_to(self, app: web.Application) -> None:
        """Serve them beside the Bot API."""
        app.router.add_post("/control/says", self._says)
        app.router.add_post("/control/presses", self._presses)
        app.router.add_post("/control/sends", self._sends)
        app.router.add_post("/control/queue", self._queue)
        app.router.add_post("/control/blocks", self._blocks)
        app.router.add_post("/control/faults", self._add_fault)
        app.router.add_delete("/control/faults", self._clear_faults)
        app.router.add_get("/control/messages", self._messages)
        app.router.add_get("/control/sent", self._sent)
        app.router.add_get("/control/state", self._state)

    def _user(self, body: dict[str, Any]) -> User:
        return self._api.user(body["user"], body.get("first_name", "Sara"))

    async def _says(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response(self._user(body).says(body["text"]))

    async def _presses(self, request: web.Request) -> web.Response:
        body = await request.json()
        try:
            return web.json_response(self._user(body).presses(body["button"]))
        except LookupError as error:
            return web.json_response({"error": str(error)}, status=404)

    async def _sends(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response(self._user(body).sends(body["update"]))

    async def _queue(self, request: web.Request) -> web.Response:
        self._api.state.updates.put(await request.json())
        return web.json_response(None)

    async def _blocks(self, request: web.Request) -> web.Response:
        return web.json_response(self._user(await request.json()).blocks())

    async def _add_fault(self, request: web.Request) -> web.Response:
        self._api.faults.add(Fault(**await request.json()))
        return web.json_response(None)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._api.faults.clear()
        return web.json_response(None)

    async def _messages(self, request: web.Request) -> web.Response:
        asked = request.query
        user = self._api.user(int(asked["user"]))
        try:
            found = await user.waits_for(int(asked["count"]), float(asked.get("seconds", 10)))
        except TimeoutError as error:
            return web.json_response({"error": str(error)}, status=408)
        return web.json_response(found)

    async def _sent(self, request: web.Request) -> web.Response:
        return web.json_response(self._api.sent)

    async def _state(self, request: web.Request) -> web.Response:
        state = self._api.state
        return web.json_response(
            {
                "pending": len(state.updates.pending),
                "polls": state.updates.polls,
                "sent": len(state.sent),
                "answered": len(state.answered),
            }
        )
