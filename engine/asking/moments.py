"""A moment as written: a date, a moment, or a template that gives one."""

from __future__ import annotations

from datetime import date
from typing import Any

from engine.shapes import LITERAL, MOMENT, Reader, Shape
from engine.source import Source
from engine.templates import Template


class MomentOrTemplate(Shape[date | Template]):
    """`2026-03-21`, `2026-03-21T10:00`, `{{ customer.appointment }}`."""

    wanted = "a moment such as 2026-03-21T10:00, or a template that gives one,"

    def read(self, source: Source, reader: Reader) -> date | Template | None:
        literal = LITERAL.read(source, reader)
        if literal is None:
            return None
        return literal.template or MOMENT.read(source, reader)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


MOMENT_OR_TEMPLATE = MomentOrTemplate()
