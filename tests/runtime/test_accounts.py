"""Accounts are made once, however many processes see them first."""

from __future__ import annotations

from threading import Barrier, Thread

from crm.tables import account
from rapport.build import apply_loaded, open_account
from tests.support.database import store_with_tables
from tests.support.desk import NOON, Office, load

FLOWS = "flow: f\ntriggers: [{on: command, command: start}]\nnodes: [{say: Hello}]\n"


def test_processes_that_start_at_once_make_one_account_between_them() -> None:
    with store_with_tables("postgresql") as engine:
        together, seen = Barrier(4), []
        with engine.begin() as db:
            business_id = apply_loaded(db, load(FLOWS), NOON).library.business_id

        def start() -> None:
            with engine.begin() as db:
                together.wait()
                seen.append(open_account(db, business_id, "telegram", "7", "shop_bot", NOON))

        threads = [Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 4
        assert len(set(seen)) == 1


def test_a_name_that_has_changed_is_kept_and_one_that_is_not_known_changes_nothing() -> None:
    office = Office(FLOWS)
    with office.engine.begin() as db:
        business_id = office.library.business_id
        for name in ("new_bot", ""):
            open_account(db, business_id, office.channel, "1", name, NOON)
    assert office.rows(account, "username") == ["new_bot"]
