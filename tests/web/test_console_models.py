"""The Models page: what a site's administrators and the operators see of calls, cost, speed and budgets."""

from dataclasses import replace

import httpx
import pytest
from sqlalchemy import update
from tests.web import test_console
from tests.web.test_console import Browser, Office

from minidesk.db.models import Agent
from minidesk.gateway import CallRecord, ChatRequest, TargetState
from minidesk.insight.costs import by, latest, percentile, speeds, told_again, totals
from minidesk.sites import site_by_id
from minidesk.sites.large_share import LargeCap
from minidesk.sites.spending import Ceilings, Spending
from minidesk.web.console.models_words import count, milliseconds, money, percent

office = test_console.office
HERE = "/console/models"

LINE = CallRecord(
    "answer", "mini-1", "host", None, None, None, 1000, 50, False, 300, 400, 1400, "ok", "mini", "r1", 1, 250
)


async def book(office: Office, *lines: CallRecord) -> None:
    """Through the real ledger, a second after each other."""
    spending = Spending(office.db, office.clock, Ceilings(site_day=1.0, all_month=50.0))
    held = await spending.reserve(
        ChatRequest((), "answer", 1, site_id=office.site.id), 1
    )  # opens the rows of the budgets
    assert held is not None
    held.release()
    for line in lines:
        office.clock.advance(seconds=1)
        await spending.book(line)
    await spending.close()


async def a_day(office: Office) -> str:
    """Some calls of both sites; gives the id of a conversation."""
    conversation = await office.conversation(office.site)
    ours = replace(LINE, site_id=office.site.id, conversation_id=conversation)
    await book(
        office,
        ours,
        replace(ours, request_id="r2", outcome="model_rate_limited", first_token_ms=None, cost_micros=0),
        replace(ours, request_id="r2", attempt=2, model="other-1"),
        replace(ours, request_id="r3", tier="large", model="large-1", cost_micros=9000, first_token_ms=900),
        replace(ours, request_id="r4", purpose="api", conversation_id=None, outcome="aborted"),
        replace(ours, request_id="", model="cache", provider="", cost_micros=0, first_token_ms=None, tier=""),
        replace(LINE, site_id=office.other.id, request_id="r5", model="secret-1", cost_micros=70_000),
    )
    return conversation


async def test_the_ledger_adds_up(office: Office) -> None:
    conversation = await a_day(office)
    since = office.clock().replace(hour=0)
    async with office.db.read() as tx:
        ours = await totals(tx, office.site.id, since)
        assert (ours.calls, ours.failed, ours.cost_micros) == (5, 1, 9_900)
        assert (ours.answers, ours.by_large, ours.cached_tokens) == (3, 1, 1250)
        assert (await totals(tx, None, since)).cost_micros == 79_900
        assert (await totals(tx, office.site.id, office.clock())).calls == 0
        assert await told_again(tx, office.site.id, since) == 1
        models = await by(tx, "model", office.site.id, since)
        assert [(c.name, c.calls, c.failed) for c in models] == [
            ("large-1", 1, 0),
            ("mini-1", 3, 1),
            ("other-1", 1, 0),
        ]
        assert [(c.name, c.cost_micros) for c in await by(tx, "purpose", office.site.id, since)] == [
            ("answer", 9_600),
            ("api", 300),
        ]
        assert [c.name for c in await by(tx, "site", None, since)] == ["Other", "Alpenglow"]
        [large, mini, _] = await speeds(tx, office.site.id, since)
        assert (large.model, large.first_p50_ms, large.tokens_a_second) == ("large-1", 900, 100)
        assert (mini.first_p95_ms, mini.tokens_a_second) == (400, 50)
        requests = await latest(tx, office.site.id)
    assert [len(request.attempts) for request in requests] == [1, 1, 2, 1]
    fallen = requests[2]
    assert (fallen.answered, fallen.fallback_reason, fallen.conversation_id) == (
        True,
        "model_rate_limited",
        conversation,
    )
    assert [a.model for a in fallen.attempts] == ["mini-1", "other-1"]


