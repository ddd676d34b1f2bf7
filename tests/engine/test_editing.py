"""crm.yaml is changed as its author would: nothing but the field's own letters is touched."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.editing import CannotEdit, add_field, declared_keys, switch_off, switch_on

BLOCK = """\
# Our shop.
business: {name: Shop}

fields:
  # What they wear.
  size: {type: number, rules: {min: 1}}  # EU sizes
  pet:
    type: select
    options:
      - cat
      - dog   # or both

  nickname:
tags: {VIP: {}}
"""
NUMBER = {"type": "number", "label": {"fa": "سن"}}


def changed(before: str, after: str) -> list[str]:
    """The lines that are new, with +, and those that are gone, with -."""
    was, now = before.splitlines(), after.splitlines()
    gone = [f"-{line}" for line in was if line not in now]
    return gone + [f"+{line}" for line in now if line not in was]


def test_a_field_is_added_after_the_last_one() -> None:
    made = add_field(BLOCK, "age", NUMBER)
    assert changed(BLOCK, made) == ["+  age: {type: number, label: {fa: سن}}"]
    assert made.index("nickname") < made.index("age") < made.index("tags")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1\n", "a: 1\nfields:\n  age: {x: y}\n"),
        ("a: 1", "a: 1\nfields:\n  age: {x: y}\n"),
        ("a: 1\r\nb: 2\r\n", "a: 1\r\nb: 2\r\nfields:\r\n  age: {x: y}\r\n"),
        ("fields:\na: 1\n", "fields:\n  age: {x: y}\na: 1\n"),
        ("fields:   # none\na: 1\n", "fields:   # none\n  age: {x: y}\na: 1\n"),
        ("fields: {}\n", "fields: {age: {x: y}}\n"),
        ("fields: {b: {}}\n", "fields: {b: {}, age: {x: y}}\n"),
        ("fields: {\n  b: {},  # why\n}\n", "fields: {\n  b: {}, age: {x: y},  # why\n}\n"),
        ("{a: 1}\n", "{a: 1, fields: {age: {x: y}}}\n"),
        ("fields:\n  b: |\n    c\n", "fields:\n  b: |\n    c\n  age: {x: y}\n"),
        ("fields:\n    b: {}", "fields:\n    b: {}\n    age: {x: y}\n"),
        (
            "fields:\n  b:\n    c:\n    - d\n# end\n",
            "fields:\n  b:\n    c:\n    - d\n  age: {x: y}\n# end\n",
        ),
    ],
)  # fmt: skip
def test_however_the_fields_are_written(before: str, after: str) -> None:
    assert add_field(before, "age", {"x": "y"}) == after


def test_a_field_of_one_line_is_switched_off_and_on_in_it() -> None:
    off = switch_off(BLOCK, "size")
    assert changed(BLOCK, off)[1] == (
        "+  size: {type: number, rules: {min: 1}, active: false}  # EU sizes"
    )
    assert switch_on(off, "size") == BLOCK


def test_a_field_of_several_lines_gets_a_line_more_and_loses_it_again() -> None:
    off = switch_off(BLOCK, "pet")
    assert changed(BLOCK, off) == ["+    active: false"]
    assert switch_on(off, "pet") == BLOCK


def test_a_field_that_says_nothing_says_that_it_is_off() -> None:
    off = switch_off(BLOCK, "nickname")
    assert changed(BLOCK, off) == ["-  nickname:", "+  nickname: {active: false}"]
    assert "  nickname: {}\n" in switch_on(off, "nickname")


def test_a_field_of_the_industry_gets_an_entry_of_its_own() -> None:
    off = switch_off(BLOCK, "birth_date")
    assert changed(BLOCK, off) == ["+  birth_date: {active: false}"]
    assert declared_keys(off) == ("size", "pet", "nickname", "birth_date")


@pytest.mark.parametrize(
    ("off", "on"),
    [
        ("{active: false, type: text}", "{type: text}"),
        ("{type: text, active: false, ask: x}", "{type: text, ask: x}"),
        ("\n    active: false\n    type: text", "\n    type: text"),
        ("\n    active: false", "\n    active: true"),
        ("{active: false}", "{}"),
    ],
)
def test_wherever_it_says_so_a_field_is_switched_on(off: str, on: str) -> None:
    assert switch_on(f"fields:\n  a: {off}\n", "a") == f"fields:\n  a: {on}\n"


def test_one_that_says_that_it_is_active_says_that_it_is_not() -> None:
    assert switch_off("fields: {a: {active: true}}", "a") == "fields: {a: {active: false}}"


_WORDS = st.text("ab #:'\"{}[],-|>é\n", max_size=8)
_DECLARATIONS = st.dictionaries(
    st.sampled_from(["type", "label", "ask", "options"]),
    st.one_of(_WORDS, st.lists(_WORDS, max_size=3), st.dictionaries(_WORDS, _WORDS, max_size=2)),
    max_size=3,
)
_FILES = st.fixed_dictionaries(
    {
        "business": _WORDS,
        "fields": st.dictionaries(
            st.sampled_from(["size", "pet", "age"]), _DECLARATIONS, min_size=1, max_size=3
        ),
        "tags": _WORDS,
    }
)


@given(
    file=_FILES,
    flow=st.sampled_from([True, False, None]),
    indent=st.sampled_from([2, 4]),
    width=st.sampled_from([12, 80]),
    data=st.data(),
)
def test_however_a_file_is_laid_out_only_what_was_meant_is_changed(
    file: dict[str, Any], flow: bool | None, indent: int, width: int, data: st.DataObject
) -> None:
    text = yaml.safe_dump(
        file, default_flow_style=flow, indent=indent, width=width, allow_unicode=True
    )
    file = yaml.safe_load(text)  # what is written: folded long texts are not always the given ones
    key = data.draw(st.sampled_from(sorted(file["fields"])))
    off = switch_off(text, key)
    told = {**file["fields"], key: {**file["fields"][key], "active": False}}
    assert yaml.safe_load(off) == {**file, "fields": told}
    on = yaml.safe_load(switch_on(off, key))
    # A block that said nothing else cannot lose its only line.
    assert on["fields"].pop(key) in (file["fields"][key], {"active": True})
    del told[key]
    assert on == {**file, "fields": told}
    added = yaml.safe_load(add_field(text, "shoe", NUMBER))
    assert added == {**file, "fields": {**file["fields"], "shoe": NUMBER}}


def test_what_is_shared_by_an_alias_is_for_its_author() -> None:
    shared = "fields:\n  a: &one {type: text}\n  b: *one\n"
    for key in ("a", "b"):
        with pytest.raises(CannotEdit, match=r"line [23] of crm\.yaml, .* is shared by an alias"):
            switch_off(shared, key)


def test_what_is_not_off_cannot_be_switched_on() -> None:
    with pytest.raises(CannotEdit, match="does not say that 'size' is not active"):
        switch_on(BLOCK, "size")
