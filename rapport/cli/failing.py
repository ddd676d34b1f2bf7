"""How commands end, and how they say what went wrong.

Exit codes: 0 done; 1 found problems, or not found; 2 wrong use, or a setting that cannot work;
70 a fault of this program (EX_SOFTWARE of sysexits.h).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rapport.redaction import redacted

FOUND_PROBLEMS = 1
WRONG_USE = 2
OUR_FAULT = 70

TOLD = 500
"""Letters that a server may say of itself; of a name with many addresses it lists them all."""


class Refusal(Exception):
    """What a command cannot do, as one line for a person, and the code it ends with."""

    def __init__(self, text: str, code: int = FOUND_PROBLEMS) -> None:
        super().__init__(text)
        self.code = code


def explain(error: Exception) -> tuple[str, int] | None:
    """The line and exit code of an error that is not a fault of this program; else None."""
    if isinstance(error, Refusal):
        return str(error), error.code
    if isinstance(error, OSError):
        return _of_the_machine(error), FOUND_PROBLEMS
    # By name: importing these modules costs more than most commands need.
    for kind in type(error).__mro__:
        code = _CODES.get(f"{kind.__module__}.{kind.__qualname__}")
        if code is not None:
            return f"{error}{_told_by_the_server(error)}", code
    return None


_CODES = {
    "bots.channel.Unauthorised": WRONG_USE,
    "crm.copying.CopyRefused": FOUND_PROBLEMS,
    "crm.database.DatabaseUnavailable": FOUND_PROBLEMS,
    "crm.errors.CrmError": FOUND_PROBLEMS,
    "rapport.alone.AlreadyRunning": WRONG_USE,
    "rapport.catalog.CatalogRefused": FOUND_PROBLEMS,
    "rapport.editing.EditRefused": FOUND_PROBLEMS,
    "rapport.project.NoProject": WRONG_USE,
    "rapport.rollback.RollbackRefused": FOUND_PROBLEMS,
    "rapport.settings.WrongSetting": WRONG_USE,
    "rapport.storage.WrongDatabase": WRONG_USE,
    "rapport.translating.TranslationRefused": FOUND_PROBLEMS,
}


def _told_by_the_server(error: Exception) -> str:
    """Why PostgreSQL could not be reached, in its own words: the host, the name or the password is
    wrong, which it tells by no code. They hold no password, and no values of rows, for it is no
    statement that failed; '' for everything else.

    Only for who runs a command: the pages for monitoring tell nobody where the database is.
    """
    original = getattr(error.__cause__, "orig", None)
    psycopg = sys.modules.get("psycopg")
    if psycopg is None or not isinstance(original, psycopg.OperationalError) or original.sqlstate:
        return ""
    return f": {str(original)[:TOLD]}"


def _of_the_machine(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def report_fault(error: Exception) -> str:
    """The line for a fault of this program; the traceback goes into a file that it names."""
    import tempfile
    import traceback

    if os.environ.get("RAPPORT_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    text = redacted("".join(traceback.format_exception(error)))
    what = f"a fault in Rapport ({type(error).__name__})"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="rapport-fault-", suffix=".log", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
    except OSError:
        return f"{what}; run again with RAPPORT_DEBUG=1 to see where"
    return f"{what}; please report it with {Path(file.name)}"
