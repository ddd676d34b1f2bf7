"""The case file of each problem code: what is wrong, an example of it, and the same put right.

`tests/problems/cases/CODE.yaml` holds them; the reference is written from it, and a test holds
that each wrong example gives that code at that place, and nothing else, and the right one nothing.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec
import yaml
from msgspec import Struct

from engine.loader import CRM_FILE
from engine.problems import Problem
from rapport.project import read_project

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "tests" / "problems" / "cases"

FLOW_FILE = "hello.yaml"
"""The file that an example is where it is only one text."""

BUSINESS = """\
business: {name: Lotus}
fields:
  points: {type: number, rules: {min: 0, max: 100}}
  category: {type: select, options: [clothes, shoes]}
  birthday: {type: date}
tags: {VIP: {}}
"""
"""The crm.yaml of an example that does not write its own."""

_LONG = re.compile(r"<(\d+) letters>")


class Link(Struct, frozen=True, forbid_unknown_fields=True):
    """A file that is a link to another place."""

    link: str


Files = str | Mapping[str, str | Link | None]
"""The text of hello.yaml, or files by their names; None for a crm.yaml that is not there.

`<4097 letters>` stands for so many of them.
"""


class Example(Struct, frozen=True, forbid_unknown_fields=True):
    """at: `LINE:COLUMN` of hello.yaml, or `FILE:LINE:COLUMN`. says: a piece of what is told."""

    wrong: Files
    at: str
    says: str
    right: Files


class ProblemCase(Struct, frozen=True, forbid_unknown_fields=True):
    """meaning: why it is a problem. mend: what to do. Both are Markdown. The first of the
    examples is the one in the reference."""

    meaning: str
    mend: str
    examples: tuple[Example, ...]


@cache
def problem_cases() -> Mapping[str, ProblemCase]:
    """Every case file by its code. Raises msgspec.ValidationError for one of another form."""
    read = {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted(CASES.glob("*.yaml"))
    }
    return msgspec.convert(read, dict[str, ProblemCase])


def named(files: Files) -> dict[str, str | Link | None]:
    """The files of an example by their names, without the crm.yaml that all have."""
    return {FLOW_FILE: files} if isinstance(files, str) else dict(files)


def problems_of(files: Files) -> tuple[Problem, ...]:
    """What is told of an example, read from a disk as every project is."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in ({CRM_FILE: BUSINESS} | named(files)).items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Link):
                path.symlink_to(content.link)
            elif content is not None:
                path.write_bytes(_grown(content).encode())
        return read_project(Path(folder)).problems


def place_of(example: Example) -> str:
    """Where the problem of the wrong example stands, with its file."""
    return example.at if example.at.count(":") > 1 else f"{FLOW_FILE}:{example.at}"


def _grown(text: str) -> str:
    return _LONG.sub(lambda found: "x" * int(found[1]), text)
