"""What holds for every file of the repository."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.tree import ROOT, tracked, trees

MOST_LINES = 400
MOST_LINES_OF_TESTS = 500
MOST_LINES_OF_A_FUNCTION = 50

LONG_MODULES: dict[str, str] = {}
"""Modules over their limit, each with why it is not parted."""

LONG_FUNCTIONS: dict[str, str] = {}
"""`path::name` of functions over MOST_LINES_OF_A_FUNCTION, each with why it is not parted."""

# Each in two pieces, so that this file does not hold what it looks for.
OUTSIDE = [
    first + second
    for first, second in (
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/home", "/"),
        ("/tmp/", "brief"),
        ("../sha", "red"),
        ("/opt/", "pypi"),
        ("pypi", ".org"),
        ("python", "hosted"),
        ("npmjs", ".org"),
        ("proxy.go", "lang.org"),
    )
]
"""Places of one machine or network: nothing here may depend on them or speak of them."""

STORIES = re.compile(
    r"\bissue [A-F]\b|\bas an A" + r"I\b|\bA" + r"I[- ](generated|assistant)|\bcoding agent"
    r"|\b(Clau" + r"de|Chat" + r"GPT|Anthro" + r"pic|Copi" + r"lot)\b"
)
"""How the code came about is no matter of the code."""

UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")


def texts() -> Iterator[tuple[str, str]]:
    for path in tracked():
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def most_lines(name: str) -> int:
    return MOST_LINES_OF_TESTS if name.startswith("tests/") else MOST_LINES


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_no_file_speaks_of_one_machine_or_of_how_it_was_written() -> None:
    found = [
        f"{name}: {line.strip()}"
        for name, text in texts()
        for line in text.splitlines()
        if any(place in line for place in OUTSIDE) or STORIES.search(line)
    ]
    assert found == []


def test_nothing_is_left_for_later_in_a_comment() -> None:
    found = [
        f"{name}: {line.strip()}"
        for name, text in texts()
        for line in text.splitlines()
        if UNFINISHED.search(line)
    ]
    assert found == []


def test_a_module_is_short_or_says_here_why_it_is_not() -> None:
    long = {name for name, text in texts() if text.count("\n") > most_lines(name)}
    assert {name for name in long if name.endswith(".py")} <= LONG_MODULES.keys()


def test_a_function_is_short_or_says_here_why_it_is_not() -> None:
    long = {
        f"{name}::{node.name}"
        for name, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and lines_of(node) > MOST_LINES_OF_A_FUNCTION
    }
    assert long <= LONG_FUNCTIONS.keys()


def test_every_module_says_what_it_is_for() -> None:
    assert [
        name for name, tree in trees().items() if tree.body and not ast.get_docstring(tree)
    ] == []


def test_what_a_module_exports_is_there_and_named_once() -> None:
    wrong = []
    for name, tree in trees().items():
        exported = exports_of(tree)
        wrong += [f"{name}: {item}" for item in exported if item not in names_of(tree)]
        wrong += [f"{name}: {item} twice" for item in set(exported) if exported.count(item) > 1]
    assert wrong == []


def exports_of(tree: ast.Module) -> list[str]:
    """What `__all__` lists."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def names_of(tree: ast.Module) -> set[str]:
    """What a module defines or imports by name, outside of functions and classes."""
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Import() | ast.ImportFrom():
                names |= {item.asname or item.name for item in node.names}
            case ast.Assign():
                names |= {ast.unparse(target) for target in node.targets}
            case ast.AnnAssign():
                names.add(ast.unparse(node.target))
    return names
