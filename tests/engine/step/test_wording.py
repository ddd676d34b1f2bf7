"""What the product itself says to people."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.wording import WORDINGS, wording


@pytest.mark.parametrize("key", WORDINGS)
def test_every_text_is_there_in_english_and_persian_with_the_same_parameters(key: str) -> None:
    texts = WORDINGS[key]
    assert set(texts) == {"en", "fa"}
    assert all(text.strip() for text in texts.values())
    assert _parameters(texts["en"]) == _parameters(texts["fa"])


def _parameters(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_a_language_without_a_translation_reads_english() -> None:
    assert wording("yes", "de") == "Yes"
    assert wording("yes", "fa-IR") == "بله"


def test_parameters_are_put_in_as_they_are() -> None:
    said = wording("keep_value", "en", label="{x}", value="{{ y }}")
    assert said == "{x}: {{ y }}\nIs that still right?"


def test_a_key_that_is_not_there_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        wording("nonsense", "en")


def test_every_text_is_used_and_every_key_used_is_there() -> None:
    trees = [ast.parse(path.read_text()) for path in _sources()]
    assert set(WORDINGS) <= set(_texts(trees)), "a text that nothing says"
    assert set(_keys(trees)) <= set(WORDINGS)


def _texts(trees: list[ast.Module]) -> Iterator[str]:
    """Every text constant of the code, which could be a key."""
    for node in _nodes(trees):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _keys(trees: list[ast.Module]) -> Iterator[str]:
    """First arguments of calls of `wording` that are written out."""
    for node in _nodes(trees):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "wording" and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def _nodes(trees: list[ast.Module]) -> Iterator[ast.AST]:
    for tree in trees:
        yield from ast.walk(tree)


def _sources() -> Iterator[Path]:
    for folder in ("engine", "nodes", "rapport"):
        for path in Path(folder).rglob("*.py"):
            if path.name != "wording.py":
                yield path
