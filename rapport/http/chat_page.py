"""The page of the chat, in the visitor's language. Its files are beside this one, in chat_files."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template

from babel import Locale, UnknownLocaleError

from engine.business import Business

_KINDS = {
    "chat.js": "text/javascript; charset=utf-8",
    "chat.css": "text/css; charset=utf-8",
    "embed.js": "text/javascript; charset=utf-8",
}

_FOLDER = files("rapport.http") / "chat_files"

FILES: Mapping[str, tuple[str, bytes]] = {
    name: (kind, (_FOLDER / name).read_bytes()) for name, kind in _KINDS.items()
}
"""The media type and the content, by the name behind /chat/."""

_PAGE = Template((_FOLDER / "page.html").read_text(encoding="utf-8"))

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "robot": "You are talking to an automated assistant.",
        "talk": "Conversation", "write": "Your message", "send": "Send", "start": "Start",
        "you": "You", "bot": "Assistant", "staff": "Team",
        "connecting": "Connecting …", "offline": "No connection. Trying again …",
        "waits": "Waiting to be sent", "failed": "Not sent", "newpage": "opens a new page",
        "script": "This chat needs JavaScript.",
    },
    "fa": {
        "robot": "با یک دستیار خودکار گفت‌وگو می‌کنید.",
        "talk": "گفت‌وگو", "write": "پیام شما", "send": "فرستادن", "start": "شروع",
        "you": "شما", "bot": "دستیار", "staff": "همکار ما",
        "connecting": "در حال اتصال …", "offline": "ارتباط قطع است. دوباره تلاش می‌شود …",
        "waits": "در انتظار فرستادن", "failed": "فرستاده نشد",
        "newpage": "در صفحه‌ای تازه باز می‌شود",
        "script": "این گفت‌وگو به جاوااسکریپت نیاز دارد.",
    },
}  # fmt: skip


def spoken(business: Business, wanted: str, accepted: str) -> str:
    """The language of the page: the one that is `wanted`, else the first of those that the browser
    accepts (Accept-Language, whose order is that of most browsers' weights), that the business
    speaks; else the business's own."""
    asked = [wanted, *(one.partition(";")[0].strip() for one in accepted.split(","))]
    for name in asked:
        for known in business.languages:
            if name and name.lower().partition("-")[0] == known.lower().partition("-")[0]:
                return known
    return business.language


def page_of(business: Business, language: str, start: str) -> str:
    """The HTML. start: the code that is handed to the bot by the start button."""
    words = _WORDS.get(language.partition("-")[0], _WORDS["en"])
    values = {
        **words, "name": business.name, "language": language, "direction": direction_of(language),
        "code": start[:64],
    }  # fmt: skip
    return _PAGE.substitute({key: escape(value) for key, value in values.items()})


def direction_of(language: str) -> str:
    """`rtl` or `ltr`."""
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return "ltr"
    return "rtl" if locale.text_direction == "rtl" else "ltr"


def headers_of(sites: str) -> dict[str, str]:
    """Of the page: it runs nothing but its own files, and only these sites may show it."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self' {sites}"
    )
    return {
        "Content-Security-Policy": policy.strip(),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
