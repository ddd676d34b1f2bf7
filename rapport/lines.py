"""The channels that the settings configure. Their libraries are imported only if they are used."""

from __future__ import annotations

from engine.business import Business
from rapport.jobs import Line
from rapport.settings import Settings, WrongSetting


def configured_lines(settings: Settings, business: Business) -> list[Line]:
    """A line for each channel with credentials; none is an answer too.

    Raises WrongSetting, and Unauthorised for what cannot be a token.
    """
    return [telegram_line(settings, business)] if settings.telegram_bot_token else []


def telegram_line(settings: Settings, business: Business) -> Line:
    from bots.limits import TELEGRAM

    try:
        from bots.telegram_import import import_lightly

        import_lightly()
        from bots.telegram_aiogram import TelegramAiogram
    except ModuleNotFoundError as error:
        raise WrongSetting(
            f"TELEGRAM_BOT_TOKEN is set, but {error.name} is missing: "
            "pip install 'rapport[telegram]'"
        ) from None
    if settings.telegram_mode == "webhook":
        raise WrongSetting("TELEGRAM_MODE: webhook is not available yet; leave it at polling")
    assert settings.telegram_bot_token is not None, "the caller looked"
    token = settings.telegram_bot_token.get_secret_value()
    sending = business.sending
    rates = TELEGRAM.at(sending.get("rate"), sending.get("per_chat"))
    return Line(TelegramAiogram.connect(token, settings.telegram_api_base), rates)
