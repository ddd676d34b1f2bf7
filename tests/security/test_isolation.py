"""No query crosses from one business to another.

Every service and every hot statement is looked at, so that a new one has to name its business, or
to say here why it cannot tell one's data to another.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

import crm.exports
import crm.imports
import crm.services
import rapport.runtime
from crm.sql import Statement
from crm.tables import customer, note
from tests.support.scope import is_scoped

OF_THE_TURN = (
    "ids of the case at hand, which the same transaction has read by business and holds locked"
)

OF_A_LEASE = "the lease's name holds the account or business; its epoch and no other row"

ON_A_COMMIT = "how a commit is made, whatever is in it"

UNSCOPED_STATEMENTS = {
    "rapport.runtime.doors._LOCK": "ids that the same transaction has read by business; ids alone",
    "rapport.runtime.firings._NEXT": "three moments, each of whose questions names the business",
    "rapport.runtime.ids._LAST_IDS": "three numbers and nothing of any row",
    "rapport.runtime.ids._NEXT_IDS": "numbers of no row yet",
    "rapport.runtime.intake._KNOWN_MAIL": (
        "keys are unique over all businesses; it gives back keys that it was given"
    ),
    "rapport.runtime.leases._CURRENT": OF_A_LEASE,
    "rapport.runtime.writes._REACHED": OF_THE_TURN,
    "rapport.runtime.writes._WINDOW": OF_THE_TURN,
    "rapport.runtime.writes._CONVERSATION": OF_THE_TURN,
    "rapport.runtime.writes._HELD": OF_THE_TURN,
    "rapport.runtime.writes._MAIL": OF_THE_TURN,
    "rapport.runtime.writes._MOVED_RUN": OF_THE_TURN,
    "rapport.runtime.writes._RUN": OF_THE_TURN,
    "rapport.runtime.writes._STOP_TIMER": OF_THE_TURN,
    "rapport.runtime.writes._VERSION": OF_THE_TURN,
    "rapport.runtime.writes._VISIT": "visits hang on their run and have no business of their own",
}
"""Statements without a business, each with why it cannot leak."""

ARGUMENTS = {
    "crm.services.ledger._insert_of": (("business_id", "first_name"),),
    "crm.services.ledger._update_of": (("first_name",),),
    "rapport.runtime.load._customers": (("first_name",), ("custom_text_1",)),
}
"""What functions that make statements as they are needed are called with here."""

UNSCOPED_FUNCTIONS = {
    "crm.services.numbering.next_ids": "numbers of no row yet",
    "crm.services.projects.applied_source": "the business is found by its key",
    "crm.services.projects.apply_fields": "the business is found by its key",
    "crm.services.projects.apply_segments": "the business is found by its key",
    "crm.services.projects.apply_project": "the business is found by its key, or made",
    "crm.services.projects.business_id_of": "looks a business up by its key",
    "crm.services.slot_indexes.build_wanted_indexes": "columns are shared; names of columns only",
    "crm.services.slot_indexes.indexed_columns": "columns are shared; names of columns only",
    "crm.services.slot_indexes.want_indexes": "columns are shared; names of columns only",
    "crm.services.soundness.index_findings": "names of indexes only",
    "rapport.build.as_applied": "the business is found by its key, or made",
    "rapport.runtime.doors.lock": "ids that the same transaction has read by business; ids alone",
    "rapport.runtime.staff_news.post": "the room is the business's: its bots and its staff",
    "rapport.build.apply_loaded": "the business is found by its key, or made",
    "rapport.runtime.calls.insert_calls": "each row names its business",
    "rapport.runtime.disk.Disk.catch_up": ON_A_COMMIT,
    "rapport.runtime.disk.Disk.commit": ON_A_COMMIT,
    "rapport.runtime.disk.Disk.prepare": ON_A_COMMIT,
    "rapport.runtime.guest.was_left": (
        "keys are unique over all businesses; a yes or no about one that was given"
    ),
    "rapport.runtime.ids.ids_for": "numbers and nothing of any row",
    "rapport.runtime.ids.last_ids": "three numbers and nothing of any row",
    "rapport.runtime.leases.acquire": OF_A_LEASE,
    "rapport.runtime.leases.is_current": OF_A_LEASE,
    "rapport.runtime.leases.release": OF_A_LEASE,
    "rapport.runtime.leases.renew": OF_A_LEASE,
    "rapport.runtime.memory.beside_cases": "counts rows that are changed and reads none",
    "rapport.runtime.taken_back.erase": "each row names its business",
    "rapport.runtime.writes.Writes.write": "rows that the turns of one library have gathered",
    "rapport.runtime.writes.Writes.write_interactions": "rows of the turns of one library",
    "rapport.runtime.writes.Writes.write_reached": "rows that the turns of one library gathered",
    "rapport.runtime.writes.hold": "each row brings its business",
    "rapport.runtime.writes.let_follow": "each row brings its business",
    "rapport.runtime.writes.set_timers": "each row brings its business",
    "rapport.runtime.writes.mark_mail": "each row brings its business",
}
"""Functions that take a connection and no business, each with why it cannot leak."""

NAMES_A_BUSINESS = frozenset(
    {
        "business_id",
        "account_id",
        "export",
        "job",
        "library",
        "origin",
        "delivery",
        "turns",
        "view",
    }
)
"""Parameters that say whose data it is about."""


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of the services and the runtime, and those of crm that are not tables."""
    found: list[ModuleType] = []
    for package in (crm.services, crm.imports, crm.exports, rapport.runtime):
        names = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        found += [import_module(item.name) for item in names]
    return (*found, import_module("rapport.build"))


