"""Run every benchmark, print one table and write `benchmarks/latest.json`."""

import sys
from collections.abc import Callable

from benchmarks import (
    checking,
    cold_start,
    crm_export,
    crm_import,
    floor,
    floor_postgres,
    idle,
    lead_capture,
    many,
    parts,
    ready,
    talking,
)
from benchmarks.harness import LATEST, Result, to_json, told

ROUNDS = 5
ALL: tuple[Callable[[int], list[Result]], ...] = (
    lead_capture.measure,
    floor.measure,
    parts.measure,
    cold_start.measure,
    checking.measure,
    talking.measure,
    ready.measure,
    idle.measure,
    floor_postgres.measure,
    many.measure,
    crm_import.measure,
    crm_export.measure,
)


def main() -> int:
    """0 if every bound holds, else 1."""
    results = [line for measure in ALL for line in measure(ROUNDS)]
    LATEST.write_text(to_json(results) + "\n")
    return told(results, as_json=False)


if __name__ == "__main__":
    sys.exit(main())
