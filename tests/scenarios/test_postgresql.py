"""The whole process on PostgreSQL: it makes its tables, talks, and goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bots.fake import FakeChannel
from crm.tables import mail, outbox, run
from tests.support.aio import run as run_loop
from tests.support.database import empty_database
from tests.support.desk import CRM
from tests.support.service import Place, ShiftedClock, serving, until

FLOWS = """
flow: order
triggers: [{on: command, command: order}]
nodes:
  - {ask: Which?, save_to: var.which, timeout: {after: 2h, goto: late}}
  - {say: "{{ var.which }} it is", end: ordered}
  - {id: late, say: Never mind, end: silent}
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    project = tmp_path / "project"
    project.mkdir()
    (project / "crm.yaml").write_text(CRM)
    (project / "flows.yaml").write_text(FLOWS)
    with empty_database() as url:
        yield Place(project, tmp_path, server=url)


def test_a_conversation_and_a_timer_with_a_restart_in_between(place: Place) -> None:
    clock = ShiftedClock()
    channel = FakeChannel(poll_seconds=0.005)

    async def talk() -> None:
        async with serving(place, channel, clock):
            for peer in ("ann", "bob"):
                channel.says(peer, "/order")
            await until(lambda: len(channel.sent) == 2, seconds=10)
        async with serving(place, channel, clock):
            channel.says("ann", "Shoes")
            await until(lambda: len(channel.sent) == 3, seconds=10)
            clock.advance(timedelta(hours=3))
            await until(lambda: len(channel.sent) == 4, seconds=10)

    run_loop(talk())
    assert [(message.peer, message.text) for message in channel.sent[2:]] == [
        ("ann", "Shoes it is"), ("bob", "Never mind")
    ]  # fmt: skip
    assert place.violations() == []
    assert {row[0] for row in place.rows(select(outbox.c.status))} == {"sent"}
    assert sorted(place.rows(select(run.c.outcome))) == [("ordered",), ("silent",)]
    assert sorted(place.rows(select(mail.c.kind))) == [
        ("command",), ("command",), ("text",), ("timer",)
    ]  # fmt: skip
