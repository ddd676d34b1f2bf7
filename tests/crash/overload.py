"""Ten times what can be worked off comes in; then everything is worked off.

    python -m tests.crash.overload --seconds 60 --rate 50

`rapport run` may send `rate` messages a second, and ten times as many people write for the first
time each second. Its memory must stay bounded, and afterwards everybody is answered once.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.crowd import PATIENCE
from tests.support.botapi import BotApi
from tests.support.service import Place, Program

TIMES = 10

MOST_GROWTH = 150 * 2**20
"""Bytes: memory that is given to what waits. It does not grow with how much that is."""

CRM = """\
business: {{key: kiosk, name: Kiosk, languages: [en], timezone: UTC, country: IR}}
sending: {{rate: {rate}, per_chat: 100}}
"""
FLOW = """\
flow: hello
triggers: [{on: command, command: start}]
nodes: [{say: Hello, end: greeted}]
"""


@dataclass
class Report:
    """What happened, and `faults`: what must not have. Memory is in bytes."""

    rate: int
    came: int = 0
    behind: int = 0
    memory_before: int = 0
    memory_most: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.came} people at {TIMES} times the rate of {self.rate}/s, {self.behind} not "
            f"answered when the last one came; memory {_mib(self.memory_before)} before, "
            f"{_mib(self.memory_most)} at most; {len(self.faults)} faults, {self.seconds:.0f} s"
        )


async def torment(folder: Path, seconds: float, rate: int) -> Report:
    """Let them come, then wait until all are answered."""
    began, report = time.monotonic(), Report(rate)
    project = folder / "project"
    project.mkdir()
    (project / "crm.yaml").write_text(CRM.format(rate=rate), encoding="utf-8")
    (project / "hello.yaml").write_text(FLOW, encoding="utf-8")
    place = Place(project, folder)
    async with BotApi() as api:
        program = await Program.start(place, api.url)
        try:
            assert await program.is_ready(), program.errors
            report.memory_before = _memory(program)
            await _flood(api, program, report, seconds)
            report.behind = report.came - len(api.sent)
            async with asyncio.timeout(PATIENCE + 3 * report.came / rate):
                while len(api.sent) < report.came:
                    report.memory_most = max(report.memory_most, _memory(program))
                    await asyncio.sleep(0.2)
            code = await program.stop()
        finally:
            await program.kill()
        answered = Counter(message["chat"]["id"] for message in api.sent)
    if code:
        report.faults.append(f"it ended with {code}: {program.errors[-2000:]}")
    if len(answered) != report.came or set(answered.values()) != {1}:
        report.faults.append(f"{report.came} came, and {len(answered)} were answered: {answered}")
    if report.memory_most - report.memory_before > MOST_GROWTH:
        report.faults.append("memory grew with what waits")
    report.faults += place.violations()
    report.seconds = time.monotonic() - began
    return report


async def _flood(api: BotApi, program: Program, report: Report, seconds: float) -> None:
    """Strangers write, evenly; each only once."""
    began = time.monotonic()
    for number in itertools.count(1):
        due = TIMES * report.rate * (time.monotonic() - began)
        if time.monotonic() - began >= seconds:
            return
        if number > due:
            report.memory_most = max(report.memory_most, _memory(program))
            await asyncio.sleep(0.01)
        api.user(1_000 + number).says("/start")
        report.came = number


def _memory(program: Program) -> int:
    """The resident bytes of the process; where the system does not tell, 0."""
    try:
        status = Path(f"/proc/{program.pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return 1024 * int(lines.get("VmRSS", "0 kB").split()[0])


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def main() -> int:
    """Read the arguments, run, print; 1 where something is at fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.overload")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=int, default=50, help="messages a second that may be sent")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(torment(Path(folder), given.seconds, given.rate))
    sys.stdout.write("\n".join([*report.faults, str(report), ""]))
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
