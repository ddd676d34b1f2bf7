"""What the SQL of a migration may not do to tables that are in use (docs/migrations.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAME = r'"?(?P<table>\w+)"?'
_ALTER = rf"ALTER TABLE (IF EXISTS )?(ONLY )?{_NAME} "

_RULES = (
    (rf"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY).*? ON {_NAME}", "builds an index under a lock"),
    (r"DROP INDEX (?!CONCURRENTLY)(?P<table>)", "drops an index under a lock"),
    (r"REINDEX (?!.*CONCURRENTLY)(?P<table>)", "rebuilds an index under a lock"),
    (rf"{_ALTER}.*\bALTER( COLUMN)? \w+ (SET DATA )?TYPE\b", "changes the type of a column"),
    (rf"{_ALTER}.*\bSET NOT NULL\b", "reads the whole table for NOT NULL under a lock"),
    (rf"{_ALTER}.*\bADD( COLUMN)? (?!CONSTRAINT)\w+ (?!.*\bDEFAULT\b).*\bNOT NULL\b",
     "adds a column that older code cannot fill"),
    (rf"{_ALTER}.*\bDEFAULT (now|random|nextval|clock_timestamp|gen_random_uuid)\b",
     "writes every row for a default"),
    (rf"{_ALTER}.*\b(FOREIGN KEY|REFERENCES|CHECK)\b(?!.*\bNOT VALID\b)",
     "checks every row under a lock"),
    (rf"{_ALTER}.*\bADD (CONSTRAINT \w+ )?(UNIQUE|PRIMARY KEY)\b(?!.*\bUSING INDEX\b)",
     "builds an index under a lock"),
    (rf"{_ALTER}.*\bRENAME\b", "renames what older code asks for"),
    (r"(VACUUM FULL|CLUSTER|LOCK TABLE|TRUNCATE)(?P<table>)", "locks a whole table"),
    (rf"UPDATE {_NAME} ", "changes rows; that is work in pieces, not a step"),
    (rf"DELETE FROM {_NAME}", "deletes rows; that is work in pieces, not a step"),
)  # fmt: skip
_DROPS = (
    rf"DROP TABLE {_NAME}|ALTER TABLE \"?(?P<other>\w+)\"? "
    r".*\bDROP( COLUMN)? (?!CONSTRAINT|NOT NULL)\w+"
)
_OWN = frozenset({"alembic_version", "schema_step"})


def broken_rules(sql: str, *, contracts: bool = False) -> list[str]:
    """What the statements of one upgrade do that they must not, as sentences.

    Tables that the SQL itself creates are nobody's yet. contracts: the step says that older code
    may no longer work beside it, so it may drop what only that code used.
    """
    statements = list(_statements(sql))
    new = {
        match[1]
        for one in statements
        if (match := re.match(r'CREATE TABLE (?:IF NOT EXISTS )?"?(\w+)', one))
    }
    return [
        f"{reason}: {one}"
        for one in statements
        for reason in _reasons(one, new | _OWN, contracts=contracts)
    ]


def _reasons(statement: str, free: set[str] | frozenset[str], *, contracts: bool) -> Iterator[str]:
    for pattern, reason in _RULES:
        match = re.match(pattern, statement, re.IGNORECASE)
        if match and match["table"] not in free:
            yield reason
    match = re.match(_DROPS, statement, re.IGNORECASE)
    if match and not contracts and (match["table"] or match["other"]) not in free:
        yield "drops what older code asks for"


def _statements(sql: str) -> Iterator[str]:
    code = re.sub(r"--.*", "", sql)
    for part in code.split(";"):
        statement = " ".join(part.split())
        if statement:
            yield statement
