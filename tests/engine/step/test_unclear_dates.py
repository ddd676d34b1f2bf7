"""What can be meant in two ways is asked back with buttons, and a year alone too."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from engine.effects import SetField
from tests.engine.step.questions import asking
from tests.engine.step.talk import BUSINESS, Talk

BIRTHDAY = "ask: When were you born?, save_to: birth_date"
JALALI = BUSINESS.replace("timezone: UTC", "timezone: UTC, calendar: jalali")


class TestAYearAlone:
    def test_is_asked_back_with_two_buttons_and_counts_no_attempt(self) -> None:
        talk = asking(f"{BIRTHDAY}, retry: {{attempts: 1, goto: end}}")
        talk.said()
        assert talk.user("1990").said() == [
            "Which day of 1990? Choose it, or write day and month.",
        ]
        assert talk.buttons() == [["1 January 1990"], ["Another day"]]
        assert not [effect for effect in talk.effects if isinstance(effect, SetField)]

    def test_the_first_button_is_for_who_knows_no_more(self) -> None:
        talk = asking(BIRTHDAY).user("1990").press("1 January 1990")
        assert (talk.values["birth_date"], talk.outcome) == (date(1990, 1, 1), "done")

    def test_the_other_asks_in_words(self) -> None:
        talk = asking(BIRTHDAY).user("1990").press("Another day")
        assert talk.said()[-1] == "Then please write which day of 1990 it is."
        assert talk.user("May 15").values["birth_date"] == date(1990, 5, 15)

    @pytest.mark.parametrize("rest", ["15 May", "May 15th", "15/05", "05/15", "15.5.", "15 می"])
    def test_what_was_missing_completes_it(self, rest: str) -> None:
        assert asking(BIRTHDAY).user("1990").user(rest).values["birth_date"] == date(1990, 5, 15)

    def test_a_whole_date_takes_its_place(self) -> None:
        talk = asking(BIRTHDAY).user("1990").user("1991-05-15")
        assert talk.values["birth_date"] == date(1991, 5, 15)

    def test_what_is_still_open_is_asked_back_and_teaches_the_order(self) -> None:
        talk = asking(BIRTHDAY).user("1990").user("03/04")
        assert talk.buttons() == [["3 April 1990"], ["4 March 1990"]]
        talk.press("4 March 1990")
        assert talk.values["birth_date"] == date(1990, 3, 4)
        assert talk.values["date_order"] == "mdy"

    def test_it_is_remembered_after_something_that_cannot_be_read(self) -> None:
        talk = asking(BIRTHDAY).user("1990").user("banana").user("15 May")
        assert talk.values["birth_date"] == date(1990, 5, 15)

    def test_another_year_is_asked_back_anew(self) -> None:
        talk = asking(BIRTHDAY).user("1990").user("1991")
        assert talk.buttons() == [["1 January 1991"], ["Another day"]]
        assert talk.user("15 May").values["birth_date"] == date(1991, 5, 15)

    @pytest.mark.parametrize("rest", ["۲۵ اردیبهشت", "02/25", "25/02", "۰۲/۲۵"])
    def test_is_asked_back_in_its_own_calendar(self, rest: str) -> None:
        talk = asking(BIRTHDAY, language="fa").user("۱۳۶۹")
        assert talk.said()[-1] == "کدام روز از ۱۳۶۹؟ انتخاب کنید یا روز و ماه را بنویسید."
        assert talk.buttons() == [["۱ فروردین ۱۳۶۹"], ["روز دیگر"]]
        assert talk.user(rest).values["birth_date"] == date(1990, 5, 15)

    def test_with_its_month_wants_the_day_alone(self) -> None:
        talk = asking(BIRTHDAY).user("May 1990")
        assert talk.buttons() == [["1 May 1990"], ["Another day"]]
        assert talk.user("2").values["birth_date"] == date(1990, 5, 2)

    def test_whose_first_day_the_rules_exclude_is_asked_for_in_words(self) -> None:
        talk = asking(BIRTHDAY).user("2030")
        assert talk.said()[-1].startswith("Please write the whole date")
        assert talk.buttons() == []


class TestMoments:
    def test_an_hour_alone_is_asked_back_with_both_moments(self) -> None:
        talk = asking("ask: When will you come?, save_to: visit").user("tomorrow at 5")
        assert talk.said()[-1] == "Which time do you mean?"
        assert talk.buttons() == [["2 March 2026, 05:00"], ["2 March 2026, 17:00"]]
        talk.press("2 March 2026, 17:00")
        assert talk.values["visit"] == datetime(2026, 3, 2, 17, tzinfo=UTC)

    def test_in_persian_too(self) -> None:
        talk = Talk(
            "flow: f\nnodes: [{ask: کی؟, save_to: visit}]\n", business=JALALI, language="fa"
        )
        talk.start("f").user("فردا ساعت ۵")
        assert talk.buttons() == [["۱۱ اسفند ۱۴۰۴، ۰۵:۰۰"], ["۱۱ اسفند ۱۴۰۴، ۱۷:۰۰"]]
        talk.user("2")
        assert talk.values["visit"] == datetime(2026, 3, 2, 17, tzinfo=UTC)

    def test_a_time_alone_as_well(self) -> None:
        talk = asking("ask: When?, expect: time, save_to: var.at").user("5")
        assert talk.buttons() == [["05:00"], ["17:00"]]
        assert talk.press("17:00").vars["at"] == time(17)


class TestADayWithoutItsTime:
    VISIT = "ask: When will you come?, save_to: visit, rules: {future: true}"

    def test_is_asked_for_the_time_alone(self) -> None:
        talk = asking(self.VISIT).user("tomorrow")
        assert talk.said()[-1] == "At what time on 2 March 2026?"
        assert talk.user("5pm").values["visit"] == datetime(2026, 3, 2, 17, tzinfo=UTC)

    def test_of_a_day_without_its_year_the_rules_choose_the_year(self) -> None:
        talk = asking(self.VISIT).user("15 May")
        assert talk.said()[-1] == "At what time on 15 May 2026?"
        assert talk.user("5pm").values["visit"] == datetime(2026, 5, 15, 17, tzinfo=UTC)

    def test_an_hour_that_may_be_of_the_morning_is_asked_back(self) -> None:
        talk = asking(self.VISIT).user("tomorrow").user("5")
        assert talk.buttons() == [["2 March 2026, 05:00"], ["2 March 2026, 17:00"]]
        talk.press("2 March 2026, 17:00")
        assert talk.values["visit"] == datetime(2026, 3, 2, 17, tzinfo=UTC)

    def test_another_moment_takes_its_place(self) -> None:
        talk = asking(self.VISIT).user("tomorrow").user("2026-03-05 10:00")
        assert talk.values["visit"] == datetime(2026, 3, 5, 10, tzinfo=UTC)

    def test_its_words_lead_away_as_before(self) -> None:
        talk = asking(f"{self.VISIT}, skip: [later]").user("tomorrow").user("later")
        assert (talk.values.get("visit"), talk.outcome) == (None, "done")

    def test_a_day_that_the_rules_exclude_is_not_asked_for_its_time(self) -> None:
        talk = asking(self.VISIT).user("yesterday")
        assert talk.said()[-1].startswith("The date must be in the future.")

    def test_what_breaks_a_rule_with_its_time_is_told_so(self) -> None:
        talk = asking(self.VISIT).user("today").user("00:00")
        assert talk.said()[-1].startswith("The date must be in the future.")
        assert talk.user("23:59").values["visit"] == datetime(2026, 3, 1, 23, 59, tzinfo=UTC)

    def test_what_is_no_time_is_refused(self) -> None:
        talk = asking(self.VISIT).user("tomorrow").user("banana")
        assert talk.said()[-1].startswith("Please write a day and a time, like tomorrow 17:30")


def test_a_known_date_is_shown_in_the_customers_calendar() -> None:
    question = "ask: Born?, save_to: birth_date, overwrite: confirm"
    flow = f"flow: f\nnodes: [{{{question}}}]\n"
    talk = Talk(flow, business=JALALI, language="fa", birth_date=date(1990, 5, 15)).start("f")
    assert talk.said() == ["Birth date: ۱۳۶۹/۰۲/۲۵\nهنوز درست است؟"]
