"""Triggers that a clock brings: once, on their day, where the customer is."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from crm.tables import (
    alarm,
    customer,
    event,
    field_history,
    segment,
    segment_member,
    task,
    trigger_firing,
)
from rapport.runtime.desk import Desk
from rapport.runtime.scans import SAME_OCCASION
from rapport.runtime.states import pause
from rapport.runtime.trigger_book import resume
from rapport.runtime.turns import Turns
from tests.support.desk import CRM, NOON, Office

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
        assert at.advance("30d").said() == []
        assert firings(at) == [("2026-03-04:0d", "started", None)]

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


class TestSilence:
    @both_stores
    def test_it_comes_once_in_a_spell_of_silence(self) -> None:
        at = office("on: inactive, days: 30")
        assert at.advance("30d").said() == []
        assert at.advance("1d").said() == ["Hurray"]
        assert at.advance("60d").said() == []
        at.says("/hi").said()
        assert at.advance("31d").said() == ["Hurray"]

    def test_who_was_silent_for_longer_before_the_trigger_does_not_count(self) -> None:
        at = Office(HI).says("/hi")
        at.said()
        at.advance("60d").apply(HI + flow("on: inactive_for_days, days: 30"))
        assert at.advance("10d").said() == []

    def test_with_backfill_they_do(self) -> None:
        at = Office(HI).says("/hi")
        at.said()
        at.advance("60d").apply(HI + flow("on: inactive, days: 30, backfill: true"))
        assert at.advance("10d").said() == ["Hurray"]

    def test_who_has_never_written_counts_where_that_is_said(self) -> None:
        at = set_of(office("on: inactive, days: 30, include_never: true"), last_message_at=None)
        assert at.advance("40d").said() == ["Hurray"]
        other = set_of(office("on: inactive, days: 30"), last_message_at=None)
        assert other.advance("40d").said() == []


class TestSchedules:
    def test_on_its_weekdays(self) -> None:
        at = office("on: schedule, weekday: [wed, fri], at: '09:00'", say="{{ event.time }}")
        at.advance("7d")
        assert at.said() == ["2026-03-04T09:00", "2026-03-06T09:00"]

    @both_stores
    def test_for_a_segment_alone(self) -> None:
        crm = CRM + "segments: {big: {name: Big, when: {size__gte: 45}}}\n"
        at = office("on: schedule, at: '13:00', segment: big", crm=crm).says("/hi", peer="bob")
        at.said("bob")
        with at.engine.begin() as db:
            there = db.execute(select(segment.c.id)).scalar_one()
            row = {"segment_id": there, "customer_id": at.customer_id("bob")}
            row |= {"business_id": at.library.business_id, "entered_at": NOON}
            db.execute(insert(segment_member).values(row))
            db.execute(
                update(customer)
                .where(customer.c.id == at.customer_id("bob"))
                .values({at.library.columns["size"]: 46})
            )
        at.memory.forget()
        at.advance("2h")
        assert (at.said(), at.said("bob")) == ([], ["Hurray"])

    def test_of_what_was_missed_only_the_newest_comes(self) -> None:
        at = office("on: schedule, cron: '*/10 * * * *'")
        at.clock.set(NOON + timedelta(hours=3))
        at.drive.settle_down()
        assert at.said() == ["Hurray"]

    def test_a_moment_that_is_over_never_comes(self) -> None:
        assert office("on: at, time: 2026-03-02T09:00").advance("3d").said() == []


class TestDates:
    @both_stores
    def test_hours_before_the_time_of_a_datetime(self) -> None:
        crm = CRM.replace("tags:", "  visit: {label: Visit, type: datetime}\ntags:")
        at = office("on: date, field: visit, offset: [-2h, 1d]", crm=crm)
        set_of(at, custom_fields_extra={"visit": "2026-03-03T15:30:00Z"})
        assert at.advance("25h").said() == []
        assert at.advance("30m").said() == ["Hurray"]
        assert at.advance("26h").said() == ["Hurray"]
        assert [row[0][-3:] for row in firings(at)] == ["-2h", ":1d"]

    def test_a_corrected_birthday_does_not_come_twice(self) -> None:
        at = set_of(office("on: birthday"), birth_date=date(1990, 3, 4)).advance("3d")
        assert at.said() == ["Hurray"]
        assert set_of(at, birth_date=date(1990, 3, 8)).advance("5d").said() == []
        assert firings(at)[1][1:] == ("skipped", SAME_OCCASION)

    def test_a_date_that_is_not_yearly_comes_once(self) -> None:
        at = office("on: date, field: birth_date, offset: 30d")
        set_of(at, birth_date=date(2026, 2, 3))
        assert at.advance("10d").said() == ["Hurray"]

    def test_a_jalali_birthday_comes_on_its_day_of_that_calendar(self) -> None:
        crm = CRM.replace("country: IR", "country: IR, calendar: jalali")
        at = Office(HI + flow("on: birthday"), crm=crm, now=datetime(2028, 5, 1, tzinfo=UTC))
        at.says("/hi").said()
        set_of(at, birth_date=date(1990, 5, 15)).advance("30d")
        assert firings(at) == [("2028-05-14:0d", "started", None)]

    @pytest.mark.parametrize(
        ("policy", "year", "day"),
        [
            ("feb_28", 2027, "2027-02-28"),
            ("mar_1", 2027, "2027-03-01"),
            ("feb_28", 2028, "2028-02-29"),
            ("mar_1", 2028, "2028-02-29"),
        ],
    )
    def test_the_29th_of_february(self, policy: str, year: int, day: str) -> None:
        trigger = f"on: birthday, leap_day: {policy}"
        at = office(trigger, now=datetime(year, 2, 25, tzinfo=UTC))
        set_of(at, birth_date=date(2000, 2, 29)).advance("7d")
        assert [row[0] for row in firings(at)] == [f"{day}:0d"]


class TestTasks:
    @both_stores
    def test_a_task_past_its_time_tells_once(self) -> None:
        at = office("on: task_overdue", say="{{ event.title }}")
        with at.engine.begin() as db:
            row = {
                "business_id": at.library.business_id,
                "customer_id": at.customer_id(),
                "title": "Call",
                "priority": "normal",
                "due_at": NOON + timedelta(hours=2),
                "created_at": NOON,
                "by": "test",
            }
            db.execute(insert(task).values(row))
        assert at.advance("1h").said() == []
        assert at.advance("5h").said() == ["Call"]


class TestZones:
    def test_each_where_they_are(self) -> None:
        at = set_of(office(DAILY), timezone="Asia/Tehran")
        at.advance("18h")
        assert at.said() == []
        assert at.advance("30m").said() == ["Hurray"]

    def test_who_moves_east_over_the_hour_does_not_miss_it(self) -> None:
        at = set_of(
            office("on: birthday"), birth_date=date(1990, 3, 3), timezone="America/New_York"
        )
        at.advance("24h")
        with at.engine.begin() as db:
            row = {
                "business_id": at.library.business_id,
                "customer_id": at.customer_id(),
                "field": "timezone",
                "old": "America/New_York",
                "new": "Asia/Tokyo",
                "at": at.clock.now(),
                "by": "test",
            }
            db.execute(insert(field_history).values(row))
        set_of(at, timezone="Asia/Tokyo")
        at.advance("3d")
        assert firings(at) == [("2026-03-03:0d", "started", None)]

    @pytest.mark.parametrize(
        ("zone", "begin", "hour"),
        [
            ("Europe/Berlin", datetime(2026, 3, 27, tzinfo=UTC), "02:30"),
            ("Europe/Berlin", datetime(2026, 10, 23, tzinfo=UTC), "02:30"),
            ("America/New_York", datetime(2026, 3, 6, tzinfo=UTC), "02:15"),
            ("America/New_York", datetime(2026, 10, 30, tzinfo=UTC), "01:30"),
            ("Australia/Lord_Howe", datetime(2026, 10, 1, tzinfo=UTC), "02:15"),
            ("Australia/Lord_Howe", datetime(2026, 4, 2, tzinfo=UTC), "01:45"),
            ("Africa/Casablanca", datetime(2026, 2, 13, tzinfo=UTC), "02:30"),
            ("Africa/Casablanca", datetime(2026, 3, 20, tzinfo=UTC), "02:30"),
            ("Pacific/Apia", datetime(2011, 12, 28, tzinfo=UTC), "10:00"),
            ("Asia/Tehran", datetime(2022, 3, 19, tzinfo=UTC), "00:30"),
            ("Asia/Kathmandu", datetime(2026, 5, 1, tzinfo=UTC), "00:00"),
        ],
    )
    def test_every_day_once_whatever_the_clocks_do(
        self, zone: str, begin: datetime, hour: str
    ) -> None:
        at = set_of(office(f"on: schedule, at: '{hour}'", now=begin), timezone=zone)
        at.advance("6d")
        days = [row[0][:10] for row in firings(at)]
        first = date.fromisoformat(days[0])
        assert len(days) in (5, 6, 7)
        assert days == [str(first + timedelta(days=number)) for number in range(len(days))]


class TestTheSystem:
    @pytest.mark.parametrize("down", [timedelta(hours=3), timedelta(days=3), timedelta(days=21)])
    def test_what_was_due_while_it_was_down_is_caught_up_or_recorded(self, down: timedelta) -> None:
        at = set_of(office("on: birthday, at: '13:00'"), birth_date=date(1990, 3, 2))
        at.clock.set(NOON + down)
        at.drive.settle_down()
        if down < timedelta(days=1):
            assert at.said() == ["Hurray"]
        else:
            assert firings(at) == [("2026-03-02:0d", "skipped", "expired")]

    def test_a_clock_that_was_a_year_ahead_does_not_silence_a_year(self) -> None:
        at = office(DAILY)
        at.clock.set(NOON + timedelta(days=365))
        at.drive.settle_down()
        at.said()
        at.clock.set(NOON + timedelta(hours=1))
        at.drive.settle_down()
        assert at.advance("1d").said() == ["Hurray"]

    def test_a_clock_set_back_an_hour_repeats_nothing(self) -> None:
        at = office(DAILY).advance("23h")
        assert at.said() == ["Hurray"]
        at.clock.set(NOON + timedelta(hours=21, minutes=30))
        at.drive.settle_down()
        assert at.advance("2h").said() == []

    @both_stores
    def test_two_that_look_at_once_plan_once(self) -> None:
        at = set_of(office("on: birthday"), birth_date=date(1990, 3, 3))
        at.clock.set(NOON + timedelta(days=1))
        desks = [at.desk, Desk(Turns(at.library, {}, lambda _, message: [message]))]
        for desk in desks:
            with at.engine.begin() as db:
                desk.scan(db, at.clock.now())
        assert at.rows(trigger_firing, "occurrence") == ["2026-03-03:0d"]

    @both_stores
    def test_a_scan_that_dies_in_the_middle_goes_on_where_it_was(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rapport.runtime.sweeps.PIECE", 2)
        monkeypatch.setattr("rapport.runtime.scans.PIECE", 2)
        at = office(DAILY).says("/hi", peer="b").says("/hi", peer="c").says("/hi", peer="d")
        at.says("/hi", peer="e")
        at.clock.set(NOON + timedelta(days=1))
        for _ in range(5):
            with suppress(OSError), at.engine.begin() as db:
                at.desk.scan(db, at.clock.now())
                raise OSError("killed before the commit")
            with at.engine.begin() as db:
                at.desk.scan(db, at.clock.now())
        assert len(at.rows(trigger_firing, "customer_id")) == 5

    def test_what_is_paused_starts_nothing_and_nothing_comes_back(self) -> None:
        at = office(DAILY)
        name = at.library.clocked[0].id
        with at.engine.begin() as db:
            pause(db, at.library.business_id, name, "test", "by hand", NOON)
        assert at.advance("3d").said() == []
        with at.engine.begin() as db:
            assert resume(db, at.library.business_id, name, at.clock.now())
        at.drive.settle_down()
        assert at.said() == []
        assert at.advance("1d").said() == ["Hurray"]

    def test_a_trigger_that_fires_too_often_is_paused_and_the_staff_told(self) -> None:
        at = Office(
            "flow: on\ntriggers: [{on: command, command: on}]\nnodes: [{tag: {add: [VIP]}}]\n---\n"
            "flow: off\ntriggers: [{on: command, command: off}]\n"
            "nodes: [{tag: {remove: [VIP]}}]\n---\n" + flow("on: tag_added, tag: VIP, ceiling: 2")
        )
        at.says(*(["/on", "/off"] * 5))
        assert len(at.said()) == 3
        assert at.rows(alarm, "kind", "about") == [("storm", "party/tag_added tag=VIP")]
        assert sorted(status for _, status, _ in firings(at)) == ["skipped"] * 2 + ["started"] * 3
