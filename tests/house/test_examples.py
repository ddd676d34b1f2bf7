"""The example businesses are what people copy: they show all there is, and nothing is wrong there.

`make examples` holds their conversations, which go through every node and way out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes import KINDS
from rapport.project import read_project
from tests.house.tree import ROOT

PROJECTS = sorted(file.parent for file in (ROOT / "flows").glob("*/crm.yaml"))


def test_each_node_kind_is_used_in_an_example() -> None:
    used = {
        node.KIND
        for folder in PROJECTS
        for flow in read_project(folder).flows.values()
        for node in flow.nodes
    }
    assert {kind.KIND for kind in KINDS} - used == set()


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_nothing_is_wrong_in_an_example(folder: Path) -> None:
    assert list(read_project(folder).problems) == []
