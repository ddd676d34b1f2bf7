"""Short ways to write a question for a test."""

from __future__ import annotations

from typing import Any

from tests.engine.step.talk import Talk


def asking(question: str, **values: Any) -> Talk:
    """A flow of one question, in YAML's flow style, and a word after it."""
    flow = f"flow: f\nnodes:\n  - {{{question}}}\n  - say: Thanks.\n    end: done\n"
    return Talk(flow, **values).start("f")
