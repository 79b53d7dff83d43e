"""Counters for Prometheus: what this process did since it started, and a few numbers that the rows know better.

Everything is counted where it passes by: ledger lines at the gateway's sink, search at the searcher, replies at the
asker. No label holds anything that a visitor wrote.
"""

from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import aclosing

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from minidesk.answering.outcome import Answered, Clarify, HandOff, ProvedSentence, Question
from minidesk.answering.privacy import NO_WISHES, SiteWishes
from minidesk.ask import Asks
from minidesk.db import Database
from minidesk.db.models import Job, Site
from minidesk.gateway import CallRecord, TargetState
from minidesk.knowledge.records import SearchResult
from minidesk.knowledge.search import Searcher
from minidesk.knowledge.sources import Audience

# 20 ms is a small local model, 20 s an overloaded one.
FIRST_TOKEN_S = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 20)
STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
TOKENS_A_SECOND = (5, 10, 20, 35, 50, 75, 100, 150, 250, 500)
BREAKER = {"closed": 0, "half-open": 1, "open": 2}


class Metrics:
    """What `/metrics` shows. `read` fetches the rest before each answer."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        of_call = ("site", "model", "provider", "purpose", "tier")
        self._calls = Counter("minidesk_model_calls", "Calls to models.", (*of_call, "outcome"), registry=r)
        self._cost = Counter("minidesk_model_cost_dollars", "What they cost.", of_call, registry=r)
        self._tokens = Counter(
            "minidesk_model_tokens", "Tokens; `cached` is part of `in`.", (*of_call, "kind"), registry=r
        )
        of_model = ("model", "provider", "tier")
        self._first = Histogram(
            "minidesk_model_first_token_seconds",
            "From the call to the first token.",
            of_model,
            buckets=FIRST_TOKEN_S,
            registry=r,
        )
        self._speed = Histogram(
            "minidesk_model_tokens_per_second",
            "Tokens a second after the first one, of calls that went well.",
            of_model,
            buckets=TOKENS_A_SECOND,
            registry=r,
        )
        self._replies = Counter(
            "minidesk_replies", "Answers by what came of them.", ("outcome", "kind"), registry=r
        )
        self._stages = Histogram(
            "minidesk_search_seconds", "Search, by stage.", ("stage",), buckets=STAGE_S, registry=r
        )
        self._requests = Counter(
            "minidesk_http_requests", "Requests by kind of address.", ("route", "status"), registry=r
        )
        self._snapshot = _Snapshot()
        r.register(self._snapshot)

    def called(self, record: CallRecord) -> None:
        """A line of the ledger."""
        labels = (record.site_id or "", record.model, record.provider, record.purpose, record.tier)
        self._calls.labels(*labels, record.outcome).inc()
        self._cost.labels(*labels).inc(record.cost_micros / 1_000_000)
        for kind, tokens in (
            ("in", record.input_tokens),
            ("out", record.output_tokens),
            ("cached", record.cached_tokens),
        ):
            self._tokens.labels(*labels, kind).inc(tokens)
        model = (record.model, record.provider, record.tier)
        if record.first_token_ms is None:
            return
        self._first.labels(*model).observe(record.first_token_ms / 1000)
        rest_ms = record.total_ms - record.first_token_ms
        if record.outcome == "ok" and rest_ms > 0 and record.output_tokens > 1:
            self._speed.labels(*model).observe(record.output_tokens / rest_ms * 1000)

    def searched(self, result: SearchResult) -> None:
        """A search, with what its stages took."""
        for stage, ms in result.timings_ms.items():
            self._stages.labels(stage).observe(ms / 1000)

    def answered(self, answered: Answered) -> None:
        """A reply's end."""
        outcome = answered.outcome
        if isinstance(outcome, HandOff):
            self._replies.labels("handoff", outcome.reason).inc()
        elif isinstance(outcome, Clarify):
            self._replies.labels("clarify", outcome.kind).inc()
        else:
            self._replies.labels("reply", "model" if answered.model else "extracts").inc()

    def requested(self, route: str, status: int) -> None:
        """A web request."""
        self._requests.labels(route, str(status)).inc()

    async def read(self, db: Database, states: Sequence[TargetState]) -> None:
        """Fetch what rows and the gateway know. Raises `Unavailable` where the database cannot be asked."""
        async with db.read() as tx:
            by_state = select(Job.queue, Job.state, func.count()).group_by(Job.queue, Job.state)
            jobs = [(queue, state, count) for queue, state, count in await tx.execute(by_state)]
            opened = [(site, n) for site, n in await tx.execute(select(Site.id, Site.ticket_count))]
            self._snapshot.found = [_jobs(jobs), _handoffs(opened), _breakers(states)]


def _jobs(rows: Iterable[tuple[str, str, int]]) -> Metric:
    family = GaugeMetricFamily("minidesk_jobs", "Jobs that are not finished.", labels=("queue", "state"))
    for queue, state, count in rows:
        family.add_metric((queue, state), count)
    return family


def _handoffs(rows: Iterable[tuple[str, int]]) -> Metric:
    family = CounterMetricFamily(
        "minidesk_handoffs", "Tickets opened since the site was made.", labels=("site",)
    )
    for site_id, count in rows:
        family.add_metric((site_id,), count)
    return family


def _breakers(states: Sequence[TargetState]) -> Metric:
    family = GaugeMetricFamily(
        "minidesk_model_breaker",
        "0 closed, 1 half-open, 2 open; also 2 while a model rests that refused us.",
        labels=("tier", "model", "provider"),
    )
    for state in states:
        family.add_metric(
            (state.tier, state.model, state.provider), 2 if state.resting else BREAKER[state.breaker]
        )
    return family


class _Snapshot(Collector):
    """Numbers that were fetched just before: a collector itself cannot wait for a database."""

    def __init__(self) -> None:
        self.found: Sequence[Metric] = ()

    def collect(self) -> Iterable[Metric]:
        """For the registry."""
        return self.found


class CountedAsker:
    """An asker whose answers are counted."""

    def __init__(self, asker: Asks, metrics: Metrics) -> None:
        self._asker, self._metrics = asker, metrics

    async def ask(
        self, question: Question, site: SiteWishes = NO_WISHES
    ) -> AsyncGenerator[ProvedSentence | Answered, None]:
        """As the asker's own."""
        async with aclosing(self._asker.ask(question, site)) as parts:
            async for part in parts:
                if isinstance(part, Answered):
                    self._metrics.answered(part)
                yield part


class MeasuredSearcher(Searcher):
    """A searcher whose stages are measured, by `metrics` where it is set."""

    metrics: Metrics | None = None

    async def search(
        self,
        site_id: str,
        query: str,
        *,
        k: int = 8,
        within: Collection[str] | None = None,
        audience: Audience = "public",
        language: str | None = None,
    ) -> SearchResult:
        """As the searcher's own."""
        result = await super().search(
            site_id, query, k=k, within=within, audience=audience, language=language
        )
        if self.metrics is not None:
            self.metrics.searched(result)
        return result
