"""What reading and showing a value depend on, besides the value: language, place, calendar."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

Calendar = Literal["gregorian", "jalali"]
DateOrder = Literal["dmy", "mdy"]


class Locale(Struct, frozen=True):
    """A customer's conventions, each falling back to the business's where the caller says so.

    `language` is the customer's, `languages` those of the business (BCP 47 tags); `country` is
    ISO 3166 with two letters, the region of phone numbers written without one; `timezone` an
    IANA name; `currency` ISO 4217 or IRT. `date_order` tells what comes first in `03/04/1990`;
    None: not known, so the customer is asked.
    """

    language: str = "en"
    languages: tuple[str, ...] = ()
    country: str | None = None
    timezone: str = "UTC"
    calendar: Calendar = "gregorian"
    date_order: DateOrder | None = None
    currency: str | None = None


def base_language(language: str) -> str:
    """The language of a tag without its region: `fa` of `fa-IR`, `en` of `en_US`."""
    return language.replace("_", "-").partition("-")[0].lower()


def zone_of(locale: Locale) -> ZoneInfo:
    """The time zone; raises `zoneinfo.ZoneInfoNotFoundError` for a name that is none."""
    return ZoneInfo(locale.timezone)


def today_in(locale: Locale, now: datetime) -> date:
    """The calendar day of `now` (aware) where the customer is."""
    return now.astimezone(zone_of(locale)).date()
