"""`rapport explain` and `rapport simulate`: why somebody gets what, on real data that stay."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from crm.database import open_engine
from crm.tables import customer, scan_cursor, trigger_firing
from rapport.runtime.clock import SystemClock
from rapport.settings import read_settings
from tests.cli.conftest import Command
from tests.support.database import empty_schema
from tests.support.desk import CRM, Office

FLOW = """\
flow: hi
triggers: [{on: command, command: hi}]
nodes: [{say: Hello}]
---
flow: party
triggers: [{on: birthday, at: '10:00'}]
nodes: [{say: Hurray}]
---
flow: news
purpose: newsletter
triggers: [{on: schedule, at: '23:00', id: nightly}]
nodes: [{say: News}]
---
flow: gold
triggers: [{on: tag_added, tag: VIP, only: {size: {gt: 40}}}]
nodes: [{say: Gold}]
---
flow: calm
purpose: service
nodes: [{say: Calm}]
"""
QUIET = CRM + "sending: {quiet_hours: '22:00-08:00', cap: {per_day: 1}}\n"
FULL = "had 1 today, the most there is"


def apply(rapport: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("shop")
    folder.mkdir()
    (folder / "crm.yaml").write_text(QUIET, encoding="utf-8")
    (folder / "flows.yaml").write_text(FLOW, encoding="utf-8")
    monkeypatch.setenv("RAPPORT_FLOWS", str(folder))
    assert rapport("apply").code == 0
    engine = open_engine(read_settings().database_url)
    with engine.begin() as db:  # the office applies it too, at a time of its own
        db.execute(delete(scan_cursor))
    engine.dispose()


@pytest.fixture
def office(rapport: Command, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Ann, who has a birthday on 4 March, and Ben, who has none; both have said /hi."""
    apply(rapport, monkeypatch)
    at = Office(FLOW, crm=QUIET, url="sqlite:///rapport.db")
    at.says("/hi").says("/hi", peer="ben")
    column = at.library.columns["birth_date"]
    change(at, "ann", **{column: date(1990, 3, 4)})
    return at


def change(at: Office, peer: str, **values: Any) -> None:
    mine = customer.c.id == at.customer_id(peer)
    with at.engine.begin() as db:
        db.execute(update(customer).where(mine).values(**values))
    at.memory.forget()


def told(rapport: Command, *arguments: object) -> list[dict[str, Any]]:
    ended = rapport(*arguments, "--format", "json")
    assert ended.code == 0, ended.err
    rows: list[dict[str, Any]] = json.loads(ended.out)
    return rows


