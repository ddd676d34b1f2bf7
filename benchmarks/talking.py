"""How long `rapport test` takes for 1,000 tests of ten steps; and the pure step by itself.

The step is the engine's share of a turn: the flow of lead_capture, from /start to its end, without
a database, a channel or a loop.
"""

import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.cold_start import RAPPORT, ROOT, timed
from benchmarks.harness import Bound, Result, result, run_alone
from engine.business import Business
from engine.effects import SetField
from engine.facts import Facts
from engine.fields.types import Value
from engine.flow import Flow
from engine.messages import Message
from engine.resume import Reply, Started
from engine.run import Frame, Run
from engine.step import step
from rapport.project import read_project

TESTS = 1_000
CONVERSATIONS = 2_000
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PROJECT = ROOT / "benchmarks" / "project"

REPLIES = ("Sara", "1990-05-15", "shoes", "42", "sara@example.com")

TEST = """\
test: number NUMBER
flow: lead_capture
steps:
  - user: /start
  - bot: {contains: first name}
  - user: Sara
  - bot: {contains: When is your birthday}
  - user: banana
  - bot: {contains: birthday}
  - user: 1990-05-15
  - bot: {contains: Which category}
  - user: shoes
  - bot: {contains: shoe size}
"""
"""Five turns and what is said in them."""


def write_tests(folder: Path, tests: int = TESTS) -> None:
    """The project of lead_capture with so many tests, in files of a hundred."""
    for file in PROJECT.glob("*.yaml"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    for first in range(0, tests, 100):
        numbers = range(first, min(first + 100, tests))
        texts = (TEST.replace("NUMBER", str(number)) for number in numbers)
        (folder / f"tests_{first}.yaml").write_text("---\n".join(texts), encoding="utf-8")


def steps_per_second(conversations: int = CONVERSATIONS) -> float:
    """Turns of lead_capture in a second, the pure step alone."""
    loaded = read_project(PROJECT)
    flow = loaded.flows["lead_capture"]
    began = perf_counter()
    for number in range(conversations):
        _converse(loaded.business, flow, number)
    return conversations * (1 + len(REPLIES)) / (perf_counter() - began)


def _converse(business: Business, flow: Flow, number: int) -> None:
    flows = {(flow.key, 0): flow, (flow.key, flow.version): flow}
    values: dict[str, Value] = {}
    facts = Facts(customer_id=number, business=business, channel="telegram", values=values)
    run = Run(number, (Frame(flow.key, flow.version, vars=flow.vars),))
    run, _ = step(flows, run, Started(), facts, NOW)
    for place, text in enumerate(REPLIES, start=1):
        reply = Reply(Message(text=text, message_id=str(place)))
        run, effects = step(flows, run, reply, facts, NOW + timedelta(seconds=place))
        for effect in effects:
            if isinstance(effect, SetField):
                values[effect.key] = effect.new
    if run.outcome != "captured":
        raise RuntimeError(f"the conversation ended with {run.outcome}")


def measure(rounds: int) -> list[Result]:
    rates: Sequence[float] = [steps_per_second() for _ in range(rounds)]
    with TemporaryDirectory() as folder:
        write_tests(Path(folder))
        times = [timed((RAPPORT, "test", folder)) for _ in range(rounds)]
    bound = Bound("value", "<=", 20.0)
    return [
        result("the pure step, lead_capture", statistics.median(rates), "turns/s"),
        result(f"{TESTS:,} tests of ten steps", statistics.median(times), "s", bound=bound),
    ]


if __name__ == "__main__":
    sys.exit(run_alone("talking", measure))
