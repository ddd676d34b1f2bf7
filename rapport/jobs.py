"""What the roles of a process do, as jobs in its event loop.

    poller     ┐ for each account, while its lease is ours
    sender     ┘
    web          for each account whose platform brings updates
    worker       the pump: timers, and turns that nobody takes otherwise; tasks;  ┐ the clock
                 the requests of flows; people in older versions are moved        │
    scheduler    wakes ticks, while the business's lease is ours                  ┘ is watched

Jobs run until they are cancelled. Those that take in stop first, those that send last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bots.channel import Channel, Webhook
from bots.limits import Pace, Rates
from rapport.roles import Role, Roles
from rapport.runtime.clock import Clock
from rapport.runtime.clock_watch import ClockWatch
from rapport.runtime.desk import Desk
from rapport.runtime.following import Following
from rapport.runtime.intake import Origin
from rapport.runtime.leases import poller_of, scheduler_of, sender_of
from rapport.runtime.menus import keep_menu
from rapport.runtime.moving import Mover
from rapport.runtime.outlets import Elsewhere, Outlet
from rapport.runtime.performer import Performer
from rapport.runtime.poller import Poller
from rapport.runtime.pressure import Pressure
from rapport.runtime.reading import Reader
from rapport.runtime.receiver import Receiver
from rapport.runtime.scheduler import Tick, wake
from rapport.runtime.sender import Sender
from rapport.runtime.service import Service
from rapport.runtime.storing import Storing
from rapport.runtime.tallies import ServiceTally
from rapport.runtime.tenure import Keeper, Tenure
from rapport.runtime.writer import Writer
from rapport.spreading import Pauses, Spread


@dataclass(frozen=True, slots=True)
class Line:
    """A channel with the pace its platform bears. webhook: how the platform brings updates, None
    where they are fetched. pace: shared with whoever else sends on the account in this process;
    None where nobody does."""

    channel: Channel
    rates: Rates
    webhook: Webhook | None = None
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """A line with the account that it is in the database."""

    line: Line
    origin: Origin

    @property
    def name(self) -> tuple[str, str]:
        """The channel and the account's id on its platform."""
        return self.origin.channel, self.line.channel.account


@dataclass(frozen=True, slots=True)
class Place:
    """What all jobs of a process share.

    outlets: the way out of each account, by its id; changes hands with the sender's lease.
    senders, pollers: those at work here now, by account id, for who wants to look at them; so is
    tally, of what came in and of the turns. receivers: by the channel's name.
    """

    business_id: int
    desk: Desk
    writer: Writer
    read: Reader
    clock: Clock
    keeper: Keeper
    service: Service
    performer: Performer
    following: Following
    mover: Mover
    spread: Spread
    roles: Roles
    backoff: Pauses
    ticks: Sequence[Tick]
    outlets: dict[int, Outlet]
    tally: ServiceTally
    clock_watch: ClockWatch
    senders: dict[int, Sender] = field(default_factory=dict)
    pollers: dict[int, Poller] = field(default_factory=dict)
    receivers: dict[str, Receiver] = field(default_factory=dict)

    def elsewhere(self, post: Post) -> Outlet:
        """The way out while another process sends."""
        return Elsewhere(post.line.channel, post.origin.account_id, self.spread.wakeups)

    def filled_elsewhere(self, account_id: int) -> None:
        """Another process has something to send on an account: its sender here looks."""
        sender = self.senders.get(account_id)
        if sender is not None:
            sender.look()


Beside = Callable[[Place], Awaitable[None]]
"""Something that runs beside the roles until it is cancelled: a web server, alarms."""


async def serve(
    place: Place, posts: Sequence[Post], beside: Sequence[Beside], begun: Callable[[Post], None]
) -> None:
    """Do what the roles say until cancelled; `begun` is told of each post once that has begun.

    Raises what the first job raised that failed.
    """
    try:
        await _all_jobs(place, posts, beside, begun)
    except BaseExceptionGroup as ended:
        # The first job that failed ended the others; its error is the news.
        raise _first(ended) from None
    finally:
        await place.spread.close()


async def _all_jobs(
    place: Place, posts: Sequence[Post], beside: Sequence[Beside], begun: Callable[[Post], None]
) -> None:
    async with asyncio.TaskGroup() as sending:
        if Role.SENDER in place.roles:
            for post in posts:
                sending.create_task(_send(place, post))
        for job in place.spread.jobs(place.roles, place.filled_elsewhere):
            sending.create_task(job)
        async with asyncio.TaskGroup() as working:
            working.create_task(place.following.run())
            for run in beside:
                working.create_task(_beside(run, place))
            if Role.WORKER in place.roles:
                working.create_task(place.service.pump())
                working.create_task(place.mover.run())
                working.create_task(place.performer.run())
            if Role.SCHEDULER in place.roles:
                working.create_task(_schedule(place))
            if place.roles & {Role.SCHEDULER, Role.WORKER}:
                working.create_task(place.clock_watch.run())
            takes_in = place.service if Role.WORKER in place.roles else _storing(place)
            for post in posts:
                if post.line.webhook is not None:
                    _receive(place, post, post.line.webhook, takes_in)
                elif Role.POLLER in place.roles:
                    working.create_task(_poll(place, post, takes_in))
            for post in posts:
                begun(post)


async def _send(place: Place, post: Post) -> None:
    account = post.origin.account_id

    async def while_ours(tenure: Tenure) -> None:
        sender = Sender(
            post.line.channel, account, place.writer, place.read, place.clock,
            post.line.pace or Pace(post.line.rates), place.backoff(1.0, 300.0), tenure=tenure,
            human_agent=lambda: place.desk.library.business.human_agent,
        )  # fmt: skip
        place.outlets[account] = place.senders[account] = sender
        menu = asyncio.create_task(
            keep_menu(place.desk, post.line.channel, place.backoff(1.0, 300.0))
        )
        try:
            await sender.run()
        finally:
            menu.cancel()
            place.outlets[account] = place.elsewhere(post)
            del place.senders[account]

    await place.keeper.keep(sender_of(account), while_ours)


async def _poll(place: Place, post: Post, takes_in: Service | Storing) -> None:
    account = post.origin.account_id

    async def while_ours(_tenure: Tenure) -> None:
        poller = Poller(
            post.line.channel, post.origin, takes_in, place.backoff(0.1, 30.0),
            Pressure(place.business_id, place.read, place.clock),
        )  # fmt: skip
        place.pollers[account] = poller
        try:
            await poller.run()
        finally:
            del place.pollers[account]

    await place.keeper.keep(poller_of(account), while_ours)


def _receive(place: Place, post: Post, webhook: Webhook, takes_in: Service | Storing) -> None:
    if Role.WEB in place.roles:
        pressure = Pressure(place.business_id, place.read, place.clock)
        place.receivers[post.origin.channel] = Receiver(
            post.line.channel, webhook, post.origin, takes_in, pressure
        )


async def _schedule(place: Place) -> None:
    name = scheduler_of(place.business_id)
    watch = place.clock_watch
    await place.keeper.keep(name, lambda tenure: wake(place.ticks, tenure, watch))


async def _beside(run: Beside, place: Place) -> None:
    await run(place)


def _storing(place: Place) -> Storing:
    return Storing(place.desk, place.writer, place.clock, place.spread.wakeups, place.tally)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
