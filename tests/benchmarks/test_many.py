"""The race on PostgreSQL is run by real processes, and what they stored is checked."""

from __future__ import annotations

from benchmarks.crowd import QUESTIONS
from benchmarks.lead_capture import Field, Load
from benchmarks.many import ManyProcesses
from benchmarks.stores import postgres_databases
from tests.support.database import need_postgresql
from tests.support.redis import need_redis


def test_two_workers_take_everybody_through_all_questions() -> None:
    need_postgresql()
    need_redis()
    with postgres_databases() as store:
        field = Field(store, Load(opened=6, walked=4))
        field.prepare("ours", ManyProcesses(1))
        assert field.run("ours", ManyProcesses(2), 4).turns == 4 * len(QUESTIONS)
