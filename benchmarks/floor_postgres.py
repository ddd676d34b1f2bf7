"""The least that the rows of a turn cost on PostgreSQL: a bare psycopg program writes them.

The rows and statements are the floor's (`benchmarks/floor.py`). The rows of a group reach each
statement as arrays, one for each column: several times faster than a row at a time, pipelined.
"""

import itertools
import re
import statistics
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import perf_counter

import psycopg
from sqlalchemy import make_url

from benchmarks import floor
from benchmarks.harness import Result, alternate, result, run_alone
from benchmarks.stores import postgres_databases


class Turn(floor.Turn):
    """As on SQLite, with moments as PostgreSQL takes them."""

    @property
    def at(self) -> datetime:
        return floor.NOW + timedelta(microseconds=self.number)


# Of the parameters of each of the floor's statements, in its order.
TYPES = (
    "text bigint bigint jsonb timestamptz",
    "timestamptz text",
    "text timestamptz timestamptz timestamptz bigint",
    "bigint jsonb timestamptz bigint",
    "bigint timestamptz text text jsonb text",
    "bigint jsonb timestamptz",
    "text jsonb jsonb timestamptz bigint",
    "bigint timestamptz timestamptz",
    "text timestamptz bigint",
    "timestamptz bigint",
    "bigint text text jsonb timestamptz timestamptz",
    "text timestamptz text",
)


def of_arrays(sql: str, types: str) -> str:
    """The statement for any number of rows, each parameter an array with one item for a row."""
    names = itertools.count(1)
    body = re.sub(r"\?", lambda _: f"row.p{next(names)}", sql)
    arrays = ", ".join(f"%s::{type_}[]" for type_ in types.split())
    columns = ", ".join(f"p{number + 1}" for number in range(len(types.split())))
    source = f"FROM unnest({arrays}) AS row({columns})"
    if body.startswith("INSERT"):
        head, _, values = body.partition(" VALUES (")
        return f"{head} SELECT {values.removesuffix(')')} {source}"
    head, _, condition = body.partition(" WHERE ")
    return f"{head} {source} WHERE {condition}"


def write(url: str, turns: Sequence[Turn], per_commit: int) -> float:
    """Write the rows of all turns, `per_commit` turns to a transaction; turns per second."""
    groups = floor.in_groups(turns, per_commit)
    texts = {
        sql: of_arrays(sql, types) for (sql, _), types in zip(floor.STATEMENTS, TYPES, strict=True)
    }
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        began = perf_counter()
        for statements in groups:
            for sql, rows in statements:
                cursor.execute(texts[sql], [list(column) for column in zip(*rows, strict=True)])
            connection.commit()
        return len(turns) / (perf_counter() - began)


def rate(per_commit: int, count: int = floor.TURNS) -> float:
    """Turns per second into a fresh database."""
    turns = [Turn(number + 1, number % floor.PEOPLE + 1) for number in range(count)]
    with postgres_databases() as store:
        url = store.empty("floor")
        floor.create(url)
        return write(url, turns, per_commit)


def measure(rounds: int) -> list[Result]:
    rates = alternate({"grouped": lambda: rate(floor.GROUP), "single": lambda: rate(1)}, rounds)
    return [
        result(
            f"floor on PostgreSQL, {floor.GROUP} to a commit",
            statistics.median(rates["grouped"]),
            "turns/s",
        ),
        result(
            "floor on PostgreSQL, one commit each", statistics.median(rates["single"]), "turns/s"
        ),
    ]


if __name__ == "__main__":
    sys.exit(run_alone("floor_postgres", measure))
