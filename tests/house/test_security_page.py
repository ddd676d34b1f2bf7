"""Each line of defence on the page names a test that is there."""

from __future__ import annotations

import re

from tests.house.tree import ROOT, tracked, trees

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_test_that_the_page_names_is_there() -> None:
    named = NAMED.findall(PAGE)
    missing = [
        f"{path}::{name}"
        for path, name in named
        if path not in trees() or (name and f"def {name}(" not in (ROOT / path).read_text("utf-8"))
    ]

    assert len(named) > 15
    assert missing == []


def test_every_paragraph_of_what_is_defended_names_one() -> None:
    defended = PAGE.split("## What is defended")[1].split("## What is not defended")[0]
    lines = [line for line in re.split(r"\n(?=\* )|\n\n", defended) if line.strip()]
    without = [line for line in lines if not line.startswith("**") and not NAMED.search(line)]

    assert without == []


def test_every_file_of_these_tests_is_on_the_page() -> None:
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in tracked("tests/security/test_*.py", "tests/fuzz/test_*.py")
    }

    assert ours <= {path for path, _ in NAMED.findall(PAGE)}