def shown(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


MARCH = ("--from", "2026-03-03", "--until", "2026-03-05")


class TestSimulating:
    def test_each_decision_stands_at_its_time(self, rapport: Command, office: Office) -> None:
        rows = told(rapport, "simulate", *MARCH)
        ann, ben = office.customer_id("ann"), office.customer_id("ben")
        parties = [row for row in rows if row["flow"] == "party"]
        assert shown(parties, "at", "customer", "occurrence", "decision", "reason") == [
            ("2026-03-04T10:00:00Z", ann, "2026-03-04:0d", "skip", FULL)
        ]
        news = [row for row in rows if row["flow"] == "news" and row["customer"] == ben]
        assert shown(news, "at", "decision", "reason")[:3] == [
            ("2026-03-03T23:00:00Z", "hold", "quiet hours"),
            ("2026-03-04T08:00:00Z", "send", ""),
            ("2026-03-04T23:00:00Z", "skip", FULL),
        ]
        assert rows == sorted(rows, key=lambda row: row["at"])

    def test_nothing_is_changed_or_sent(self, rapport: Command, office: Office) -> None:
        before = Path("rapport.db").read_bytes()
        told(rapport, "simulate", *MARCH)
        assert office.rows(trigger_firing, "trigger") == []
        assert Path("rapport.db").read_bytes() == before

    def test_it_says_what_the_engine_then_does(self, rapport: Command, office: Office) -> None:
        foretold = told(
            rapport, "simulate", "--from", "2026-03-02T12:00:00Z", "--until", "2026-03-12"
        )
        office.advance("10d")
        happened = {
            (row[0], row[1], row[2], {"started": "send", "skipped": "skip"}[row[3]])
            for row in office.rows(trigger_firing, "trigger", "customer_id", "occurrence", "status")
            if row[3] != "held"
        }
        last = {shown([row], "trigger", "customer", "occurrence")[0]: row for row in foretold}
        assert {(*key, row["decision"]) for key, row in last.items()} >= happened
        assert len(happened) > 10

    def test_days_and_reasons_are_summed_up_and_drawn(
        self, rapport: Command, office: Office
    ) -> None:
        ended = rapport("simulate", *MARCH, "--picture", "days.svg")
        assert "quiet hours" in ended.out
        assert "2026-03-04" in ended.out
        assert Path("days.svg").read_text(encoding="utf-8").startswith("<svg")

    def test_only_some_customers_are_looked_at(self, rapport: Command, office: Office) -> None:
        rows = told(rapport, "simulate", *MARCH, "--customers", 1)
        assert {row["customer"] for row in rows} == {office.customer_id("ann")}

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--from", "soon", "--until", "2026-03-05"),
            ("--from", "2026-03-05", "--until", "2026-03-01"),
        ],
    )
    def test_a_span_that_is_none_is_refused(
        self, rapport: Command, office: Office, arguments: tuple[str, ...]
    ) -> None:
        ended = rapport("simulate", *arguments)
        assert ended.code == 2
        assert "rapport: --" in ended.err

    def test_flows_that_are_not_applied_yet_can_be_tried(
        self, rapport: Command, office: Office
    ) -> None:
        Path("shop/flows.yaml").write_text(
            FLOW.replace("at: '10:00'", "at: '11:30'"), encoding="utf-8"
        )
        rows = told(rapport, "simulate", *MARCH, "--flows", "shop")
        assert ("2026-03-04T11:30:00Z", "party") in shown(rows, "at", "flow")


class TestExplaining:
    def test_what_was_decided_stands_with_its_rules(self, rapport: Command, office: Office) -> None:
        change(office, "ann", marketing_preferences={"newsletter": False})
        office.advance("12h")
        (past, *_) = told(rapport, "explain", office.customer_id("ann"), "--flow", "news")
        assert (past["decision"], past["reason"]) == ("skip", "does not want newsletter")
        holds = {rule["rule"]: rule["holds"] for rule in past["rules"]}
        assert holds["not_opted_out"] is True
        assert holds["marketing_preference"] is False
        assert holds["quiet_hours"] is None

    def test_what_would_be_decided_is_the_engine_s_answer(
        self, rapport: Command, office: Office
    ) -> None:
        ann = office.customer_id("ann")
        (row,) = told(rapport, "explain", ann, "--flow", "party")
        assert (row["decision"], row["forecast"]) == ("send", True)
        assert row["occurrence"].endswith("-03-04:0d")
        assert row["rules"][0] == {"rule": "birth_date", "value": "1990-03-04", "holds": True}
        office.says("stop")
        (row,) = told(rapport, "explain", ann, "--flow", "party")
        assert (row["decision"], row["reason"]) == ("skip", "opted out")

    def test_who_has_no_birthday_is_told_so(self, rapport: Command, office: Office) -> None:
        (row,) = told(rapport, "explain", office.customer_id("ben"), "--flow", "party")
        assert row["reason"] == "does not come within a year"
        assert row["rules"] == [{"rule": "birth_date", "value": None, "holds": False}]

    def test_what_has_not_happened_says_what_would_follow(
        self, rapport: Command, office: Office
    ) -> None:
        (row,) = told(rapport, "explain", office.customer_id("ann"), "--flow", "gold")
        assert row["decision"] == "skip"
        assert row["reason"] == "tag_added has not happened; then: skip, `only` does not hold"

    def test_the_person_s_own_act_is_told(self, rapport: Command, office: Office) -> None:
        (run, own) = told(rapport, "explain", office.customer_id("ann"), "--flow", "hi")
        assert (run["decision"], run["reason"]) == ("send", "the person's own act")
        assert own["reason"] == "the person has to do it"

    def test_a_table_says_it_in_words(self, rapport: Command, office: Office) -> None:
        ended = rapport("explain", office.customer_id("ann"), "--flow", "party")
        assert ended.code == 0
        assert "birth_date" in ended.out

    def test_who_and_what_there_is_not_is_told(self, rapport: Command, office: Office) -> None:
        assert rapport("explain", "999", "--flow", "party").code == 1
        ended = rapport("explain", office.customer_id("ann"), "--flow", "parti")
        assert (ended.code, ended.err) == (1, "rapport: There is no flow 'parti'.\n")


