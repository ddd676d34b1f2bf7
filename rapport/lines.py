"""The channels that the settings configure. Their libraries are imported only if they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.business import Business
from rapport.jobs import Line
from rapport.runtime.receiver import webhook_path
from rapport.settings import Settings, WrongSetting

if TYPE_CHECKING:
    from bots.telegram import Telegram
    from bots.telegram_webhook import TelegramWebhook


def configured_lines(settings: Settings, business: Business) -> list[Line]:
    """A line for each channel with credentials; none is an answer too.

    Raises WrongSetting, and Unauthorised for what cannot be a token.
    """
    return [telegram_line(settings, business)] if settings.telegram_bot_token else []


def telegram_line(settings: Settings, business: Business) -> Line:
    from bots.limits import TELEGRAM

    assert settings.telegram_bot_token is not None, "the caller looked"
    library = _telegram_library(settings.telegram_library)
    token = settings.telegram_bot_token.get_secret_value()
    webhook = _telegram_webhook(settings, token) if settings.telegram_mode == "webhook" else None
    sending = business.sending
    rates = TELEGRAM.at(sending.get("rate"), sending.get("per_chat"))
    channel = library.connect(token, settings.telegram_api_base, webhook=webhook)
    return Line(channel, rates, webhook)


def _telegram_library(name: str) -> type[Telegram]:
    extra = "telegram" if name == "aiogram" else "ptb"
    try:
        if name == "aiogram":
            from bots.telegram_import import import_lightly

            import_lightly()
            from bots.telegram_aiogram import TelegramAiogram

            return TelegramAiogram
        from bots.telegram_ptb import TelegramPtb

        return TelegramPtb
    except ModuleNotFoundError as error:
        raise WrongSetting(
            f"TELEGRAM_BOT_TOKEN is set, but {error.name} is missing: "
            f"pip install 'rapport[{extra}]'"
        ) from None


def _telegram_webhook(settings: Settings, token: str) -> TelegramWebhook:
    from bots.telegram_webhook import (
        TelegramWebhook,
        secret_from,
        why_no_address,
        why_no_secret,
    )

    base, bot = settings.public_url.rstrip("/"), token.partition(":")[0]
    if why := why_no_address(base, own_server=bool(settings.telegram_api_base)):
        raise WrongSetting(f"RAPPORT_PUBLIC_URL: Telegram brings updates to this address, so {why}")
    given = settings.telegram_webhook_secret
    secret = secret_from(token) if given is None else given.get_secret_value()
    if why := why_no_secret(secret):
        raise WrongSetting(f"TELEGRAM_WEBHOOK_SECRET: {why}")
    return TelegramWebhook(bot, base + webhook_path("telegram", bot), secret)
