"""What a machine sees that watches a process: the pages of one at work, and of one in trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from httpx import ASGITransport, AsyncClient, Response
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, update

from bots.channel import Conflict, Rejected, Temporary, Throttled, Unauthorised
from crm.database import DatabaseUnavailable
from crm.tables import lease, outbox
from rapport.http.app import make_app
from rapport.runtime.reading import Reader
from rapport.runtime.tallies import PollerTally, SenderTally, ServiceTally, WriterTally
from rapport.runtime.watched import Watched
from tests.support.aio import run
from tests.support.desk import Office

FLOW = """
flow: order
triggers: [{on: command, command: start}]
nodes: [{ask: Which size?, save_to: size, timeout: {after: 1h}}]
"""


@dataclass
class Watching:
    """A business whose process is watched; its pieces count what the test tells them."""

    office: Office
    poller: PollerTally = field(default_factory=PollerTally)
    sender: SenderTally = field(default_factory=SenderTally)
    service: ServiceTally = field(default_factory=ServiceTally)
    writer: WriterTally = field(default_factory=WriterTally)
    redis: str | None = None

    def __post_init__(self) -> None:
        account = self.office.origin.account_id
        self.watched = Watched(
            self.office.origin.business_id, Reader(self.office.engine), self.office.clock,
            self.service, self.writer, lambda: {account: self.poller},
            lambda: {account: self.sender}, redis=lambda: self.redis or "",
        )  # fmt: skip

    def get(self, path: str) -> Response:
        async def asked() -> Response:
            pages = ASGITransport(make_app(lambda: self.watched), raise_app_exceptions=False)
            async with AsyncClient(transport=pages, base_url="http://here") as client:
                return await client.get(path)

        return run(asked())

    def metrics(self) -> dict[str, float]:
        """Each sample by its name with the values of its labels: `rapport_mail_total applied`."""
        text = self.get("/metrics").text
        return {
            " ".join([sample.name, *sample.labels.values()]): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def problems(self) -> list[tuple[str, str]]:
        answer = self.get("/ready")
        found = [(one["about"], one["reason"]) for one in answer.json()["problems"]]
        assert answer.status_code == (503 if found else 200)
        assert answer.json()["ready"] is not bool(found)
        return found


@pytest.fixture
def watching() -> Watching:
    return Watching(Office(FLOW))


@contextmanager
def gone(watching: Watching) -> Iterator[None]:
    """The store does not answer."""

    class Gone(Reader):
        def __call__(self, f: object) -> None:  # type: ignore[override]
            raise DatabaseUnavailable("the disk is full")

    whole = watching.watched.read
    object.__setattr__(watching.watched, "read", Gone(watching.office.engine))
    yield
    object.__setattr__(watching.watched, "read", whole)


def test_a_process_that_lives_says_so_even_where_its_store_is_gone(watching: Watching) -> None:
    with gone(watching):
        answer = watching.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


def test_a_process_is_ready_while_store_fetching_and_sending_are_well(watching: Watching) -> None:
    assert watching.problems() == []
    watching.sender.failed(Rejected("this text is too long"))
    watching.sender.failed(Throttled(3))
    assert watching.problems() == []


def test_what_keeps_a_process_from_its_work_is_named(watching: Watching) -> None:
    watching.poller.trouble = Conflict("terminated by other getUpdates request")
    watching.sender.failed(Unauthorised("the token is refused"))
    name = "telegram:shop_bot"
    assert watching.problems() == [
        (name, "fetching: Conflict: terminated by other getUpdates request"),
        (name, "sending: Unauthorised: the token is refused"),
    ]
    watching.poller.fetched(0)
    watching.sender.settled("sent")
    assert watching.problems() == []


def test_a_store_that_does_not_answer_is_named_with_its_reason(watching: Watching) -> None:
    with gone(watching):
        assert watching.problems() == [("database", "the disk is full")]
    watching.writer.refuse(DatabaseUnavailable("the database is read-only"))
    assert watching.problems() == [("database", "the database is read-only")]
    watching.writer.committed(0.001)
    assert watching.problems() == []


def test_a_lease_that_nobody_holds_is_named(watching: Watching) -> None:
    now = watching.office.clock.now()
    with watching.office.engine.begin() as db:
        for name, expires_at in (("poller:1", now), ("sender:1", now + timedelta(seconds=10))):
            db.execute(insert(lease).values(name=name, owner="a", epoch=1, expires_at=expires_at))
    watching.office.clock.set(now + timedelta(seconds=1))
    assert watching.problems() == [("poller of telegram:shop_bot", "nobody holds this lease")]


def test_metrics_tell_what_the_process_did_and_what_waits(watching: Watching) -> None:
    office = watching.office
    office.says("/start")
    watching.service.took(office.take_in(office.inbound("/start", peer="bob")), 0.02)
    office.keep(office.inbound("40"), office.inbound("41", peer="bob"))
    office.clock.set(office.clock.now() + timedelta(seconds=90))
    watching.writer.committed(0.0004)
    watching.sender.settled("sent")
    watching.poller.fetched(2)
    seen = watching.metrics()
    told = {
        "rapport_database_up": 1,
        "rapport_redis_up": 1,
        "rapport_mail_total received": 1,
        "rapport_mail_total applied": 1,
        "rapport_turns_total": 1,
        "rapport_batch_seconds_bucket 0.025": 1,
        "rapport_batch_seconds_bucket 0.01": 0,
        "rapport_batch_conversations_bucket 1.0": 1,
        "rapport_commit_seconds_count": 1,
        "rapport_updates_total telegram:shop_bot": 2,
        "rapport_fetching telegram:shop_bot": 1,
        "rapport_deliveries_total telegram:shop_bot sent": 1,
        "rapport_mail_waiting": 2,
        "rapport_mail_oldest_seconds": 90,
        "rapport_conversations_ready": 2,
        "rapport_outbox_pending telegram:shop_bot live": 1,
        "rapport_outbox_lag_seconds telegram:shop_bot live": 90,
        "rapport_outbox_pending telegram:shop_bot automated": 0,
        "rapport_dead_letters outbox": 0,
        "rapport_requests_pending": 0,
        "rapport_requests_late_seconds": 0,
        "rapport_timers_due": 0,
    }
    assert {name: seen.get(name) for name in told} == told
    assert seen["process_open_fds"] > 0
    assert seen["process_resident_memory_bytes"] > 1_000_000


def test_metrics_of_the_process_are_told_where_the_store_is_gone(watching: Watching) -> None:
    watching.writer.refuse(DatabaseUnavailable("the disk is full"))
    watching.redis = "no answer"
    with gone(watching):
        seen = watching.metrics()
    assert seen["rapport_database_up"] == 0
    assert seen["rapport_database_errors_total"] == 1
    assert seen["rapport_redis_up"] == 0
    assert "rapport_mail_waiting" not in seen


def test_dead_letters_held_conversations_and_due_timers_are_counted(watching: Watching) -> None:
    office = watching.office
    office.says("/start")
    with office.engine.begin() as db:
        db.execute(update(outbox).values(status="dead", last_error="too long"))
    office.clock.set(office.clock.now() + timedelta(hours=2))
    seen = watching.metrics()
    assert seen["rapport_dead_letters outbox"] == 1
    assert seen["rapport_timers_due"] == 1


def test_the_write_ahead_log_of_the_file_is_measured(watching: Watching, tmp_path: Path) -> None:
    object.__setattr__(watching.watched, "database", tmp_path / "shop.db")
    assert watching.metrics()["rapport_wal_bytes"] == 0
    (tmp_path / "shop.db-wal").write_bytes(b"12345")
    assert watching.metrics()["rapport_wal_bytes"] == 5


def test_every_metric_is_explained_in_the_guide(watching: Watching) -> None:
    guide = Path(__file__).parents[2] / "docs" / "operations-metrics.md"
    text = guide.read_text(encoding="utf-8")
    object.__setattr__(watching.watched, "database", Path("shop.db"))
    shown = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(watching.get("/metrics").text)
    }
    assert {name for name in shown if f"`{name}`" not in text} == set()


def test_a_fault_in_a_page_is_a_line_in_the_log_and_no_traceback(watching: Watching) -> None:
    object.__setattr__(watching.watched, "redis", lambda: 1 / 0)
    with structlog.testing.capture_logs() as lines:
        answer = watching.get("/metrics")
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    assert [(line["event"], line["path"]) for line in lines] == [("page_failed", "/metrics")]


def test_however_many_ask_the_store_is_read_by_one_at_a_time(watching: Watching) -> None:
    class Counting(Reader):
        now, most = 0, 0

        def __call__(self, f: Any) -> Any:
            Counting.now += 1
            Counting.most = max(Counting.most, Counting.now)
            try:
                return super().__call__(f)
            finally:
                Counting.now -= 1

    object.__setattr__(watching.watched, "read", Counting(watching.office.engine))
    pages = ASGITransport(make_app(lambda: watching.watched))

    async def main() -> list[Response]:
        async with AsyncClient(transport=pages, base_url="http://here") as client:
            asked = (client.get(path) for path in ("/ready", "/metrics") * 10)
            return await asyncio.gather(*asked)

    assert {answer.status_code for answer in run(main())} == {200}
    assert Counting.most == 1


def test_what_is_no_temporary_trouble_of_one_message_is_no_trouble_of_the_account() -> None:
    tally = SenderTally()
    tally.failed(Temporary("bad gateway"))
    assert isinstance(tally.trouble, Temporary)
    tally.settled("sent")
    tally.failed(Rejected("not like this"))
    assert tally.trouble is None
