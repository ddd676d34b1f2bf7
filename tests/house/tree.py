"""The files of this repository, for tests that hold all of them to something."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked(*patterns: str) -> list[Path]:
    """The files that git knows or would take, by their path from the root; absolute."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = sorted(ROOT / name for name in listed.split("\0") if name)
    return [path for path in found if path.is_file()]


@cache
def trees() -> dict[str, ast.Module]:
    """The syntax tree of every Python file, by its path from the root."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in tracked("*.py")
    }
