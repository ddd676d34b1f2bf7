"""Whoever is told of a problem is told what to do about it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.tree import trees

_CODE = re.compile(r"'[EW]\d{3}'")


def reports() -> Iterator[tuple[str, ast.Call, int]]:
    """Each call that is given a problem's code: (file and line, the call, the code's place)."""
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if name.startswith(("engine/", "nodes/", "rapport/")) and isinstance(node, ast.Call):
                for place, argument in enumerate(node.args):
                    if _CODE.fullmatch(ast.unparse(argument)):
                        yield f"{name}:{node.lineno}", node, place


def says_what_to_do(call: ast.Call, place: int) -> bool:
    """Whether something stands where the suggestion belongs: after the code and the message."""
    rest = call.args[place + 1 :]
    return len(rest) > 1 or any(isinstance(argument, ast.Starred) for argument in rest)


def test_each_problem_is_told_with_what_to_do_about_it() -> None:
    found = list(reports())
    assert len(found) > 50
    assert [where for where, call, place in found if not says_what_to_do(call, place)] == []
