"""The filters: what each gives, and how those that speak follow language and calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from engine.fields.places import Locale
from engine.templates import TemplateFailed
from engine.templates.filters import FILTERS
from engine.templates.speaking import SPOKEN
from tests.engine.templates.scopes import ENGLISH, PERSIAN, evaluate, render

CASES = [
    ("{{ 'aB c' | upper }}", "AB C"),
    ("{{ 'aB c' | lower }}", "ab c"),
    ('{{ "they\'re sara" | title }}', "They're Sara"),
    ("{{ 'aB c' | capitalize }}", "Ab c"),
    ("{{ ' a ' | trim }}", "a"),
    ("{{ 'abc' | length }}{{ [1, 2] | length }}{{ nothing | length }}", "320"),
    ("{{ 'abc' | first }}{{ [4, 5] | first }}{{ [] | first }}", "a4"),
    ("{{ 'abc' | last }}{{ [4, 5] | last }}", "c5"),
    ("{{ customer.likes | join(' / ') }}{{ nothing | join }}", "Running shoes / Hats"),
    ("{{ 'a-b-c' | replace('-', '+') }}", "a+b+c"),
    ("{{ 'one two three' | truncate(9) }}", "one two…"),
    ("{{ 'onetwothree' | truncate(6, end='..') }}{{ 'ab' | truncate(6) }}", "onet..ab"),
    ("{{ 2.5 | round }} {{ 2.345 | round(2) }} {{ -2.5 | round }}", "3 2.35 -3"),
    ("{{ 2.1 | round(method='ceil') }} {{ 29 | round(-1, 'floor') }}", "3 20"),
    ("{{ (-3) | abs }}", "3"),
    ("{{ '12.7' | int }} {{ '۱۲' | int }} {{ 'x' | int }} {{ 'x' | int(default=9) }}", "12 12 0 9"),
    ("{{ ' 12.50 ' | float + 1 }} {{ nothing | float }} {{ 'inf' | float }}", "13.5 0 0"),
    ("{{ [3, 1, 2] | sort }} {{ [3, 1] | sort(true) }}", "1, 2, 3 3, 1"),
    ("{{ [3, 1] | min }} {{ [3, 1] | max }} {{ [3, nothing, 1] | sum }}", "1 3 4"),
    ("{{ [nothing, 2] | min }}", "2"),
    ("{{ nothing | default(5) }} {{ '' | default('x') }} {{ '' | d('x', true) }}", "5  x"),
    ("{{ 0 | default('none', boolean=true) }}", "none"),
    ("{{ 'a b&c=ض/' | url }}", "a%20b%26c%3D%D8%B6%2F"),
    ("{{ 12.5 | url }}", "12.5"),
    ("{{ 'W-%04d' | format(customer.id) }}", "W-0007"),
    ("{{ '%5.2f|%-6s|%+d|% d|%%' | format(2.345, 'ab', 3, 4) }}", " 2.35|ab    |+3| 4|%"),
    ("{{ '%06.1f %05d %3s' | format(-2.25, -42, 'x') }}", "-002.3 -0042   x"),
    ("{{ '%d %.2s' | format(2.9, 'xyz') }}", "2 xy"),
    ("{{ 1234567.5 | number }} {{ 2.345 | number(2) }}", "1,234,567.5 2.35"),
    ("{{ 1250000 | money }} {{ 3.5 | money('USD') }}", "1,250,000 toman $3.50"),
    ("{{ customer.birth_date | date }}", "May 15, 1990"),
    ("{{ '1990-05-15' | date('full') }}", "Tuesday, May 15, 1990"),
    ("{{ '1990-05-15' | date('day') }}; {{ '1990-05-15' | date('month') }}", "May 15; May 1990"),
    ("{{ now | time }} {{ '18:05' | time }}", "10:00 AM 6:05 PM"),
    ("{{ now | when }}", "today at 10:00 AM"),
]


@pytest.mark.parametrize(("source", "text"), CASES)
def test_a_filter_gives_what_its_name_says(source: str, text: str) -> None:
    assert render(source) == text


def test_every_filter_has_a_case_here() -> None:
    written = "".join(source for source, _ in CASES)

    assert {name for name in {**FILTERS, **SPOKEN} if f"| {name}" not in written} == set()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ customer.birth_date | date }}", "۲۵ اردیبهشت ۱۳۶۹"),
        ("{{ customer.birth_date | date('short') }}", "۱۳۶۹/۰۲/۲۵"),
        ("{{ customer.birth_date | date('full') }}", "سه‌شنبه ۲۵ اردیبهشت ۱۳۶۹"),
        ("{{ customer.birth_date | date('day') }}", "۲۵ اردیبهشت"),
        ("{{ customer.birth_date | date('month') }}", "اردیبهشت ۱۳۶۹"),
        ("{{ now | time }}", "۱۰:۰۰"),
        ("{{ now | when }}", "امروز ساعت ۱۰:۰۰"),
        ("{{ 1234567.5 | number }}", "۱٬۲۳۴٬۵۶۷٫۵"),
        ("{{ 1250000 | money }}", "۱٬۲۵۰٬۰۰۰ تومان"),
        ("{{ customer.likes }}", "Running shoes، Hats"),
    ],
)
def test_a_persian_reader_gets_jalali_dates_and_persian_digits(source: str, text: str) -> None:
    assert render(source, PERSIAN) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ customer.birth_date | date }}", "١٥ مايو ١٩٩٠"),
        ("{{ now | time }}", "١٠:٠٠ ص"),
        ("{{ now | when }}", "اليوم الساعة ١٠:٠٠ ص"),
        ("{{ 1234567.5 | number }}", "١٬٢٣٤٬٥٦٧٫٥"),
        ("{{ 1250 | money('IRT') }}", "١٬٢٥٠ تومان"),
        ("{{ 12 | money('EGP') }}", "\u200f١٢٫٠٠ ج.م.\u200f"),
    ],
)
def test_an_arabic_reader_of_egypt_gets_the_digits_and_words_of_arabic(
    source: str, text: str
) -> None:
    shown = render(source, Locale("ar-EG", timezone="Asia/Tehran"))
    assert shown.replace("\xa0", " ") == text


def test_a_persian_reader_with_the_gregorian_calendar_keeps_it() -> None:
    assert render("{{ customer.birth_date | date }}", Locale("fa")) == "۱۵ مهٔ ۱۹۹۰"


def test_an_english_reader_of_the_jalali_calendar_reads_its_months_in_latin_letters() -> None:
    locale = Locale("en", calendar="jalali")

    assert render("{{ customer.birth_date | date }}", locale) == "25 Ordibehesht 1369"


@pytest.mark.parametrize(
    ("language", "text"),
    [("de-AT", "15. Mai 1990"), ("pt_BR", "15 de maio de 1990"), ("tlh", "May 15, 1990")],
)
def test_a_date_is_written_in_any_language_and_in_english_for_an_unknown_one(
    language: str, text: str
) -> None:
    assert render("{{ customer.birth_date | date }}", Locale(language)) == text


@pytest.mark.parametrize(
    ("day", "english", "persian"),
    [
        (date(2026, 2, 28), "yesterday", "دیروز"),
        (date(2026, 3, 1), "today", "امروز"),
        (date(2026, 3, 2), "tomorrow", "فردا"),
        (date(2026, 3, 4), "in 3 days", "۳ روز دیگر"),
        (date(2026, 2, 23), "6 days ago", "۶ روز پیش"),
        (date(2026, 3, 8), "March 8, 2026", "۱۷ اسفند ۱۴۰۴"),
    ],
)
def test_when_calls_a_day_as_people_do_from_today(day: date, english: str, persian: str) -> None:
    assert render("{{ var.day | when }}", ENGLISH, var={"day": day}) == english
    assert render("{{ var.day | when }}", PERSIAN, var={"day": day}) == persian


def test_when_counts_days_in_the_zone_of_the_reader() -> None:
    just_past_midnight_in_tehran = datetime(2026, 3, 1, 20, 40, tzinfo=UTC)

    assert render("{{ t | when }}", t=just_past_midnight_in_tehran) == "tomorrow at 12:10 AM"


def test_when_in_a_language_without_our_words_uses_its_own() -> None:
    assert render("{{ d | when }}", Locale("de"), d=date(2026, 3, 2)) == "in 1 Tag"
    assert render("{{ d | when }}", Locale("de"), d=date(2026, 3, 1)) == "1. März 2026"


def test_money_without_any_currency_is_a_number_with_two_places_at_most() -> None:
    assert render("{{ 12.345 | money }}", Locale("en")) == "12.35"


@pytest.mark.parametrize("name", sorted({"date", "time", "when", "number", "money", "upper"}))
def test_a_filter_leaves_what_is_undefined_to_default(name: str) -> None:
    assert render(f"{{{{ customer.last_name | {name} | default('-') }}}}") == "-"


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'soon' | date }}",
        "{{ 5 | date }}",
        "{{ '10:00' | date }}",
        "{{ customer.birth_date | time }}",
        "{{ customer.birth_date | date('long-' ~ 'winded') }}",
        "{{ 5 | money('dollars') }}",
        "{{ 'five' | money }}",
        "{{ '%d' | format('five') }}",
    ],
)
def test_a_value_that_a_filter_cannot_take_fails(source: str) -> None:
    with pytest.raises(TemplateFailed):
        evaluate(source)


def test_a_day_before_the_jalali_calendar_begins_fails() -> None:
    with pytest.raises(TemplateFailed, match="Jalali"):
        render("{{ d | date }}", PERSIAN, d=date(600, 1, 1))


def test_a_bare_time_is_shown_to_the_minute() -> None:
    assert render("{{ t }} {{ t | time }}", PERSIAN, t=time(17, 30)) == "17:30 ۱۷:۳۰"
