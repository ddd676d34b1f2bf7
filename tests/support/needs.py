"""What a test needs of the machine, and what becomes of the test where that is missing."""

from __future__ import annotations

import os

import pytest


def need(missing: str | None) -> None:
    """Go on where nothing is missing, else skip the test; fail it where `CI` is set.

    missing: why the test cannot be held here.
    """
    if missing is not None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
