"""Triggers that a clock brings: once, on their day, where the customer is."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import update

from crm.tables import customer, event, trigger_firing
from tests.support.desk import CRM, Office

both_stores = pytest.mark.usefixtures("on_both_stores")

HI = "flow: hi\ntriggers: [{on: command, command: hi}]\nnodes: [{say: Hello}]\n---\n"


def flow(trigger: str, say: str = "Hurray", flow: str = "party", more: str = "") -> str:
    return f"flow: {flow}\n{more}triggers: [{{{trigger}}}]\nnodes: [{{say: '{say}'}}]\n"


def office(trigger: str, *, say: str = "Hurray", more: str = "", **options: Any) -> Office:
    at = Office(HI + flow(trigger, say, more=more), **options).says("/hi")
    at.said()
    return at


def set_of(at: Office, peer: str = "ann", **values: Any) -> Office:
    """What is known of a customer, whoever has put it there."""
    columns = {at.library.columns.get(key, key): value for key, value in values.items()}
    with at.engine.begin() as db:
        db.execute(update(customer).where(customer.c.id == at.customer_id(peer)).values(**columns))
    at.memory.forget()
    return at


def firings(at: Office) -> list[Any]:
    return at.rows(trigger_firing, "occurrence", "status", "reason")


class TestBirthdays:
    @both_stores
    def test_a_birthday_is_kept_once_in_the_morning(self) -> None:
        at = set_of(office("on: birthday"), birth_date=date(1990, 3, 4))
        assert at.advance("45h").said() == []
        assert at.advance("1h").said() == ["Hurray"]
        assert at.advance("300d").said() == []
        assert firings(at) == [("2026-03-04:0d", "started", None)]
        assert at.advance("66d").said() == ["Hurray"]

    @both_stores
    def test_each_offset_is_an_occasion(self) -> None:
        at = office("on: birthday, days_before: [7, 0], at: '09:00'", say="{{ event.days_before }}")
        set_of(at, birth_date=date(1990, 3, 11))
        at.advance("10d")
        assert at.said() == ["7", "0"]

    def test_who_joins_late_does_not_get_the_offsets_already_past(self) -> None:
        at = office("on: birthday, offset: [-7d, 0d]", say="{{ event.days_before }}")
        set_of(at, birth_date=date(1990, 3, 4))
        assert at.advance("10d").said() == ["0"]

    def test_a_birthday_entered_today_comes_if_its_hour_is_yet_to_come(self) -> None:
        at = office("on: birthday, at: '18:00'")
        assert set_of(at, birth_date=date(1990, 3, 2)).advance("1d").said() == ["Hurray"]
        late = office("on: birthday, at: '09:00'")
        assert set_of(late, birth_date=date(1990, 3, 2)).advance("1d").said() == []


SENDING = CRM + "sending: {quiet_hours: '22:00-08:00', cap: {per_day: 1, per_week: 2}}\n"
DAILY = "on: schedule, at: '10:00'"


class TestPermission:
    @both_stores
    def test_quiet_hours_hold_to_their_end(self) -> None:
        at = office("on: schedule, at: '23:00'", crm=SENDING)
        assert at.advance("19h").said() == []
        assert firings(at) == [("2026-03-02T23:00", "held", "quiet hours")]
        assert at.advance("1h").said() == ["Hurray"]

    def test_they_are_those_of_the_customer_s_zone(self) -> None:
        at = office("on: at, time: 2026-03-02T14:00:00Z", crm=SENDING)
        set_of(at, timezone="Asia/Tokyo")
        assert at.advance("10h").said() == []
        assert at.advance("1h").said() == ["Hurray"]

    def test_what_would_expire_within_them_is_skipped(self) -> None:
        at = office("on: schedule, at: '23:00', catch_up: 2h", crm=SENDING).advance("12h")
        assert firings(at)[0][1:] == ("skipped", "quiet hours until it expires")

    @both_stores
    def test_no_more_in_a_day_and_in_a_week_than_the_cap(self) -> None:
        at = office("on: schedule, cron: '0 10,11 * * *'", crm=SENDING).advance("9d")
        assert len(at.said()) == 4
        told = {reason for _, _, reason in firings(at) if reason}
        assert told == {"had 1 today, the most there is", "had 2 in seven days, the most there is"}

    def test_a_purpose_that_is_not_wanted_is_not_sent(self) -> None:
        at = set_of(
            office(DAILY, more="purpose: newsletter\n"),
            marketing_preferences={"email_newsletters": False},
        )
        at.advance("1d")
        assert firings(at)[0][1:] == ("skipped", "does not want newsletter")

    def test_a_birthday_has_a_purpose_of_its_own(self) -> None:
        at = set_of(office("on: birthday"), birth_date=date(1990, 3, 3))
        set_of(at, marketing_preferences={"birthday_messages": False, "promotion": True})
        at.advance("2d")
        assert firings(at)[0][1:] == ("skipped", "does not want birthday")

    def test_service_is_free_of_all_but_the_opt_out(self) -> None:
        at = office("on: schedule, at: '23:00'", more="purpose: service\n", crm=SENDING)
        assert len(at.advance("4d").said()) == 4
        at.says("stop").said()
        assert at.advance("2d").said() == []
        assert firings(at)[-1][1:] == ("skipped", "opted out")

    def test_what_a_person_began_is_never_held(self) -> None:
        at = Office(
            "flow: later\ntriggers: [{on: command, command: later}]\n"
            "nodes: [{say: Now}, {delay: 11h}, {say: Then}]\n", crm=SENDING
        ).says("/later")  # fmt: skip
        at.said()
        assert at.advance("11h").said() == ["Then"]

    @both_stores
    def test_a_run_that_wakes_up_in_quiet_hours_sleeps_on(self) -> None:
        at = Office(
            HI + "flow: drip\ntriggers: [{on: schedule, at: '15:00'}]\nagain: ignore\n"
            "nodes: [{say: One}, {delay: 8h}, {say: Two}, {tag: {add: [VIP]}}]\n",
            crm=CRM + "sending: {quiet_hours: '22:00-08:00'}\n",
        ).says("/hi")
        at.said()
        assert at.advance("12h").said() == ["One"]
        assert at.rows(event, "type", type="tag_added") == []
        assert at.advance("8h").said() == ["Two"]

    def test_in_a_chat_that_is_live_what_is_held_waits_on(self) -> None:
        at = office("on: schedule, at: '23:00'", crm=SENDING).advance("12h")
        assert at.says("/hi").said() == ["Hello"]
        assert at.advance("8h").said() == ["Hurray"]
