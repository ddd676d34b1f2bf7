"""What is applied: the business, its flows by version, and where their fields are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from crm.stored_extras import typed_extra
from engine.business import Business
from engine.fields.types import Value
from engine.flow import Flow, Reads
from engine.offer import TriggerIndex
from engine.run import Run

LoadVersion = Callable[[Connection, str, int], Flow | None]
"""Reads an older version of a flow from where `apply` stored it."""


@dataclass(slots=True)
class Library:
    """One business as it is applied now.

    flows: by (key, version), and by (key, 0) the current one. columns: the customer column of
    each field (its slot, or its own name); a field that is not in it lives in the extras.
    tags: their ids by name. applied_at: when it was applied. reads: what any of the loaded flows
    may ask of a customer.
    """

    business: Business
    business_id: int
    flows: dict[tuple[str, int], Flow]
    columns: Mapping[str, str]
    tags: Mapping[str, int]
    load_version: LoadVersion
    applied_at: datetime | None = None
    index: TriggerIndex = field(init=False)
    reads: Reads = field(init=False)

    def __post_init__(self) -> None:
        current = [flow for (_, version), flow in self.flows.items() if version == 0]
        self.index = TriggerIndex.of(current, self.business)
        self.reads = _union(self.flows.values())

    def have_versions_of(self, db: Connection, runs: Iterable[Run]) -> None:
        """Load the older versions that these runs are pinned to, if they are not loaded yet."""
        for run in runs:
            for frame in run.frames:
                if (frame.flow, frame.version) not in self.flows:
                    self._load(db, frame.flow, frame.version)

    def extras_of(self, stored: Mapping[str, Any]) -> dict[str, Value]:
        """The declared extra fields of a customer, typed; what does not fit its type is absent."""
        if not stored:
            return {}
        fields = self.business.fields
        return {
            key: self.typed(key, plain)
            for key, plain in stored.items()
            if key in fields and fields[key].extra
        }

    def typed(self, key: str, plain: Any) -> Value:
        """A stored plain value of a field, with its type; None where it does not fit."""
        field = self.business.fields.get(key)
        if field is None or plain is None:
            return None
        return typed_extra(plain, field.type)

    def _load(self, db: Connection, key: str, version: int) -> None:
        flow = self.load_version(db, key, version)
        if flow is not None:
            self.flows[key, version] = flow
            self.reads = self.reads | flow.reads


def shelf(flows: Sequence[Flow]) -> dict[tuple[str, int], Flow]:
    """The current flows by (key, version) and by (key, 0)."""
    return {(flow.key, version): flow for flow in flows for version in (0, flow.version)}


def _union(flows: Iterable[Flow]) -> Reads:
    reads = Reads()
    for flow in flows:
        reads = reads | flow.reads
    return reads