def test_it_works_on_postgresql_too(rapport: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with empty_schema() as url:
        monkeypatch.setenv("RAPPORT_DATABASE_URL", url)
        apply(rapport, monkeypatch)
        at = Office(FLOW, crm=QUIET, url=url).says("/hi")
        ann = at.customer_id("ann")
        rows = told(rapport, "simulate", *MARCH)
        assert ("2026-03-04T08:00:00Z", ann, "send") in shown(rows, "at", "customer", "decision")
        assert told(rapport, "explain", ann, "--flow", "news")[-1]["decision"] in ("send", "hold")
        at.engine.dispose()


class TestCampaigns:
    @pytest.fixture(autouse=True)
    def spring(self, rapport: Command, office: Office) -> None:
        Path("shop/spring.yaml").write_text(
            "campaign: spring\nflow: calm\ngoal: {on: purchase}\n", encoding="utf-8"
        )

    def test_one_is_estimated_started_watched_and_compared(
        self, rapport: Command, office: Office
    ) -> None:
        assert told(rapport, "campaigns", "list")[0]["status"] == "not started"
        ended = rapport("campaigns", "estimate", "spring", "--format", "json")
        assert json.loads(ended.out)["to_be_sent"] == 2
        assert len(told(rapport, "campaigns", "plan", "spring")) == 2
        ended = rapport("campaigns", "start", "spring", "--yes")
        assert (ended.code, ended.err) == (0, "")
        assert "2 people, 2 to be sent" in ended.out
        office.clock.set(SystemClock().now())
        office.drive.advance_to(office.clock.now() + timedelta(days=1))
        assert office.said("ben").count("Calm") == 1
        shown = rapport("campaigns", "progress", "spring")
        assert (shown.code, "100.0% of 2" in shown.out) == (0, True)
        (row,) = told(rapport, "campaigns", "results", "spring")
        assert (row["arm"], row["people"], row["goal"]) == ("all", 2, 0)
        (why,) = told(rapport, "explain", office.customer_id("ann"), "--campaign", "spring")
        assert why["trigger"] == "campaign:spring"

    def test_one_that_goes_on_is_in_a_simulation(self, rapport: Command, office: Office) -> None:
        rapport("campaigns", "start", "spring", "--yes")
        now = SystemClock().now()
        span = ("--from", now.isoformat(), "--until", (now + timedelta(days=1)).isoformat())
        rows = told(rapport, "simulate", *span)
        assert {row["customer"] for row in rows if row["trigger"] == "campaign:spring"} == {1, 2}

    def test_one_is_paused_resumed_and_cancelled(self, rapport: Command, office: Office) -> None:
        assert rapport("campaigns", "pause", "spring").code == 1
        assert rapport("campaigns", "start", "spring").code == 2
        rapport("campaigns", "start", "spring", "--yes")
        for command in ("pause", "resume", "cancel"):
            assert rapport("campaigns", command, "spring").code == 0
        assert rapport("campaigns", "resume", "spring").code == 1

    def test_what_is_not_there_is_told(self, rapport: Command, office: Office) -> None:
        ended = rapport("campaigns", "estimate", "sprung")
        assert (ended.code, "there is: spring" in ended.err) == (1, True)
