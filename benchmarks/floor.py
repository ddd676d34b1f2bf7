"""The least that the rows of a turn cost: a bare `sqlite3` program writes them, and does nothing
else. It has no flow, no checks and no channel; its values are made before the clock runs.

Per answer: its mail, the customer's column, the history row, three timeline rows, the event, the
run and its visit, the timer, the conversation, and the outbox row that is then marked sent.
"""

import json
import sqlite3
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from sqlalchemy import create_engine, insert

from benchmarks.harness import Bound, Result, alternate, result, run_alone
from benchmarks.lead_capture import Field
from benchmarks.ours import RapportContender
from benchmarks.stores import sqlite_files
from crm import tables

Row = tuple[Any, ...]

GROUP = 64
PEOPLE = 2_000
TURNS = 4_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
_MICROSECONDS = int(NOW.timestamp() * 1e6)


@dataclass(frozen=True)
class Turn:
    """One answer of the person `customer` (from 1); `number` is unique among all turns."""

    number: int
    customer: int

    @property
    def at(self) -> Any:
        """The moment as the store takes it: here microseconds since 1970."""
        return _MICROSECONDS + self.number

    @property
    def wait_id(self) -> str:
        return f"{self.number:012d}"

    @property
    def text(self) -> str:
        return f"answer {self.number}"


def _mail(turn: Turn) -> list[Row]:
    payload = json.dumps({"text": turn.text, "message_id": turn.number})
    return [(f"tg:42:{turn.number}", turn.customer, turn.number, payload, turn.at)]


def _activities(turn: Turn) -> list[Row]:
    change = json.dumps({"field": "shoe_size", "old": None, "new": turn.text})
    return [
        (turn.customer, turn.at, "message_received", turn.text, None, "customer"),
        (turn.customer, turn.at, "field_updated", "shoe_size", change, "flow:lead_capture"),
        (turn.customer, turn.at, "message_sent", "What is next?", None, "flow:lead_capture"),
    ]


def _frames(turn: Turn) -> str:
    return json.dumps([{"flow": "lead_capture", "node": "next", "vars": {"turn": turn.number}}])


def _sent(turn: Turn) -> list[Row]:
    return [(str(turn.number), turn.at, f"run:{turn.number}:1")]


# In the order of a turn; each statement with the rows that one turn gives it.
STATEMENTS: tuple[tuple[str, Callable[[Turn], list[Row]]], ...] = (
    (
        (
            "INSERT INTO mail (business_id, dedup_key, conversation_id, lane, kind, provider_seq,"
            " payload, status, attempts, received_at)"
            " VALUES (1, ?, ?, 0, 'message', ?, ?, 'waiting', 0, ?)"
        ),
        _mail,
    ),
    (
        "UPDATE mail SET status = 'done', turn_id = '1:1', done_at = ? WHERE dedup_key = ?",
        lambda turn: [(turn.at, f"tg:42:{turn.number}")],
    ),
    (
        (
            "UPDATE customer SET custom_text_1 = ?, last_message_at = ?, last_contacted_at = ?,"
            " updated_at = ?, updated_by = 'flow:lead_capture' WHERE id = ?"
        ),
        lambda turn: [(turn.text, turn.at, turn.at, turn.at, turn.customer)],
    ),
    (
        (
            "INSERT INTO field_history (business_id, customer_id, field, old, new, at, by, flow,"
            " flow_version, node, mail_id) VALUES (1, ?, 'shoe_size', NULL, ?, ?,"
            " 'flow:lead_capture', 'lead_capture', 1, 'q', ?)"
        ),
        lambda turn: [(turn.customer, json.dumps(turn.text), turn.at, turn.number)],
    ),
    (
        (
            "INSERT INTO activity (business_id, customer_id, at, type, description, data, by)"
            " VALUES (1, ?, ?, ?, ?, ?, ?)"
        ),
        _activities,
    ),
    (
        (
            "INSERT INTO event (business_id, customer_id, type, data, depth, at)"
            " VALUES (1, ?, 'field_updated', ?, 0, ?)"
        ),
        lambda turn: [(turn.customer, json.dumps({"field": "shoe_size"}), turn.at)],
    ),
    (
        (
            "UPDATE run SET node = 'next', wait_id = ?, frames = ?, wait = ?, waiting_since = ?"
            " WHERE id = ?"
        ),
        lambda turn: [(turn.wait_id, _frames(turn), "{}", turn.at, turn.customer)],
    ),
    (
        (
            "INSERT INTO visit (run_id, flow, node, entered_at, left_at, left_by)"
            " VALUES (?, 'lead_capture', 'q', ?, ?, 'reply')"
        ),
        lambda turn: [(turn.customer, turn.at, turn.at)],
    ),
    (
        "UPDATE timer SET wait_id = ?, due_at = ? WHERE run_id = ?",
        lambda turn: [(turn.wait_id, turn.at, turn.customer)],
    ),
    (
        (
            "UPDATE conversation SET status = 'idle', ready_at = ?, revision = revision + 1"
            " WHERE id = ?"
        ),
        lambda turn: [(turn.at, turn.customer)],
    ),
    (
        (
            "INSERT INTO outbox (business_id, account_id, conversation_id, dedup_key, peer, lane,"
            " payload, status, attempts, created_at, due_at)"
            " VALUES (1, 1, ?, ?, ?, 0, ?, 'pending', 0, ?, ?)"
        ),
        lambda turn: [
            (
                turn.customer,
                f"run:{turn.number}:1",
                str(1_000_000 + turn.customer),
                json.dumps({"text": "What is next?"}),
                turn.at,
                turn.at,
            )
        ],
    ),
    (
        (
            "UPDATE outbox SET status = 'sent', provider_message_id = ?, done_at = ?"
            " WHERE dedup_key = ?"
        ),
        _sent,
    ),
)


