"""Sending what the outbox holds, on one account: paced, in order for each chat, nothing lost.

After a commit the turn's deliveries are offered here; what is not in memory (a restart, an
overload, a delivery whose time has come) is swept from the outbox. A chat whose message has to
wait holds only itself. What became of each message is written back in groups.
"""

from __future__ import annotations

import asyncio
from asyncio import FIRST_COMPLETED
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from bots.channel import (
    Channel,
    ChannelError,
    Delivered,
    Moved,
    Rejected,
    Temporary,
    Throttled,
    Unauthorised,
    Unreachable,
    WindowClosed,
)
from bots.limits import Lane, Pace
from crm.database import DatabaseUnavailable
from engine.limits import WINDOWS
from rapport.logs import Words, says_each_turn
from rapport.runtime.backoff import Backoff
from rapport.runtime.cases import LIVE
from rapport.runtime.clock import Clock
from rapport.runtime.deliveries import (
    Delivery,
    Outcome,
    is_pending,
    mark_unreachable,
    move_peer,
    next_pending,
)
from rapport.runtime.reading import Reader
from rapport.runtime.tallies import SenderTally
from rapport.runtime.tenure import FOR_GOOD, Tenure
from rapport.runtime.waiting_line import WaitingLine
from rapport.runtime.windows import as_allowed, drop
from rapport.runtime.withdrawing import Closed, Withdrawing
from rapport.runtime.write_back import WriteBack
from rapport.runtime.writer import Writer

IN_MEMORY = 2_000
"""Deliveries held in memory, and as many answers; the rest waits in the outbox for room."""

SWEEP_SECONDS = 1.0
"""How often the outbox is looked through for what memory does not know."""

GLANCE_SECONDS = 0.02
"""The least time between two looks where several processes fill the outbox and each says so."""

GIVE_UP_AFTER = timedelta(hours=24)
"""A message that could not be sent for so long is a dead letter: nobody waits for it any more."""


