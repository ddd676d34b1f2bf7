"""Loads a million made-up files, over all cores: `python -m tests.fuzz --files 1000000`.

Prints how many a second. A file that is neither loaded nor told about is written to
tests/corpora/yaml, to be looked at and kept; then it ends with 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from engine.loader import CRM_FILE, load_project
from nodes import KINDS
from rapport.project import industry_template
from tests.support.fuzzing import CORPORA
from tests.support.grammar import Writer

FILES_AT_ONCE = 500
MOST_SECONDS = 2.0

CRM = (
    "business: {key: a, name: A, languages: [en, fa]}\n"
    "fields: {points: {type: number}, x: {type: select, options: [a, b]}}\ntags: {VIP: {}}\n"
)
FLOW = "flow: b\ntriggers: [{on: command, command: b}]\nnodes: [{ask: What?, save_to: x}]\n"


def load(text: str, number: int) -> None:
    """As crm.yaml for every third, else beside one. Raises whatever should not be raised."""
    files = {CRM_FILE: text if number % 3 == 0 else CRM, "a.yaml": text, "b.yaml": FLOW}
    for problem in load_project(files, KINDS, industry_template).problems:
        assert problem.message, "a problem says what is wrong"
        assert problem.position.line >= 1 <= problem.position.column
        assert str(problem)


def load_some(first: int, most_seconds: float = MOST_SECONDS) -> list[tuple[int, str]]:
    """The seeds of those that failed, with why, of FILES_AT_ONCE from `first`."""
    failed: list[tuple[int, str]] = []
    for seed in range(first, first + FILES_AT_ONCE):
        text = Writer(seed).file()
        began = time.process_time()
        try:
            load(text, seed)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is what is looked for
            failed.append((seed, f"{type(error).__name__}: {error}"))
        if time.process_time() - began > most_seconds:
            failed.append((seed, f"took {time.process_time() - began:.1f} s"))
    return failed


def keep(seed: int) -> Path:
    path = CORPORA / "yaml" / f"seed_{seed}.yaml"
    path.write_text(Writer(seed).file(), encoding="utf-8")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    began, done, failures = time.monotonic(), 0, 0
    firsts = range(asked.first, asked.first + asked.files, FILES_AT_ONCE)
    with ProcessPoolExecutor(asked.workers) as pool:
        for failed in pool.map(partial(load_some), firsts, chunksize=4):
            done += FILES_AT_ONCE
            for seed, why in failed:
                failures += 1
                print(f"\nseed {seed}: {why}\n  kept as {keep(seed)}", flush=True)
            rate = done / (time.monotonic() - began)
            if done % 10_000 == 0:
                print(f"{done:,} files, {rate:,.0f} a second, {failures} failed", flush=True)
    print(f"{done:,} files, {rate:,.0f} a second, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
