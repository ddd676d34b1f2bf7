"""Segments as services make and change them, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from crm.errors import NotAllowed, NotFound
from crm.services import segment_book as book
from crm.services.customers import create_customer, update_customer
from crm.services.rules_pass import Pass, is_pass_due
from crm.services.segments import with_stored_segments
from crm.tables import activity, event
from engine.business import Segment
from engine.criteria import Criterion, read_criterion
from engine.shapes.conditions import customer_catalogue
from tests.crm.businesses import CAUSE, NOW, applied, business
from tests.support.database import DIALECTS, emptied, store_with_tables

OURS = business(
    segments={"ambassadors": Segment("ambassadors", "Ambassadors", static=True, tags=("loyal",))}
)


def criterion(written: dict[str, Any]) -> Criterion:
    read = read_criterion(written, customer_catalogue(OURS), lambda *_: None)
    assert read is not None
    return read


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Engine]:
    with store_with_tables("postgresql") as made:
        yield made


@pytest.fixture(params=DIALECTS)
def db(request: pytest.FixtureRequest) -> Iterator[Connection]:
    if request.param == "postgresql":
        with emptied(request.getfixturevalue("postgresql")).begin() as db:
            yield db
        return
    with store_with_tables(request.param) as made, made.begin() as db:
        yield db


class Shop:
    """A business with Ann and Ben of Shiraz, and Cem of Bonn."""

    def __init__(self, db: Connection) -> None:
        self.db = db
        self.id = applied(db, OURS)
        self.ann, self.ben, self.cem = (
            create_customer(db, self.id, OURS, {"first_name": name, "city": city}, CAUSE, NOW)
            for name, city in (("Ann", "Shiraz"), ("Ben", "Shiraz"), ("Cem", "Bonn"))
        )

    def create(self, key: str, written: dict[str, Any] | None, **more: Any) -> None:
        criteria = None if written is None else criterion(written)
        book.create_segment(self.db, self.id, key, key.title(), criteria, "ali", NOW, **more)

    def night(self) -> None:
        walk = Pass(self.id, OURS)
        while walk.tick(self.db, NOW):
            pass

    def members(self, key: str) -> list[int]:
        return [row["id"] for row in book.members(self.db, self.id, key)]

    def shown(self, key: str) -> dict[str, Any]:
        return book.show_segment(self.db, self.id, key)


@pytest.fixture
def shop(db: Connection) -> Shop:
    return Shop(db)


def test_one_that_is_made_gets_its_members_with_the_next_pass_which_is_due_at_once(
    shop: Shop,
) -> None:
    shop.night()
    shop.create("shirazi", {"city": "Shiraz"}, color="#FFD700", tags=["south"])
    assert is_pass_due(shop.db, shop.id, OURS, NOW)
    assert shop.members("shirazi") == []
    shop.night()
    assert shop.members("shirazi") == [shop.ann, shop.ben]
    shown = shop.shown("shirazi")
    assert (shown["member_count"], shown["last_calculated_at"]) == (2, NOW)
    assert (shown["color"], shown["tags"], shown["created_by"]) == ("#FFD700", ["south"], "ali")


def test_a_change_of_a_customer_is_followed_at_once(shop: Shop) -> None:
    shop.create("shirazi", {"city": "Shiraz"})
    update_customer(shop.db, shop.id, OURS, shop.cem, {"city": "Shiraz"}, CAUSE, NOW)
    assert shop.members("shirazi") == [shop.cem]


def test_its_key_and_its_name_are_its_own(shop: Shop) -> None:
    shop.create("shirazi", {"city": "Shiraz"})
    with pytest.raises(NotAllowed, match="'shirazi'"):
        shop.create("shirazi", None)
    with pytest.raises(NotAllowed, match="'ambassadors'"):
        book.create_segment(shop.db, shop.id, "others", "Ambassadors", None, "ali", NOW)


def test_other_criteria_bring_other_members(shop: Shop) -> None:
    shop.create("shirazi", {"city": "Shiraz"})
    shop.night()
    changes = {"criteria": criterion({"city": "Bonn"}), "name": "Bonner"}
    book.edit_segment(shop.db, shop.id, "shirazi", changes, NOW)
    shop.night()
    assert shop.members("shirazi") == [shop.cem]
    assert shop.shown("shirazi")["name"] == "Bonner"


def test_what_crm_yaml_declares_is_changed_and_put_away_there(shop: Shop) -> None:
    with pytest.raises(NotAllowed, match="change it there"):
        book.edit_segment(shop.db, shop.id, "ambassadors", {"name": "X"}, NOW)
    with pytest.raises(NotAllowed, match=r"crm\.yaml has"):
        book.set_status(shop.db, shop.id, "ambassadors", "archived", NOW)


def test_a_paused_one_keeps_its_members_and_tells_nobody(shop: Shop) -> None:
    shop.create("shirazi", {"city": "Shiraz"})
    shop.night()
    book.set_status(shop.db, shop.id, "shirazi", "paused", NOW)
    told = len(shop.db.execute(select(event.c.id)).all())
    update_customer(shop.db, shop.id, OURS, shop.ann, {"city": "Bonn"}, CAUSE, NOW)
    shop.night()
    assert shop.members("shirazi") == [shop.ann, shop.ben]
    kinds = shop.db.scalars(select(event.c.type).order_by(event.c.id)).all()[told:]
    assert "segment_left" not in kinds
    book.set_status(shop.db, shop.id, "shirazi", "active", NOW)
    shop.night()
    assert shop.members("shirazi") == [shop.ben]


def test_one_made_by_hand_is_put_away_and_comes_back(shop: Shop) -> None:
    shop.create("shirazi", {"city": "Shiraz"})
    shop.night()
    book.set_status(shop.db, shop.id, "shirazi", "archived", NOW)
    listed = [row["key"] for row in book.list_segments(shop.db, shop.id)]
    assert listed == ["ambassadors"]
    assert "shirazi" not in with_stored_segments(shop.db, shop.id, OURS).segments
    everything = [row["key"] for row in book.list_segments(shop.db, shop.id, archived=True)]
    assert everything == ["ambassadors", "shirazi"]
    book.set_status(shop.db, shop.id, "shirazi", "active", NOW)
    assert shop.members("shirazi") == [shop.ann, shop.ben]


def test_joining_and_leaving_stand_on_the_timeline_and_are_events(shop: Shop) -> None:
    at = (shop.db, shop.id, OURS, "ambassadors")
    assert book.change_members(*at, [shop.ann, shop.ben], CAUSE, NOW, is_in=True) == 2
    assert book.change_members(*at, [shop.ann, shop.cem], CAUSE, NOW, is_in=True) == 1
    assert book.change_members(*at, [shop.ann], CAUSE, NOW, is_in=False) == 1
    assert shop.members("ambassadors") == [shop.ben, shop.cem]
    told = select(activity.c.description, activity.c.by).where(
        activity.c.customer_id == shop.ann, activity.c.type == "segment_changed"
    )
    assert [tuple(row) for row in shop.db.execute(told.order_by(activity.c.id))] == [
        ("entered ambassadors", CAUSE.by), ("left ambassadors", CAUSE.by),
    ]  # fmt: skip
    happened = select(event.c.type).where(
        event.c.customer_id == shop.ann, event.c.type.startswith("segment_")
    )
    assert shop.db.scalars(happened.order_by(event.c.id)).all() == [
        "segment_entered", "segment_left",
    ]  # fmt: skip


def test_members_come_a_page_at_a_time(shop: Shop) -> None:
    at = (shop.db, shop.id, OURS, "ambassadors")
    book.change_members(*at, [shop.ann, shop.ben, shop.cem], CAUSE, NOW, is_in=True)
    first = book.members(shop.db, shop.id, "ambassadors", limit=2)
    assert [row["display_name"] for row in first] == ["Ann", "Ben"]
    rest = book.members(shop.db, shop.id, "ambassadors", limit=2, after=first[-1]["id"])
    assert [row["id"] for row in rest] == [shop.cem]


def test_a_preview_counts_all_and_shows_the_newest_ten(shop: Shop) -> None:
    for number in range(10):
        given = {"first_name": f"N{number}", "city": "Shiraz"}
        create_customer(shop.db, shop.id, OURS, given, CAUSE, NOW)
    count, found = book.preview(shop.db, shop.id, OURS, criterion({"city": "Shiraz"}), NOW)
    assert count == 12
    assert [row["display_name"] for row in found] == [f"N{number}" for number in range(9, -1, -1)]


def test_who_belongs_does_not_depend_on_the_hour_at_which_somebody_looks() -> None:
    told: list[str] = []
    read_criterion(
        {"now__weekday": "mon"},
        customer_catalogue(OURS),
        lambda _, message, __: told.append(message),
    )
    assert len(told) == 1
    assert "now" in told[0]


def test_each_use_is_counted(shop: Shop) -> None:
    book.mark_as_used(shop.db, shop.id, "ambassadors", NOW)
    later = NOW + timedelta(days=1)
    book.mark_as_used(shop.db, shop.id, "ambassadors", later)
    shown = shop.shown("ambassadors")
    assert (shown["times_used"], shown["last_used_at"]) == (2, later)
    assert shown["tags"] == ["loyal"]


def test_what_is_not_there_is_told(shop: Shop) -> None:
    with pytest.raises(NotFound, match="'nobodys'"):
        shop.shown("nobodys")
    with pytest.raises(NotFound):
        book.mark_as_used(shop.db, shop.id, "nobodys", NOW)
    with pytest.raises(NotFound):
        book.change_members(shop.db, shop.id, OURS, "nobodys", [], CAUSE, NOW, is_in=True)
