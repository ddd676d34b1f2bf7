"""Bringing updates to a webhook: one after the other, each until it is taken."""

import asyncio
import json
from contextlib import suppress

import aiohttp

from tests.support.botapi.state import State

_PAUSE = 0.02
"""Seconds before an update that was not taken is brought again; the real ones are longer."""


class Pusher:
    """`run` until cancelled; `answers` are the statuses that the webhook gave, oldest first."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.answers: list[int] = []
        """0 where nobody answered."""

    async def run(self) -> None:
        """Bring what is pending whenever a webhook is set."""
        async with aiohttp.ClientSession() as session:
            while True:
                updates = self._state.updates
                if not self._state.webhook or not updates.pending:
                    await asyncio.sleep(_PAUSE / 4)
                    continue
                update = updates.pending[0]
                status = await self._bring(session, json.dumps(update))
                self.answers.append(status)
                if status == 200:
                    with suppress(ValueError):
                        updates.pending.remove(update)
                else:
                    await asyncio.sleep(_PAUSE)

    async def _bring(self, session: aiohttp.ClientSession, body: str) -> int:
        headers = {
            "Content-Type": "application/json",
            "X-Telegram-Bot-Api-Secret-Token": self._state.webhook_secret,
        }
        try:
            async with session.post(self._state.webhook, data=body, headers=headers) as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0
