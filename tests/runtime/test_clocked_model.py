"""Triggers of the clock against a model that looks at every day and every customer."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from crm.tables import customer, trigger_firing
from tests.support.desk import CRM, Office

BEGIN = datetime(2026, 2, 20, 12, tzinfo=UTC)
ZONES = (None, "Asia/Tehran", "Pacific/Auckland", "America/Los_Angeles")
Person = tuple[date | None, str | None, int]
"""A birthday, a zone, and how many days ago they wrote last."""

PEOPLE = st.lists(
    st.tuples(
        st.one_of(
            st.none(),
            st.sampled_from([date(2000, 2, 29), date(1996, 2, 28), date(2001, 3, 1)]),
            st.dates(date(1960, 1, 1), date(2020, 1, 1)),
        ),
        st.sampled_from(ZONES),
        st.integers(0, 60),
    ),
    min_size=1,
    max_size=6,
)


def kept(born: date, year: int, leap_day: str) -> date:
    if (born.month, born.day) != (2, 29) or calendar.isleap(year):
        return born.replace(year=year)
    return date(year, 2, 28) if leap_day == "feb_28" else date(year, 3, 1)


def expected(
    people: Sequence[Person], offsets: Sequence[int], hour: int, leap_day: str, silent: int,
    days: int,
) -> set[tuple[int, str]]:  # fmt: skip
    found, end = set(), BEGIN + timedelta(days=days)
    for number, (born, zone, ago) in enumerate(people, 1):
        last = BEGIN - timedelta(days=ago)
        at_last: datetime | None = None
        for day in range(-2, days + 3):
            wall = datetime.combine(BEGIN.date() + timedelta(days=day), time(hour))
            at = wall.replace(tzinfo=ZoneInfo(zone or "UTC")).astimezone(UTC)
            if not BEGIN < at <= end:
                continue
            for offset in offsets if born else ():
                occasion = wall.date() - timedelta(days=offset)
                if born and kept(born, occasion.year, leap_day) == occasion:
                    found.add((number, f"{occasion}:{offset}d"))
            crossed = last + timedelta(days=silent)
            if at_last is None and crossed > BEGIN and crossed <= at:
                at_last = at
                found.add((number, f"{silent}:{last.isoformat()}"))
    return found


@settings(max_examples=6, deadline=None)
@given(
    people=PEOPLE,
    offsets=st.lists(st.integers(-9, 9), min_size=1, max_size=3, unique=True),
    hour=st.integers(0, 23),
    leap_day=st.sampled_from(["feb_28", "mar_1"]),
    silent=st.integers(1, 40),
)
def test_the_same_people_on_the_same_days(
    people: list[Person], offsets: list[int], hour: int, leap_day: str, silent: int
) -> None:
    written = ", ".join(f"{offset}d" for offset in offsets)
    trigger = f"on: birthday, offset: [{written}], leap_day: {leap_day}"
    at = Office(
        f"flow: f\ntriggers: [{{{trigger}, at: '{hour}:00'}}, "
        f"{{on: inactive, days: {silent}, at: '{hour}:00'}}]\nnodes: [{{say: Hi}}]\n",
        crm=CRM, now=BEGIN,
    )  # fmt: skip
    slot = at.library.columns["birth_date"]
    with at.engine.begin() as db:
        for born, zone, ago in people:
            row = {
                "business_id": at.library.business_id,
                "display_name": "x",
                "name_folded": "x",
                "created_at": BEGIN,
                "updated_at": BEGIN,
                "timezone": zone,
                slot: born,
                "last_message_at": BEGIN - timedelta(days=ago),
            }
            db.execute(insert(customer).values(row))
    end = BEGIN + timedelta(days=20)
    with at.engine.begin() as db:
        while (due := at.desk.next_scan(db)) is not None and due <= end:
            at.desk.scan(db, due)
        rows = db.execute(select(trigger_firing.c.customer_id, trigger_firing.c.occurrence))
        assert {tuple(row) for row in rows} == expected(people, offsets, hour, leap_day, silent, 20)
