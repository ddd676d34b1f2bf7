"""What follows by itself in the turns of a service, and by night, under a clock that is moved."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from crm.services.customers import create_customer
from crm.tables import activity, customer, customer_tag, event, segment, segment_member, tag
from engine.referrals import referral_code
from tests.crm.businesses import CAUSE
from tests.support.desk import CRM, Office

RULES = (
    CRM
    + """
segments:
  silent: {when: {last_contacted_at__lt: 30 days ago}}
  young: {when: {birth_date__gt: 18 years ago}}
smart_tags:
  - {tag: VIP, when: {segment: silent}, remove_when_false: true}
"""
)

FLOW = """
flow: f
triggers: {on: command, command: start}
nodes: [say: Hello]
"""


def rows(office: Office, statement: Any) -> list[Any]:
    with office.engine.connect() as db:
        return [tuple(row) for row in db.execute(statement)]


def test_who_brought_somebody_becomes_an_advocate_with_the_first_message() -> None:
    office = Office(FLOW, crm=RULES).says("/start", peer="ann")
    ((ann, stage),) = rows(office, select(customer.c.id, customer.c.journey_stage))
    assert stage == "awareness"
    office.says("", peer="ben", kind="command", payload={
        "text": "/start", "command": "start", "argument": f"ref_{referral_code(ann)}"
    })  # fmt: skip
    stages = select(customer.c.journey_stage).order_by(customer.c.id)
    assert rows(office, stages) == [("advocacy",), ("awareness",)]
    office.says("Hi", peer="ann")  # what was remembered of Ann is no older than that
    assert rows(office, stages) == [("advocacy",), ("awareness",)]
    told = select(activity.c.description).where(
        activity.c.customer_id == ann, activity.c.type == "stage_changed"
    )
    assert rows(office, told) == [("journey: awareness → advocacy",)]


def test_time_that_passes_makes_people_enter_segments_as_every_night() -> None:
    office = Office(FLOW, crm=RULES).says("/start")
    members = (
        select(segment.c.key, segment_member.c.entered_at)
        .join(segment_member, segment_member.c.segment_id == segment.c.id)
    )  # fmt: skip
    tags = select(tag.c.name).join(customer_tag, customer_tag.c.tag_id == tag.c.id)
    office.advance("30d")
    assert rows(office, members) == []
    office.advance("1d")
    ((key, entered_at),) = rows(office, members)
    assert (key, entered_at.isoformat()) == ("silent", "2026-04-02T00:00:00+00:00")
    assert rows(office, tags) == [("VIP",)]
    assert rows(office, select(customer.c.crm_score)) == [(2,)]
    office.says("Hi")
    assert rows(office, members) == []
    assert rows(office, tags) == []


def test_a_segment_entered_by_night_starts_a_flow() -> None:
    flow = """
flow: miss
triggers: {on: segment_entered, segment: silent}
nodes: [say: We miss you]
"""
    office = Office(FLOW + "---" + flow, crm=RULES).says("/start")
    office.said()
    office.advance("29d")
    assert office.said() == []
    office.advance("2d")
    assert office.said() == ["We miss you"]
    office.advance("30d")
    assert office.said() == []


def test_a_night_that_changes_nothing_writes_nothing() -> None:
    office = Office(FLOW, crm=RULES).says("/start")
    office.advance("60d")
    before = rows(office, select(activity.c.id)), rows(office, select(event.c.id))
    office.advance("20d")
    assert (rows(office, select(activity.c.id)), rows(office, select(event.c.id))) == before


def test_somebody_made_by_hand_has_what_follows_before_the_first_message() -> None:
    office = Office(FLOW, crm=RULES)
    library = office.library
    with office.engine.begin() as db:
        given = {"first_name": "Ann", "birth_date": "2020-01-01"}
        create_customer(db, library.business_id, library.business, given, CAUSE, office.clock.now())
    assert rows(office, select(segment.c.key).join(segment_member)) == [("young",)]
