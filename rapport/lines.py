"""The channels that the settings configure. Their libraries are imported only if they are used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

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
    lines = [telegram_line(settings, business)] if settings.telegram_bot_token else []
    if settings.instagram_access_token:
        lines.append(instagram_line(settings, business))
    if settings.chat:
        lines.append(web_line(settings))
    return lines


def instagram_line(settings: Settings, business: Business) -> Line:
    from bots.instagram import Instagram
    from bots.instagram_webhook import InstagramWebhook
    from bots.limits import INSTAGRAM

    account = settings.instagram_account_id
    token, app_secret, verify_token = (
        "" if secret is None else secret.get_secret_value()
        for secret in (
            settings.instagram_access_token,
            settings.instagram_app_secret,
            settings.instagram_verify_token,
        )
    )
    required = {
        "INSTAGRAM_ACCOUNT_ID": account,
        "INSTAGRAM_APP_SECRET": app_secret,
        "INSTAGRAM_VERIFY_TOKEN": verify_token,
    }
    if missing := [name for name, value in required.items() if not value]:
        raise WrongSetting(f"INSTAGRAM_ACCESS_TOKEN is set, but not {' and '.join(missing)}")
    if not (account.isascii() and account.isdigit()):
        raise WrongSetting("INSTAGRAM_ACCOUNT_ID: the account's number, not its name")
    base = settings.instagram_api_base
    if base and urlsplit(base).scheme not in ("http", "https"):
        raise WrongSetting("INSTAGRAM_API_BASE: it begins with https://")
    sending = business.sending
    rates = INSTAGRAM.at(sending.get("rate"), sending.get("per_chat"))
    webhook = InstagramWebhook(account, app_secret, verify_token)
    return Line(Instagram(account, token, base), rates, webhook)


def web_line(settings: Settings) -> Line:
    from bots.limits import UNPACED
    from bots.web_chat import Unpushed, WebChat

    sites_of(settings)
    return Line(WebChat(), UNPACED, Unpushed())


def sites_of(settings: Settings) -> str:
    """The origins whose pages may show the chat, with spaces. Raises WrongSetting."""
    sites = [one.strip().rstrip("/") for one in settings.chat_sites.split(",") if one.strip()]
    for site in sites:
        if not _ORIGIN.fullmatch(site):
            raise WrongSetting(
                f"RAPPORT_CHAT_SITES: {site!r} is no site; write it as https://shop.example.com"
            )
    return " ".join(sites)


_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?", re.IGNORECASE)


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
    return TelegramWebhook(bot, base + webhook_path("telegram"), secret)
