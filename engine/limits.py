"""Numbers that platforms impose, each with where it was read and when; and how texts are measured.

Platforms change them (four in the last year), so nothing else in the code may repeat one.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

Unit = Literal["utf16", "bytes", "characters", "items", "per_second", "per_minute", "hours"]


class Limit(Struct, frozen=True):
    """A greatest allowed `value` in `unit`; `source` was read on `read_on` (YYYY-MM-DD)."""

    value: int
    unit: Unit
    source: str
    read_on: str


class ChannelLimits(Struct, frozen=True):
    """What a flow's texts are checked against. None: the platform names no limit."""

    text: Limit
    button_label: Limit | None
    buttons: Limit
    buttons_in_row: Limit | None


def measure(text: str, unit: Unit) -> int:
    """The length of a text in `utf16` code units, UTF-8 `bytes` or `characters` (code points).

    Raises ValueError for a unit that does not measure text.
    """
    match unit:
        case "utf16":
            return len(text.encode("utf-16-le", "surrogatepass")) // 2
        case "bytes":
            return len(text.encode("utf-8", "surrogatepass"))
        case "characters":
            return len(text)
        case _:
            raise ValueError(f"{unit} does not measure text")


_API = "core.telegram.org/bots/api"
_FAQ = "core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"
_META = "developers.facebook.com/docs/messenger-platform/instagram/features"
_READ_ON = "2026-11-20"

TELEGRAM_TEXT = Limit(4096, "utf16", f"{_API}#sendmessage", _READ_ON)
"""The page says characters after parsing entities. Counting UTF-16 units is never too generous."""
TELEGRAM_CAPTION = Limit(1024, "utf16", f"{_API}#sendphoto", _READ_ON)
TELEGRAM_CALLBACK_DATA = Limit(64, "bytes", f"{_API}#inlinekeyboardbutton", _READ_ON)
TELEGRAM_CALLBACK_ANSWER = Limit(200, "characters", f"{_API}#answercallbackquery", _READ_ON)
TELEGRAM_COMMANDS = Limit(100, "items", f"{_API}#setmycommands", _READ_ON)
TELEGRAM_COMMAND_TEXT = Limit(256, "characters", f"{_API}#botcommand", _READ_ON)
TELEGRAM_WEBHOOK_SECRET = Limit(256, "characters", f"{_API}#setwebhook", _READ_ON)
TELEGRAM_UPDATES = Limit(100, "items", f"{_API}#getupdates", _READ_ON)
TELEGRAM_CHAT_BURST = Limit(3, "items", f"our reading of 'short bursts' in {_FAQ}", _READ_ON)
TELEGRAM_CHAT_RATE = Limit(1, "per_second", _FAQ, _READ_ON)
TELEGRAM_GROUP_RATE = Limit(20, "per_minute", _FAQ, _READ_ON)
TELEGRAM_BOT_RATE = Limit(25, "per_second", f"below the 'about 30' of {_FAQ}", _READ_ON)

_GRAPH = "developers.facebook.com/docs/messenger-platform"
INSTAGRAM_TEXT = Limit(1000, "bytes", "infobip.com/docs/instagram/message-types", _READ_ON)
INSTAGRAM_QUICK_REPLIES = Limit(13, "items", f"{_META}/quick-replies", _READ_ON)
INSTAGRAM_LABEL = Limit(20, "characters", f"{_META}/quick-replies", _READ_ON)
INSTAGRAM_PAYLOAD = Limit(1000, "characters", f"{_GRAPH}/reference/buttons/postback", _READ_ON)
INSTAGRAM_TITLE = Limit(80, "characters", f"{_META}/generic-template", _READ_ON)
INSTAGRAM_TEMPLATE_BUTTONS = Limit(3, "items", f"{_META}/generic-template", _READ_ON)
INSTAGRAM_ACCOUNT_RATE = Limit(
    100, "per_second", f"below the 300 of {_GRAPH}/overview/rate-limiting", _READ_ON
)
INSTAGRAM_CHAT_RATE = Limit(
    1, "per_second", f"'too many to one thread' of {_GRAPH}/overview/rate-limiting", _READ_ON
)
INSTAGRAM_CHAT_BURST = Limit(3, "items", "ours: an answer of three messages goes at once", _READ_ON)

INSTAGRAM_WINDOW = Limit(24, "hours", f"{_GRAPH}/policy", _READ_ON)
"""After a message, story reply, quick reply or postback of the person."""

INSTAGRAM_HUMAN_AGENT = Limit(168, "hours", f"{_GRAPH}/policy", _READ_ON)
"""What a person of the business writes, where the app was approved for it."""

WINDOWS: Mapping[str, timedelta] = MappingProxyType(
    {"instagram": timedelta(hours=INSTAGRAM_WINDOW.value)}
)
"""By the channel's name: how long after the person we may write; a channel that is not here sets no
such end."""

CHANNELS: Mapping[str, ChannelLimits] = MappingProxyType(
    {
        "telegram": ChannelLimits(
            text=TELEGRAM_TEXT,
            button_label=None,
            buttons=Limit(100, "items", "undocumented; telegram/constants.py of p-t-b", _READ_ON),
            buttons_in_row=Limit(8, "items", "undocumented; telegram/constants.py", _READ_ON),
        ),
        "instagram": ChannelLimits(
            text=INSTAGRAM_TEXT,
            button_label=INSTAGRAM_LABEL,
            buttons=INSTAGRAM_QUICK_REPLIES,
            buttons_in_row=None,
        ),
    }
)
"""By the channel's name; a channel that is not here (the terminal) has no limits."""
