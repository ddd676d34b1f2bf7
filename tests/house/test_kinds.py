"""A node kind is one file, one line of the list, one case file; nothing else is kept by hand."""

from __future__ import annotations

from docs.generate import REFERENCE
from engine.schema import project_schema
from nodes import KINDS
from tests.house.tree import ROOT


def test_files_list_cases_schema_and_reference_name_the_same_kinds() -> None:
    kinds = [kind.KIND for kind in KINDS]
    files = {path.stem for path in (ROOT / "nodes").glob("*.py")} - {"__init__"}
    cases = {path.stem for path in (ROOT / "tests" / "nodes" / "cases").glob("*.yaml")}
    schema = project_schema(KINDS)["$defs"]["node"]["allOf"]
    # `end` is a key that every node may have: the schema has it among those of all.
    in_schema = {name for one in schema for name in one["if"]["required"]} | {"end"}
    reference = (REFERENCE / "nodes.md").read_text(encoding="utf-8")
    headings = [line.removeprefix("## ") for line in reference.splitlines() if line[:3] == "## "]

    assert len(kinds) == len(set(kinds))
    assert files == set(kinds)
    assert cases == set(kinds)
    assert in_schema == set(kinds)
    assert headings[: len(kinds)] == kinds


def test_every_kind_says_what_it_does_and_what_each_of_its_options_is_for() -> None:
    silent = [kind.KIND for kind in KINDS if not kind.HELP]
    silent += [
        f"{kind.KIND}.{name}"
        for kind in KINDS
        for name, option in kind.OPTIONS.items()
        if not option.help
    ]
    assert silent == []
