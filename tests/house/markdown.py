"""Reading the Markdown of this repository: its blocks of code, and its links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from docs.generate import REFERENCE
from tests.house.tree import ROOT, tracked

_FENCE = re.compile(r"^( *)```(.*)$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.\w+)`")
_NAMED = re.compile(r"# ([\w./-]+\.(?:yaml|py))\b")

KINDS = ("yaml", "yaml fragment", "console", "python", "text", "html")
"""What a block may say it is.

yaml: files or nodes of a project, loaded; a first line `# lotus/crm.yaml` says where it is for
the blocks that follow. yaml fragment: YAML, but no whole. console: commands after `$ `, what is
typed to them after `> `, and what they print; a line `...` stands for any lines. python: run.
text, html: neither.
"""


@dataclass(frozen=True, slots=True)
class Block:
    """line: of its fence, from 1. name: the path in its first line, "" for none."""

    page: Path
    line: int
    kind: str
    text: str

    @property
    def name(self) -> str:
        found = _NAMED.match(self.text)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page written by hand."""
    return [page for page in tracked("*.md") if page.parent != REFERENCE]


def blocks_of(page: Path) -> Iterator[Block]:
    start, kind, lines = 0, "", list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if fence is None:
            lines.append(line)
        elif start:
            yield Block(page, start, kind, "\n".join(lines) + "\n")
            start = 0
        else:
            start, kind, lines = number, fence[2].strip(), []


def blocks(*kinds: str, of: Iterable[Path] | None = None) -> list[Block]:
    """The blocks of these kinds, page by page."""
    of = pages() if of is None else of
    return [block for page in of for block in blocks_of(page) if block.kind in kinds]


def links_of(page: Path) -> list[str]:
    """Where the page's links lead that stay inside the repository, without their anchors."""
    found = _LINK.findall(page.read_text(encoding="utf-8"))
    return [link.partition("#")[0] for link in found if "://" not in link and link[0] != "#"]


def paths_of(page: Path) -> list[str]:
    """The files that the page names, as `engine/step.py`."""
    return _PATH.findall(page.read_text(encoding="utf-8"))
