"""When a message may go: per chat, per group, and for the whole account. Pure; the clock is given.

aiolimiter is not used: it reads the event loop's clock, can only be awaited, and needs a limiter
for each key. The sender has to ask "when?" for thousands of chats, under a clock that tests turn.

Each limit is a bucket, kept as the one moment at which it will be full again (GCRA): nothing has to
be refilled, and a chat whose bucket is full needs no memory at all.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from engine import limits

Lane = Literal["live", "automated"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SWEEP_AT = 1024
"""From how many remembered chats on the full buckets are looked for."""


class Bucket:
    """`burst` sends at once, and one more `every` so often. `every` zero: no limit.

    Moments are whole microseconds since 1970: every message asks, and datetimes would cost more
    than the rest of the question.
    """

    __slots__ = ("_every", "_slack", "_whole")

    def __init__(self, every: timedelta, burst: int) -> None:
        self._every = every // _MICROSECOND
        self._slack = self._every * (burst - 1)
        self._whole = self._every * burst

    def ready_at(self, full_at: int, now: int) -> int:
        """When one more may go, if the bucket is full at `full_at`; `now` or before: at once."""
        # Further away than a whole bucket it can only be if the clock was set back.
        return min(full_at, now + self._whole) - self._slack

    def full_after(self, full_at: int, now: int) -> int:
        """When the bucket is full again after one more went `now`."""
        return max(min(full_at, now + self._whole), now) + self._every


@dataclass(frozen=True, slots=True)
class Rates:
    """What a platform bears. `careful` replaces `chat` for `careful_for` after a chat's 429."""

    account: Bucket
    automated: Bucket
    chat: Bucket
    group: Bucket
    careful: Bucket
    careful_for: timedelta
    is_group: Callable[[str], bool]

    def at(self, per_second: float | None = None, per_chat: float | None = None) -> "Rates":
        """The same with another rate for the account, or for each private chat (`sending:`).

        Raises ValueError unless they are positive.
        """
        rates = self
        if per_second is not None:
            account, automated = _shared(_positive(per_second))
            rates = replace(rates, account=account, automated=automated)
        if per_chat is not None:
            every = timedelta(seconds=1 / _positive(per_chat))
            rates = replace(rates, chat=Bucket(every, _CHAT_BURST))
        return rates


def _positive(rate: float) -> float:
    if rate <= 0:
        raise ValueError("a sending rate is a number above 0")
    return rate


def _shared(per_second: float) -> tuple[Bucket, Bucket]:
    """The account's bucket, and the four fifths of it that automated messages may take."""
    burst = max(1, int(per_second / 5))  # a fifth of a second's worth more than the steady rate
    every = timedelta(seconds=1 / per_second)
    return Bucket(every, burst), Bucket(every * 5 / 4, 1)


_CHAT_EVERY = timedelta(seconds=1 / limits.TELEGRAM_CHAT_RATE.value)
_CHAT_BURST = limits.TELEGRAM_CHAT_BURST.value
_GROUP_EVERY = timedelta(minutes=1) / (limits.TELEGRAM_GROUP_RATE.value - _CHAT_BURST)
"""A burst and what follows in the same minute must stay within the minute's number."""
_TELEGRAM_ACCOUNT, _TELEGRAM_AUTOMATED = _shared(limits.TELEGRAM_BOT_RATE.value)

TELEGRAM = Rates(
    account=_TELEGRAM_ACCOUNT,
    automated=_TELEGRAM_AUTOMATED,
    chat=Bucket(_CHAT_EVERY, _CHAT_BURST),
    group=Bucket(_GROUP_EVERY, _CHAT_BURST),
    careful=Bucket(_CHAT_EVERY, 1),
    careful_for=timedelta(minutes=1),
    is_group=lambda peer: peer.startswith("-"),  # chat ids of groups and channels are negative
)

_INSTAGRAM_EVERY = timedelta(seconds=1 / limits.INSTAGRAM_CHAT_RATE.value)
_INSTAGRAM_CHAT = Bucket(_INSTAGRAM_EVERY, limits.INSTAGRAM_CHAT_BURST.value)
_INSTAGRAM_ACCOUNT, _INSTAGRAM_AUTOMATED = _shared(limits.INSTAGRAM_ACCOUNT_RATE.value)

