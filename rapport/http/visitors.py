"""What visitors of the site may do at the door of the chat: be who they are, and not too much."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import HTTPException, Request

from bots.limits import UNPACED, Bucket, Pace
from bots.web_chat import WebChat, visitor_of
from engine.business import Business
from rapport.http.talk import Line, talk_of
from rapport.runtime.clock import Clock
from rapport.runtime.reading import Reader
from rapport.runtime.receiver import Receiver

MOST_OF_A_VISITOR = Bucket(timedelta(seconds=1), 10)
"""Messages: ten at once, then one a second. Nobody writes quicker."""

MOST_OF_AN_ADDRESS = Bucket(timedelta(seconds=0.2), 60)
"""Messages of everybody behind one address: an office has one, and so has who makes up visitors."""


def _pace(each: Bucket) -> Pace:
    rates = UNPACED
    return Pace(type(rates)(rates.account, rates.automated, each, each, each, *_NO_CARE))


_NO_CARE = (UNPACED.careful_for, UNPACED.is_group)


@dataclass(frozen=True, slots=True)
class Chat:
    """The chat of the site, as long as the process is at work. sends_here: whether this process
    sends what is said on it; else what is new is to be looked for."""

    channel: WebChat
    receiver: Receiver
    read: Reader
    clock: Clock
    business_id: int
    business: Callable[[], Business]
    sends_here: Callable[[], bool]
    visitors: Pace = field(default_factory=lambda: _pace(MOST_OF_A_VISITOR))
    addresses: Pace = field(default_factory=lambda: _pace(MOST_OF_AN_ADDRESS))

    def talk(self, visitor: str) -> list[Line]:
        """See talk_of; to be called in a thread. Raises DatabaseUnavailable."""
        now = self.clock.now()
        account = self.receiver.account_id
        return self.read(lambda db: talk_of(db, self.business_id, account, visitor, now))

    def require_patience(self, visitor: str, request: Request) -> None:
        """Count one message. Raises HTTPException (429) where there are too many."""
        now, address = self.clock.now(), _address(request)
        at = max(self.visitors.next_at(visitor, now), self.addresses.next_at(address, now))
        if at > now:
            raise HTTPException(429, headers={"Retry-After": _seconds(at, now)})
        self.visitors.sent(visitor, now)
        self.addresses.sent(address, now)


def visitor_at(request: Request) -> str:
    """Who asks. Raises HTTPException (401)."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    visitor = visitor_of(secret) if scheme.lower() == "bearer" else None
    if visitor is None:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    return visitor


def _seconds(at: datetime, now: datetime) -> str:
    return str(math.ceil((at - now).total_seconds()))


def _address(request: Request) -> str:
    """What a person cannot easily have many of: an address, or the network of a newer one."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network(f"{host.partition('%')[0]}/64", strict=False))
