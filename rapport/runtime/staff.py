"""Telling the staff: owners and admins of crm.yaml who have given their Telegram number.

A bot cannot write first: who is to be told must have written to it once. These few messages go by
the channels of the senders and past their outbox, which may be the trouble; what a flow tells the
staff of a customer is in it (staff_news).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from bots.channel import Channel, ChannelError, Outgoing
from engine.business import Business
from engine.fields.moments import spell
from engine.fields.places import Locale
from engine.staff import STAFF_CHANNEL
from engine.wording import wording
from rapport.redaction import redacted
from rapport.runtime.alarms import KINDS, Alarm, News
from rapport.runtime.sender import Sender

ROLES = ("owner", "admin")
"""Who hears of the system itself."""

SECONDS = 15.0
"""How long one message may take."""


class Staff:
    """The way to the staff by the senders of this process; `senders` by account id."""

    def __init__(
        self, business: Callable[[], Business], senders: Callable[[], Mapping[int, Sender]]
    ) -> None:
        self._business = business
        self._senders = senders

    def is_open(self) -> bool:
        """See watchman.Tells."""
        return bool(self._numbers() and self._ways())

    async def tell(self, text: str) -> bool:
        """See watchman.Tells. Each person is told by the first bot that may write to them."""
        told = [await self._tell_one(number, text) for number in self._numbers()]
        return any(told)

    async def _tell_one(self, number: str, text: str) -> bool:
        for channel in self._ways():
            try:
                async with asyncio.timeout(SECONDS):
                    for part in channel.parts(Outgoing(number, text)):
                        await channel.send(part)
            except (ChannelError, TimeoutError):
                # Maybe another bot of the business reaches them; the caller says if none does.
                continue
            return True
        return False

    def _numbers(self) -> list[str]:
        staff = self._business().staff
        return [one.telegram for one in staff if one.telegram and one.role in ROLES]

    def _ways(self) -> list[Channel]:
        channels = [sender.channel for _, sender in sorted(self._senders().items())]
        return [channel for channel in channels if channel.name == STAFF_CHANNEL]


def text_of(alarm: Alarm, news: News, business: Business) -> str:
    """The message about an alarm, in the language and the hours of the business."""
    zone, language = ZoneInfo(business.timezone), business.language
    what = wording(
        KINDS[alarm.kind].wording, language, about=alarm.about, reason=redacted(alarm.reason)
    )
    if news == "raised" or alarm.over_at is None:
        return wording(
            "alarm_raised", language, what=what, since=_hour(alarm.raised_at, zone, language)
        )
    return wording(
        "alarm_over", language, what=what, since=_hour(alarm.raised_at, zone, language),
        until=_hour(alarm.over_at, zone, language),
    )  # fmt: skip


def _hour(moment: datetime, zone: ZoneInfo, language: str) -> str:
    local = moment.astimezone(zone).time().replace(second=0, microsecond=0)
    return spell(local, Locale(language=language))