def create(url: str) -> None:
    """A database with all tables and `PEOPLE` customers in the middle of a conversation."""
    engine = create_engine(url)
    with engine.begin() as connection:
        tables.metadata.create_all(connection)
        connection.execute(
            insert(tables.business), {"id": 1, "key": "lotus", "name": "Lotus", "created_at": NOW}
        )
        account = {"id": 1, "business_id": 1, "channel": "telegram", "external_id": "42"}
        connection.execute(insert(tables.account), account | {"created_at": NOW})
        for table, row in _STANDING:
            connection.execute(insert(table), [row(number + 1) for number in range(PEOPLE)])
    engine.dispose()


def _customer(number: int) -> dict[str, Any]:
    names = {"display_name": f"Sara {number}", "name_folded": f"sara {number}"}
    return {"id": number, "business_id": 1, "created_at": NOW, "updated_at": NOW, **names}


def _conversation(number: int) -> dict[str, Any]:
    whose = {"id": number, "business_id": 1, "account_id": 1, "customer_id": number}
    return whose | {"peer": str(1_000_000 + number), "status": "idle", "revision": 0}


def _run(number: int) -> dict[str, Any]:
    whose = {"id": number, "business_id": 1, "customer_id": number, "conversation_id": number}
    flow = {"flow": "lead_capture", "flow_version": 1, "frames": [], "cause": "command"}
    return whose | flow | {"attempts": 0, "status": "asking", "started_at": NOW}


def _timer(number: int) -> dict[str, Any]:
    whose = {"run_id": number, "business_id": 1, "conversation_id": number}
    return whose | {"wait_id": "0", "due_at": NOW}


_STANDING = (
    (tables.customer, _customer),
    (tables.conversation, _conversation),
    (tables.run, _run),
    (tables.timer, _timer),
)


def write(database: Path, turns: Sequence[Turn], per_commit: int) -> float:
    """Write the rows of all turns, `per_commit` turns to a transaction; turns per second."""
    groups = in_groups(turns, per_commit)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        began = perf_counter()
        for statements in groups:
            connection.execute("BEGIN IMMEDIATE")
            for sql, rows in statements:
                connection.executemany(sql, rows)
            connection.execute("COMMIT")
        return len(turns) / (perf_counter() - began)


def in_groups(turns: Sequence[Turn], size: int) -> list[list[tuple[str, list[Row]]]]:
    """The statements of each transaction with their rows, `size` turns to a transaction."""
    return [list(_rows(group)) for group in _grouped(turns, size)]


def _grouped(turns: Sequence[Turn], size: int) -> Iterator[Sequence[Turn]]:
    return (turns[start : start + size] for start in range(0, len(turns), size))


def _rows(turns: Sequence[Turn]) -> Iterator[tuple[str, list[Row]]]:
    for sql, rows_of in STATEMENTS:
        yield sql, [row for turn in turns for row in rows_of(turn)]


def rate(per_commit: int, count: int = TURNS) -> float:
    """Turns per second into a fresh database."""
    turns = [Turn(number + 1, number % PEOPLE + 1) for number in range(count)]
    with TemporaryDirectory() as folder:
        database = Path(folder) / "floor.db"
        create(f"sqlite:///{database}")
        return write(database, turns, per_commit)


def measure(rounds: int) -> list[Result]:
    """The floor by itself, and the share of it that ours reaches when commits are grouped."""
    with sqlite_files() as store:
        field = Field(store)
        contender = RapportContender()
        field.prepare("ours", contender)
        rates = alternate(
            {
                "grouped": lambda: rate(GROUP),
                "single": lambda: rate(1),
                "ours": lambda: field.run("ours", contender, 256).rate,
            },
            rounds,
        )
    grouped = statistics.median(rates["grouped"])
    ours = statistics.median(rates["ours"])
    return [
        result(f"floor, {GROUP} to a commit", grouped, "turns/s"),
        result("floor, one commit each", statistics.median(rates["single"]), "turns/s"),
        result(
            "share of the floor, 256 in flight", ours, "turns/s", peer=grouped,
            bound=Bound("ratio", ">=", 1 / 3),
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run_alone("floor", measure))
