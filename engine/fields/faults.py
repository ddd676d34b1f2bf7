"""Why a value was refused, and how to say so to the person who typed it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from engine.bidi import isolated, runs_right
from engine.fields.digits import number_in
from engine.fields.moments import show_moment
from engine.fields.places import Locale, base_language

Param = int | Decimal | date | time


class FaultCode(StrEnum):
    """The rule that a value broke. A code never changes its meaning."""

    EMPTY = "empty"
    REQUIRED = "required"
    CONTROL_CHARACTERS = "control_characters"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    PATTERN = "pattern"
    NOT_TEXT = "not_text"
    NOT_NUMBER = "not_number"
    SEVERAL_NUMBERS = "several_numbers"
    NUMBER_TOO_LARGE = "number_too_large"
    TOO_MANY_PLACES = "too_many_places"
    TOO_SMALL = "too_small"
    TOO_GREAT = "too_great"
    NOT_DATE = "not_date"
    NO_SUCH_DATE = "no_such_date"
    DATE_INCOMPLETE = "date_incomplete"
    DATE_AMBIGUOUS = "date_ambiguous"
    NOT_PAST = "not_past"
    NOT_FUTURE = "not_future"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"
    NOT_TIME = "not_time"
    NOT_DATETIME = "not_datetime"
    TIME_MISSING = "time_missing"
    NOT_BOOLEAN = "not_boolean"
    NOT_EMAIL = "not_email"
    EMAIL_SPACES = "email_spaces"
    NOT_PHONE = "not_phone"
    NOT_URL = "not_url"
    NOT_OPTION = "not_option"
    NOT_LIST = "not_list"
    TOO_FEW = "too_few"
    TOO_MANY = "too_many"
    DIGITS_LOST = "digits_lost"
    FORMULA = "formula"


class Fault(Struct, frozen=True):
    """The rule that a value broke, with the numbers its message names (`limit`)."""

    code: FaultCode
    params: Mapping[str, Param] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.code)


MESSAGES: Mapping[FaultCode, Mapping[str, str]] = {
    FaultCode.EMPTY: {
        "en": "Please write an answer.",
        "fa": "لطفاً پاسخی بنویسید.",
    },
    FaultCode.REQUIRED: {
        "en": "This is needed and cannot be left empty.",
        "fa": "این مورد لازم است و نمی‌تواند خالی بماند.",
    },
    FaultCode.CONTROL_CHARACTERS: {
        "en": "That has characters that cannot be stored. Please type it again as plain text.",
        "fa": "این متن نویسه‌هایی دارد که ذخیره نمی‌شوند. لطفاً دوباره به صورت متن ساده بنویسید.",
    },
    FaultCode.TOO_LONG: {
        "en": "That is too long: please use at most {limit} characters.",
        "fa": "این متن بلند است: لطفاً حداکثر {limit} نویسه بنویسید.",
    },
    FaultCode.TOO_SHORT: {
        "en": "That is too short: please use at least {limit} characters.",
        "fa": "این متن کوتاه است: لطفاً دست‌کم {limit} نویسه بنویسید.",
    },
    FaultCode.PATTERN: {
        "en": "That does not have the expected form. Please check it and write it again.",
        "fa": "این پاسخ شکل مورد انتظار را ندارد. لطفاً آن را بررسی کنید و دوباره بنویسید.",
    },
    FaultCode.NOT_TEXT: {
        "en": "Please answer with text.",
        "fa": "لطفاً با متن پاسخ دهید.",
    },
    FaultCode.NOT_NUMBER: {
        "en": "I could not read that as a number. Please write it like 20 or 12.5.",
        "fa": "نتوانستم این را به عنوان عدد بخوانم. لطفاً مانند ۲۰ یا ۱۲٫۵ بنویسید.",
    },
    FaultCode.SEVERAL_NUMBERS: {
        "en": "I see more than one number there. Please write just one.",
        "fa": "بیش از یک عدد در پاسخ هست. لطفاً فقط یک عدد بنویسید.",
    },
    FaultCode.NUMBER_TOO_LARGE: {
        "en": "That number is too large: the largest possible is {limit}.",
        "fa": "این عدد بیش از اندازه بزرگ است: بزرگ‌ترین عدد ممکن {limit} است.",
    },
    FaultCode.TOO_MANY_PLACES: {
        "en": "Please use at most {limit} digits after the decimal point.",
        "fa": "لطفاً حداکثر {limit} رقم پس از ممیز بنویسید.",
    },
    FaultCode.TOO_SMALL: {
        "en": "That is too small: it must be at least {limit}.",
        "fa": "این عدد کوچک است: باید دست‌کم {limit} باشد.",
    },
    FaultCode.TOO_GREAT: {
        "en": "That is too much: it may be at most {limit}.",
        "fa": "این عدد بزرگ است: باید حداکثر {limit} باشد.",
    },
    FaultCode.NOT_DATE: {
        "en": "I could not read that as a date. Please write it like 1990-05-15.",
        "fa": "نتوانستم این را به عنوان تاریخ بخوانم. لطفاً مانند ۱۳۶۹/۰۲/۲۵ بنویسید.",
    },
    FaultCode.NO_SUCH_DATE: {
        "en": "There is no such date in the calendar. Please check the day, month and year.",
        "fa": "چنین تاریخی در تقویم نیست. لطفاً روز و ماه و سال را بررسی کنید.",
    },
    FaultCode.DATE_INCOMPLETE: {
        "en": "Please write the whole date, with day, month and year, like 1990-05-15.",
        "fa": "لطفاً تاریخ را کامل، با روز و ماه و سال، مانند ۱۳۶۹/۰۲/۲۵ بنویسید.",
    },
    FaultCode.DATE_AMBIGUOUS: {
        "en": "Which date do you mean?",
        "fa": "منظورتان کدام تاریخ است؟",
    },
    FaultCode.NOT_PAST: {
        "en": "The date must be in the past.",
        "fa": "تاریخ باید در گذشته باشد.",
    },
    FaultCode.NOT_FUTURE: {
        "en": "The date must be in the future.",
        "fa": "تاریخ باید در آینده باشد.",
    },
    FaultCode.TOO_EARLY: {
        "en": "That is too early: it must be {limit} or later.",
        "fa": "این زمان زود است: باید {limit} یا پس از آن باشد.",
    },
    FaultCode.TOO_LATE: {
        "en": "That is too late: it must be {limit} or earlier.",
        "fa": "این زمان دیر است: باید {limit} یا پیش از آن باشد.",
    },
    FaultCode.NOT_TIME: {
        "en": "I could not read that as a time of day. Please write it like 17:30.",
        "fa": "نتوانستم این را به عنوان ساعت بخوانم. لطفاً مانند ۱۷:۳۰ بنویسید.",
    },
    FaultCode.NOT_DATETIME: {
        "en": "Please write a day and a time, like tomorrow 17:30 or 2030-05-15 17:30.",
        "fa": "لطفاً روز و ساعت را مانند «فردا ۱۷:۳۰» یا ۱۴۰۹/۰۲/۲۵ ۱۷:۳۰ بنویسید.",
    },
    FaultCode.TIME_MISSING: {
        "en": "The time is missing. Please write it too, like {day} 17:30.",
        "fa": "ساعت را ننوشته‌اید. لطفاً آن را هم مانند {day} ۱۷:۳۰ بنویسید.",
    },
    FaultCode.NOT_BOOLEAN: {
        "en": "Please answer yes or no.",
        "fa": "لطفاً با بله یا خیر پاسخ دهید.",
    },
    FaultCode.NOT_EMAIL: {
        "en": "That is not an email address. Please write it like sara@example.com.",
        "fa": "این نشانی ایمیل نیست. لطفاً مانند sara@example.com بنویسید.",
    },
    FaultCode.EMAIL_SPACES: {
        "en": "An email address has no spaces. Please write it without them.",
        "fa": "نشانی ایمیل فاصله ندارد. لطفاً آن را بدون فاصله بنویسید.",
    },
    FaultCode.NOT_PHONE: {
        "en": "That is not a phone number. Please write it with its code, like +49 30 901820.",
        "fa": "این شماره تلفن نیست. لطفاً آن را با کد کشور، مانند \u200e+۹۸ ۹۱۲ ۳۴۵ ۶۷۸۹ بنویسید.",
    },
    FaultCode.NOT_URL: {
        "en": "That is not a web address. Please write it like https://example.com.",
        "fa": "این نشانی وب نیست. لطفاً مانند https://example.com بنویسید.",
    },
    FaultCode.NOT_OPTION: {
        "en": "Please choose one of the options.",
        "fa": "لطفاً یکی از گزینه‌ها را انتخاب کنید.",
    },
    FaultCode.NOT_LIST: {
        "en": "Please write the items separated by commas.",
        "fa": "لطفاً موارد را با ویرگول از هم جدا کنید.",
    },
    FaultCode.TOO_FEW: {
        "en": "Please choose at least {limit}.",
        "fa": "لطفاً دست‌کم {limit} مورد انتخاب کنید.",
    },
    FaultCode.TOO_MANY: {
        "en": "Please choose at most {limit}.",
        "fa": "لطفاً حداکثر {limit} مورد انتخاب کنید.",
    },
    FaultCode.DIGITS_LOST: {
        "en": "A spreadsheet has shortened this number and its last digits are gone. Please make "
        "the column a text column and write it again.",
        "fa": "صفحه‌گسترده این عدد را کوتاه کرده و رقم‌های آخر آن از دست رفته است. لطفاً ستون را "
        "متنی کنید و عدد را دوباره بنویسید.",
    },
    FaultCode.FORMULA: {
        "en": "This is a formula. Please put the value itself in its place.",
        "fa": "این یک فرمول است. لطفاً به جای آن خود مقدار را بگذارید.",
    },
}
"""What each fault says to a customer, by language: one polite sentence or two."""


def fault_text(fault: Fault, locale: Locale | str) -> str:
    """The fault in the customer's language, English where there is no translation.

    locale: the customer's, whose calendar and zone limits are shown in; or a language alone.
    """
    place = Locale(language=locale) if isinstance(locale, str) else locale
    messages = MESSAGES[fault.code]
    base = base_language(place.language)
    written = replace(place, language=base if base in messages else "en")
    message = messages[written.language]
    right = runs_right(message)
    params = {name: isolated(_limit(one, written), right) for name, one in fault.params.items()}
    return message.format_map(params)


def _limit(value: Param, locale: Locale) -> str:
    if isinstance(value, date | time):
        return show_moment(value, locale)
    number = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return number_in(locale.language, number)
