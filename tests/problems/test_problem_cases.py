"""Each problem code has a case file: an example of the mistake, and the same put right."""

from __future__ import annotations

import re

import pytest

from docs.generate import codes_page
from docs.problem_cases import CASES, Example, place_of, problem_cases, problems_of
from engine.codes import CODES

EXAMPLES = [
    pytest.param(code, example, id=f"{code} {number}")
    for code, case in problem_cases().items()
    for number, example in enumerate(case.examples, 1)
]


def test_every_code_has_one_case_file_and_one_part_of_the_page() -> None:
    parts = re.findall(r"^### .*</a>(\w+):", codes_page(), re.MULTILINE)
    assert {path.stem for path in CASES.iterdir()} == set(CODES)
    assert parts == sorted(CODES)


@pytest.mark.parametrize("code", problem_cases())
def test_a_case_says_what_it_means_and_how_to_mend_it(code: str) -> None:
    case = problem_cases()[code]
    assert case.meaning.strip().endswith(".")
    assert case.mend.strip().endswith(".")
    assert case.examples


@pytest.mark.parametrize(("code", "example"), EXAMPLES)
def test_a_wrong_example_gives_its_code_at_its_place_and_nothing_else(
    code: str, example: Example
) -> None:
    found = problems_of(example.wrong)
    assert [f"{one.position} {one.code}" for one in found] == [f"{place_of(example)} {code}"]
    assert example.says in found[0].told
    assert found[0].suggestion, "what to do is said too"
    assert found[0].severity == ("error" if code.startswith("E") else "warning")


@pytest.mark.parametrize(("code", "example"), EXAMPLES)
def test_the_example_put_right_gives_nothing(code: str, example: Example) -> None:
    assert [str(one) for one in problems_of(example.right)] == []
