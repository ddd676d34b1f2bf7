"""The connection to PostgreSQL is cut at every state of the protocol, between any two reads.

Also where the server has committed and its answer is lost: nobody knows, so the platform sends the
update again, and it is found to be there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import Connection, make_url

from bots.channel import Inbound
from crm.database import DatabaseUnavailable, open_engine
from crm.tables import mail, metadata, outbox
from rapport.runtime.pooled_writer import PooledWriter
from rapport.runtime.turns import Turned
from tests.support.database import empty_schema
from tests.support.desk import Office
from tests.support.invariants import violations
from tests.support.servers import Proxy

FLOWS = """
flow: f
triggers: [{on: command, command: start}]
nodes: [{ask: Your name?, save_to: first_name}]
"""


@contextmanager
def proxied(port: int) -> Iterator[Proxy]:
    """A proxy in a loop and thread of its own, so that a test may wait for the database."""
    loop, proxy = asyncio.new_event_loop(), Proxy(port)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result()
        yield proxy
        asyncio.run_coroutine_threadsafe(proxy.__aexit__(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def office() -> Iterator[Office]:
    """With a connection that nobody cuts."""
    with empty_schema() as url:
        engine = open_engine(url)
        metadata.create_all(engine)
        engine.dispose()
        office = Office(FLOWS, url=url)
        yield office
        office.engine.dispose()


def _take_in(office: Office, item: Inbound, db: Connection) -> Turned:
    return office.desk.take_in(db, office.origin, [item], office.clock.now())


def test_wherever_it_is_cut_a_message_is_applied_once(office: Office) -> None:
    near = make_url(office.engine.url)
    unknown, pieces = [], 0
    with proxied(near.port or 5432) as proxy:
        far = open_engine(
            near.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        )
        writer = PooledWriter(far)
        for number in range(1_000):
            item = office.inbound("/start", peer=f"p{number}")
            proxy.pieces = None
            far.dispose()  # each time from the first word to the server on
            proxy.pieces = pieces
            try:
                writer.submit(partial(_take_in, office, item)).result()
            except DatabaseUnavailable:
                unknown += office.rows(mail, "id", dedup_key=item.dedup_key)
                pieces += 1
            else:
                if unknown:
                    break
                pieces -= 3  # an answer is one read or two, so the last one may be jumped over
            office.receives(item)  # the platform sends it again
            assert office.rows(mail, "status", dedup_key=item.dedup_key) == ["done"]
            assert office.rows(outbox, "peer", peer=item.peer) == [item.peer]
        writer.close()
        far.dispose()
    assert len(unknown) >= 1, "it was never cut between the commit and its answer"
    assert pieces > 10
    office.drive.settle_down()
    with office.engine.connect() as db:
        assert violations(db) == []
