"""When the clock's triggers come next, by the zones that customers are in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, literal, select

from crm.tables import customer, field_history
from engine.clocked import is_absolute, rule_of
from engine.flow import Trigger
from engine.local_time import Point, next_local
from engine.scope import known_zone

UTC_ZONE = ZoneInfo("UTC")

A_DAY_ROUND = timedelta(hours=27)
"""Between the first and the last clocks on earth that show a time, and a little."""

Zones = Mapping[str | None, ZoneInfo]
"""The zone that is meant by each word customers have as theirs; None: those who have none."""


class Group(NamedTuple):
    """A time of the wall that is now, and for whom: the words of their zones, and who of others has
    moved away from one of these within a day."""

    wall: datetime
    names: frozenset[str | None]
    movers: tuple[int, ...] = ()


class Due(NamedTuple):
    """An instant at which a trigger comes, for these groups. everywhere: the words of all zones."""

    at: datetime
    groups: tuple[Group, ...]
    everywhere: frozenset[str | None]


class Almanac:
    """Looks up when a rule comes next, and remembers it as long as it holds."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[datetime, Point | None]] = {}

    def next(self, trigger: Trigger, after: datetime, zone: ZoneInfo) -> Point | None:
        key = trigger.id, repr(trigger.options), zone.key
        known = self._known.get(key)
        if known is not None and known[0] <= after and (known[1] is None or after < known[1].at):
            return known[1]
        found = next_local(rule_of(trigger), after, zone)
        self._known[key] = after, found
        return found

    def due(self, trigger: Trigger, after: datetime, zones: Zones) -> Due | None:
        """The next instant after `after`; None where there is none any more."""
        everywhere = frozenset(zones)
        points = {
            zone: point
            for zone in (frozenset((UTC_ZONE,)) if is_absolute(trigger) else set(zones.values()))
            if (point := self.next(trigger, after, zone)) is not None
        }
        if not points:
            return None
        at = min(point.at for point in points.values())
        walls: dict[datetime, set[str | None]] = {}
        for zone, point in points.items():
            if point.at == at:
                names = everywhere if is_absolute(trigger) else _named(zone, zones)
                for wall in point.walls:
                    walls.setdefault(wall, set()).update(names)
        groups = tuple(Group(wall, frozenset(names)) for wall, names in sorted(walls.items()))
        return Due(at, groups, everywhere)


def _named(zone: ZoneInfo, zones: Zones) -> Iterable[str | None]:
    return (name for name, one in zones.items() if one == zone)


def zones_of(db: Connection, business_id: int, own: str, after: datetime) -> Zones:
    """The zones that customers are in, or have left not long before `after`, from when on it is
    looked; `own` is the business's, of those who have none."""
    zones: dict[str | None, ZoneInfo] = {None: known_zone(own)}
    left = (row.old for row in _moved(db, business_id, after))
    for name in (*_names(db, business_id), *left):
        if name is not None:
            zones[name] = known_zone(name, own)
    return zones


def _names(db: Connection, business_id: int) -> Iterator[str]:
    """One look into the index for each: as many as there are zones, not customers."""
    last = ""
    while True:
        found = db.scalar(
            select(func.min(customer.c.timezone)).where(
                customer.c.business_id == business_id, customer.c.timezone > last
            )
        )
        if found is None:
            return
        yield found
        last = found


def _moved(db: Connection, business_id: int, at: datetime) -> Sequence[Any]:
    """Who has left which zone within a day before a moment, or after it."""
    # The word is written out: a partial index is used for a constant it can see.
    zones = field_history.c.field == literal("timezone", literal_execute=True)
    return db.execute(
        select(field_history.c.customer_id, field_history.c.old)
        .where(
            field_history.c.business_id == business_id, zones,
            field_history.c.at > at - A_DAY_ROUND,
        )
        .order_by(field_history.c.id)
    ).all()  # fmt: skip


def with_movers(db: Connection, business_id: int, due: Due) -> Due:
    """`due` with those who have changed their zone of late: what was still to come where they were
    comes for them too, or who moves east would miss it. Once, for it is the same occasion."""
    moved = _moved(db, business_id, due.at)
    if not moved:
        return due
    groups = (
        group._replace(movers=tuple({row.customer_id for row in moved if row.old in group.names}))
        for group in due.groups
    )
    return due._replace(groups=tuple(groups))
