"""Settings, from the environment or a `.env` file. Their names are fixed: others rely on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from rapport.redaction import keep_secret, secrets_in

ENV_FILE = ".env"


class WrongSetting(Exception):
    """A setting that cannot work; the text is one line that names the variable."""


class Settings(BaseSettings):
    """What the environment says. A field's alias is the variable's name; `read_settings` reads."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    database_url: str = Field(
        repr=False,
        default="sqlite:///rapport.db",
        alias="RAPPORT_DATABASE_URL",
        description="The database; a relative SQLite path is relative to the working directory",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        alias="RAPPORT_REDIS_URL",
        description="Where many processes tell each other of work; without it each looks by itself",
    )
    flows: Path = Field(
        default=Path("flows"),
        alias="RAPPORT_FLOWS",
        description="The project, or a folder of projects",
    )
    business: str = Field(
        default="",
        alias="RAPPORT_BUSINESS",
        description="The key of the business to serve; another one is refused",
    )
    http_host: str = Field(
        default="127.0.0.1",
        alias="RAPPORT_HTTP_HOST",
        description="Where webhooks come, and /health, /ready and /metrics, without a password",
    )
    http_port: int = Field(
        default=8080,
        alias="RAPPORT_HTTP_PORT",
        description="The port of these; 0: they are not served",
        ge=0,
        le=65535,
    )
    public_url: str = Field(
        repr=False,
        default="",
        alias="RAPPORT_PUBLIC_URL",
        description="The address under which platforms reach our port, as https://bot.example.com",
    )
    files: Path = Field(
        default=Path("files"), alias="RAPPORT_FILES", description="The folder of attachments"
    )
    chat: bool = Field(
        default=False,
        alias="RAPPORT_CHAT",
        description="`on`: visitors of your site talk to the bot at /chat",
    )
    chat_sites: str = Field(
        default="",
        alias="RAPPORT_CHAT_SITES",
        description="Who may show that page in theirs, as https://shop.example.com, with commas",
    )
    secret_key: SecretStr | None = Field(
        default=None, alias="RAPPORT_SECRET_KEY", description="Not used yet"
    )
    log: Literal["text", "json"] = Field(
        default="text",
        alias="RAPPORT_LOG",
        description="Logs for people, or one JSON object a line",
    )
    log_level: Literal["debug", "info", "warning"] = Field(
        default="info",
        alias="RAPPORT_LOG_LEVEL",
        description="Changes and troubles; each turn, fetch and message too; or troubles alone",
    )
    log_texts: bool = Field(
        default=False,
        alias="RAPPORT_LOG_TEXTS",
        description="Logs of level debug hold what people write and read",
    )

    telegram_bot_token: SecretStr | None = Field(
        default=None, alias="TELEGRAM_BOT_TOKEN", description="The token that @BotFather gives"
    )
    telegram_api_base: str = Field(
        repr=False,
        default="",
        alias="TELEGRAM_API_BASE",
        description="The address of a Bot API server of one's own",
    )
    telegram_mode: Literal["polling", "webhook"] = Field(
        default="polling",
        alias="TELEGRAM_MODE",
        description="How updates arrive: fetched, or brought to RAPPORT_PUBLIC_URL",
    )
    telegram_webhook_secret: SecretStr | None = Field(
        default=None,
        alias="TELEGRAM_WEBHOOK_SECRET",
        description="What Telegram shows at each webhook; without it one is made from the token",
    )
    telegram_library: Literal["aiogram", "python-telegram-bot"] = Field(
        default="aiogram",
        alias="TELEGRAM_LIBRARY",
        description="What carries the calls; the extra `telegram` brings the one, `ptb` the other",
    )

    instagram_account_id: str = Field(
        default="",
        alias="INSTAGRAM_ACCOUNT_ID",
        description="The number of the professional account, `user_id` of its `/me`",
    )
    instagram_access_token: SecretStr | None = Field(
        default=None,
        alias="INSTAGRAM_ACCESS_TOKEN",
        description="The account's long-lived token; with it the account is served",
    )
    instagram_app_secret: SecretStr | None = Field(
        default=None,
        alias="INSTAGRAM_APP_SECRET",
        description="The app's secret, by which what Instagram brings is signed",
    )
    instagram_verify_token: SecretStr | None = Field(
        default=None,
        alias="INSTAGRAM_VERIFY_TOKEN",
        description="A word of your own that the app's page is given with the webhook's address",
    )
    instagram_api_base: str = Field(
        repr=False,
        default="",
        alias="INSTAGRAM_API_BASE",
        description="https://graph.facebook.com where the token is a Facebook Page's",
    )


def read_settings() -> Settings:
    """The settings, whose secrets are blanked out from now on wherever this process shows them.

    Raises WrongSetting for a value that cannot work, and a `.env` that cannot be read.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        # The input is left out: it may be a secret in the wrong variable.
        faults = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
        raise WrongSetting("; ".join(faults)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSetting(f"{ENV_FILE} cannot be read: {error}") from None
    keep_secret(_secrets_of(settings))
    return settings


def _secrets_of(settings: Settings) -> Iterator[str]:
    """What must never be shown: every secret, and the passwords in every address."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
            yield from secrets_in(value.get_secret_value())
        elif isinstance(value, str):
            yield from secrets_in(value)
    if settings.telegram_bot_token is not None:
        # Behind the bot's id, which is no secret and stands in logs as the account.
        yield settings.telegram_bot_token.get_secret_value().partition(":")[2]
