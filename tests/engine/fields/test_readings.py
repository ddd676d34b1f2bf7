"""What people are known to write, each with what they mean (tests/corpora/readings)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.fields.faults import FaultCode
from engine.fields.places import Locale
from engine.fields.readings import Ambiguous, Read, Reading
from engine.fields.reply import read_reply
from engine.fields.show import plain
from engine.fields.types import PLAIN, FieldType, Value
from tests.engine.fields.support import NOW

CORPUS = Path("tests/corpora/readings")
BY_LETTERS = yaml.BaseLoader
"""It makes texts of everything: what people write, to the letter."""


def replies() -> Iterator[Any]:
    for path in sorted(CORPUS.glob("*.yaml")):
        for group in yaml.load(path.read_text(), BY_LETTERS):
            where = group["where"]
            for reply, meant in group["replies"].items():
                name = f"{group['type']}-{where['language']}: {reply}"
                yield pytest.param(group["type"], where, reply, meant, id=name)


REPLIES = list(replies())


def test_the_corpus_has_what_people_of_three_scripts_write() -> None:
    assert len(REPLIES) > 230


@pytest.mark.parametrize(("type_", "where", "reply", "meant"), REPLIES)
def test_a_reply_is_read_as_it_is_meant(
    type_: str, where: dict[str, Any], reply: str, meant: str
) -> None:
    reading = read_reply(reply, PLAIN[FieldType(type_)], Locale(**where), NOW)
    assert told(reading, type_) == meant


def told(reading: Reading, type_: str) -> str:
    """A reading as the corpus writes it."""
    match reading:
        case Read(value):
            return written(value, type_)
        case Ambiguous(candidates):
            return " | ".join(written(one.value, type_) for one in candidates)
    fault = reading.fault
    rest = fault.code is FaultCode.DATE_INCOMPLETE and "year" in fault.params
    return "?" if rest else fault.code.value


def written(value: Value, type_: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    assert not isinstance(value, datetime) or value.tzinfo is UTC
    return plain(value, PLAIN[FieldType(type_)], Locale())