class Sender:
    """The one sender of an account. `run` goes on until it is cancelled or credentials fail.

    tenure: with a lease, other processes fill the outbox too. Then only the outbox knows the order
    of a chat: what is offered makes the sender look there at once, and is not sent from memory.
    human_agent: after the window of a channel has closed, a person's answers may still go.
    `settled` is told of deliveries that are done with, after that is stored.
    """

    def __init__(
        self, channel: Channel, account_id: int, writer: Writer, read: Reader, clock: Clock,
        pace: Pace, backoff: Backoff, *, tenure: Tenure = FOR_GOOD,
        human_agent: Callable[[], bool] = lambda: False,
        settled: Callable[[Sequence[Outcome]], None] | None = None,
    ) -> None:  # fmt: skip
        self._channel = channel
        self.log = structlog.get_logger(__name__, channel=channel.name, account=account_id)
        self._says_each = says_each_turn()
        self._account_id = account_id
        self._has_window = channel.name in WINDOWS
        self._human_agent = human_agent
        self._writer = writer
        self._read = read
        self._clock = clock
        self._pace = pace
        self._backoff = backoff
        self._tenure = tenure
        self._tell = settled
        self.tally = SenderTally()
        self._queues: dict[str, deque[Delivery]] = {}
        self._known: set[int] = set()
        self._settled_lately: set[int] = set()
        self._overflowed = False
        self._turned_away = False
        self._resting: dict[str, asyncio.TimerHandle] = {}
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._back = WriteBack(writer, account_id, tenure.lease, backoff, self.log, self._stored)
        self._withdrawing = Withdrawing(channel, pace, clock)
        self._line = WaitingLine(pace, clock, self._go)
        self._failure: asyncio.Future[None] | None = None
        self._look = asyncio.Event()
        self._looked_at = 0.0

    def look(self) -> None:
        """There is something new in the outbox."""
        self._look.set()

    def offer(self, deliveries: Iterable[Delivery]) -> None:
        """Take what was just committed. Called on the loop's thread, in commit order."""
        if self._tenure.lease is not None:
            self.look()
            return
        for delivery in deliveries:
            if self._overflowed or len(self._known) >= IN_MEMORY:
                # Later ones must not overtake: from now on only the sweep brings more, in order.
                self._overflowed = self._turned_away = True
                return
            self._take(delivery)

    async def run(self) -> None:
        """Send until cancelled. Raises Unauthorised when the platform refuses our credentials."""
        self._failure = asyncio.get_running_loop().create_future()
        settling = asyncio.create_task(self._back.run(self._wake_all))
        try:
            while True:
                self._look.clear()
                self._looked_at = asyncio.get_running_loop().time()
                await self._sweep()
                # Either ends the sender: refused credentials, or a fault in writing back, without
                # which everything would be sent again after the next start.
                await self._next_look({self._failure, settling})
        finally:
            await self._stop(settling)

    async def _next_look(self, watched: set[asyncio.Future[None]]) -> None:
        """Until the outbox is to be looked through again. Raises what one of `watched` raises."""
        told: asyncio.Future[Any] = asyncio.ensure_future(self._look.wait())
        try:
            await asyncio.wait({*watched, told}, timeout=SWEEP_SECONDS, return_when=FIRST_COMPLETED)
            if told.done():
                since = asyncio.get_running_loop().time() - self._looked_at
                await asyncio.sleep(max(0.0, GLANCE_SECONDS - since))
        finally:
            told.cancel()
        for job in watched:
            if job.done():
                job.result()

    async def acknowledge(self, callback_id: str) -> None:
        """End the progress bar of a pressed button; best effort, past every queue."""
        await self._channel.acknowledge(callback_id)

    async def close_question(self, closed: Closed) -> None:
        """Take away the buttons of a question that is over; best effort, past every queue."""
        await self._withdrawing.close(closed)

    @property
    def channel(self) -> Channel:
        return self._channel

    # -- taking

    def _take(self, delivery: Delivery) -> None:
        if delivery.id in self._known:
            return
        self._known.add(delivery.id)
        queue = self._queues.get(delivery.peer)
        if queue is None:
            queue = self._queues[delivery.peer] = deque()
        queue.append(delivery)
        self._wake(delivery.peer)

    async def _sweep(self) -> None:
        """Bring in what is due and not known, answers to people first; nothing while memory is
        full. Half of it is for answers alone: a flood of reminders does not keep them out."""
        room = 2 * IN_MEMORY - len(self._known)
        if room <= 0:
            return
        now = self._clock.now()
        self._settled_lately.clear()
        self._turned_away = False
        # What is tried again later comes too: a restart must not let the next message overtake it.
        until = now + GIVE_UP_AFTER
        try:
            found = await asyncio.to_thread(
                self._read,
                lambda db: next_pending(db, self._account_id, until, room, room - IN_MEMORY),
            )
        except DatabaseUnavailable:
            return
        # What was turned away while the outbox was read may not be among what was found.
        self._overflowed = not found.all or self._turned_away
        waiting = {peer for peer, queue in self._queues.items() if queue}
        for delivery in found.deliveries:
            # What was written back after the outbox was read still looked pending to the reader.
            if delivery.id in self._settled_lately:
                continue
            # A chat that rests after a failure keeps its order: its head is in memory.
            if delivery.peer not in waiting or delivery.id > self._queues[delivery.peer][-1].id:
                self._take(delivery)

    # -- sending

    def _wake(self, peer: str) -> None:
        """Send the head of a chat's queue now, or when its pace and the account's allow."""
        if peer in self._busy or peer in self._resting or self._back.is_stuck:
            return
        queue = self._queues.get(peer)
        if not queue:
            self._queues.pop(peer, None)
            return
        now = self._clock.now()
        head = queue[0]
        # Who waits for an answer waits for all that was said before it too.
        answers = head.lane == LIVE or any(item.lane == LIVE for item in queue)
        lane: Lane = "live" if answers else "automated"
        if not self._line and max(self._pace.next_at(peer, now, lane), head.due_at) <= now:
            self._go(peer)
        elif (at := max(self._pace.chat_at(peer, now), head.due_at)) > now:
            self._rest(peer, (at - now).total_seconds())
        else:
            self._line.join(peer, lane, head.id)

    def _go(self, peer: str) -> None:
        """The account's pace allows it: send the head of a chat's queue."""
        queue = self._queues.get(peer)
        if not queue or peer in self._busy or peer in self._resting or self._back.is_stuck:
            return
        now = self._clock.now()
        lane: Lane = "live" if queue[0].lane == LIVE else "automated"
        self._pace.sent(peer, now, lane)
        self._busy.add(peer)
        task = asyncio.create_task(self._send(peer, queue[0]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _rest(self, peer: str, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._resting[peer] = loop.call_later(seconds, self._rested, peer)

    def _rested(self, peer: str) -> None:
        self._resting.pop(peer, None)
        self._wake(peer)

    async def _send(self, peer: str, delivery: Delivery) -> None:
        now = self._clock.now()
        if delivery.expires_at is not None and delivery.expires_at <= now:
            self._done(peer, Outcome(delivery.id, "expired", delivery.attempts, now))
            return
        try:
            if delivery.lane != LIVE and not await self._is_wanted(delivery):
                self._done(peer, Outcome(delivery.id, "cancelled", delivery.attempts, now))
                return
            if not self._tenure.holds():
                # The process may have slept: another one sends by now, or this one holds on.
                self._busy.discard(peer)
                self._rest(peer, SWEEP_SECONDS)
                return
            outgoing = delivery.outgoing()
            if self._has_window and delivery.conversation_id is not None:
                may, on = self._human_agent(), self._channel.name
                outgoing = await asyncio.to_thread(
                    self._read, lambda db: as_allowed(db, delivery, on, now, human_agent=may)
                )
            delivered = await self._channel.send(outgoing)
        except ChannelError as error:
            await self._failed(peer, delivery, error)
        except DatabaseUnavailable as error:
            await self._failed(peer, delivery, Temporary(str(error)))
        except Exception as error:
            # A fault of ours or of an adapter must hold this message, not the chat for ever.
            self.log.exception("send_failed", **_ids(delivery))
            await self._failed(peer, delivery, Temporary(type(error).__name__, maybe_sent=True))
        else:
            attempts = delivery.attempts + 1
            self._withdrawing.sent(delivery, delivered.message_id)
            if self._says_each:
                self._say_sent(delivery, delivered)
            now, (message, echo) = self._clock.now(), delivered
            self._done(peer, Outcome(delivery.id, "sent", attempts, now, message, echo_key=echo))

    def _say_sent(self, delivery: Delivery, delivered: Delivered) -> None:
        text = Words(delivery.payload["text"])
        self.log.debug("sent", **_ids(delivery), message=delivered.message_id, text=text)

    async def _is_wanted(self, delivery: Delivery) -> bool:
        """An automatic message may be cancelled while it waits: its person has opted out."""
        return await asyncio.to_thread(
            self._read, lambda db: is_pending(db, self._account_id, delivery.id)
        )

    async def _failed(self, peer: str, delivery: Delivery, error: ChannelError) -> None:
        now = self._clock.now()
        attempts = delivery.attempts + 1
        self.tally.failed(error)
        match error:
            case Throttled(retry_after=seconds):
                self._pace.throttled(peer, seconds, now)
                self._again(peer, delivery, delivery.attempts, seconds, error)
            case Moved(new_peer=new_peer):
                await self._forget_peer(peer, lambda db: move_peer(db, delivery, new_peer))
            case Unreachable():
                self.log.info("unreachable", **_ids(delivery))
                name = self._channel.name
                await self._forget_peer(peer, lambda db: mark_unreachable(db, delivery, name, now))
            case WindowClosed():
                self.log.info("window_closed", **_ids(delivery))
                name = self._channel.name
                await self._forget_peer(peer, lambda db: drop(db, delivery, name, now))
            case Rejected():
                self.log.error("message_refused", **_ids(delivery), reason=str(error))
                self._done(peer, Outcome(delivery.id, "dead", attempts, now, error=str(error)))
            case Unauthorised():
                self._again(peer, delivery, attempts, 60.0, error)
                if self._failure is not None and not self._failure.done():
                    self._failure.set_exception(error)
            case Temporary() | _ if now - delivery.created_at > GIVE_UP_AFTER:
                self.log.error("message_given_up", **_ids(delivery), reason=str(error))
                self._done(peer, Outcome(delivery.id, "dead", attempts, now, error=str(error)))
            case _:
                self._again(peer, delivery, attempts, self._backoff.seconds(attempts), error)

    def _again(
        self, peer: str, delivery: Delivery, attempts: int, seconds: float, error: ChannelError
    ) -> None:
        """Keep a delivery at the head of its chat for another try, and store when that is."""
        now = self._clock.now()
        due_at = now + timedelta(seconds=seconds)
        self.log.info("send_later", **_ids(delivery), seconds=round(seconds, 1), reason=str(error))
        later = replace(delivery, attempts=attempts, due_at=due_at)
        self._queues[peer][0] = later
        self._back.note(Outcome(delivery.id, "pending", attempts, now, None, str(error), due_at))
        self._busy.discard(peer)
        self._rest(peer, seconds)

    def _done(self, peer: str, outcome: Outcome) -> None:
        self._queues[peer].popleft()
        self._back.note(outcome)
        self._busy.discard(peer)
        self._wake(peer)

    async def _forget_peer(self, peer: str, write: Callable[[Connection], None]) -> None:
        """Something about the chat itself changed: store it and leave the rest to the sweep."""
        try:
            await asyncio.wrap_future(self._writer.submit(write))
        except DatabaseUnavailable:
            self.log.warning("store_unavailable", doing="a chat that moved or blocked us")
        except IntegrityError as error:
            # The new address is a conversation already: what waits goes on being tried.
            self.log.error("chat_not_moved", reason=str(error.orig))
        ids = [item.id for item in self._queues.pop(peer, ())]
        self._known.difference_update(ids)
        self._settled_lately.update(ids)
        self._busy.discard(peer)

    # -- writing back

    def _stored(self, outcomes: Sequence[Outcome]) -> None:
        done = [item for item in outcomes if item.status != "pending"]
        self._known.difference_update(item.id for item in done)
        self._settled_lately.update(item.id for item in done)
        if self._tell is not None:
            self._tell(done)

    def _wake_all(self) -> None:
        for peer in list(self._queues):
            self._wake(peer)

    async def _stop(self, settling: asyncio.Task[None]) -> None:
        """Let what is on its way arrive, write it back, then stop."""
        for handle in self._resting.values():
            handle.cancel()
        self._line.close()
        self._overflowed = True
        self._queues = {peer: deque(list(queue)[:1]) for peer, queue in self._queues.items()}
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        settling.cancel()
        with suppress(asyncio.CancelledError):
            await settling
        await self._back.finish()


def _ids(delivery: Delivery) -> dict[str, int | None]:
    """What a log line names of a delivery."""
    return {"delivery": delivery.id, "conversation": delivery.conversation_id}
