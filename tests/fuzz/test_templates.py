"""Whatever a template says: it is refused when it is loaded, or it ends within its bounds."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from engine.templates import TemplateError, TemplateFailed, compile_template
from engine.templates.bounds import MAX_TEXT
from tests.engine.templates.scopes import scope
from tests.support.fuzzing import corpus, counted, fuzzed, mutated, names_of

SOURCES = [content.decode() for content in corpus("templates")]
CALLS, CALLS_A_SIGN = 700_000, 400
"""More functions than a render calls: in all, and for each sign of the template."""

NAMES: dict[str, Any] = {
    "x": {"y": [[{"a": "b"}]]},
    "var": {"list": list(range(100)), "x": "ab " * 2_700},
}


def hold(source: str) -> str | None:
    """The text of a source, None where it is refused or fails: nothing else may happen."""

    def rendered() -> str | None:
        with suppress(TemplateError, TemplateFailed):
            return compile_template(source).render(scope(**NAMES))
        return None

    text, calls = counted(rendered)
    assert calls < CALLS + CALLS_A_SIGN * len(source)
    # A text without a template in it is as long as it was written, which MAX_SOURCE bounds.
    assert text is None or len(text) <= max(MAX_TEXT, len(source))
    return text


@pytest.mark.parametrize("source", SOURCES, ids=names_of("templates"))
def test_a_kept_template_says_nothing_of_python(source: str) -> None:
    text = hold(source)

    assert text is None or not any(word in text for word in ("<class", "<function", "object at"))


@fuzzed
@given(mutated(SOURCES))
def test_a_template_that_nobody_would_write_is_refused_or_ends(source: str) -> None:
    text = hold(source)

    assert text is None or "object at 0x" not in text
