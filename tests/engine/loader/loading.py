"""Projects written in a test, loaded as the shell loads those on the disk."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from engine.loader import Loaded, load_project
from engine.problems import Problem
from nodes import KINDS

TEMPLATES = Path(__file__).parents[3] / "crm" / "templates"

CRM = """
business: {name: Lotus, languages: [en, fa], timezone: Asia/Tehran, country: IR}
fields:
  points: {type: number, rules: {min: 0, max: 100}}
  category: {type: select, options: [clothes, shoes]}
  birthday: {type: date}
  nick: {type: text}
tags: {VIP: {}, Sneakers: {}}
segments: {loyal: {when: {points__gte: 50}}, friends: {static: true}}
staff: [{name: Ali, role: owner, teams: [sales]}]
"""


def industry(name: str) -> str | None:
    path = TEMPLATES / f"{name}.yaml"
    return path.read_text(encoding="utf-8") if path.exists() else None


def load_whole(flow: str = "", *, crm: str = CRM, **others: str) -> Loaded:
    """A project of crm.yaml, `flow.yaml` and others by the names of their files."""
    files = {"crm.yaml": crm} | ({"flow.yaml": flow} if flow else {})
    files |= {f"{name}.yaml": text for name, text in others.items()}
    return load_project(files, KINDS, industry)


def load(flow: str = "", *, crm: str = CRM, **others: str) -> Loaded:
    """The same without W901: how a key is read is looked at before it has an effect too."""
    loaded = load_whole(flow, crm=crm, **others)
    kept = tuple(problem for problem in loaded.problems if problem.code != "W901")
    return replace(loaded, problems=kept)


def nodes(text: str) -> str:
    """A flow named `f` with these nodes; their first line is line 3 of the file."""
    return "flow: f\nnodes:\n" + text


def told(problems: tuple[Problem, ...] | list[Problem]) -> list[str]:
    """Each problem as `line:column CODE`."""
    return [
        f"{problem.position.line}:{problem.position.column} {problem.code}" for problem in problems
    ]
