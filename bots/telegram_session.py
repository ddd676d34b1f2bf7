"""The wire to Telegram: aiogram's session with a method that is just a name and a dict.

aiogram's methods and answers are pydantic models. Sending a text through them costs 370 µs (530
with a button) before the network, a `Call` 45; and one malformed update makes all of getUpdates
unreadable. A Call passes through the same Bot, middlewares and error mapping, as JSON for a form.
"""

import json
from typing import Any, cast

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.exceptions import TelegramNetworkError
from aiogram.methods import TelegramMethod
from aiogram.methods.base import TelegramType
from aiohttp import ClientError, ClientTimeout

_JSON = {"Content-Type": "application/json"}


class Call:
    """A Bot API method by name. These are all the things aiogram's sessions ask of a method."""

    __slots__ = ("__api_method__", "chat_id", "params")
    __returning__ = Any

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        self.__api_method__ = name
        self.params = params
        self.chat_id = params.get("chat_id")

    def model_dump(self, **_: object) -> dict[str, Any]:
        """The parameters, for a session that sends forms: the one of somebody else's bot."""
        return self.params


class JsonSession(AiohttpSession):
    """An aiogram session on which a Call is cheap; everything else works as ever."""

    def __init__(self, api_base: str = "") -> None:
        api = TelegramAPIServer.from_base(api_base) if api_base else PRODUCTION
        super().__init__(api=api, json_loads=_loads)

    async def close(self) -> None:
        """Close the connections. aiogram sleeps after it; aiohttp has long waited by itself."""
        if self._session is not None:
            await self._session.close()

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,  # noqa: ASYNC109 - the signature is aiogram's
    ) -> TelegramType:
        """Post a Call as JSON and return its result as parsed. Raises aiogram's errors."""
        if not isinstance(method, Call):
            return await super().make_request(bot, method, timeout)
        session = await self.create_session()
        url = self.api.api_url(token=bot.token, method=method.__api_method__)
        body = json.dumps(method.params).encode()
        limit = ClientTimeout(total=timeout or self.timeout)
        try:
            async with session.post(url, data=body, headers=_JSON, timeout=limit) as response:
                content = await response.text()
        except TimeoutError as error:
            raise TelegramNetworkError(method, "request timeout") from error
        except ClientError as error:
            raise TelegramNetworkError(method, f"{type(error).__name__}: {error}") from error
        if response.status == 200 and (accepted := _accepted(content)):
            return cast("TelegramType", accepted[0])
        return cast(
            "TelegramType", self.check_response(bot, method, response.status, content).result
        )


def _accepted(content: str) -> tuple[Any] | None:
    """The result of an answer that says ok; aiogram's validation of the envelope costs 30 µs."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if isinstance(answer, dict) and answer.get("ok") is True:
        return (answer.get("result"),)
    return None


def _loads(content: str) -> Any:
    """As json.loads; a refusal without a description, on which aiogram fails, gets one."""
    answer = json.loads(content)
    if isinstance(answer, dict) and answer.get("description") is None:
        answer["description"] = "no reason is given"
    return answer
