"""What triggers would start in a span of time: the real engine on a copy, under a virtual clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from crm.tables import trigger_firing
from engine.scope import known_zone
from rapport.decisions import firings_of, in_order, told
from rapport.rehearsal import Rehearsal, begin_at
from rapport.runtime.library import Library


def simulate(
    engine: Engine, library: Library, begin: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Every decision that triggers would make from `begin` on and before `until`, in order of time.

    engine: a copy (`rapport.rehearsal.copied`), which is worked on. What is held is told when it is
    held, and again when it starts or is given up. People stay silent: a question that is asked
    stays open until it times out.
    """
    with engine.begin() as db:
        begin_at(db, library, begin)
    at_work = Rehearsal(engine, library, begin)
    held = _Held(at_work, library.business_id)
    at_work.drive.settled = held.look
    at_work.drive.settle_down()
    at_work.drive.advance_to(until)
    with engine.connect() as db:
        decided = db.execute(
            firings_of(library.business_id).where(
                trigger_firing.c.decided_at >= begin, trigger_firing.c.decided_at < until
            )
        ).mappings()
        rows = [told(row) for row in decided]
    return list(in_order([*rows, *held.rows(until)]))


class _Held:
    """Notes what has to wait, with the moment since when it does."""

    def __init__(self, at_work: Rehearsal, business_id: int) -> None:
        self._at_work = at_work
        self._business_id = business_id
        self._noted: dict[tuple[str, int, str, str], dict[str, Any]] = {}
        self.look(known=True)

    def look(self, *, known: bool = False) -> None:
        """known: what is held already is no decision of this time."""
        now = self._at_work.clock.now()
        with self._at_work.engine.connect() as db:
            rows = (
                db.execute(firings_of(self._business_id).where(trigger_firing.c.status == "held"))
                .mappings()
                .all()
            )
        for row in rows:
            key = (row["trigger"], row["customer_id"], row["occurrence"], row["reason"])
            if key not in self._noted:
                firing = {**row, "decided_at": now}
                self._noted[key] = {} if known else told(firing) | {"_at": now}

    def rows(self, until: datetime) -> Iterable[dict[str, Any]]:
        for row in self._noted.values():
            if row and row["_at"] < until:
                yield {name: value for name, value in row.items() if name != "_at"}


def by_day(rows: Sequence[Mapping[str, Any]], zone: str) -> list[dict[str, Any]]:
    """Of each day of the business how many are sent, held and skipped, and to how many people more
    than one thing is sent."""
    days: dict[str, Counter[str]] = {}
    sent: dict[str, Counter[int]] = {}
    for row in rows:
        day = _day(row["at"], known_zone(zone))
        days.setdefault(day, Counter())[row["decision"]] += 1
        if row["decision"] == "send":
            sent.setdefault(day, Counter())[row["customer"]] += 1
    return [
        {
            "day": day,
            **{name: counts[name] for name in ("send", "hold", "skip")},
            "get_several": sum(times > 1 for times in sent.get(day, Counter()).values()),
        }
        for day, counts in sorted(days.items())
    ]


def by_reason(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How often what is not sent at once is not, by flow and reason, most often first."""
    counts = Counter(
        (row["flow"], row["decision"], row["reason"]) for row in rows if row["decision"] != "send"
    )
    return [
        {"flow": flow, "decision": decision, "reason": reason, "times": times}
        for (flow, decision, reason), times in counts.most_common()
    ]


def _day(moment: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(moment).astimezone(zone).date().isoformat()
