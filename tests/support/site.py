"""The chat of a business's site in a test, without a port: an office, and a door to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import Engine

from bots.web_chat import Unpushed, WebChat, visitor_of
from crm.database import open_engine
from crm.tables import mail
from rapport.http.chat import chat
from rapport.http.talk import Line
from rapport.http.visitors import Chat
from rapport.http.webhooks import webhooks
from rapport.runtime.pressure import Pressure
from rapport.runtime.reading import Reader
from rapport.runtime.receiver import Receiver
from rapport.runtime.turns import Turned
from tests.support.desk import Office

FLOWS = """
flow: hello
triggers: [{on: command, command: start}]
nodes:
  - {id: hi, say: "Hello from the site <3"}
  - {id: size, ask: "Which size?", save_to: size}
  - {id: sure, ask: "Sure?", choices: [{text: "Yes", value: "y"}, {text: "No", value: "n"}]}
  - {id: bye, say: Bye}
---
flow: secret
nodes: [{say: Nobody may start me}]
---
flow: not_here
channels: [telegram]
triggers: [{on: command, command: elsewhere}]
nodes: [{say: On Telegram}]
"""

SARA, ALI = "s" * 40, "a" * 40


class Site:
    """An office whose people come by the site. `store` is asked before each commit."""

    def __init__(self, office: Office, engine: Engine) -> None:
        self.office = office
        self.store: Callable[[], None] = lambda: None
        self.channel = WebChat()
        pressure = Pressure(office.library.business_id, Reader(engine), office.clock)
        self.receiver = Receiver(self.channel, Unpushed(), office.origin, self, pressure)
        self.chat = Chat(
            self.channel, self.receiver, Reader(engine), office.clock, office.library.business_id,
            lambda: office.library.business, lambda: True,
        )  # fmt: skip
        app = FastAPI()
        app.include_router(chat(lambda: self.chat, "https://shop.example"))
        app.include_router(webhooks(lambda: {"web": self.receiver}))
        self.client = AsyncClient(transport=ASGITransport(app), base_url="http://here")
        self._numbers = iter(range(10**6))

    async def take_in(self, _origin: Any, arrivals: Any) -> Turned:
        self.store()
        return self.office.take_in(*arrivals)

    async def brings(self, body: Any, by: str = SARA) -> Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {by}"} if by else {}
        return await self.client.post("/chat/messages", content=content, headers=headers)

    async def says(self, *texts: str, by: str = SARA) -> None:
        for text in texts:
            answer = await self.brings({"id": f"message-{next(self._numbers)}", "text": text}, by)
            assert answer.status_code == 200

    async def presses(self, label: str, by: str = SARA) -> None:
        (token,) = [
            button.token
            for line in self.talk(by)
            for row in line.buttons
            for button in row
            if button.label == label
        ]
        answer = await self.brings({"id": f"message-{next(self._numbers)}", "press": token}, by)
        assert answer.status_code == 200

    def talk(self, by: str = SARA) -> list[Line]:
        return self.chat.talk(visitor_of(by) or "")

    def read(self, by: str = SARA) -> list[tuple[str, str]]:
        return [(line.by, line.text) for line in self.talk(by)]

    def kept(self) -> list[tuple[str, str]]:
        return [tuple(row) for row in self.office.rows(mail, "kind", "status")]


@asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[Site]:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    office = Office(FLOWS, url=url, channel="web")
    engine = open_engine(url, read_only=True)
    site = Site(office, engine)
    try:
        async with site.client:
            yield site
    finally:
        engine.dispose()
        office.engine.dispose()
