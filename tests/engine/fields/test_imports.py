"""Reading fields costs nothing at start that a command may not need."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("phonenumbers", "email_validator", "persiantools", "babel", "re2")


def test_importing_the_readers_imports_none_of_the_slow_libraries() -> None:
    program = (
        "import sys, engine.fields.reply, engine.fields.coerce, engine.fields.show,"
        " engine.fields.base\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
