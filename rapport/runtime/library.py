"""What is applied: the business, its flows by version, and where their fields are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from crm.stored_extras import typed_extra
from engine.business import Business
from engine.clocked import clocked
from engine.derive.feeds import FOLLOWING, TOTALS
from engine.fields.types import Value
from engine.flow import Flow, Reads, Trigger
from engine.happenings import listened_for, overheard
from engine.moving import is_behind
from engine.offer import TriggerIndex
from engine.run import Run
from engine.staff import ASSIGNED
from rapport.runtime.staff_flow import STAFF_FLOW, staff_flow


class LibraryOutdated(Exception):
    """Something was applied since this library was loaded: nothing may be done by it any more. Roll
    back, load the newest (`rapport.runtime.following`), and do it again."""

    def __init__(self, business: str) -> None:
        super().__init__(f"something of the business '{business}' was applied meanwhile")


LoadVersion = Callable[[Connection, str, int], Flow | None]
"""Reads an older version of a flow from where `apply` stored it."""


@dataclass(slots=True)
class Library:
    """One business as it is applied now.

    flows: by (key, version), and by (key, 0) the current one. columns: the customer column of
    each field (its slot, or its own name); a field that is not in it lives in the extras.
    tags, segments: their ids by name and by key. applied_at: when it was applied, or a later apply
    was found to be one that this program cannot load. reads: what any of the loaded flows may ask
    of a customer, and the rules. follows: whether a flow reads what follows from other things, so
    that it must have followed before anything is decided.
    heard: the types of events that any of them listens for; overheard: those that runs wait or stop
    for, of what people write. starts: whether a flow may begin without a person's own act, so that
    it may have to wait for an open question. clocked: the triggers that a clock brings.
    """

    business: Business
    business_id: int
    flows: dict[tuple[str, int], Flow]
    columns: Mapping[str, str]
    tags: Mapping[str, int]
    segments: Mapping[str, int]
    load_version: LoadVersion
    applied_at: datetime | None = None
    index: TriggerIndex = field(init=False)
    reads: Reads = field(init=False)
    follows: bool = field(init=False)
    heard: frozenset[str] = field(init=False)
    overheard: frozenset[str] = field(init=False)
    starts: bool = field(init=False)
    clocked: tuple[Trigger, ...] = field(init=False)

    def __post_init__(self) -> None:
        # The index is made of the business's own flows: nobody's message starts the staff's.
        current = [self.flows[at] for at in self.flows if at[1] == 0 and at[0] != STAFF_FLOW]
        self.flows.update(shelf([staff_flow()]))
        self.index = TriggerIndex.of(current, self.business)
        asked = _union(self.flows.values())
        self.follows = self._reads_following(asked)
        self.reads = asked | self.business.rules.reads
        if any(one.handoff.casefold() == ASSIGNED for one in self.business.always):
            self.reads |= Reads(fields=frozenset(("assigned_to",)))
        self.heard = listened_for(self.flows.values())
        self.overheard = overheard(self.flows.values())
        self.clocked = tuple(clocked(current))
        self.starts = (
            bool(self.index.automatic)
            or any(one.options.get("if_busy") == "queue" for one in self.index.by_id.values())
            or any(node.starts for flow in current for node in flow.nodes)
        )

    def require_newest(self, applied_at: datetime | None) -> None:
        """applied_at: of the business, read under a lock that keeps others from applying. Raises
        LibraryOutdated."""
        if applied_at != self.applied_at:
            raise LibraryOutdated(self.business.key)

    def have_versions_of(self, db: Connection, run: Run) -> bool:
        """Load the older versions that a run stands in, if they are not loaded yet; whether a newer
        one is there that the run was not asked about (engine.moving)."""
        behind = False
        for frame in run.frames:
            newest = self.flows.get((frame.flow, 0))
            if newest is None or newest.version != frame.version:
                if (frame.flow, frame.version) not in self.flows:
                    self._load(db, frame.flow, frame.version)
                behind = behind or is_behind(frame, self.flows)
        return behind

    def version_of(self, db: Connection, key: str, version: int) -> Flow | None:
        """A version of a flow, loaded if it is not yet; None where it cannot be."""
        if (key, version) not in self.flows:
            self._load(db, key, version)
        return self.flows.get((key, version))

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
            self.follows = self.follows or self._reads_following(flow.reads)
            self.reads = self.reads | flow.reads
            self.heard |= listened_for([flow])
            self.overheard |= overheard([flow])

    def _reads_following(self, asked: Reads) -> bool:
        """Totals are kept as they change; the rest follows from them."""
        business = self.business
        return (
            bool(asked.fields & (FOLLOWING - TOTALS))
            or (asked.segments and any(one.follows for one in business.segments.values()))
            or (asked.tags and bool(business.smart_tags))
        )


def shelf(flows: Sequence[Flow]) -> dict[tuple[str, int], Flow]:
    """The current flows by (key, version) and by (key, 0)."""
    return {(flow.key, version): flow for flow in flows for version in (0, flow.version)}


def _union(flows: Iterable[Flow]) -> Reads:
    reads = Reads()
    for flow in flows:
        reads = reads | flow.reads
    return reads
