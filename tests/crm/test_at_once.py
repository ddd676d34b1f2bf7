"""Two programs at once on PostgreSQL; SQLite has one writer at a time by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text

from crm import migrations
from crm.errors import EmailTaken, NumberTaken
from crm.services.customers import create_customer, update_customer
from crm.services.purchases import Recorded, record_purchase
from crm.services.tasks import add_task, complete_task, list_tasks
from crm.tables import metadata
from tests.crm.businesses import CAUSE, NOW, applied, business
from tests.support.database import empty_store

PROJECT = business()
GIVEN = {"email": "sara@example.com"}
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = :pid"
)


@pytest.fixture
def server() -> Iterator[Engine]:
    with empty_store("postgresql") as engine:
        yield engine


@pytest.fixture
def shop(server: Engine) -> int:
    metadata.create_all(server)
    with server.begin() as db:
        return applied(db, PROJECT)


def _while_another_waits(
    server: Engine, mine: Callable[[Connection], object], theirs: Callable[[Connection], object]
) -> Future[object]:
    """Do `mine`, begin `theirs` elsewhere, and commit only once that one waits for us."""
    with ThreadPoolExecutor(1) as elsewhere, server.connect() as other:
        pid = other.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]  # psycopg
        with server.begin() as db:
            mine(db)
            second = elsewhere.submit(_committed, other, theirs)
            with server.connect().execution_options(isolation_level="AUTOCOMMIT") as watch:
                while not second.done() and not watch.scalar(_WAITING, {"pid": pid}):
                    pass
            assert not second.done()
        second.exception()
    return second


def _committed(db: Connection, work: Callable[[Connection], object]) -> object:
    with db.begin():
        return work(db)


def test_of_two_customers_with_one_address_the_second_is_refused(server: Engine, shop: int) -> None:
    def make(db: Connection) -> int:
        return create_customer(db, shop, PROJECT, GIVEN, CAUSE, NOW)

    assert isinstance(_while_another_waits(server, make, make).exception(), EmailTaken)


def test_of_two_edits_the_second_sees_the_first(server: Engine, shop: int) -> None:
    with server.begin() as db:
        made = create_customer(db, shop, PROJECT, {}, CAUSE, NOW)

    def edit(db: Connection) -> object:
        return update_customer(db, shop, PROJECT, made, {"points": 3}, CAUSE, NOW)

    assert _while_another_waits(server, edit, edit).result() == ()


def test_of_two_purchases_with_one_number_the_second_changes_nothing(
    server: Engine, shop: int
) -> None:
    with server.begin() as db:
        ann, bob = (create_customer(db, shop, PROJECT, {}, CAUSE, NOW) for _ in range(2))
    given = {"amount": 5, "number": "A-1"}

    def buy(of: int) -> Callable[[Connection], object]:
        return lambda db: record_purchase(db, shop, PROJECT, of, given, CAUSE, NOW)

    second = _while_another_waits(server, buy(ann), buy(ann)).result()
    assert isinstance(second, Recorded)
    assert not second.is_new
    given = {"amount": 5, "number": "A-2"}
    assert isinstance(_while_another_waits(server, buy(ann), buy(bob)).exception(), NumberTaken)


def test_of_two_who_do_one_task_one_makes_the_next(server: Engine, shop: int) -> None:
    with server.begin() as db:
        ann = create_customer(db, shop, PROJECT, {}, CAUSE, NOW)
        given = {"title": "Water", "due_at": NOW, "recurrence": "daily"}
        made = add_task(db, shop, PROJECT, ann, given, CAUSE, NOW)

    def do(db: Connection) -> object:
        return complete_task(db, shop, PROJECT, made, CAUSE, NOW)

    assert _while_another_waits(server, do, do).result() is None
    with server.begin() as db:
        assert len(list_tasks(db, shop, PROJECT, NOW)) == 1


def test_of_two_programs_that_migrate_the_second_finds_it_done(server: Engine) -> None:
    with ThreadPoolExecutor(2) as programs:
        ended = [programs.submit(migrations.upgrade, server) for _ in range(2)]
    assert [one.exception() for one in ended] == [None, None]
    assert migrations.current(server) == migrations.head()
