"""`Rapport`: flows in a program that has a bot of its own. An adapter connects it to the bot's
library (rapport.plugin.aiogram, rapport.plugin.ptb); the program talks with it.

Everything runs on the host's loop and leaves by the host's bot; only the store has threads of its
own. What the flows take is committed before the adapter goes on.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection

from bots.channel import Channel, Inbound
from bots.limits import Pace, Rates
from crm.database import DatabaseUnavailable, open_engine
from crm.services.ledger import Cause
from engine.jsonable import to_json
from engine.messages import STARTS_FLOW
from engine.node import Node
from engine.templates import add_filter
from nodes import KINDS
from rapport.alone import OneAtATime
from rapport.build import applying
from rapport.jobs import Line, Place
from rapport.logs import lend
from rapport.plugin import customers
from rapport.plugin.customers import Who
from rapport.plugin.listening import Handler, Listening
from rapport.plugin.offering import Identity, Offering
from rapport.plugin.ownership import OWNERS, Owner
from rapport.process import Process
from rapport.project import find_project, read_project
from rapport.redaction import redacted
from rapport.roles import EVERY_ROLE, Role
from rapport.runtime.clock import Clock, SystemClock
from rapport.runtime.firings import CATCH_UP, Planned, plan
from rapport.runtime.guest import Guest, awaited_in
from rapport.runtime.intake import Origin
from rapport.runtime.writer import outcome_of
from rapport.settings import read_settings
from rapport.storage import prepare, sqlite_file

T = TypeVar("T")

LOOK_SECONDS = 1.0
"""How often it is looked what the host has not heard of yet."""

FILL_SECONDS = 30.0
"""How often it is read anew whom flows wait for: others may have written (a command, a worker)."""

log = structlog.get_logger(__name__)


class ProjectHasErrors(Exception):
    """The flows cannot be run; the text is every error with its place and cure."""


class NotOpen(RuntimeError):
    """Nothing runs yet, or not any more: an adapter opens and closes it with the bot."""


class Rapport:
    """A project's flows for a bot that exists.

    flows: the project's folder; None for that of RAPPORT_FLOWS. database_url: None for that of
    RAPPORT_DATABASE_URL. owner: see rapport.plugin.ownership. kinds: node kinds beside our own.
    filters: by name, what templates may call beside our own: a function of the value and the
    arguments. identity: who a person is to the host. name: of the host, by which it hears events
    where it stopped hearing them.
    """

    def __init__(
        self, flows: str | Path | None = None, *, database_url: str | None = None,
        owner: Owner = "host_first", kinds: Sequence[type[Node]] = (),
        filters: Mapping[str, Callable[..., Any]] | None = None,
        identity: Identity | None = None, name: str = "host", clock: Clock | None = None,
    ) -> None:  # fmt: skip
        if owner not in OWNERS:
            raise ValueError(f"owner is {', '.join(OWNERS)}, not '{owner}'")
        for filter_name, function in (filters or {}).items():
            add_filter(filter_name, function)
        settings = read_settings()
        self.owner = owner
        self.pace: Pace | None = None
        self._folder = Path(flows) if flows is not None else settings.flows
        self._url = database_url or settings.database_url
        redis = settings.redis_url
        self._redis_url = None if redis is None else redis.get_secret_value()
        self._kinds = (*KINDS, *kinds)
        self._identity = identity
        self._name = name
        self._clock = clock or SystemClock()
        self._guest = Guest(leaves=owner != "host_first")
        self._handlers: dict[str, list[Handler]] = {}
        self._ready = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._held = ExitStack()
        self._place: Place | None = None
        self._channel: Channel | None = None
        self._origin: Origin | None = None
        self._offering: Offering | None = None

    # -- with the bot

    async def open(self, channel: Channel, rates: Rates) -> None:
        """Begin: apply the project, and run its flows on the host's loop.

        Raises ProjectHasErrors, NoProject, WrongDatabase, DatabaseUnavailable, CrmError,
        Unauthorised, and AlreadyRunning where another program works on an SQLite file.
        """
        if self._running is not None:
            return
        lend()
        loaded = read_project(find_project(self._folder), kinds=self._kinds)
        if not loaded.ok:
            raise ProjectHasErrors("\n".join(map(str, loaded.problems)))
        file = sqlite_file(self._url)
        self._held.enter_context(OneAtATime(file))
        try:
            await asyncio.to_thread(self._prepare)
            sending = loaded.business.sending
            rates = rates.at(sending.get("rate"), sending.get("per_chat"))
            self.pace, self._channel = Pace(rates), channel
            self._process = Process(
                self._url, applying(loaded, self._kinds), [Line(channel, rates, pace=self.pace)],
                self._clock, roles=EVERY_ROLE - {Role.POLLER}, redis_url=self._redis_url,
                beside=[self._beside], guest=self._guest,
            )  # fmt: skip
            await self._begin(self._process)
        except BaseException:
            self._running = None
            self._held.close()
            raise

    async def close(self) -> None:
        """End cleanly: what is under way is finished. May be called twice."""
        running, self._running = self._running, None
        if running is None or self._process is None:
            return
        self._process.stop()
        try:
            await running
        finally:
            self._ready.clear()
            self._place = None
            self._held.close()

    async def _begin(self, process: Process) -> None:
        running = asyncio.create_task(process.run(lambda *_: None))
        waiting = asyncio.create_task(self._ready.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if running.done():
            running.result()
            raise NotOpen("it was stopped while it began")
        self._running = running
        running.add_done_callback(self._ended)

    def _ended(self, running: asyncio.Task[None]) -> None:
        self._ready.clear()
        if self._running is running and not running.cancelled() and running.exception():
            log.error("flows_ended", reason=redacted(str(running.exception())))

    def _prepare(self) -> None:
        engine = open_engine(self._url)
        try:
            done = prepare(engine, self._clock.now())
        finally:
            engine.dispose()
        if done:
            log.info("prepared", done=done)

    async def before_host(self, item: Inbound) -> bool:
        """See rapport.plugin.offering. Raises NotOpen."""
        return await self.offering.before_host(item)

    async def after_host(self, item: Inbound) -> bool:
        """See rapport.plugin.offering. Raises NotOpen."""
        return await self.offering.after_host(item)

    # -- what the host's program may do

    async def start(self, flow: str, who: int, *, event: Mapping[str, Any] | None = None) -> None:
        """Start a flow for a person who asked for it in one of the host's handlers, as if they had
        pressed its button: it interrupts an open question. Returns after the commit.

        who: the chat's id. event: what `event.x` reads in the flow. Raises LookupError for a flow
        there is not.
        """
        self._require(flow)
        payload: dict[str, Any] = {"token": STARTS_FLOW + flow}
        if event:
            payload["event"] = to_json(event)
        key = f"{self._name}:{secrets.token_hex(12)}"
        peer = str(who)
        await self.offering.take_in(Inbound(key, None, "press", peer, peer, True, payload))

    async def plan(
        self, flow: str, who: Who, *, event: Mapping[str, Any] | None = None,
        vars: Mapping[str, Any] | None = None, key: str = "",
    ) -> None:  # fmt: skip
        """Start a flow that nobody asked for just now: it waits for an open question and for the
        hours in which people may be written to, and asks what they permit.

        key: planned twice with one key it starts once. Raises LookupError for a flow there is not,
        NotFound, Ambiguous.
        """
        self._require(flow)
        now = self._clock.now()
        request = {"flow": flow, "event": to_json(event or {}), "vars": to_json(vars or {})}
        occurrence = f"{self._name}:{key or secrets.token_hex(12)}"
        place = self._at_work

        def planned(db: Connection) -> None:
            of = self._find(db, who)
            row = Planned(f"{flow}/host", of, occurrence, request, now, now + CATCH_UP)
            plan(db, place.business_id, [row])

        await self._write(planned)

    async def customer(self, who: Who) -> dict[str, Any]:
        """Everything known of a customer, as `rapport customers show --format json` prints it.
        Raises NotFound, Ambiguous."""
        place = self._at_work

        def shown(db: Connection) -> dict[str, Any]:
            return customers.shown(db, place.business_id, self._find(db, who))

        return await asyncio.to_thread(place.read, shown)

    async def update(self, who: Who, **values: object) -> tuple[str, ...]:
        """Set fields of a customer, as the API would; the keys that changed. None clears one.

        Raises NotFound, Ambiguous, InvalidValues, EmailTaken.
        """
        place, now = self._at_work, self._clock.now()
        business = place.desk.library.business

        def changed(db: Connection) -> tuple[str, ...]:
            of = self._find(db, who)
            at = (db, place.business_id, business, of)
            return customers.changed(*at, values, self._cause, now)

        return await self._write(changed)

    async def identify(self, who: int, own: str, **values: object) -> int:
        """Say that a person of the channel is the one whom the host knows as `own`; their customer
        is found by `own:ID` from now on. Two customers who are one person become one.

        values: of fields that are set besides. The customer's id. Raises InvalidValues, EmailTaken.
        """
        place, now = self._at_work, self._clock.now()
        business, channel = place.desk.library.business, self._our_origin.channel

        def identified(db: Connection) -> int:
            at = (db, place.business_id, business, channel)
            return customers.identify(*at, who, own, values, self._cause, now)

        return await self._write(identified)

    @property
    def is_open(self) -> bool:
        """Whether the flows run."""
        return self._ready.is_set()

    def is_waiting(self, who: int) -> bool:
        """Whether a flow waits for what this chat writes next. Asks memory alone."""
        return self._guest.awaits((self._our_origin.account_id, str(who)))

    def on(self, type_: str) -> Callable[[Handler], Handler]:
        """Decorates what is called with each event of a type: `field_updated`, `flow_ended` ... To
        be used before the bot starts. See rapport.plugin.listening."""

        def kept(handler: Handler) -> Handler:
            self._handlers.setdefault(type_, []).append(handler)
            return handler

        return kept

    # -- beside the roles

    async def _beside(self, place: Place) -> None:
        self._place = place
        (account_id,) = place.outlets
        assert self._channel is not None, "it was opened with one"
        self._origin = Origin(place.business_id, account_id, self._channel.name)
        self._offering = Offering(
            self.owner, self._guest, self._origin, place.service, place.read, self._identity,
            self._identify,
        )  # fmt: skip
        await self._fill(place)
        async with asyncio.TaskGroup() as working:
            working.create_task(self._keep_filled(place))
            if self._handlers:
                working.create_task(self._tell(place))
            self._ready.set()

    async def _keep_filled(self, place: Place) -> None:
        while True:
            await asyncio.sleep(FILL_SECONDS * _CHANCE.uniform(0.75, 1.25))
            try:
                await self._fill(place)
            except DatabaseUnavailable:
                continue

    async def _fill(self, place: Place) -> None:
        library = place.desk.library
        self._guest.begin_filling()
        self._guest.fill(await asyncio.to_thread(place.read, lambda db: awaited_in(db, library)))

    async def _tell(self, place: Place) -> None:
        listening = Listening(self._name, self._handlers)
        heard = await listening.begin(place.business_id, place.writer, self._clock.now())
        while True:
            try:
                at = (place.read, place.writer, self._clock.now())
                heard = await listening.go_on(place.business_id, heard, *at)
            except DatabaseUnavailable:
                pass
            await asyncio.sleep(LOOK_SECONDS)

    # -- inside

    @property
    def _at_work(self) -> Place:
        if self._place is None or not self._ready.is_set():
            raise NotOpen(_CLOSED)
        return self._place

    @property
    def offering(self) -> Offering:
        """For adapters. Raises NotOpen."""
        if self._offering is None or not self._ready.is_set():
            raise NotOpen(_CLOSED)
        return self._offering

    @property
    def _our_origin(self) -> Origin:
        if self._origin is None:
            raise NotOpen("the flows have not run yet")
        return self._origin

    @property
    def _cause(self) -> Cause:
        return Cause(f"api:{self._name}")

    def _require(self, flow: str) -> None:
        if (flow, 0) not in self._at_work.desk.library.flows:
            raise LookupError(f"there is no flow '{flow}'")

    def _find(self, db: Connection, who: Who) -> int:
        place = self._at_work
        business = place.desk.library.business
        return customers.find(db, place.business_id, business, self._our_origin.channel, who)

    async def _identify(self, who: int, known: Mapping[str, Any]) -> None:
        given = dict(known)
        await self.identify(who, str(given.pop("own")), **given)

    async def _write(self, f: Callable[[Connection], T]) -> T:
        place = self._at_work
        result = await outcome_of(place.writer.submit(f))
        place.service.look()
        return result


_CLOSED = "the flows do not run: the bot's adapter opens them as the bot starts"

_CHANCE = random.SystemRandom()
