"""Every refusal can be said politely, in English and in Persian."""

from __future__ import annotations

import string
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from engine.bidi import unmarked
from engine.fields.decimals import LARGEST
from engine.fields.faults import MESSAGES, Fault, FaultCode, Param, fault_text
from engine.fields.places import Locale


def test_every_code_has_a_message_in_both_languages() -> None:
    assert set(MESSAGES) == set(FaultCode)
    for code, messages in MESSAGES.items():
        assert set(messages) == {"en", "fa"}, code


@pytest.mark.parametrize("code", list(FaultCode))
def test_both_languages_of_a_message_name_the_same_things(code: FaultCode) -> None:
    names = [
        {name for _, name, _, _ in string.Formatter().parse(message) if name}
        for message in MESSAGES[code].values()
    ]
    assert names[0] == names[1] <= {"limit", "day"}


@pytest.mark.parametrize("code", list(FaultCode))
def test_a_persian_message_has_persian_digits(code: FaultCode) -> None:
    assert not any(digit in MESSAGES[code]["fa"] for digit in string.digits)


@pytest.mark.parametrize(
    ("limit", "english", "persian"),
    [
        (500, "500", "۵۰۰"),
        (4096, "4,096", "۴٬۰۹۶"),
        (Decimal("20.00"), "20", "۲۰"),
        (Decimal("12.50"), "12.5", "۱۲٫۵"),
        (LARGEST, "9,999,999,999,999,999.99", "۹٬۹۹۹٬۹۹۹٬۹۹۹٬۹۹۹٬۹۹۹٫۹۹"),
        (date(2026, 3, 1), "2026-03-01", "۲۰۲۶-۰۳-۰۱"),
        (time(18, 0), "18:00", "۱۸:۰۰"),
        (datetime(2026, 3, 1, 18, tzinfo=UTC), "2026-03-01 18:00", "۲۰۲۶-۰۳-۰۱ ۱۸:۰۰"),
    ],
)
def test_a_limit_is_written_the_way_the_language_writes_it(
    limit: Param, english: str, persian: str
) -> None:
    fault = Fault(FaultCode.TOO_LATE, {"limit": limit})
    assert f" {english} " in fault_text(fault, "en-US")
    assert f" {persian} " in unmarked(fault_text(fault, "fa"))


def test_a_limit_is_a_day_of_the_customers_calendar_and_a_moment_of_their_zone() -> None:
    jalali = Locale(language="fa", calendar="jalali", timezone="Asia/Tehran")
    day = Fault(FaultCode.TOO_LATE, {"limit": date(2026, 3, 1)})
    moment = Fault(FaultCode.TOO_LATE, {"limit": datetime(2026, 3, 1, 18, tzinfo=UTC)})
    assert " ۱۴۰۴/۱۲/۱۰ " in unmarked(fault_text(day, jalali))
    assert " ۱۴۰۴/۱۲/۱۰ ۲۱:۳۰ " in unmarked(fault_text(moment, jalali))


def test_an_untranslated_language_reads_english() -> None:
    assert fault_text(Fault(FaultCode.NOT_BOOLEAN), "tr") == "Please answer yes or no."


def test_a_date_in_a_persian_sentence_keeps_its_order() -> None:
    fault = Fault(FaultCode.TOO_LATE, {"limit": date(2026, 3, 1)})
    assert "\u2068۲۰۲۶-۰۳-۰۱\u2069" in fault_text(fault, "fa")
    assert "2026-03-01 or" in fault_text(fault, "en")