async def test_an_administrator_sees_their_site_and_nothing_of_another(office: Office) -> None:
    conversation = await a_day(office)
    object.__setattr__(office.deps, "ceilings", Ceilings(site_day=1.0, all_month=50.0))
    states = (TargetState("mini", "mini-1", "host", "open", False, None),)
    object.__setattr__(office.deps, "model_states", lambda: states)
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get("/console/models")
        assert page.status_code == 200
        assert 'href="/console/models" aria-current="page"' in page.text
        for words in ("paused, it failed", "mini-1: rate limit", "$0.0099", "$1.00", "1 answers told again"):
            assert words in page.text, words
        assert f'href="/console/conversations/{conversation}"' in page.text
        assert "The whole desk" not in page.text  # it tells what other sites spend
        assert "secret-1" not in (await browser.get("/console/models?of=all&period=month")).text
        odd = await browser.get("/console/models?period=%3Cscript%3E")
        assert (odd.status_code, "<script>" in odd.text) == (200, False)


async def test_an_operator_may_look_at_all_sites(office: Office) -> None:
    conversation = await a_day(office)
    operator = await office.agent("op@example.com", office.site, "admin")
    async with office.db.write() as tx:
        await tx.execute(update(Agent).where(Agent.id == operator).values(operator=True))
    async with office.at_work("op@example.com") as browser:
        assert "secret-1" not in (await browser.get("/console/models")).text
        every = await browser.get("/console/models?of=all")
    assert "secret-1" in every.text
    assert "Other, today" in every.text
    assert "The whole desk, today" in every.text
    assert conversation not in every.text  # it may be of a site that they cannot open


@pytest.mark.parametrize("role", ["agent", "editor"])
async def test_others_are_refused(office: Office, role: str) -> None:
    await office.agent("eve@example.com", office.site, role)
    async with office.at_work("eve@example.com") as browser:
        assert (await browser.get("/console/models")).status_code == 403
    async with office.browser() as nobody:
        assert (await nobody.get("/console/models")).status_code == 303


async def test_an_empty_page_says_what_will_be_here(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get("/console/models")
    assert "No model is set." in page.text
    assert "Nothing was asked yet." in page.text


def test_numbers_as_they_are_read() -> None:
    assert [money(n) for n in (0, 20, 9_900, 1_234_567_890)] == ["$0.00", "<$0.0001", "$0.0099", "$1,234.57"]
    assert [count(n) for n in (999, 9_999, 12_345, 3_400_000)] == ["999", "9,999", "12 k", "3.4 M"]
    assert [percent(*pair) for pair in ((0, 0), (0, 5), (1, 200), (1, 3))] == ["–", "0 %", "0.5 %", "33 %"]
    assert [milliseconds(n) for n in (12.4, 999, 1500)] == ["12 ms", "999 ms", "1.5 s"]
    assert [percentile(range(1, 101), share) for share in (0.5, 0.95, 1.0)] == [51, 96, 100]


async def test_what_large_does_is_shown_and_capped(office: Office) -> None:
    await a_day(office)
    large = TargetState("large", "large-1", "host", "closed", False, None)
    object.__setattr__(office.deps, "model_states", lambda: (large,))
    object.__setattr__(office.deps, "large_cap", LargeCap(0.2, None))
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        page = (await browser.get(HERE)).text
        assert "1 of 3" in page
        assert "as the desk: 20" in page
        for fields in ({"share": "120"}, {"share": "many"}, {"daily": "nan"}, {"daily": "-1"}):
            refused = await send(browser, **fields)
            assert refused.status_code == 422
            assert 'role="alert"' in refused.text
        assert (await send(browser, share="2,5 %", daily="0.005")).status_code == 303
        page = (await browser.get(HERE)).text
        assert ">2.5 %<" in page
        assert (
            '<span class="tag alarm">reached</span>'
            in page.partition('id="large"')[2].partition("</table>")[0]
        )
        assert 'value="2.5"' in page
        assert (await send(browser)).status_code == 303
        assert ">20 %<" in (await browser.get(HERE)).text
    async with office.db.read() as tx:
        assert (await site_by_id(tx, office.site.id)).config.large_share_max is None
    await office.agent("eve@example.com", office.site, "editor")
    async with office.at_work("eve@example.com") as browser:
        assert (await send(browser, share="90")).status_code == 403


async def send(browser: Browser, **fields: str) -> httpx.Response:
    """The form of the caps."""
    data = {"csrf": browser.csrf, "share": "", "daily": ""} | fields
    return await browser.client.post(f"{HERE}/large", data=data, headers={"Origin": browser.base})


async def test_without_a_large_tier_the_page_says_how_to_get_one(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        assert "No model makes the large tier" in (await browser.get(HERE)).text
