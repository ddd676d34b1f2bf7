"""Whatever a project's files hold: problems with a place, and never anything else."""

from __future__ import annotations

import pytest
from hypothesis import example, given

from engine.loader import CRM_FILE, Loaded, load_project
from engine.problems import Position, Problems
from engine.source import Document, Entry, Mapping, Scalar, Sequence, read_documents
from nodes import KINDS
from rapport.project import industry_template
from tests.support.fuzzing import classes_in, corpus, counted, fuzzed, mutated, names_of

TREE = {
    Document, Entry, Mapping, Scalar, Sequence, Position, str, bool, int, tuple, type(None), list
}  # fmt: skip
"""All that reading YAML makes."""

CRM = "business: {key: a, name: A, languages: [en, fa]}\nfields:\n  x: {type: text, label: X}\n"
FLOW = "flow: b\ntriggers: [{on: command, command: b}]\nnodes: [{ask: What?, save_to: x}]\n"

CALLS, CALLS_A_BYTE = 60_000, 250
"""More functions than loading calls: in all, and for each byte of the files."""

FILES = corpus("yaml")
TEXTS = [content.decode("utf-8", errors="replace") for content in FILES]


def read(text: str) -> list[Document]:
    return read_documents(text, "a.yaml", Problems())


def load(text: str) -> Loaded:
    """The text as a file of a project, then as the project itself."""
    load_project({CRM_FILE: text, "b.yaml": FLOW}, KINDS, industry_template)
    return load_project({CRM_FILE: CRM, "a.yaml": text, "b.yaml": FLOW}, KINDS, industry_template)


def hold(text: str) -> None:
    """What must be so for any text."""
    loaded, calls = counted(lambda: load(text))
    for problem in loaded.problems:
        assert problem.message
        assert problem.position.line >= 1 <= problem.position.column
    assert calls < CALLS + CALLS_A_BYTE * len(text.encode("utf-8", errors="replace"))
    assert classes_in(read(text)) <= TREE


@pytest.fixture(scope="module", autouse=True)
def everything_is_imported() -> None:
    """The first template and the first criterion import what reads them."""
    for text in TEXTS:
        load(text)


@pytest.mark.parametrize("text", TEXTS, ids=names_of("yaml"))
def test_a_kept_file_is_loaded_or_told_about(text: str) -> None:
    hold(text)


NOT_READ = ["python", "tag", "laughs", "merge", "alias", "deep", "duplicate", "nul", "utf", "bom_"]


@pytest.mark.parametrize(
    "name", [name for name in names_of("yaml") if any(part in name for part in NOT_READ)]
)
def test_what_tries_to_make_something_or_to_grow_is_an_error(name: str) -> None:
    loaded = load(TEXTS[names_of("yaml").index(name)])

    assert not loaded.ok


ENDLESS = {
    "blanks": "a: [" + " " * 900_000 + "]]\n",
    "templates": "- {" * 300_000 + "\n",
    "colons": "a: b: c: " * 100_000 + "\n",
    "after a quote": '- "a"' + " " * 900_000 + 'b"c\n',
    "quotes": "- 'a\n" * 200_000,
    "lines": "a\n" * 400_000 + "b: c: d\n",
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_mistake_in_a_line_or_file_without_end_is_told_about(text: str) -> None:
    """And soon: a search that takes the square of a line's length would take an hour."""
    assert not load(text).ok


@fuzzed
@given(mutated(TEXTS))
@example("flow: \ud800\n")
def test_a_file_that_nobody_would_write_is_loaded_or_told_about(text: str) -> None:
    hold(text)


@fuzzed
@given(mutated([FLOW, CRM, *TEXTS]), mutated([FLOW, CRM]))
def test_two_such_files_are_too(one: str, other: str) -> None:
    load_project({CRM_FILE: one, "b.yaml": other}, KINDS, industry_template)