def statements() -> Iterator[tuple[str, Statement]]:
    for module in modules():
        for name, value in vars(module).items():
            called = f"{module.__name__}.{name}"
            if isinstance(value, Statement):
                yield called, value
            elif _makes_statements(value, module):
                yield called, value(*ARGUMENTS[called])


def functions() -> Iterator[tuple[str, frozenset[str]]]:
    """Public functions and methods that take a connection, with the names of their parameters;
    those that an object was made with count too."""
    for module in modules():
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", "") != module.__name__:
                continue
            called = f"{module.__name__}.{name}"
            if inspect.isfunction(value):
                yield from _taking_a_connection(called, value, frozenset())
            elif inspect.isclass(value):
                is_error = issubclass(value, Exception)  # whose signature cannot be read
                made_with = frozenset(() if is_error else inspect.signature(value).parameters)
                for method, function in vars(value).items():
                    if not method.startswith("_") and inspect.isfunction(function):
                        yield from _taking_a_connection(f"{called}.{method}", function, made_with)


def _taking_a_connection(
    called: str, function: Any, known: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    parameters = inspect.signature(function).parameters
    if any(item.annotation in ("Connection", Connection) for item in parameters.values()):
        yield called, known | frozenset(parameters)


def _makes_statements(value: Any, module: ModuleType) -> bool:
    """Whether it is a cached function of this module whose results are statements."""
    return (
        hasattr(value, "cache_info")
        and value.__module__ == module.__name__
        and inspect.signature(value).return_annotation == "Statement"
    )


def names_a_business(statement: Statement, dialect: str) -> bool:
    return is_scoped(statement._build(dialect), frozenset(statement._names))


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_every_hot_statement_names_its_business_or_is_listed_with_a_reason(dialect: str) -> None:
    unscoped = {name for name, item in statements() if not names_a_business(item, dialect)}

    assert unscoped == UNSCOPED_STATEMENTS.keys()


def test_every_function_that_takes_a_connection_is_told_the_business_or_is_listed() -> None:
    unscoped = {name for name, parameters in functions() if not NAMES_A_BUSINESS & parameters}

    assert unscoped == UNSCOPED_FUNCTIONS.keys()


def test_what_is_looked_at_is_not_nothing() -> None:
    assert len(dict(statements())) > 30
    assert len(dict(functions())) > 40


def test_a_statement_is_scoped_by_its_own_condition_alone() -> None:
    mine = customer.c.business_id == 1

    assert is_scoped(select(customer.c.id).where(mine, customer.c.id == 2))
    assert is_scoped(select(customer.c.id).where(customer.c.business_id + 0 == 1))
    assert is_scoped(insert(note).values(business_id=1))
    mine_alone = select(customer.c.id).where(mine).subquery()
    joined = select(note.c.text).join(mine_alone, note.c.customer_id == mine_alone.c.id)
    assert is_scoped(joined)
    assert not is_scoped(
        select(note.c.text).outerjoin(mine_alone, note.c.customer_id == mine_alone.c.id)
    )
    assert not is_scoped(select(note.c.text).where(note.c.customer_id.in_(select(mine_alone))))
    assert not is_scoped(select(customer.c.business_id))
    assert not is_scoped(select(customer.c.id).where(mine | (customer.c.id == 2)))
    assert not is_scoped(update(customer).where(customer.c.id == 2).values(business_id=1))
    assert not is_scoped(insert(note).values(text="x"))
