"""YAML becomes a tree of positions, guarded, and the same with and without libyaml."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.problems import Position, Problems
from engine.source import Mapping, Scalar, Sequence, Source, read_documents
from engine.yaml_events import PythonParser, fast_parser
from tests.engine.loader.loading import told

PARSERS = [fast_parser(), PythonParser]


def read(text: str) -> tuple[list[Source], Problems]:
    """Read with both parsers, which must agree."""
    readings = []
    for parser in PARSERS:
        problems = Problems()
        documents = read_documents(text, "f.yaml", problems, parser)
        readings.append(([document.root for document in documents], problems))
    (fast, problems), (slow, slow_problems) = readings
    assert fast == slow
    assert told(problems.found) == told(slow_problems.found)
    return fast, problems


def tree(source: Source) -> Any:
    """A source without its places."""
    match source:
        case Scalar():
            return source.text
        case Sequence(items):
            return [tree(item) for item in items]
        case Mapping(entries):
            return {entry.key.text: tree(entry.value) for entry in entries}


def only(text: str) -> Any:
    documents, problems = read(text)
    assert not problems.found
    assert len(documents) == 1
    return tree(documents[0])


@pytest.mark.parametrize(
    "letters", ["10:00", "no", "on", "004512", "+98912", "12.50", "Null", "~", "1990-05-15", "0x1F"]
)
def test_plain_words_keep_the_letters_typed(letters: str) -> None:
    assert only(f"a: {letters}") == {"a": letters}


def test_quotes_and_blocks_are_told_from_plain_words() -> None:
    documents, _ = read("- plain\n- 'single'\n- \"double\"\n- |\n  block\n- \n- ''\n")
    assert isinstance(documents[0], Sequence)
    items = [item for item in documents[0].items if isinstance(item, Scalar)]
    assert [item.quoted for item in items] == [False, True, True, True, False, True]
    assert [item.empty for item in items] == [False, False, False, False, True, False]


def test_a_block_text_loses_its_last_newline() -> None:
    assert only("a: |\n  one\n  two\n") == {"a": "one\ntwo"}
    assert only("a: |+\n  one\n\n") == {"a": "one\n"}


def test_every_value_knows_its_place_and_a_missing_one_stands_at_its_key() -> None:
    documents, _ = read("a:\n  - {b: c, d: }\n")
    assert isinstance(documents[0], Mapping)
    inner = documents[0].get("a")
    assert isinstance(inner, Sequence)
    mapping = inner.items[0]
    assert isinstance(mapping, Mapping)
    places = [entry.value.position for entry in mapping.entries]
    assert [(place.line, place.column) for place in places] == [
        (2, 9),
        (2, 12),
    ]


def test_content_begins_inside_the_quotes_and_under_the_bar() -> None:
    documents, _ = read("a: 'x'\nb: |\n\n    x\nc: >\n  x\nd: x\n  y\n")
    assert isinstance(documents[0], Mapping)
    contents = [
        entry.value.content for entry in documents[0].entries if isinstance(entry.value, Scalar)
    ]
    assert contents == [Position("f.yaml", 1, 5), Position("f.yaml", 3, 5), None, None]


def test_documents_are_divided_and_empty_ones_left_out() -> None:
    problems = Problems()
    text = "a: 1\n---\n# nothing\n---\nb: 2\n"
    documents = read_documents(text, "f.yaml", problems)
    assert [tree(document.root) for document in documents] == [{"a": "1"}, {"b": "2"}]
    assert [document.text for document in documents] == ["a: 1\n", "---\nb: 2\n"]
    assert read_documents("# hi\na: 1\n", "f.yaml", problems)[0].text == "# hi\na: 1\n"


def test_a_merged_mapping_lies_under_the_keys_written() -> None:
    text = "x_a: &a {l: 1, m: 2}\nx_b: &b {m: 3, n: 4}\nc: {<<: [*a, *b], l: 0}\n"
    assert only(text)["c"] == {"l": "0", "m": "2", "n": "4"}


def test_what_comes_before_a_problem_is_still_read() -> None:
    documents, problems = read("a: 1\n---\nb: [\n")
    assert [tree(document) for document in documents] == [{"a": "1"}]
    assert [problem.code for problem in problems.found] == ["E001"]


@pytest.mark.parametrize(
    ("text", "problem", "cure"),
    [
        ("- say: Hello: you", "1:13 E001", "wants quotes"),
        ("a: @you", "1:4 E001", "wants quotes"),
        ("a:\n  goto end\n  b: 1", "2:3 E001", "': ' after it"),
        ("a:\n  - goto:end\n    b: 1", "2:5 E001", "': ' after it"),
        ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\n", "2:1 E001", "conflict"),
        ("a:\n\tb: 1", "2:1 E001", "blanks"),
        ("a: {color: #FFD700}\nb: 1", "1:12 E001", "Line 1"),
        ("a: [b\nc: 1", "1:4 E001", "Close"),
        ("- say: {en: Hi {{ x }}, fa: Ho}", "1:16 E001", "template wants quotes"),
        ("- say: 'it's'", "1:12 E001", "other kind of quotes"),
        ('- say: "a" b', "1:12 E001", "other kind of quotes"),
        ('- say: "a\n- say: b\n', "1:8 E001", "Line 1 opens a quote"),
        ('- say: "a\n- say: "b"\n', "1:8 E001", "Line 1 opens a quote"),
        ("- say: a\n - say: b\n- c: d", "2:2 E001", "indented like those"),
        ("- a: 1\n  b: [1]\n c: 2", "3:2 E001", "indented like those"),
        ("a: *b", "1:4 E001", ""),
        ("a: &b [*b]", "1:8 E004", ""),
        ("a: 1\na: 2", "2:1 E007", ""),
        ("? [a]\n: 1", "1:3 E010", "quotes"),
        ("?\n: 1", "1:2 E010", ""),
        ("<<: 1", "1:5 E010", ""),
        ("a: !!python/object:os.system x", "1:4 E006", "Delete"),
        ("a: !!int 5", "1:4 E006", "Delete"),
        ("a: x\x07", "1:5 E009", "quotes"),
        ("é: \ud800", "1:4 E009", "quotes"),
        ("say: Order #12", "1:12 E008", "quotes"),
        ("color: #FFD700", "1:8 E008", "quotes"),
    ],
)
def test_a_problem_is_at_its_place_with_a_cure(text: str, problem: str, cure: str) -> None:
    _, problems = read(text)
    assert told(problems.found) == [problem]
    assert cure in problems.found[0].suggestion


def test_a_directive_is_refused() -> None:
    assert read("%YAML 1.1\n---\na: 1\n")[1].errors


@pytest.mark.parametrize(
    "text", ["a: 1 # a note", "a: 'x' #note", "a: b#c", "# note\na: 1", "a: [b] #c"]
)
def test_a_comment_is_a_comment(text: str) -> None:
    assert not read(text)[1].found


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "a:\n "])
def test_deep_nesting_is_a_problem_at_the_fifty_first_level(opening: str) -> None:
    text = opening * 20_000
    if opening == "a:\n ":
        text = "".join(f"{' ' * level}a:\n" for level in range(60))
    _, problems = read(text)
    assert [problem.code for problem in problems.found] == ["E003"]


def test_fifty_levels_are_read() -> None:
    assert not read("[" * 50 + "]" * 50)[1].found


def test_aliases_cannot_build_what_could_not_be_written() -> None:
    wide = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    deep = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60))
    assert [problem.code for problem in read(wide)[1].found] == ["E005"]
    assert [problem.code for problem in read(deep)[1].found] == ["E003"]


def test_a_large_file_is_refused_unread() -> None:
    _, problems = read("a: " + "سلام" * 200_000)
    assert told(problems.found) == ["1:1 E002"]


PIECES = st.sampled_from(
    (
        *("a", "b c", "?", "? ", ": ", ":", "-", "- ", ", ", ",", "[", "]", "{", "}", "[a", "{b"),
        *("\n", "\n  ", "\n    ", " ", "\t", "#", " # x", "'", '"', "''", "&a ", "*a", "<<: "),
        *("|\n  ", ">-\n ", "|2\n", "!", "!t ", "%", "@", "---\n", "...\n", "~", "\r\n", "\x00"),
        *("é", "👋", "\u2028", "\x85", "\\", "1", "x: ", "k: v\n", "- k\n", "  k: v\n", "a?b"),
        *("a:b", "?,"),
    )
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_text_is_read_alike_with_and_without_libyaml(text: str) -> None:
    outcomes = []
    for kind in PARSERS:
        problems = Problems()
        documents = read_documents(text, "f.yaml", problems, kind)
        outcomes.append("refused" if problems.errors else [document.root for document in documents])
    assert outcomes[0] == outcomes[1]
