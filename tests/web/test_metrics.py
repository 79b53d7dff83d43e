"""/metrics: what is counted, and that the world cannot read it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import FakeClock

from minidesk.answering.outcome import Answered, Clarify, HandOff, ProvedSentence, Question, Reply
from minidesk.db import Database
from minidesk.gateway import CallRecord, TargetState
from minidesk.insight.metrics import CountedAsker, Metrics
from minidesk.jobs import JobQueue
from minidesk.knowledge.records import SearchResult
from minidesk.live import Hub
from minidesk.sites import create_site
from minidesk.web.guard import Guard, GuardRules
from minidesk.web.ops import CountRequests, MetricsRules, OpsDeps, kind_of, ops_router
from minidesk.web.problems import install_error_handlers

LOCAL, REMOTE = ("127.0.0.1", 5000), ("203.0.113.5", 5000)


@asynccontextmanager
async def asking(
    metrics: Metrics, rules: MetricsRules, db: Database | None = None, client: tuple[str, int] = LOCAL
) -> AsyncIterator[httpx.AsyncClient]:
    """A client at `client`'s address in front of the routes."""

    async def refresh() -> None:
        if db is not None:
            states = [TargetState("mini", "m", "host", "open", False, None)]
            await metrics.read(db, states)

    app = FastAPI()
    app.include_router(ops_router(OpsDeps({}, metrics.registry, asyncio.Event(), rules, refresh)))
    install_error_handlers(app)
    app.add_middleware(Guard, rules=GuardRules())
    app.add_middleware(CountRequests, count=metrics.requested)
    transport = httpx.ASGITransport(app, client=client)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8600") as http:
        yield http


def numbers(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Each sample by its name and its labels' values, without the empty ones."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()) if value)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def record(outcome: str = "ok", first_ms: int | None = 200, **more: object) -> CallRecord:
    """A line of the ledger: 40 tokens in the 800 ms after the first."""
    line = CallRecord("answer", "m", "host", "s1", None, None, 100, 40, False, 39, first_ms, 1000, outcome)
    return replace(line, tier="mini", cached_tokens=60, **more)  # type: ignore[arg-type]


async def test_calls_are_counted_with_their_cost_tokens_and_speed() -> None:
    metrics = Metrics()
    metrics.called(record())
    metrics.called(record("model_overloaded", None, cost_micros=0))
    async with asking(metrics, MetricsRules()) as http:
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = numbers(answer.text)
    of = ("m", "host", "answer", "s1", "mini")  # model, provider, purpose, site, tier
    assert found["minidesk_model_calls_total", ("m", "ok", *of[1:])] == 1
    assert found["minidesk_model_calls_total", ("m", "model_overloaded", *of[1:])] == 1
    assert found["minidesk_model_cost_dollars_total", of] == pytest.approx(0.000039)
    tokens = {kind: found["minidesk_model_tokens_total", (kind, *of)] for kind in ("in", "out", "cached")}
    assert tokens == {"in": 200, "out": 80, "cached": 120}
    model = ("m", "host", "mini")
    assert found["minidesk_model_first_token_seconds_sum", model] == pytest.approx(0.2)
    assert found["minidesk_model_first_token_seconds_count", model] == 1
    assert found["minidesk_model_tokens_per_second_sum", model] == pytest.approx(50)


async def test_replies_searches_and_requests_are_counted() -> None:
    metrics = Metrics()

    async def answers(outcome: object, model: str | None = None) -> AsyncIterator[ProvedSentence | Answered]:
        yield Answered(outcome, "", (), 0, (), "", model, 0, 0, 0)  # type: ignore[arg-type]

    class Asker:
        """Gives what it was told to."""

        def __init__(self) -> None:
            self.outcomes = [
                (Reply(), "m"),
                (Reply(), None),
                (Clarify("not_found"), None),
                (HandOff("policy"), None),
            ]

        def ask(self, question: Question, *_: object) -> AsyncIterator[ProvedSentence | Answered]:
            """The next one."""
            return answers(*self.outcomes.pop(0))

    asker = CountedAsker(Asker(), metrics)  # type: ignore[arg-type]
    for _ in range(4):
        assert [part async for part in asker.ask(Question("s", "?"))]
    metrics.searched(SearchResult((), 0.0, timings_ms={"embed": 4.0, "words": 1.0}))
    async with asking(metrics, MetricsRules()) as http:
        assert (await http.get("/console/nowhere")).status_code == 404
        found = numbers((await http.get("/metrics")).text)
    replies = {labels: count for (name, labels), count in found.items() if name == "minidesk_replies_total"}
    assert replies == {
        ("model", "reply"): 1,
        ("extracts", "reply"): 1,
        ("not_found", "clarify"): 1,
        ("policy", "handoff"): 1,
    }
    assert found["minidesk_search_seconds_sum", ("embed",)] == pytest.approx(0.004)
    assert found["minidesk_http_requests_total", ("console", "404")] == 1


async def test_rows_and_breakers_are_read_at_each_look(db: Database, clock: FakeClock) -> None:
    metrics, jobs = Metrics(), JobQueue(Hub(), clock)
    async with db.write() as tx:
        site = await create_site(tx, name="Shop", now=clock())
        for n in range(3):
            await jobs.enqueue(tx, queue="reply", kind="reply", payload={"n": n})
    async with asking(metrics, MetricsRules(), db) as http:
        found = numbers((await http.get("/metrics")).text)
    assert found["minidesk_jobs", ("reply", "ready")] == 3
    assert found["minidesk_handoffs_total", (site.id,)] == 0
    assert found["minidesk_model_breaker", ("m", "host", "mini")] == 2


@pytest.mark.parametrize(
    ("rules", "client", "headers", "status"),
    [
        (MetricsRules(), LOCAL, {}, 200),
        (MetricsRules(), ("::1", 1), {}, 200),
        (MetricsRules(), REMOTE, {}, 404),
        (MetricsRules(), LOCAL, {"X-Forwarded-For": "127.0.0.1"}, 404),
        (MetricsRules(), LOCAL, {"Via": "1.1 proxy"}, 404),
        (MetricsRules(), LOCAL, {"Host": "desk.example.com"}, 404),
        (MetricsRules(public_host="desk.example.com"), LOCAL, {}, 404),
        (MetricsRules("secret"), LOCAL, {}, 401),
        (MetricsRules("secret"), LOCAL, {"Authorization": "Bearer wrong"}, 401),
        (MetricsRules("secret"), REMOTE, {"Authorization": "Bearer secret"}, 200),
        (MetricsRules("secret", "desk.example.com"), LOCAL, {"Authorization": "Bearer secret"}, 200),
    ],
)
async def test_who_may_read_them(
    rules: MetricsRules, client: tuple[str, int], headers: dict[str, str], status: int
) -> None:
    metrics = Metrics()
    metrics.called(record())
    async with asking(metrics, rules, client=client) as http:
        answer = await http.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("minidesk_model" in answer.text) is (status == 200)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/widget/v1/config", "widget api"),
        ("/api/v1/search", "rest api"),
        ("/v1/chat/completions", "openai api"),
        ("/widget.js", "widget page"),
        ("/readyz", "ops"),
        ("/wp-login.php", "other"),
    ],
)
def test_an_address_has_a_kind(path: str, kind: str) -> None:
    assert kind_of(path) == kind
