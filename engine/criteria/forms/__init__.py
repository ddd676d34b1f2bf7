"""The written forms of a criterion.

A form takes what a mapping holds besides all, any and not. `FORMS` is tried in order; the last
one takes every mapping, key by key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from engine.criteria.ast import Criterion, Path
from engine.criteria.forms import canonical, keyed, rules
from engine.criteria.report import Report


class Form(Protocol):
    def recognises(self, mapping: Mapping[str, object], /) -> bool: ...

    def read(
        self, mapping: Mapping[str, object], path: Path, report: Report
    ) -> Iterator[Criterion]:
        """The criteria it stands for, joined by all; what it cannot read is reported."""
        ...


FORMS: tuple[Form, ...] = (canonical, rules, keyed)
