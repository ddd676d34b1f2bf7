"""Campaigns: who gets them, when, how fast, and what came of it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from crm.errors import NotAllowed
from crm.tables import alarm, campaign_run, customer, event, outbox, trigger_firing
from engine.campaign import LEFT_OUT, Campaign, interval
from rapport.campaigning import estimate, progress, require_run, results, set_status, start
from tests.support.desk import CRM, Office, load

both_stores = pytest.mark.usefixtures("on_both_stores")

FLOWS = """\
flow: hi
triggers: [{on: command, command: hi}]
nodes: [{say: Hello}]
---
flow: sale
nodes: [{say: Sale}]
---
flow: other
nodes: [{say: 'Arm {{ event.arm }}'}]
---
"""


def office(campaign: str, people: int = 3, crm: str = CRM) -> Office:
    """People p0, p1 and so on, and a campaign that is not started."""
    at = Office(load(f"{FLOWS}{campaign}", crm), crm=crm)
    for number in range(people):
        at.says("/hi", peer=f"p{number}")
        at.said(f"p{number}")
    at.shown.clear()
    return at


def read(at: Office, written: str, crm: str = CRM) -> Campaign:
    (found,) = load(f"{FLOWS}{written}", crm).campaigns.values()
    return found


def begun(written: str, people: int = 3, crm: str = CRM) -> Office:
    at = office(written, people, crm)
    with at.engine.begin() as db:
        start(db, at.library, read(at, written, crm), at.clock.now())
    return at


def got(at: Office) -> Counter[str]:
    return Counter(delivery.peer for delivery in at.shown)


def told(at: Office) -> dict[str, Any]:
    with at.engine.connect() as db:
        return progress(db, at.library.business_id, "spring")


def change(at: Office, peer: str, **values: Any) -> None:
    mine = customer.c.id == at.customer_id(peer)
    with at.engine.begin() as db:
        db.execute(update(customer).where(mine).values(**values))
    at.memory.forget()


def say_status(at: Office, status: str) -> None:
    with at.engine.begin() as db:
        set_status(db, at.library.business_id, "spring", status)


class TestWhoGetsIt:
    @both_stores
    def test_everybody_gets_it_once(self) -> None:
        at = begun("campaign: spring\nflow: sale\n").advance("1m")
        assert got(at) == {"p0": 1, "p1": 1, "p2": 1}
        assert at.advance("3d").rows(campaign_run, "status") == ["done"]
        assert got(at) == {"p0": 1, "p1": 1, "p2": 1}

    @both_stores
    def test_only_its_audience_does(self) -> None:
        written = "campaign: spring\nflow: sale\naudience: {size: {gt: 40}}\n"
        at = office(written)
        change(at, "p1", **{at.library.columns["size"]: 42})
        with at.engine.begin() as db:
            start(db, at.library, read(at, written), at.clock.now())
        assert got(at.advance("1m")) == {"p1": 1}

    def test_nobody_is_an_audience_that_is_refused(self) -> None:
        written = "campaign: spring\nflow: sale\naudience: {size: {gt: 40}}\n"
        with pytest.raises(NotAllowed, match=r"flows\.yaml:11: nobody is in the audience"):
            begun(written)

    def test_it_runs_once_at_a_time(self) -> None:
        written = "campaign: spring\nflow: sale\nat: 2026-03-05\n"
        at = begun(written)
        with at.engine.begin() as db, pytest.raises(NotAllowed, match="running already"):
            start(db, at.library, read(at, written), at.clock.now())

    def test_who_has_opted_out_is_skipped_with_the_reason(self) -> None:
        at = office("campaign: spring\nflow: sale\n")
        at.says("stop", peer="p0").shown.clear()
        with at.engine.begin() as db:
            start(db, at.library, read(at, "campaign: spring\nflow: sale\n"), at.clock.now())
        at.advance("1m")
        assert got(at) == {"p1": 1, "p2": 1}
        assert told(at)["reasons"] == {"opted out": 1}

    def test_quiet_hours_are_kept_by_campaigns_too(self) -> None:
        crm = CRM + "sending: {quiet_hours: '11:00-14:00'}\n"
        at = begun("campaign: spring\nflow: sale\n", crm=crm).advance("1h")
        assert got(at) == {}
        assert got(at.advance("1h")) == {"p0": 1, "p1": 1, "p2": 1}


class TestWhen:
    def test_a_time_without_an_offset_is_each_one_s_own(self) -> None:
        written = "campaign: spring\nflow: sale\nat: 2026-03-03T10:00\n"
        at = office(written, people=2)
        change(at, "p1", timezone="Asia/Tokyo")
        with at.engine.begin() as db:
            start(db, at.library, read(at, written), at.clock.now())
        assert got(at.advance("13h")) == {"p1": 1}
        assert got(at.advance("9h")) == {"p0": 1, "p1": 1}

    def test_outside_of_its_window_it_waits(self) -> None:
        at = begun("campaign: spring\nflow: sale\nwindow: '15:00-18:00'\n").advance("2h")
        assert got(at) == {}
        assert sum(got(at.advance("1h")).values()) == 3


class TestPace:
    @both_stores
    def test_no_more_is_let_go_than_the_pace_sends_in_thirty_seconds(self) -> None:
        crm = CRM + "sending: {rate: 100}\n"
        at = begun("campaign: spring\nflow: sale\npace: 1\n", 70, crm).advance("1s")
        counts = [len(at.shown), *(len(at.advance("30s").shown) for _ in range(3))]
        assert counts == [30, 60, 70, 70]

    @both_stores
    def test_paused_it_lets_nobody_go_and_goes_on_later(self) -> None:
        at = begun("campaign: spring\nflow: sale\npace: 1\n", 40).advance("1s")
        say_status(at, "paused")
        assert len(at.advance("2d").shown) == 30
        say_status(at, "running")
        assert len(at.advance("1m").shown) == 40

    @both_stores
    def test_cancelled_it_ends_with_a_reason_for_each(self) -> None:
        at = begun("campaign: spring\nflow: sale\npace: 1\n", 40).advance("1s")
        say_status(at, "cancelling")
        at.advance("1m")
        assert len(at.shown) == 30
        assert told(at)["status"] == "cancelled"
        assert told(at)["reasons"] == {"the campaign was cancelled": 10}

    def test_too_many_errors_pause_it_and_tell_the_staff(self) -> None:
        at = begun("campaign: spring\nflow: sale\npace: 1\n", 40).advance("1s")
        with at.engine.begin() as db:
            first = select(outbox.c.id).where(outbox.c.lane == 1).limit(3)
            db.execute(update(outbox).where(outbox.c.id.in_(first)).values(status="dead"))
        at.advance("1m")
        assert (told(at)["status"], len(at.shown)) == ("paused", 30)
        reason = "3 of 30 messages could not be sent"
        assert at.rows(alarm, "kind", "reason") == [("campaign", reason)]
        say_status(at, "running")
        assert len(at.advance("1m").shown) == 40

    def test_the_estimate_says_how_long_it_takes(self) -> None:
        written = "campaign: spring\nflow: sale\npace: 2\nholdout: 50\n"
        at = office(written, people=8)
        at.says("stop", peer="p0")
        with at.engine.connect() as db:
            reckoned = estimate(db, at.library, read(at, written), at.clock.now())
        assert (reckoned["audience"], reckoned["reachable"]) == (8, 7)
        assert (reckoned["to_be_sent"], reckoned["seconds"]) == (4, 2)


ARMS = """\
campaign: spring
arms: {short: {flow: sale}, long: {flow: other, weight: 2}}
holdout: 20
goal: {on: purchase, within: 2d}
"""


class TestResults:
    @both_stores
    def test_arms_and_who_is_held_out_are_compared(self) -> None:
        at = begun(ARMS, 60).advance("1m")
        rows = at.rows(trigger_firing, "customer_id", "status", "request")
        by_arm = Counter(row[2]["event"]["arm"] for row in rows)
        assert 25 < by_arm["long"] < 50
        assert 8 < by_arm["short"] < 30
        assert 3 < by_arm[LEFT_OUT] < 25
        assert {row[1] for row in rows if row[2]["event"]["arm"] == LEFT_OUT} == {"skipped"}
        assert len(at.shown) == 60 - by_arm[LEFT_OUT]
        buyers = [row[0] for row in rows if row[2]["event"]["arm"] == "long"][:10]
        now = at.clock.now()
        with at.engine.begin() as db:
            business_id = at.library.business_id
            for one, days in [(one, 1) for one in buyers[:9]] + [(buyers[9], 3)]:
                bought = {
                    "business_id": business_id, "customer_id": one, "type": "purchase",
                    "data": {"amount": 5}, "depth": 0, "at": now + timedelta(days=days),
                }  # fmt: skip
                db.execute(event.insert().values(bought))
            goal = read(at, ARMS).goal
            found = {row["arm"]: row for row in results(db, business_id, "spring", goal)}
            assert require_run(db, business_id, "spring").status in ("running", "done")
        assert (found["long"]["goal"], found["short"]["goal"]) == (9, 0)
        assert found["long"]["sent"] == found["long"]["delivered"] == by_arm["long"]
        assert found["long"]["goal_low"] < found["long"]["goal_share"] < found["long"]["goal_high"]
        assert found[LEFT_OUT]["sent"] == 0

    def test_who_wrote_afterwards_has_replied(self) -> None:
        at = begun("campaign: spring\nflow: sale\n").advance("1m").says("/hi", peer="p1")
        with at.engine.connect() as db:
            (row,) = results(db, at.library.business_id, "spring", None)
        assert (row["sent"], row["replied"]) == (3, 1)

    @given(of=st.integers(0, 10_000), data=st.data())
    def test_an_interval_holds_its_share(self, of: int, data: st.DataObject) -> None:
        reached = data.draw(st.integers(0, of))
        low, high = interval(reached, of)
        assert 0 <= low <= high <= 1
        if of:
            assert low <= reached / of + 1e-9
            assert high >= reached / of - 1e-9
