"""The forms of values that only events have, where these have to do with time."""

from __future__ import annotations

from typing import Any

from engine.durations import Duration
from engine.fields.calendars import WEEKDAYS, date_word
from engine.local_time import Cron
from engine.shapes import DURATION, WORD, Reader
from engine.shapes.shape import ScalarShape
from engine.source import Source


class Once(ScalarShape[str | Duration]):
    """`ever`, `per_occurrence`, or the time that must have passed since it last started."""

    wanted = "ever, per_occurrence, or a time such as 30d"

    def parse(self, text: str) -> str | Duration:
        if text in ("ever", "per_occurrence"):
            return text
        try:
            return DURATION.parse(text)
        except ValueError:
            raise ValueError(f"{self.wanted} belongs here, not '{text}'") from None

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"enum": ["ever", "per_occurrence"]}, DURATION.schema()]}


class CronLine(ScalarShape[Cron]):
    wanted = "a line of cron such as 0 9 * * 1"

    def read(self, source: Source, reader: Reader) -> Cron | None:
        written = WORD.read(source, reader)
        if written is None:
            return None
        try:
            return Cron.parse(written)
        except ValueError as error:
            cure = "Write minute, hour, day, month and weekday: 0 9 * * 1 is Mondays at nine."
            reader.error(source.position, "E612", str(error), cure)
            return None

    def parse(self, text: str) -> Cron:
        return Cron.parse(text)

    def schema(self) -> dict[str, Any]:
        return WORD.schema()


class Weekday(ScalarShape[int]):
    """0 is Monday."""

    wanted = "a weekday such as mon"

    def parse(self, text: str) -> int:
        day = WEEKDAYS.get(date_word(text).replace(" ", ""))
        if day is None:
            raise ValueError(f"'{text}' is no weekday: mon, tue, wed, thu, fri, sat, sun")
        return day

    def schema(self) -> dict[str, Any]:
        return WORD.schema()