INSTAGRAM = Rates(
    account=_INSTAGRAM_ACCOUNT,
    automated=_INSTAGRAM_AUTOMATED,
    chat=_INSTAGRAM_CHAT,
    group=_INSTAGRAM_CHAT,
    careful=Bucket(_INSTAGRAM_EVERY, 1),
    careful_for=timedelta(minutes=1),
    is_group=lambda _: False,
)

_FREE = Bucket(timedelta(0), 1)
UNPACED = Rates(_FREE, _FREE, _FREE, _FREE, _FREE, timedelta(0), lambda _: False)
"""For channels without limits: the terminal, and measurements."""


class Pace:
    """The limits of one account. Ask `next_at`, and tell `sent` the moment a request leaves."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._account_full_at = 0
        self._automated_full_at = 0
        self._full_at: dict[str, int] = {}
        self._held_until: dict[str, int] = {}
        self._careful_for = rates.careful_for // _MICROSECOND
        self._sweep_at = _SWEEP_AT

    def next_at(self, peer: str, now: datetime, lane: Lane = "live") -> datetime:
        """The earliest moment, `now` or later, at which a message to this peer may leave."""
        moment = _microseconds(now)
        return _later(now, moment, max(self._account(lane, moment), self._chat(peer, moment)))

    def chat_at(self, peer: str, now: datetime) -> datetime:
        """The same, as far as this peer alone is concerned."""
        moment = _microseconds(now)
        return _later(now, moment, self._chat(peer, moment))

    def account_at(self, now: datetime, lane: Lane = "live") -> datetime:
        """The same, as far as the account is concerned."""
        moment = _microseconds(now)
        return _later(now, moment, self._account(lane, moment))

    def sent(self, peer: str, now: datetime, lane: Lane = "live") -> None:
        """A request to this peer left now, whatever becomes of it."""
        rates, moment = self._rates, _microseconds(now)
        self._account_full_at = rates.account.full_after(self._account_full_at, moment)
        if lane == "automated":
            self._automated_full_at = rates.automated.full_after(self._automated_full_at, moment)
        full_at = self._full_at.get(peer, 0)
        self._full_at[peer] = self._bucket(peer, moment).full_after(full_at, moment)
        if len(self._full_at) >= self._sweep_at:
            self._forget_full(moment)

    def edited(self, now: datetime) -> None:
        """A request left now that puts no new message into any chat."""
        moment = _microseconds(now)
        self._account_full_at = self._rates.account.full_after(self._account_full_at, moment)

    def throttled(self, peer: str, retry_after: float, now: datetime) -> None:
        """The platform answered 429: nothing to this peer for `retry_after` seconds."""
        self._held_until[peer] = _microseconds(now + timedelta(seconds=retry_after))

    def remembered(self) -> int:
        """How many chats take up memory."""
        return len(self._full_at.keys() | self._held_until.keys())

    def _account(self, lane: Lane, moment: int) -> int:
        at = self._rates.account.ready_at(self._account_full_at, moment)
        if lane == "automated":
            at = max(at, self._rates.automated.ready_at(self._automated_full_at, moment))
        return at

    def _chat(self, peer: str, moment: int) -> int:
        at = self._held_until.get(peer, moment)
        if peer in self._full_at:
            at = max(at, self._bucket(peer, moment).ready_at(self._full_at[peer], moment))
        return at

    def _bucket(self, peer: str, moment: int) -> Bucket:
        held_until = self._held_until.get(peer)
        if held_until is not None:
            if moment < held_until + self._careful_for:
                return self._rates.careful
            del self._held_until[peer]
        return self._rates.group if self._rates.is_group(peer) else self._rates.chat

    def _forget_full(self, moment: int) -> None:
        calm = moment - self._careful_for
        self._full_at = {peer: at for peer, at in self._full_at.items() if at > moment}
        self._held_until = {peer: at for peer, at in self._held_until.items() if at > calm}
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._full_at))


def _later(now: datetime, moment: int, at: int) -> datetime:
    return now if at <= moment else now + timedelta(microseconds=at - moment)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
