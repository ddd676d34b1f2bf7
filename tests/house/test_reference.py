"""docs/reference is what the code says now."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generate import PAGES, REFERENCE
from engine.codes import CODES
from rapport.cli.schema import SCHEMA_FILE, schema_text
from rapport.settings import Settings
from tests.house.tree import ROOT, tracked


@pytest.mark.parametrize("name", PAGES)
def test_a_committed_page_is_what_the_generator_writes(name: str) -> None:
    written = (REFERENCE / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), "run `make docs`"


def test_the_schema_beside_the_examples_is_the_one_of_this_code() -> None:
    assert (ROOT / "flows" / SCHEMA_FILE).read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("path", tracked("flows/**.yaml"), ids=str)
def test_an_example_file_names_the_schema_by_which_an_editor_completes_it(path: Path) -> None:
    first, _, _ = path.read_text(encoding="utf-8").partition("\n")
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == ROOT / "flows" / SCHEMA_FILE


def test_there_are_no_other_pages_in_the_reference() -> None:
    assert {path.name for path in REFERENCE.iterdir()} == set(PAGES)


def test_every_setting_says_what_it_means_and_the_example_file_knows_those_in_use() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for field in Settings.model_fields.values():
        assert field.description, field.alias
        if not field.description.startswith("Not used yet"):
            assert f"{field.alias}=" in example, field.alias


def test_every_problem_code_in_the_code_is_declared_and_every_declared_one_is_used() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in tracked("engine/**.py", "nodes/**.py", "rapport/**.py", "crm/**.py")
        if path.name != "codes.py"
    )
    assert [code for code in CODES if f'"{code}"' not in sources] == []
