"""When what keeps a system from its work becomes an alarm, when it is over, and who is told when.

    seen ──stands for a while──> raised ──is well for a while──> over
                                   └──> told                      └──> told

Pure; the moment is given. What only flickers raises nothing, and of what comes and goes the staff
hears at most once in QUIET that it is there, and each time that it is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from msgspec import Struct

QUIET = timedelta(minutes=15)
"""The least time between two messages that the same trouble about the same thing is there."""


class Kind(Struct, frozen=True):
    """stands_for: so long it has to be seen before it is raised. calm_for: so long it has to be
    gone before it is over. wording: what the staff is told (engine.wording)."""

    wording: str
    stands_for: timedelta = timedelta()
    calm_for: timedelta = timedelta(minutes=1)


KINDS: Mapping[str, Kind] = {
    "refused": Kind("alarm_refused"),
    "unreachable": Kind("alarm_unreachable", timedelta(minutes=5)),
    "conflict": Kind("alarm_conflict", timedelta(minutes=1)),
    "blocked": Kind("alarm_blocked"),
    "unattended": Kind("alarm_unattended", timedelta(minutes=1)),
    "database": Kind("alarm_database", timedelta(seconds=30)),
    "disk": Kind("alarm_disk"),
    "dead": Kind("alarm_dead", calm_for=QUIET),
    "storm": Kind("alarm_storm"),
    "campaign": Kind("alarm_campaign"),
    "queue": Kind("alarm_queue", timedelta(minutes=1)),
    "outbox": Kind("alarm_outbox", timedelta(minutes=1)),
}
"""Every kind of alarm there is."""

Key = tuple[str, str]
"""The kind of an alarm, and what it is about: an account, a lease, or '' for everything."""


News = Literal["raised", "over"]


class Sighting(NamedTuple):
    """One look at one thing. reason: what is wrong; None where all is well."""

    kind: str
    about: str
    reason: str | None


class Alarm(Struct):
    """The newest alarm of a kind about a thing. over_at: None while it stands. told_raised_at,
    told_over_at: when the staff was last told so, which may have been of an earlier one."""

    kind: str
    about: str
    reason: str
    raised_at: datetime
    over_at: datetime | None = None
    told_raised_at: datetime | None = None
    told_over_at: datetime | None = None

    @property
    def key(self) -> Key:
        return self.kind, self.about

    @property
    def stands(self) -> bool:
        return self.over_at is None

    @property
    def is_told(self) -> bool:
        """Whether the staff knows that it was raised."""
        return _is_after(self.told_raised_at, self.raised_at)

    def told(self, news: News) -> datetime | None:
        """When the staff was last told this of it, or of an earlier one."""
        return self.told_raised_at if news == "raised" else self.told_over_at

    def set_told(self, news: News, moment: datetime | None) -> None:
        if news == "raised":
            self.told_raised_at = moment
        else:
            self.told_over_at = moment


class Alarms:
    """The alarms as one process knows them. Those that `know` brings were raised by any."""

    def __init__(self) -> None:
        self.known: dict[Key, Alarm] = {}
        self._seen_since: dict[Key, datetime] = {}
        self._well_since: dict[Key, datetime] = {}

    def know(self, alarms: Iterable[Alarm]) -> None:
        """How they stand in the store, which all processes share."""
        self.known.update({alarm.key: alarm for alarm in alarms})

    def see(self, sightings: Iterable[Sighting], now: datetime) -> list[Alarm]:
        """Take a look into account; the alarms that it raised or that it ended. What is not
        looked at stays as it was."""
        changed = (
            self._well(sighting, now) if sighting.reason is None else self._ill(sighting, now)
            for sighting in sightings
        )
        return [alarm for alarm in changed if alarm is not None]

    def _ill(self, sighting: Sighting, now: datetime) -> Alarm | None:
        key, known = sighting[:2], self.known.get(sighting[:2])
        self._well_since.pop(key, None)
        since = self._seen_since.setdefault(key, now)
        if (known is not None and known.stands) or now - since < KINDS[sighting.kind].stands_for:
            return None
        raised = Alarm(sighting.kind, sighting.about, sighting.reason or "", now)
        if known is not None:
            raised.told_raised_at, raised.told_over_at = known.told_raised_at, known.told_over_at
        self.known[key] = raised
        return raised

    def _well(self, sighting: Sighting, now: datetime) -> Alarm | None:
        key, known = sighting[:2], self.known.get(sighting[:2])
        self._seen_since.pop(key, None)
        if known is None or not known.stands:
            return None
        since = self._well_since.setdefault(key, now)
        if now - since < KINDS[sighting.kind].calm_for:
            return None
        self._well_since.pop(key, None)
        known.over_at = now
        return known


def news_of(alarm: Alarm, now: datetime) -> News | None:
    """What of an alarm the staff is to be told now.

    Who was told that it is there is told that it is over, at once. One that nobody could be told
    of while it stood (Telegram itself was gone) is told of when it is over, as news of both.
    """
    over_told = alarm.over_at is not None and _is_after(alarm.told_over_at, alarm.over_at)
    if alarm.over_at is not None and alarm.is_told:
        return None if over_told else "over"
    if alarm.is_told or over_told:
        return None
    last = max(filter(None, (alarm.told_raised_at, alarm.told_over_at)), default=None)
    if last is not None and now - last < QUIET:
        return None
    return "raised" if alarm.over_at is None else "over"


def _is_after(told: datetime | None, happened: datetime) -> bool:
    return told is not None and told >= happened
