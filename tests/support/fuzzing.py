"""Inputs that nobody would write, from the ones that are kept in tests/corpora.

Each file there is a case that was found, or is known to be nasty. `make fuzz` looks for longer:
RAPPORT_FUZZ says how many examples each test tries. What it finds is to be kept as a file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

CORPORA = Path(__file__).parents[1] / "corpora"

EXAMPLES = int(os.environ.get("RAPPORT_FUZZ", "40"))

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""How long a test looks."""

NASTY = (
    "\0", "\x1b[2J", "\x85", "\u2028", "\ufeff", "\u202e", "\ud800", "\U0010ffff", "\t", "\r",
    "&a ", "*a", "<<: ", "!!python/name:os.system ", "- ", "? ", ": ", "{", "[", "|\n", ">-\n",
    "{{ ", " }}", "{% ", " %}", "__class__", "'", '"', "\\", "%s", "1e999", "-0", "9" * 40,
    "999999y", "۹", "², ", "null", "~", "a" * 500, "[" * 60, "(" * 200, "\n" * 20,
)  # fmt: skip
"""What is put in where it does not belong."""

T = TypeVar("T")


def corpus(name: str) -> list[bytes]:
    """What is kept under a name, in order of the files' names."""
    return [path.read_bytes() for path in sorted((CORPORA / name).iterdir())]


def names_of(name: str) -> list[str]:
    """The files of a corpus, as tests are called by them."""
    return [path.name for path in sorted((CORPORA / name).iterdir())]


def lines_of(name: str) -> list[str]:
    """The lines of a corpus whose cases are short."""
    return [line.decode() for file in corpus(name) for line in file.split(b"\n") if line]


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[str]) -> str:
    """One of the seeds with pieces cut out, said again, put in, or taken from another one."""
    text = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.integers(0, len(text)))
        last = draw(st.integers(first, min(len(text), first + 40)))
        piece = draw(
            st.one_of(
                st.just(""),
                st.sampled_from(NASTY),
                st.text(max_size=5),
                st.sampled_from(seeds).map(lambda other: other[:200]),
                st.integers(2, 30).map((text[first:last]).__mul__),
            )
        )
        text = (text[:first] + piece + text[last:])[:30_000]
    return text


def counted(f: Callable[[], T]) -> tuple[T, int]:
    """What a function gives, and how many functions were called for it: unlike seconds, the same
    on a busy machine."""
    calls = count()
    sys.setprofile(lambda *_: next(calls))
    try:
        result = f()
    finally:
        sys.setprofile(None)
    return result, next(calls)


def classes_in(value: Any) -> set[type]:
    """The classes of everything a value is made of, structs included."""
    found = {type(value)}
    fields = getattr(value, "__struct_fields__", ())
    inner = [getattr(value, name) for name in fields]
    if isinstance(value, dict):
        inner += [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        inner += value
    return found.union(*map(classes_in, inner)) if inner else found
