"""Applying a project: the database agrees with the files, and nothing with data in it is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from crm.errors import NotFound
from crm.services.customers import create_customer
from crm.services.projects import (
    Applied,
    apply_project,
    business_id_of,
    current_versions,
    flow_source,
)
from crm.services.tags import tag_ids
from crm.tables import business as business_table
from crm.tables import customer, flow_version, segment, tag
from engine.business import Business, Segment, Tag
from engine.criteria.ast import Compare
from engine.criteria.operators import Op
from tests.crm.businesses import CAUSE, NOW, SEGMENTS, TAGS, business, mapped

_LEAD = {"lead": ("flows/lead.yaml", "flow: lead")}


def _apply(
    db: Connection,
    project: Business,
    flows: dict[str, tuple[str, str]] | None = None,
    crm_source: str = "crm.yaml",
) -> Applied:
    return apply_project(db, project, crm_source, flows or {}, NOW)


def _lines(applied: Applied) -> list[str]:
    return [str(change) for change in applied.changes]


def _project() -> Business:
    return business("lotus", mapped("size"), tags=TAGS, segments=SEGMENTS)


def test_a_first_apply_makes_everything_and_says_so(db: Connection) -> None:
    assert _lines(_apply(db, _project(), _LEAD)) == [
        "+ business lotus",
        "+ field size: text in custom_text_1",
        "+ tag VIP",
        "+ segment ambassadors",
        "+ flow lead: version 1",
    ]


def test_applying_an_unchanged_project_changes_nothing(db: Connection) -> None:
    _apply(db, _project(), _LEAD)
    applied_at = select(business_table.c.applied_at).where(business_table.c.key == "lotus")
    before = db.scalar(applied_at)
    again = apply_project(db, _project(), "crm.yaml", _LEAD, NOW + timedelta(days=1))
    assert again.changes == ()
    assert db.scalar(applied_at) == before


def test_rolled_back_it_is_a_dry_run(db: Connection) -> None:
    savepoint = db.begin_nested()
    assert _apply(db, _project(), _LEAD).changes
    savepoint.rollback()
    with pytest.raises(NotFound, match="rapport apply"):
        business_id_of(db, "lotus")


def test_an_emptied_project_takes_out_of_use_and_deletes_nothing(db: Connection) -> None:
    first = _apply(db, _project(), _LEAD)
    made = create_customer(db, first.business_id, _project(), {"size": "L"}, CAUSE, NOW)
    emptied = replace(
        _project(), fields=business("lotus", mapped("size")).fields, tags={}, segments={}
    )
    emptied = replace(emptied, fields={k: f for k, f in emptied.fields.items() if f.base})
    assert _lines(_apply(db, emptied)) == [
        "- field size: its values are kept",
        "- tag VIP: customers who have it keep it",
        "- segment ambassadors: its members are kept",
        "- flow lead: open runs finish, none start",
    ]
    size = select(customer.c.custom_text_1).where(customer.c.id == made)
    assert db.scalar(size) == "L"
    assert _lines(_apply(db, _project(), _LEAD)) == [
        "+ field size: restored, text in custom_text_1",
        "+ tag VIP: restored, is_active",
        "+ segment ambassadors: restored",
        "+ flow lead: restored, version 1",
    ]


def test_a_flow_gets_a_new_version_only_when_its_text_changes(db: Connection) -> None:
    business_id = _apply(db, _project(), _LEAD).business_id
    changed = {"lead": ("flows/lead.yaml", "flow: lead  # better")}
    assert _lines(_apply(db, _project(), changed)) == ["~ flow lead: version 2"]
    assert current_versions(db, business_id) == {"lead": 2}
    assert flow_source(db, business_id, "lead", 1).source == "flow: lead"
    assert flow_source(db, business_id, "lead", 2).path == "flows/lead.yaml"


def test_going_back_to_an_older_text_is_a_new_version(db: Connection) -> None:
    business_id = _apply(db, _project(), _LEAD).business_id
    _apply(db, _project(), {"lead": ("flows/lead.yaml", "other")})
    _apply(db, _project(), _LEAD)
    assert current_versions(db, business_id) == {"lead": 3}


def test_a_moved_file_keeps_its_version(db: Connection) -> None:
    business_id = _apply(db, _project(), _LEAD).business_id
    moved = {"lead": ("flows/sub/lead.yaml", "flow: lead")}
    assert _lines(_apply(db, _project(), moved)) == ["~ flow lead: moved to flows/sub/lead.yaml"]
    assert flow_source(db, business_id, "lead", 1).path == "flows/sub/lead.yaml"


def test_a_removed_flow_has_no_current_version_and_its_sources_stay(db: Connection) -> None:
    business_id = _apply(db, _project(), _LEAD).business_id
    _apply(db, _project())
    assert current_versions(db, business_id) == {}
    assert flow_source(db, business_id, "lead", 1).source == "flow: lead"


def test_versions_are_those_of_the_business(db: Connection) -> None:
    ours = _apply(db, _project(), _LEAD).business_id
    theirs = _apply(db, business("other", mapped("size")), {"lead": ("l.yaml", "theirs")})
    _apply(db, business("other", mapped("size")), {"lead": ("l.yaml", "theirs 2")})
    assert current_versions(db, ours) == {"lead": 1}
    assert current_versions(db, theirs.business_id) == {"lead": 2}
    with pytest.raises(NotFound, match="version 2 of the flow 'lead'"):
        flow_source(db, ours, "lead", 2)
    counted = select(func.count()).where(flow_version.c.business_id == ours)
    assert db.scalar(counted) == 1


def test_a_changed_crm_yaml_is_kept_as_it_was_written(db: Connection) -> None:
    _apply(db, _project())
    assert _lines(_apply(db, _project(), crm_source="# new")) == ["~ business lotus: crm.yaml"]
    source = select(business_table.c.source).where(business_table.c.key == "lotus")
    assert db.scalar(source) == "# new"


def test_a_tag_written_in_other_letters_is_the_same_tag(db: Connection) -> None:
    first = _apply(db, replace(_project(), tags={"VIP": Tag("VIP")}))
    again = _apply(db, replace(_project(), tags={"Vip": Tag("Vip")}))
    assert _lines(again) == ["~ tag Vip: name"]
    assert list(tag_ids(db, first.business_id)) == ["Vip"]
    counted = select(func.count()).where(tag.c.business_id == first.business_id)
    assert db.scalar(counted) == 1


def test_a_dynamic_segment_keeps_its_criterion_as_json(db: Connection) -> None:
    vip = Segment("vip", "VIP", criterion=Compare("crm_score", Op.GREATER_THAN, 80))
    applied = _apply(db, replace(_project(), segments={"vip": vip}))
    row = db.execute(
        select(segment.c.kind, segment.c.criteria).where(
            segment.c.business_id == applied.business_id
        )
    ).one()
    assert row.kind == "dynamic"
    assert row.criteria == {"field": "crm_score", "op": "greater_than", "value": 80}


def test_two_segments_may_exchange_their_names(db: Connection) -> None:
    a, b = Segment("a", "First", static=True), Segment("b", "Second", static=True)
    business_id = _apply(db, replace(_project(), segments={"a": a, "b": b})).business_id
    swapped = {"a": replace(a, name="Second"), "b": replace(b, name="First")}
    assert _lines(_apply(db, replace(_project(), segments=swapped))) == [
        "~ segment a: name",
        "~ segment b: name",
    ]
    names = select(segment.c.key, segment.c.name).where(segment.c.business_id == business_id)
    assert {row.key: row.name for row in db.execute(names)} == {"a": "Second", "b": "First"}


def test_a_segment_may_take_the_name_of_one_that_was_removed(db: Connection) -> None:
    _apply(db, replace(_project(), segments={"a": Segment("a", "VIP", static=True)}))
    renamed = replace(_project(), segments={"b": Segment("b", "VIP", static=True)})
    assert _lines(_apply(db, renamed)) == [
        "+ segment b",
        "- segment a: its members are kept",
    ]
