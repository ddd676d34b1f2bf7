"""Whatever people and platforms send: it is read, refused, or kept as what cannot be read."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.channel import Inbound, Undecodable
from bots.telegram_decode import decode
from engine.fields.coerce import coerce
from engine.fields.places import Locale
from engine.fields.plain import to_plain
from engine.fields.readings import Ambiguous, Read, Refused
from engine.fields.reply import read_reply
from engine.fields.types import PLAIN, FieldType
from tests.support.fuzzing import corpus, counted, fuzzed, lines_of, mutated, names_of

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LOCALES = [
    Locale(),
    Locale(language="en", country="US", timezone="America/New_York"),
    Locale(language="fa", country="IR", timezone="Asia/Tehran", calendar="jalali"),
]
REPLIES = lines_of("replies")
UPDATES = [json.loads(content) for content in corpus("updates")]

CALLS, CALLS_A_SIGN = 20_000, 300


def hear(text: str, type_: FieldType, locale: Locale) -> None:
    """A reply is read as a value that can be stored, asked back or refused."""
    reading, calls = counted(lambda: read_reply(text, PLAIN[type_], locale, NOW))
    assert calls < CALLS + CALLS_A_SIGN * len(text)
    match reading:
        case Read(value):
            stored = to_plain(value)
            assert "\x00" not in json.dumps(stored, ensure_ascii=False)
            json.dumps(stored, ensure_ascii=False).encode("utf-8")
            again = coerce(stored, PLAIN[type_], locale, NOW)
            assert isinstance(again, Read), (value, again)
            assert again.value == value
        case _:
            assert isinstance(reading, Ambiguous | Refused)


@pytest.fixture(scope="module", autouse=True)
def everything_is_imported() -> None:
    """The first reply of a type imports what reads it, which is no work of the reply."""
    for type_ in FieldType:
        for text in ("1", "a@b.example", "+989121234567", "09121234567"):
            for locale in LOCALES:
                read_reply(text, PLAIN[type_], locale, NOW)


@pytest.mark.parametrize("type_", FieldType)
def test_a_kept_reply_is_read_as_something_that_can_be_stored(type_: FieldType) -> None:
    for text in REPLIES:
        for locale in LOCALES:
            hear(text, type_, locale)


@fuzzed
@given(mutated(REPLIES), st.sampled_from(list(FieldType)), st.sampled_from(LOCALES))
def test_a_reply_that_nobody_would_send_is_too(text: str, type_: FieldType, locale: Locale) -> None:
    hear(text[:8_000], type_, locale)


def receive(raw: object) -> Inbound | None:
    """An update is decoded into what can be stored, or is undecodable: None."""

    def decoded() -> Inbound | None:
        try:
            return decode(raw, "1", "bot")
        except Undecodable as error:
            keys.append(error.dedup_key)
            return None

    keys: list[str] = []
    inbound, calls = counted(decoded)
    assert all(key.startswith("tg:1:") and len(key) <= 200 for key in keys)
    assert calls < CALLS + CALLS_A_SIGN * len(json.dumps(raw))
    if inbound is not None:
        written = json.dumps(inbound.payload, ensure_ascii=False, allow_nan=False)
        assert "\\u0000" not in written
        written.encode("utf-8")
        assert len(inbound.dedup_key) <= 200
        assert len(inbound.peer) <= 100
        assert len(inbound.sender) <= 100
    return inbound


@pytest.mark.parametrize("raw", UPDATES, ids=names_of("updates"))
def test_a_kept_update_is_read_or_cannot_be(raw: object) -> None:
    receive(raw)


_ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just([]), st.just({}),
    st.sampled_from([2**63, -(2**63) - 1, 10**40, "\x00", "\ud800", "a" * 300, [[]], {"id": {}}]),
)  # fmt: skip


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A kept update with some of its values replaced by those of another kind."""
    raw = json.loads(json.dumps(draw(st.sampled_from(UPDATES))))
    for _ in range(draw(st.integers(1, 4))):
        at = raw
        while isinstance(at, dict) and at:
            key = draw(st.sampled_from(sorted(at)))
            if not isinstance(at[key], dict) or draw(st.booleans()):
                at[key] = deepcopy(draw(_ODD))
                break
            at = at[key]
    return raw


@fuzzed
@given(changed())
def test_an_update_that_no_platform_would_send_is_read_or_cannot_be(raw: object) -> None:
    receive(raw)
