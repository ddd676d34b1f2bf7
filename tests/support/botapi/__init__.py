"""A Telegram Bot API server for tests: it behaves as documented, and badly on demand.

    async with BotApi() as api:
        channel = TelegramAiogram.connect(api.token, api.url)
        sara = api.user(7, "Sara")
        sara.says("/start")
        print(await sara.reads())

Written from core.telegram.org/bots/api as of 2026-11-20. Outside of a test:
`python -m tests.support.botapi --port 8081`, moved by HTTP (see control.py).
"""

from tests.support.botapi.server import BotApi
from tests.support.planted import TOKEN

__all__ = ["TOKEN", "BotApi"]
