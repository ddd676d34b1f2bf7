"""What `/metrics` shows, in the words of Prometheus. docs/operations-metrics.md explains each.

Nothing is counted here: a scrape reads the plain numbers that the process keeps, and asks the
store what waits. Where the store does not answer, its part is missing and `rapport_database_up`
is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from crm.database import DatabaseUnavailable
from rapport.runtime.status import LANES, Lane, Status
from rapport.runtime.tallies import Histogram
from rapport.runtime.watched import Seen, Watched


class Metrics(Collector):
    """Everything that is shown of one process."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """The answer to a scrape, in Prometheus's text format. Reads the store."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client.registry.Collector."""
        watched = self._seen()
        if watched is None:
            return
        try:
            status = watched.status()
        except DatabaseUnavailable:
            status = None
        names = status.accounts if status else {}
        yield _gauge("rapport_database_up", "Whether the store answers", int(status is not None))
        yield from _of_turns(watched)
        yield from _of_the_writer(watched)
        yield from _of_accounts(watched, names)
        yield from _of_the_machine(watched)
        if status is not None:
            yield from _of_what_waits(status)
            yield from _of_the_outbox(status)
            yield _leases(status)
            yield _alarms(status)


def _of_turns(watched: Watched) -> Iterator[Metric]:
    tally = watched.service
    mail = CounterMetricFamily("rapport_mail", "Mail by what became of it", labels=["state"])
    for state in ("received", "applied", "late", "dead"):
        mail.add_metric([state], getattr(tally, state))
    yield mail
    yield CounterMetricFamily(
        "rapport_turns", "Conversations worked on, each once a batch", value=tally.turns
    )
    yield _histogram(
        "rapport_batch_seconds", "From the wish to take turns to their commit",
        tally.batch_seconds,
    )  # fmt: skip
    yield _histogram(
        "rapport_batch_conversations", "Conversations that shared a transaction",
        tally.batch_size,
    )  # fmt: skip


def _of_the_writer(watched: Watched) -> Iterator[Metric]:
    tally = watched.writer
    yield _histogram(
        "rapport_commit_seconds", "What commits take of themselves", tally.commit_seconds
    )
    yield CounterMetricFamily(
        "rapport_database_errors", "Transactions that the store refused", value=tally.refused
    )


def _of_accounts(watched: Watched, names: Mapping[int, str]) -> Iterator[Metric]:
    updates = CounterMetricFamily(
        "rapport_updates", "Updates that came, copies included", labels=["account"]
    )
    fetching = GaugeMetricFamily(
        "rapport_fetching", "Whether the last fetch went well", labels=["account"]
    )
    for account_id, poller in watched.pollers().items():
        account = names.get(account_id, str(account_id))
        updates.add_metric([account], poller.updates)
        fetching.add_metric([account], int(poller.trouble is None))
    webhooks = CounterMetricFamily(
        "rapport_webhook_requests", "Requests of platforms by how they ended",
        labels=["account", "outcome"],
    )  # fmt: skip
    for account_id, receiver in watched.receivers().items():
        account = names.get(account_id, str(account_id))
        updates.add_metric([account], receiver.updates)
        for outcome, count in receiver.requests.items():
            webhooks.add_metric([account, outcome], count)
    deliveries = CounterMetricFamily(
        "rapport_deliveries", "Messages out by what became of them; pending: to be tried again",
        labels=["account", "outcome"],
    )  # fmt: skip
    throttled = CounterMetricFamily(
        "rapport_throttled", "How often the platform asked to wait", labels=["account"]
    )
    for account_id, sender in watched.senders().items():
        account = names.get(account_id, str(account_id))
        throttled.add_metric([account], sender.throttled)
        for outcome, count in sender.outcomes.items():
            deliveries.add_metric([account, outcome], count)
    yield from (updates, fetching, webhooks, deliveries, throttled)


def _of_the_machine(watched: Watched) -> Iterator[Metric]:
    if watched.redis is not None:
        yield _gauge("rapport_redis_up", "Whether Redis answers", int(not watched.redis()))
    if watched.database is not None:
        log = watched.database.with_name(f"{watched.database.name}-wal")
        size = log.stat().st_size if log.exists() else 0
        yield _gauge("rapport_wal_bytes", "Size of SQLite's write-ahead log", size)


def _of_what_waits(status: Status) -> Iterator[Metric]:
    waiting, now = status.waiting, status.at
    yield _gauge("rapport_mail_waiting", "Mail that waits for its turn", waiting.mail)
    yield _gauge(
        "rapport_mail_oldest_seconds", "Age of the oldest waiting mail; 0 where none waits",
        _age(waiting.oldest_at, now),
    )  # fmt: skip
    yield _gauge("rapport_conversations_ready", "Conversations with mail", waiting.ready)
    yield _gauge(
        "rapport_conversations_held", "Conversations that wait after a failure", waiting.held
    )
    yield _gauge("rapport_timers_due", "Timers that are due and have not rung", status.timers)
    requests = status.requests
    yield _gauge("rapport_requests_pending", "Requests without an answer", requests.pending)
    yield _gauge(
        "rapport_requests_late_seconds", "How long the first of them has been due",
        _age(requests.oldest_due_at, now),
    )  # fmt: skip
    dead = GaugeMetricFamily("rapport_dead_letters", "Dead letters there are", labels=["of"])
    dead.add_metric(["mail"], status.dead.mail)
    dead.add_metric(["outbox"], status.dead.outbox)
    yield dead


def _of_the_outbox(status: Status) -> Iterator[Metric]:
    labels = ["account", "lane"]
    pending = GaugeMetricFamily("rapport_outbox_pending", "Messages to be sent", labels=labels)
    lag = GaugeMetricFamily(
        "rapport_outbox_lag_seconds", "How long the first message has been due", labels=labels
    )
    there = {(lane.account_id, lane.lane): lane for lane in status.outbox}
    for account_id, name in status.accounts.items():
        for number, lane_name in enumerate(LANES):
            lane = there.get((account_id, number), Lane(account_id, name, number, 0, None))
            pending.add_metric([name, lane_name], lane.pending)
            lag.add_metric([name, lane_name], lane.lag(status.at).total_seconds())
    yield from (pending, lag)


def _leases(status: Status) -> Metric:
    epochs = GaugeMetricFamily(
        "rapport_lease_epoch", "How often a lease changed hands", labels=["lease", "owner"]
    )
    for lease in status.leases:
        epochs.add_metric([lease.label, lease.owner], lease.epoch)
    return epochs


def _alarms(status: Status) -> Metric:
    stands = GaugeMetricFamily(
        "rapport_alarm", "1 while an alarm stands, 0 once it is over", labels=["kind", "about"]
    )
    for alarm in status.alarms:
        stands.add_metric([alarm.kind, alarm.about], int(alarm.stands))
    return stands


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _histogram(name: str, what: str, histogram: Histogram) -> Metric:
    return HistogramMetricFamily(name, what, list(_buckets(histogram)), histogram.total)


def _buckets(histogram: Histogram) -> Iterable[tuple[str, float]]:
    """Prometheus counts what lies at or below each bound."""
    below = 0
    names = [*map(str, histogram.bounds), "+Inf"]
    for name, count in zip(names, list(histogram.counts), strict=True):
        below += count
        yield name, below


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
