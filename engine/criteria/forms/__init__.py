"""The written forms of a criterion, one file each.

A form takes what a mapping holds besides all, any and not. `FORMS` is tried in order; the last
one takes every mapping.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from engine.criteria.ast import Compare, Path
from engine.criteria.forms import canonical, lookups
from engine.criteria.report import Report


class Form(Protocol):
    def recognises(self, mapping: Mapping[str, object], /) -> bool: ...

    def read(self, mapping: Mapping[str, object], path: Path, report: Report) -> Iterator[Compare]:
        """The comparisons it stands for, joined by all; what it cannot read is reported."""
        ...


FORMS: tuple[Form, ...] = (canonical, lookups)
