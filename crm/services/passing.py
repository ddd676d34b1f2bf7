"""How people pass through the nodes of a flow: counted from the visits and the runs that wait."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Select,
    cast,
    distinct,
    func,
    select,
    type_coerce,
    union_all,
)

from crm.tables import run, visit

OUTSIDE = frozenset(("cancelled", "stopped", "restarted", "failed"))
"""Ways by which something else than the node ended it."""

_NOT_ANSWERED = OUTSIDE | {"timeout", "retry"}


class Passed(Struct):
    """What happened at a node. people: who came there, each once; the rest counts visits.

    waiting: those that rest there now. left: how often it was left for a node or with an outcome,
    and by which way (engine.effects.Leave). invalid: invalid replies. seconds: the median time from
    coming to going on, of those whom neither a clock nor anything from outside sent on; None where
    there were none.
    """

    people: int = 0
    waiting: int = 0
    left: dict[tuple[str, str], int] = field(default_factory=dict)
    invalid: int = 0
    seconds: float | None = None

    @property
    def timed_out(self) -> int:
        return sum(count for (_, way), count in self.left.items() if way == "timeout")

    @property
    def answered(self) -> int:
        """Visits that a valid reply ended, or a word that skips or leads back."""
        return sum(count for (_, way), count in self.left.items() if way not in _NOT_ANSWERED)


def passed_through(
    db: Connection, business_id: int, flow: str, since: datetime | None = None
) -> Mapping[str, Passed]:
    """Node by node, whatever version of the flow it was; only those where somebody came.

    since: of runs that began then or later; None for all that are kept. A run that stands in a flow
    called from here waits at the node that calls.
    """
    found: defaultdict[str, Passed] = defaultdict(Passed)
    theirs = [run.c.business_id == business_id]
    theirs += [] if since is None else [run.c.started_at >= since]
    _count_visits(db, flow, theirs, found)
    callers = _count_waiting(db, flow, theirs, found)
    _count_people(db, flow, theirs, callers, found)
    for node, seconds in _medians(db, flow, theirs):
        found[node].seconds = float(seconds)
    return found


def _count_visits(
    db: Connection, flow: str, theirs: list[ColumnElement[bool]], found: dict[str, Passed]
) -> None:
    rows = db.execute(
        select(
            visit.c.node, visit.c.left_by, visit.c.way, func.count(), func.sum(visit.c.tries)
        )
        .join(run, run.c.id == visit.c.run_id)
        .where(visit.c.flow == flow, *theirs)
        .group_by(visit.c.node, visit.c.left_by, visit.c.way)
    )  # fmt: skip
    for node, left_by, way, count, tries in rows:
        passed = found[node]
        passed.left[left_by, way] = count
        passed.invalid += int(tries)


def _count_waiting(
    db: Connection, flow: str, theirs: list[ColumnElement[bool]], found: dict[str, Passed]
) -> list[tuple[str, int]]:
    """Add who waits now; the node and customer of each run that stands in a called flow."""
    here = _top_flow(db) == flow
    open_ = [run.c.status != "ended", *theirs]
    rows = db.execute(
        select(run.c.node, func.count(), func.sum(run.c.attempts)).where(here, *open_)
        .group_by(run.c.node)
    )  # fmt: skip
    for node, count, attempts in rows:
        found[node].waiting += count
        found[node].invalid += int(attempts or 0)
    deep = select(run.c.customer_id, run.c.frames).where(*open_, run.c.flow != _top_flow(db))
    callers = []
    for customer_id, frames in db.execute(deep):
        below = json.loads(frames) if isinstance(frames, str | bytes) else frames
        for frame in below[:-1]:
            if frame["flow"] == flow:
                found[frame["node"]].waiting += 1
                callers.append((frame["node"], customer_id))
    return callers


def _count_people(
    db: Connection, flow: str, theirs: list[ColumnElement[bool]],
    callers: list[tuple[str, int]], found: dict[str, Passed],
) -> None:  # fmt: skip
    """Who came: each person once, however often they came by or still wait."""
    gone = (
        select(visit.c.node.label("node"), run.c.customer_id.label("who"))
        .join(run, run.c.id == visit.c.run_id)
        .where(visit.c.flow == flow, *theirs)
    )
    waits = select(run.c.node, run.c.customer_id).where(
        _top_flow(db) == flow, run.c.status != "ended", *theirs
    )
    came = union_all(gone, waits).subquery("came")
    for node, people in db.execute(
        select(came.c.node, func.count(distinct(came.c.who))).group_by(came.c.node)
    ):
        found[node].people = people
    for node in {node for node, _ in callers}:
        # Of those who stand in a called flow, who came here before was counted already.
        known = select(came.c.who).where(came.c.node == node)
        before = set(db.execute(known.distinct()).scalars())
        new = {who for at, who in callers if at == node} - before
        found[node].people += len(new)


def _medians(db: Connection, flow: str, theirs: list[ColumnElement[bool]]) -> Any:
    """The node and the median of its seconds: the middle one, or the mean of the two there."""
    took = _seconds(db).label("took")
    timed: Select[*tuple[Any, ...]] = (
        select(
            visit.c.node,
            took,
            func.row_number().over(partition_by=visit.c.node, order_by=took).label("place"),
            func.count().over(partition_by=visit.c.node).label("many"),
        )
        .join(run, run.c.id == visit.c.run_id)
        .where(visit.c.flow == flow, visit.c.way.not_in((*OUTSIDE, "timeout")), *theirs)
    )
    ordered = timed.subquery("ordered")
    middle = ordered.c.place * 2 - ordered.c.many
    return db.execute(
        select(ordered.c.node, func.avg(ordered.c.took))
        .where(middle >= 0, middle <= 2)
        .group_by(ordered.c.node)
    )


def _seconds(db: Connection) -> ColumnElement[Any]:
    if db.dialect.name == "sqlite":
        since, until = (
            type_coerce(column, BigInteger) for column in (visit.c.entered_at, visit.c.left_at)
        )
        return (until - since) / 1e6
    return cast(func.extract("epoch", visit.c.left_at - visit.c.entered_at), Double())


def _top_flow(db: Connection) -> ColumnElement[Any]:
    """The flow that a run stands in: of the last frame of its call stack."""
    if db.dialect.name == "sqlite":
        return func.json_extract(run.c.frames, "$[#-1].flow")
    return func.jsonb_extract_path_text(run.c.frames, "-1", "flow")
