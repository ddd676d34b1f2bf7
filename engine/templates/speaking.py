"""The filters that speak the reader's language and calendar: date, time, when, number, money."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.fields.places import base_language
from engine.templates.bounds import TemplateFailed
from engine.templates.filters import round_
from engine.templates.operations import local, number, read_iso, text
from engine.templates.values import UNDEFINED, Choice, Scope, kind_of

# babel costs 45 ms to import and persiantools 30, so each is imported where it is first needed.
if TYPE_CHECKING:
    from babel import Locale as BabelLocale

DATE_STYLES = ("short", "medium", "long", "full", "day", "month")

_DAY_WORDS = {
    "en": ({-1: "yesterday", 0: "today", 1: "tomorrow"}, " at "),
    "fa": ({-1: "دیروز", 0: "امروز", 1: "فردا"}, " ساعت "),
    "ar": ({-1: "أمس", 0: "اليوم", 1: "غدًا"}, " الساعة "),
    "tr": ({-1: "dün", 0: "bugün", 1: "yarın"}, " saat "),
}
"""Names of the days around today, which babel leaves out, and what stands before the time."""

_TOMAN = {"en": "toman", "fa": "تومان", "ar": "تومان"}
"""IRT is no ISO currency, so CLDR does not name it."""

_DIGITS = {
    "arab": str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"),
    "arabext": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"),
}
"""By CLDR's names of numbering systems; babel gives their separators but not their digits."""


@lru_cache(maxsize=256)
def cldr(language: str) -> BabelLocale:
    """The locale of a BCP 47 tag, of its language alone, or English."""
    from babel import Locale, UnknownLocaleError

    for tag in (language.replace("_", "-"), base_language(language)):
        try:
            return Locale.parse(tag, sep="-")
        except (ValueError, UnknownLocaleError):
            continue
    return Locale("en")


def _written(shown: str, locale: BabelLocale) -> str:
    """In the digits of the language; the narrow blank of CLDR's times as the one people type."""
    digits = _DIGITS.get(locale.default_numbering_system)
    plain = shown.replace("\u202f", " ")
    return plain.translate(digits) if digits else plain


def _moment(value: object, scope: Scope) -> date | time:
    """A date, time or moment, also one written in ISO form, in the reader's zone."""
    if isinstance(value, str | Choice):
        written = text(value)
        kind = time if re.match(r"\d\d:", written) else date if len(written) == 10 else datetime
        value = read_iso(written, kind)
    if isinstance(value, date | time):
        return local(value, scope)
    raise TemplateFailed(f"{kind_of(value)} where a date or time is needed")


def _day(value: object, scope: Scope) -> date:
    moment = _moment(value, scope)
    if isinstance(moment, datetime):
        return moment.date()
    if isinstance(moment, time):
        raise TemplateFailed("a time where a date is needed")
    return moment


def date_(scope: Scope, value: object, style: object = "long") -> str:
    """A day in words; `full` has the weekday, `day` no year, `month` the month and year only."""
    chosen = text(style)
    if chosen not in DATE_STYLES:
        raise TemplateFailed(f"date in an unknown style: it knows {', '.join(DATE_STYLES)}")
    day = _day(value, scope)
    locale = cldr(scope.locale.language)
    spoken = _jalali if scope.locale.calendar == "jalali" else _gregorian
    return _written(spoken(day, chosen, locale), locale)


def _gregorian(day: date, style: str, locale: BabelLocale) -> str:
    from babel.dates import format_date, format_skeleton

    if style == "day":
        return str(format_skeleton("MMMMd", day, locale=locale))
    if style == "month":
        return str(format_skeleton("yMMMM", day, locale=locale))
    return str(format_date(day, style, locale=locale))


def _jalali(day: date, style: str, locale: BabelLocale) -> str:
    from babel.dates import format_date
    from persiantools.jdatetime import MONTH_NAMES_EN, MONTH_NAMES_FA, JalaliDate

    try:
        jalali = JalaliDate(day)  # type: ignore[no-untyped-call]  # the library has no types here
    except ValueError as error:
        raise TemplateFailed("a date that the Jalali calendar does not have") from error
    if style == "short":
        return f"{jalali.year}/{jalali.month:02}/{jalali.day:02}"
    names = MONTH_NAMES_FA if locale.language == "fa" else MONTH_NAMES_EN
    month = names[jalali.month]
    if style == "day":
        return f"{jalali.day} {month}"
    if style == "month":
        return f"{month} {jalali.year}"
    weekday = f"{format_date(day, 'EEEE', locale=locale)} " if style == "full" else ""
    return f"{weekday}{jalali.day} {month} {jalali.year}"


def time_(scope: Scope, value: object) -> str:
    """The time of day as the language writes it."""
    from babel.dates import format_time

    moment = _moment(value, scope)
    if isinstance(moment, datetime):
        moment = moment.time()
    if not isinstance(moment, time):
        raise TemplateFailed("a date where a time is needed")
    locale = cldr(scope.locale.language)
    return _written(format_time(moment, "short", locale=locale), locale)


def when(scope: Scope, value: object) -> str:
    """A day as people call it from today, with the time if there is one.

    Yesterday, today and tomorrow by name (in English, Persian, Arabic and Turkish), less than a
    week off by the number of days ("in 3 days"), farther off as `date`.
    """
    day = _day(value, scope)
    called = _called(day, scope)
    moment = _moment(value, scope)
    if not isinstance(moment, datetime):
        return called
    _, before_time = _DAY_WORDS.get(base_language(scope.locale.language), ({}, " "))
    return f"{called}{before_time}{time_(scope, moment)}"


def _called(day: date, scope: Scope) -> str:
    from babel.dates import format_timedelta

    away = day - scope.now.astimezone(scope.zone).date()
    names, _ = _DAY_WORDS.get(base_language(scope.locale.language), ({}, " "))
    if away.days in names:
        return names[away.days]
    if not away or abs(away.days) >= 7:
        return date_(scope, day)
    locale = cldr(scope.locale.language)
    spoken = format_timedelta(away, "day", threshold=8, add_direction=True, locale=locale)
    return _written(spoken, locale)


def number_(scope: Scope, value: object, places: object = None) -> str:
    """With the separators and digits of the language, rounded to `places` if given."""
    from babel.numbers import format_decimal

    locale = cldr(scope.locale.language)
    amount = number(value) if places in (None, UNDEFINED) else round_(scope, value, places)
    shown = format_decimal(
        amount, locale=locale, decimal_quantization=False, numbering_system="default"
    )
    return _written(shown, locale)


def money(scope: Scope, value: object, currency: object = UNDEFINED) -> str:
    """An amount in `currency` (ISO 4217, or IRT for toman), default the reader's."""
    from babel.numbers import format_currency

    code = text(currency) or scope.locale.currency
    if not code:
        return number_(scope, value, Decimal(2))
    if code == "IRT":
        name = _TOMAN.get(base_language(scope.locale.language), _TOMAN["en"])
        return f"{number_(scope, value, Decimal(2))} {name}"
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise TemplateFailed("money in a currency that is not three capital letters")
    locale = cldr(scope.locale.language)
    shown = format_currency(number(value), code, locale=locale, numbering_system="default")
    return _written(shown, locale)


SPOKEN: dict[str, Callable[..., object]] = {
    "date": date_,
    "money": money,
    "number": number_,
    "time": time_,
    "when": when,
}
