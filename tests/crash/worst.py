"""Telegram at its worst for as long as is asked for, while one crowd after another talks.

    python -m tests.crash.worst --seconds 3600 --customers 50 --seed 1

Calls are throttled, fail, are reset before and after they had their effect, are answered slowly or
with what nobody can read; updates come shuffled and some of them twice. It comes and goes in
storms. Nobody's answer may be lost or applied twice, and a message may come twice only where nobody
could know that it had arrived.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bots.telegram_aiogram import TelegramAiogram
from tests.crash.crowd import PATIENCE, Crowd, Customer
from tests.crash.evidence import faults, unheard
from tests.support.botapi import BotApi
from tests.support.botapi.faults import Fault, FaultKind
from tests.support.service import Place, serving

PROJECT = Path(__file__).parent / "project"

UNKNOWN: tuple[FaultKind, ...] = ("reset_after", "truncated", "garbage", "garbage_bytes", "null")
"""After these nobody can know whether a message has arrived."""

KINDS: tuple[FaultKind, ...] = (
    "throttled", "server_error", "bad_gateway", "bare_error", "reset_before", "slow", *UNKNOWN,
)  # fmt: skip

STORM_SECONDS = 2.0


@dataclass
class Report:
    """What happened, and `faults`: what must not have."""

    seed: int
    customers: int = 0
    answers: int = 0
    messages: int = 0
    repeated: int = 0
    troubles: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.troubles} calls went wrong; {self.customers} customers, "
            f"{self.answers} answers, {self.messages} messages, {self.repeated} of them came "
            f"twice, {len(self.faults)} faults, {self.seconds:.0f} s"
        )


async def torment(folder: Path, seed: int, seconds: float, size: int) -> Report:
    """One crowd after another until the time is over; then look at what is left."""
    began, chance, report = time.monotonic(), random.Random(seed), Report(seed)
    place = Place(PROJECT, folder)
    customers: list[Customer] = []
    async with BotApi(seed=seed) as api:
        async with serving(place, TelegramAiogram.connect(api.token, api.url)):
            storming = asyncio.create_task(_storm(api, chance, seconds))
            while not customers or not storming.done():
                crowd = Crowd.of(api, size, chance, first=len(customers))
                customers += crowd.customers
                crowd.allow(crowd.words)
                async with asyncio.timeout(PATIENCE):
                    await crowd.talk()
        report.troubles = api.faults.suffered.total()
        report.messages = len(api.sent)
        told = Counter((message["chat"]["id"], message["text"]) for message in api.sent)
        report.repeated = sum(times - 1 for times in told.values())
        unknown = sum(api.faults.suffered[kind, "sendmessage"] for kind in UNKNOWN)
        if report.repeated > unknown:
            report.faults.append(f"{report.repeated} came twice, and {unknown} were not known of")
        report.faults += unheard(api.sent, customers)
    report.customers = len(customers)
    report.answers = sum(len(customer.answers()) for customer in customers)
    report.faults += [*faults(place, customers), *place.violations()]
    report.seconds = time.monotonic() - began
    return report


async def _storm(api: BotApi, chance: random.Random, seconds: float) -> None:
    """Some kinds of trouble at a time, now more and now less of it; then calm."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        api.faults.clear()
        for kind in chance.sample(KINDS, 4):
            share = chance.choice((0.02, 0.1, 0.2))
            api.faults.add(Fault(kind, times=None, probability=share, retry_after=1, seconds=0.5))
        await asyncio.sleep(chance.uniform(0, STORM_SECONDS))
    api.faults.clear()


def main() -> int:
    """Read the arguments, run, print; 1 where something is at fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.worst")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--customers", type=int, default=50, help="of each crowd")
    given = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(torment(Path(folder), given.seed, given.seconds, given.customers))
    sys.stdout.write("\n".join([*report.faults, str(report), ""]))
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
