"""One thing done to many customers, piece by piece."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from crm.errors import CrmError, InvalidValues, NotFound
from crm.services import bulk
from crm.services.customers import archive_customer, create_customer
from crm.services.ledger import Cause
from crm.services.tasks import list_tasks
from crm.tables import activity, customer, customer_tag, field_history, segment_member
from engine.business import Segment, Staff, Tag
from engine.criteria import Criterion
from engine.fields.types import Rules
from rapport.cli.customers import read_criteria
from tests.crm.businesses import CAUSE, FIELDS, NOW, SEGMENTS, applied, business, mapped

PROJECT = business(
    "lotus", *FIELDS, mapped("badge", rules=Rules(unique=True)), mapped("size", required=True),
    tags={"VIP": Tag("VIP")}, staff=(Staff("Ali", "owner"),),
    segments=SEGMENTS | {"far": Segment("far", "Far", criterion=None, static=True)},
)  # fmt: skip
ALI = Cause("staff:Ali", "spring")
LATER = NOW + timedelta(days=1)


class Shop:
    def __init__(self, db: Connection) -> None:
        self.db = db
        self.id = applied(db, PROJECT)
        self.at = (db, self.id, PROJECT)
        self.all = [
            create_customer(
                *self.at, {"first_name": f"C{n}", "city": city, "size": "1"}, CAUSE, NOW
            )
            for n, city in enumerate(("Tehran", "Tehran", "Shiraz", "Tehran", "Tehran"))
        ]

    def begin(self, action: dict[str, Any], where: str = "city: Tehran") -> int:
        return bulk.begin(*self.at, action, self.read(where), ALI, LATER)

    def read(self, where: str) -> Criterion | None:
        return read_criteria(where, PROJECT) if where else None

    def do(self, action: dict[str, Any], where: str = "city: Tehran") -> bulk.Progress:
        number = self.begin(action, where)
        while not (progress := bulk.go_on(*self.at, number, LATER, 2)).ended:
            pass
        return progress

    def of(self, name: str) -> list[Any]:
        return list(self.db.scalars(select(customer.c[name]).order_by(customer.c.id)))


@pytest.fixture
def shop(db: Connection) -> Shop:
    return Shop(db)


def test_a_tag_is_put_on_those_who_lack_it_and_taken_off_again(shop: Shop) -> None:
    done = shop.do({"tag": {"add": ["vip"]}})
    assert (done.seen, done.changed) == (4, 4)
    assert shop.do({"tag": {"add": ["VIP"]}}).changed == 0
    by = select(customer_tag.c.by).distinct()
    assert shop.db.scalars(by).all() == ["staff:Ali"]
    assert shop.do({"tag": {"remove": ["VIP"]}}, "").changed == 4
    told = select(func.count()).where(activity.c.type == "tag_removed")
    assert shop.db.scalar(told) == 4


def test_a_field_gets_one_row_of_history_for_each_change_with_who_and_why(shop: Shop) -> None:
    assert shop.do({"field": {"points": 5, "nickname": "N"}}).changed == 4
    rows = shop.db.execute(
        select(field_history.c.by, field_history.c.reason).where(
            field_history.c.field.in_(("points", "nickname"))
        )
    ).all()
    assert rows == [("staff:Ali", "spring")] * 8
    assert shop.do({"field": {"points": 5, "nickname": "N"}}).changed == 0


def test_a_status_takes_its_reason_and_the_archived_are_left_alone(shop: Shop) -> None:
    archive_customer(*shop.at, shop.all[0], CAUSE, NOW)
    assert shop.do({"status": "prospect"}).changed == 3
    assert shop.of("status") == ["archived", "prospect", "active", "prospect", "prospect"]
    assert shop.of("status_reason")[1] == "spring"
    assert shop.do({"archive": None}).changed == 3


def test_tasks_segments_and_people_in_charge(shop: Shop) -> None:
    assert shop.do({"assign": "Ali"}).changed == 4
    assert shop.do({"task": {"title": "Call", "assigned_to": "assigned"}}).changed == 4
    assert {one.assigned_to for one in list_tasks(*shop.at, LATER)} == {"Ali"}
    assert shop.do({"segment": {"add": "ambassadors"}}).changed == 4
    assert shop.do({"segment": {"remove": "ambassadors"}}, "first_name: C0").changed == 1
    assert shop.db.scalar(select(func.count()).select_from(segment_member)) == 3


def test_the_erased_are_nobody_any_more_the_archived_too(shop: Shop) -> None:
    archive_customer(*shop.at, shop.all[0], CAUSE, NOW)
    assert shop.do({"erase": None}).changed == 4
    assert [name is None for name in shop.of("first_name")] == [True, True, False, True, True]
    assert shop.do({"field": {"city": "X"}}, "").seen == 1


def test_it_goes_on_where_it_was_and_not_with_those_who_came_later(shop: Shop) -> None:
    number = shop.begin({"field": {"points": 5}}, "")
    first = bulk.go_on(*shop.at, number, LATER, 2)
    assert (first.seen, first.ended) == (2, False)
    assert [one.id for one in bulk.list_bulk(shop.db, shop.id, unfinished=True)] == [number]
    create_customer(*shop.at, {"first_name": "Late", "size": "1"}, CAUSE, LATER)
    while not (last := bulk.go_on(*shop.at, number, LATER, 2)).ended:
        pass
    assert (last.seen, last.changed) == (5, 5)
    assert bulk.go_on(*shop.at, number, LATER).seen == 5
    assert bulk.list_bulk(shop.db, shop.id, unfinished=True) == []


def test_who_cannot_be_changed_is_told_with_the_reason(shop: Shop) -> None:
    number = shop.begin({"task": {"title": "Call", "assigned_to": "Ali"}})
    nobody = replace(PROJECT, staff=())
    done = bulk.go_on(shop.db, shop.id, nobody, number, LATER)
    assert (done.seen, done.changed, done.ended) == (4, 0, True)
    assert [id_ for id_, _ in done.refused] == [id_ for id_ in shop.all if id_ != shop.all[2]]
    assert "Nobody is called 'Ali'" in done.refused[0][1]
    assert bulk.list_bulk(shop.db, shop.id)[0].refused == 4
    assert list_tasks(*shop.at, LATER) == []


@pytest.mark.parametrize(
    "action",
    [
        {}, {"dance": 1}, {"tag": {"add": ["VIP"]}, "archive": None}, {"tag": {"add": ["VPI"]}},
        {"tag": {"on": "VIP"}}, {"field": {}}, {"field": {"pionts": 1}}, {"field": {"points": "x"}},
        {"field": {"email": "a@example.org"}}, {"field": {"badge": "1"}},
        {"field": {"crm_score": 1}},
        {"status": "gone"}, {"status": None}, {"assign": "Eve"}, {"task": {"titel": "x"}},
        {"task": "x"}, {"segment": {"add": "nowhere"}}, {"segment": "ambassadors"},
    ],
)  # fmt: skip
def test_what_could_be_done_to_nobody_is_refused_before_anything_begins(
    shop: Shop, action: dict[str, Any]
) -> None:
    with pytest.raises(CrmError):
        shop.begin(action)
    assert bulk.list_bulk(shop.db, shop.id) == []


def test_a_criterion_whose_field_has_gone_is_told(shop: Shop) -> None:
    number = shop.begin({"archive": None}, "points__gt: 5")
    fewer = business("lotus", mapped("other"))
    with pytest.raises(InvalidValues, match="points"):
        bulk.go_on(shop.db, shop.id, fewer, number, LATER)
    with pytest.raises(NotFound):
        bulk.go_on(shop.db, shop.id + 1, PROJECT, number, LATER)
