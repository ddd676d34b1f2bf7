"""A project of a few lines, for tests of what is done with a project."""

from __future__ import annotations

from pathlib import Path

CRM = """\
business: {key: kiosk, name: Kiosk, languages: [en, fa], timezone: Asia/Tehran, country: IR}
fields:
  size: {type: number, label: {en: Size, fa: سایز}, filterable: true, rules: {min: 1, max: 50}}
  colour:
    type: select
    label: {en: Colour, fa: رنگ}
    options: [{value: red, label: {en: Red, fa: سرخ}}, {value: blue, label: {en: Blue, fa: آبی}}]
tags: {Asked: {}}
"""

FLOW = """\
flow: order
triggers:
  - {on: command, command: start}
vars: {greeting: Hello}
nodes:
  - say: {en: "{{ var.greeting }}", fa: سلام}
  - id: size
    ask: {en: "Which size?\\nA number.", fa: چه سایزی؟}
    save_to: size
    timeout:
      after: 2h
      remind: [{after: 30m, text: {en: Still there?, fa: هستید؟}}]
  - id: colour
    ask: {en: Which colour?, fa: چه رنگی؟}
    save_to: colour
  - tag: {add: [Asked]}
  - say: {en: "Done: {{ customer.size }}", fa: تمام}
    end: ordered
"""

TESTS = """\
test: an order is taken
flow: order
steps:
  - user: /start
  - bot: Hello
  - bot: {contains: Which size}
  - user: "42"
  - bot: {contains: Which colour, buttons: [red, blue]}
  - press: Red
  - bot: "Done: 42"
  - expect: {outcome: ordered, customer.size: 42, customer.colour: red, tags: [Asked]}
"""


def write_project(folder: Path, **files: str) -> Path:
    """Write the project, with other texts for `crm`, `order` or `tests`; its folder."""
    texts = {"crm": CRM, "order": FLOW, "tests": TESTS, **files}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder
