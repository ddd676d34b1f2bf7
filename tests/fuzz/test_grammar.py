"""Files that hold every key of the language, rightly and wrongly; `make fuzz-files` loads more."""

from __future__ import annotations

import pytest

from engine.loader import load_project
from engine.problems import Problems
from engine.source import read_documents
from nodes import KINDS
from rapport.project import industry_template
from tests.fuzz.__main__ import CRM, load
from tests.support.fuzzing import EXAMPLES
from tests.support.grammar import Writer


@pytest.mark.parametrize("hundred", range(max(1, EXAMPLES // 20)))
def test_a_made_up_file_is_loaded_or_told_about(hundred: int) -> None:
    for seed in range(hundred * 100, hundred * 100 + 100):
        load(Writer(seed).file(), seed)


def test_the_files_are_the_same_for_the_same_seed_and_most_are_yaml() -> None:
    files = [Writer(seed).file() for seed in range(100)]
    assert files == [Writer(seed).file() for seed in range(100)]
    problems = [Problems() for _ in files]
    for text, found in zip(files, problems, strict=True):
        read_documents(text, "a.yaml", found)
    assert sum(not found.found for found in problems) > 25


def test_they_reach_beyond_the_form_of_the_files() -> None:
    codes = {
        problem.code
        for seed in range(300)
        for problem in load_project(
            {"crm.yaml": CRM, "a.yaml": Writer(seed).file()}, KINDS, industry_template
        ).problems
    }
    assert len(codes) > 15
