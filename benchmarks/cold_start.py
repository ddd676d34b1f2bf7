"""How much CPU time a whole `rapport check flows/shop` costs, imports included."""

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from benchmarks.harness import Bound, Result, result, run_alone

ROOT = Path(__file__).parent.parent
RAPPORT = str(Path(sys.executable).parent / "rapport")
COMMAND = (RAPPORT, "check", "flows/shop")


def cpu_seconds(command: Sequence[str]) -> float:
    """User and system time of one run of `command`, which must exit 0 (else RuntimeError)."""
    before = _of_children()
    _run(command)
    return _of_children() - before


def timed(command: Sequence[str]) -> float:
    """Seconds from the start of `command` to its end; as `cpu_seconds`."""
    began = perf_counter()
    _run(command)
    return perf_counter() - began


def _run(command: Sequence[str]) -> None:
    # An installed program has its bytecode: the first run may write it.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command} exited {done.returncode}: {done.stdout}{done.stderr}")


def _of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(rounds: int) -> list[Result]:
    cpu_seconds(COMMAND)
    times = [cpu_seconds(COMMAND) for _ in range(rounds)]
    bound = Bound("value", "<=", 0.4)
    return [result("cold start of check", statistics.median(times), "s CPU", bound=bound)]


if __name__ == "__main__":
    sys.exit(run_alone("cold_start", measure))
