"""The server: what is sent is checked as Instagram checks it, what people do is signed and kept."""

import hashlib
import hmac
import json
from typing import Any, Self

from aiohttp import web

from tests.support.graphapi.errors import FAULTS, Answer, error
from tests.support.graphapi.people import Person

ACCOUNT = "17841400000000001"
APP_SECRET = "planted-app-0005"
VERIFY_TOKEN = "planted-verify-0006"
TOKEN = "planted-instagram-0004"

TEXT_BYTES = 1000
QUICK_REPLIES = 13
PAYLOAD = 1000
TITLE = 80
TEMPLATE_BUTTONS = 3


class GraphApi:
    """One professional account, on a free port of 127.0.0.1; an async context manager."""

    def __init__(self) -> None:
        self.account, self.token = ACCOUNT, TOKEN
        self.sent: list[dict[str, Any]] = []
        """Bodies of what was accepted, oldest first, each with its `message_id`."""
        self.blocked: set[str] = set()
        self.events: list[dict[str, Any]] = []
        """What happened and was not brought yet."""
        self._faults: list[str] = []
        self._headers: dict[str, str] = {}
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._clock = 1_790_000_000_000
        self._people: dict[str, Person] = {}

    @property
    def url(self) -> str:
        """The address to give as INSTAGRAM_API_BASE."""
        return f"http://127.0.0.1:{self._port}"

    def person(self, igsid: str) -> Person:
        """A person; the same one for the same id."""
        return self._people.setdefault(igsid, Person(self, igsid))

    def fault(self, kind: str, **headers: str) -> None:
        """The next call goes wrong: one of FAULTS, or reset_before, reset_after, html, garbage."""
        self._faults.append(kind)
        self._headers = headers

    def tick(self) -> int:
        """The next moment, in milliseconds."""
        self._clock += 1000
        return self._clock

    def happens(self, event: dict[str, Any]) -> dict[str, Any]:
        """Something to be brought as one of `messaging`."""
        self.events.append(event)
        return event

    def brought(self) -> tuple[bytes, str]:
        """Everything that happened, in one signed batch, written as Meta writes it."""
        entry = {"id": self.account, "time": self._clock, "messaging": self.events}
        self.events = []
        return signed({"object": "instagram", "entry": [entry]})

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{version}/me", self._me)
        app.router.add_get("/{version}/{node}", self._me)
        app.router.add_post("/{version}/me/messages", self._messages)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _me(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return _answered(refused)
        if self._faults:
            return await self._broken(request, self._faults.pop(0), {})
        return web.json_response({"user_id": self.account, "id": "900", "username": "our_shop"})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request):
            return _answered(refused)
        body = await request.json()
        if self._faults:
            return await self._broken(request, self._faults.pop(0), body)
        if refused := self._wrong(body):
            return _answered(refused)
        return _answered((200, self._accept(body)))

    def _accept(self, body: dict[str, Any]) -> dict[str, Any]:
        mid = f"mid.{len(self.sent) + 1}." + "x" * 150
        self.sent.append({**body, "message_id": mid})
        return {"recipient_id": body["recipient"].get("id", "0"), "message_id": mid}

    def _refused(self, request: web.Request) -> Answer | None:
        if request.headers.get("Authorization") == f"Bearer {self.token}":
            return None
        return error(401, 190, 0, "Invalid OAuth access token.")

    def _wrong(self, body: dict[str, Any]) -> Answer | None:
        if body["recipient"].get("id") in self.blocked:
            return FAULTS["unavailable"]
        message = body["message"]
        bad = error(400, 100, 0, "Invalid parameter")
        if "attachment" in message:
            return None if _is_attachment(message["attachment"]) else bad
        text, replies = message.get("text", ""), message.get("quick_replies", [])
        if not text.strip() or len(text.encode()) > TEXT_BYTES or len(replies) > QUICK_REPLIES:
            return bad
        fine = all(0 < len(one["payload"]) <= PAYLOAD for one in replies)
        return None if fine else bad

    async def _broken(
        self, request: web.Request, kind: str, body: dict[str, Any]
    ) -> web.StreamResponse:
        match kind:
            case "html":
                page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
                return web.Response(text=page, status=502, content_type="text/html")
            case "garbage":
                return web.Response(body=b"\xff\xfe[", content_type="application/json")
            case "a_list":
                return web.json_response([1])
            case "nothing_said":
                return web.json_response({})
            case "reset_before" | "reset_after":
                if kind == "reset_after":
                    self._accept(body)
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
        status, answer = FAULTS[kind]
        return web.json_response(answer, status=status, headers=self._headers)


def _is_attachment(attachment: dict[str, Any]) -> bool:
    if attachment["type"] != "template":
        return attachment["type"] in ("image", "video", "audio", "file")
    (element,) = attachment["payload"]["elements"]
    return 0 < len(element["title"]) <= TITLE and len(element["buttons"]) <= TEMPLATE_BUTTONS


def _answered(answer: Answer) -> web.Response:
    status, body = answer
    return web.json_response(body, status=status)


def signed(body: object) -> tuple[bytes, str]:
    """The bytes of a webhook, with non-ASCII escaped, and the header of their signature."""
    written = json.dumps(body, ensure_ascii=True).replace("/", "\\/").encode()
    return written, "sha256=" + hmac.new(APP_SECRET.encode(), written, hashlib.sha256).hexdigest()
