"""A short command starts quickly because it imports what it uses and nothing else."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.cold_start import ROOT

HEAVY = {
    "aiogram": "Telegram's library",
    "alembic": "migrations",
    "asyncio": "nothing is waited for",
    "babel": "the names of days and currencies, at run time",
    "bots": "channels",
    "crm.database": "the database",
    "crm.tables": "the database",
    "csv": "listings",
    "email_validator": "an address in a reply",
    "engine.fields.contacts": "an address or a phone number in a reply",
    "engine.fields.dates": "a date in a reply",
    "engine.fields.numbers": "a number in a reply",
    "fastapi": "the pages of a process",
    "http": "channels",
    "importlib.resources": "10 ms for what a path does",
    "prometheus_client": "the pages of a process",
    "phonenumbers": "a phone number in a reply",
    "pydantic": "settings",
    "rapport.cli.customers": "another command",
    "rapport.settings": "settings",
    "re2": "patterns of fields, of which the shop has none",
    "rich": "tables",
    "sqlalchemy": "the database",
    "structlog": "logs",
}
"""Modules that `rapport check flows/shop` does without, and what they are for."""

PROGRAM = """
import sys
from rapport.cli.main import call

code = call(["check", "flows/shop"])
print(code, *sys.modules)
"""


def test_check_imports_neither_database_nor_channels_nor_readers_of_replies() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    code, *imported = ended.stdout.splitlines()[-1].split()
    assert code == "0"
    assert "engine.loader" in imported
    assert sorted(HEAVY.keys() & set(imported)) == []
