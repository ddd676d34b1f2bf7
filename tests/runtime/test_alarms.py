"""What becomes an alarm, when it is over, and what the staff hears of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from rapport.runtime.alarms import KINDS, QUIET, Alarm, Alarms, Sighting, news_of
from tests.support.desk import NOON

MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


class Staff:
    """Somebody who is told what there is to tell, and when."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.alarms = Alarms()
        self.heard: list[tuple[float, str]] = []

    def look(self, minute: float, reason: str | None, *, reached: bool = True) -> None:
        self.alarms.see([Sighting(self.kind, "bot", reason)], at(minute))
        for alarm in self.alarms.known.values():
            news = news_of(alarm, at(minute))
            if news is not None and reached:
                alarm.set_told(news, at(minute))
                self.heard.append((minute, news))


def test_what_flickers_raises_nothing() -> None:
    staff = Staff("unreachable")
    for minute in range(30):
        staff.look(minute, "no answer" if minute % 3 else None)
    assert staff.heard == []


def test_what_stands_is_told_once_and_that_it_is_over_once() -> None:
    staff = Staff("unreachable")
    for minute in range(20):
        staff.look(minute, "no answer")
    for minute in range(20, 30):
        staff.look(minute, None)
    assert staff.heard == [(5, "raised"), (21, "over")]


def test_it_is_not_over_by_one_good_look() -> None:
    staff = Staff("database")
    staff.look(0, "the disk is full")
    staff.look(1, "the disk is full")
    staff.look(1.5, None)
    staff.look(2, "the disk is full")
    staff.look(2.9, None)
    assert staff.heard == [(1, "raised")]
    assert staff.alarms.known["database", "bot"].stands


def test_of_what_comes_and_goes_the_staff_hears_once_in_a_quarter_of_an_hour() -> None:
    staff = Staff("refused")
    for minute in range(60):
        staff.look(minute, "no" if minute % 4 < 2 else None)
    raised = [minute for minute, news in staff.heard if news == "raised"]
    assert raised[0] == 0
    assert all(later - sooner >= QUIET / MINUTE for sooner, later in pairwise(raised))
    assert len(staff.heard) <= 2 * len(raised)


def test_of_what_could_not_be_told_while_it_stood_both_ends_are_told_later() -> None:
    staff = Staff("unreachable")
    for minute in range(15):
        staff.look(minute, "no answer", reached=False)
    staff.look(15, None, reached=True)
    assert staff.heard == [(15, "raised")]
    staff.look(16, None)
    assert staff.heard == [(15, "raised"), (16, "over")]
    late = Staff("unreachable")
    for minute in range(15):
        late.look(minute, "no answer", reached=False)
    late.look(15, None, reached=False)
    late.look(16, None)
    late.look(17, None)
    assert late.heard == [(16, "over")]


def test_an_alarm_that_another_process_raised_is_ended_by_who_sees_that_all_is_well() -> None:
    alarms = Alarms()
    alarms.know([Alarm("conflict", "bot", "two of us", at(0), told_raised_at=at(0))])
    well = Sighting("conflict", "bot", None)
    assert alarms.see([well], at(5)) == []
    (over,) = alarms.see([well], at(6))
    assert (over.over_at, news_of(over, at(6))) == (at(6), "over")


def test_what_is_not_looked_at_stays_as_it_was() -> None:
    alarms = Alarms()
    alarms.see([Sighting("refused", "bot", "no")], at(0))
    alarms.see([Sighting("refused", "another bot", None)], at(60))
    assert alarms.known["refused", "bot"].stands


def test_every_kind_is_told_within_minutes_and_none_at_the_first_flicker_of_a_network() -> None:
    for name, kind in KINDS.items():
        assert kind.stands_for <= 5 * MINUTE, name
        assert kind.calm_for >= MINUTE, name
    assert KINDS["unreachable"].stands_for > KINDS["refused"].stands_for
