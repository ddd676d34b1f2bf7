"""How long `rapport check` takes for 500 flows of 40 nodes, in two languages, imports included."""

import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cold_start import RAPPORT, cpu_seconds
from benchmarks.harness import Bound, Result, result, run_alone

FLOWS, ROUNDS_OF_NODES = 500, 8

CRM = """\
business: {name: Lotus, languages: [en, fa], timezone: Asia/Tehran}
fields:
  points: {type: number, rules: {min: 0, max: 100}}
  category: {type: select, options: [clothes, shoes]}
  birthday: {type: date}
tags: {VIP: {}}
"""

HEAD = """\
flow: flow_FLOW
triggers:
  - {on: command, command: start_FLOW}
  - {on: message, keywords: [word FLOW]}
vars: {n: 0}
nodes:
"""

NODES = """\
  - id: hello_ROUND
    say:
      en: "Hi {{ customer.first_name | default('there') }}, this is ROUND of FLOW."
      fa: "سلام {{ customer.first_name }}، این ROUND است."
  - id: birthday_ROUND
    ask: {en: When is your birthday? (ROUND), fa: تولد شما کی است؟ (ROUND)}
    save_to: birthday
    retry: {text: {en: Once more., fa: یک بار دیگر.}, attempts: 3, goto: points_ROUND}
    timeout:
      after: 2h
      remind: {after: 30m, text: {en: Still there?, fa: هستید؟}}
      goto: points_ROUND
    skip: [later, بعداً]
  - id: points_ROUND
    set: {points: "{{ customer.points + ROUND }}", var.n: ROUND}
  - id: category_ROUND
    ask: {en: What are you looking for? (ROUND), fa: دنبال چه هستید؟}
    save_to: category
  - id: route_ROUND
    branch:
      - {when: {points__gte: 80, category: shoes}, goto: NEXT}
      - {when: {any: [{category: clothes}, {tags: [VIP]}]}, goto: points_ROUND}
    else: NEXT
"""
"""A round of five nodes."""


def write_project(folder: Path, flows: int = FLOWS) -> None:
    """A project without a problem, of so many flows."""
    (folder / "crm.yaml").write_text(CRM, encoding="utf-8")
    for flow in range(flows):
        rounds = (
            NODES.replace(
                "NEXT", f"hello_{number + 1}" if number < ROUNDS_OF_NODES - 1 else "end"
            ).replace("ROUND", str(number))
            for number in range(ROUNDS_OF_NODES)
        )
        text = HEAD + "".join(rounds)
        path = folder / f"flow_{flow}.yaml"
        path.write_text(text.replace("FLOW", str(flow)), encoding="utf-8")


def measure(rounds: int) -> list[Result]:
    with TemporaryDirectory() as folder:
        write_project(Path(folder))
        times = [cpu_seconds((RAPPORT, "check", "--strict", folder)) for _ in range(rounds)]
    nodes = f"{FLOWS} flows, {FLOWS * ROUNDS_OF_NODES * 5:,} nodes"
    bound = Bound("value", "<=", 3.0)
    return [result(f"check of {nodes}", statistics.median(times), "s CPU", bound=bound)]


if __name__ == "__main__":
    sys.exit(run_alone("checking", measure))
