"""Sites and their figures over the API: the settings that the console's page has, and what the work left behind."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.rows import add_agent
from tests.web import test_rest
from tests.web.test_rest import Api

from minidesk.db.models import Conversation, Message, ModelCall, Site, Ticket, new_id
from minidesk.insight.figures import MOST_DAYS
from minidesk.sites import list_prompts

api = test_rest.api

HOURS = {
    "time_zone": "Europe/Vienna",
    "week": [
        [{"start": "09:00", "end": "12:30"}, {"start": "13:30", "end": "18:00"}],
        [],
        [],
        [],
        [],
        [],
        [],
    ],
    "holidays": [{"day": "2026-12-24", "name": "Christmas Eve"}],
}


async def test_a_key_knows_its_own_site_and_all_its_settings(api: Api) -> None:
    program = await api.program()
    listed = (await program.call("GET", "/sites")).json()
    assert listed == {
        "sites": [{"id": api.site.id, "key": api.site.key, "name": "Shop", "languages": [], "open": True}]
    }
    by_id, by_key = [(await program.call("GET", f"/sites/{n}")).json() for n in (api.site.id, api.site.key)]
    assert by_id == by_key
    assert by_id["settings"]["look"]["accent"] == "#1F5F5B"
    assert "logo" not in by_id["settings"]["look"]


async def test_settings_are_changed_in_part_and_written_down(api: Api) -> None:
    program = await api.program()
    path = f"/sites/{api.site.id}"

    async def change(**body: Any) -> tuple[int, dict[str, Any]]:
        answer = await program.call("PATCH", path, json=body)
        return answer.status_code, answer.json()

    first = (await program.call("GET", path)).json()
    status, site = await change(
        name="The shop",
        allowed_origins=["https://shop.example.com", "https://SHOP.example.com"],
        settings={"hours": HOURS, "daily_budget_usd": 2.5, "languages": ["de"], "look": {"position": "left"}},
    )
    assert status == 200, site
    assert (site["name"], site["allowed_origins"]) == ("The shop", ["https://shop.example.com"])
    assert site["settings"]["hours"]["week"][0][1] == {"start": "13:30:00", "end": "18:00:00"}
    assert site["settings"]["look"] == {**first["settings"]["look"], "position": "left"}
    assert site["open"], "Monday the 2nd of March 2026 at 10:00 UTC is 11:00 in Vienna"
    assert (await program.call("GET", path)).json() == site
    assert site["version"] != first["version"]
    assert await change() == (200, site)
    status, refused = await change(version=first["version"], settings={"greeting": "Hi"})
    assert (status, refused["error"]["code"]) == (409, "settings_changed")
    assert (await change(version=site["version"], settings={"instructions": "Be short."}))[0] == 200
    async with api.db.read() as tx:
        assert (await list_prompts(tx, api.site.id))[0].words.instructions == "Be short."
        assert (await tx.get_one(Site, api.other.id)).config.get("hours") is None
    log = (await program.call("GET", "/audit?about=settings")).json()["entries"]
    assert [sorted(each["changes"]) for each in log] == [
        ["instructions"], ["daily_budget_usd", "holidays", "languages", "mon", "name", "origins", "position", "time_zone"],
    ]  # fmt: skip
    assert log[1]["changes"]["mon"] == ["", "09:00–12:30, 13:30–18:00"]
    assert (log[1]["actor"]["kind"], log[1]["changes"]["name"]) == ("key", ["Shop", "The shop"])


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"name": " "}, "name"),
        ({"allowed_origins": ["shop.example.com/path"]}, "address"),
        ({"settings": {"accent": "#000000"}}, "accent"),
        ({"settings": {"look": {"accent": "#FFFF0"}}}, "look.accent"),
        ({"settings": {"look": {"logo": "aGVsbG8="}}}, "look.logo"),
        ({"settings": {"look": "dark"}}, "look"),
        ({"settings": {"hours": {**HOURS, "time_zone": "Vienna"}}}, "hours.time_zone"),
        ({"settings": {"hours": {**HOURS, "week": [[]] * 7}}}, "hours.holidays"),
        ({"settings": {"hours": {**HOURS, "week": [[{"start": "9", "end": "x"}]] * 7}}}, "hours.week"),
        ({"settings": {"ask_own": "required"}}, "own_question"),
        ({"settings": {"daily_budget_usd": -1}}, "daily_budget_usd"),
        ({"settings": {"daily_budget_usd": "much"}}, "daily_budget_usd"),
        ({"settings": {"hide_private": "yes"}}, "hide_private"),
        ({"settings": {"languages": ["DE"]}}, "languages"),
        ({"settings": {"prompt_rules": "Answer."}}, "prompt_rules"),
        ({"settings": {"greeting": "x" * 401}}, "greeting"),
        ({"settings": []}, "settings"),
    ],
)
async def test_what_the_page_refuses_is_refused_with_its_name(
    api: Api, body: dict[str, Any], named: str
) -> None:
    program = await api.program()
    before = (await program.call("GET", f"/sites/{api.site.id}")).json()
    answer = await program.call("PATCH", f"/sites/{api.site.id}", json=body)
    assert answer.status_code == 422, answer.text
    assert named in answer.json()["error"]["message"]
    assert (await program.call("GET", f"/sites/{api.site.id}")).json() == before
    assert (await program.call("GET", "/audit?about=settings")).json()["entries"] == []


async def test_a_week_without_hours_is_a_site_that_keeps_none(api: Api) -> None:
    program = await api.program()
    bare = {"settings": {"hours": {"time_zone": "UTC", "week": [[]] * 7}}}
    site = (await program.call("PATCH", f"/sites/{api.site.id}", json=bare)).json()
    assert (site["settings"]["hours"], site["open"]) == (None, True)


async def test_the_description_names_each_setting(api: Api) -> None:
    paths = api.app.openapi()["paths"]
    taken = paths["/api/v1/sites/{site}"]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    described = taken["properties"]["settings"]["properties"]
    stored = (await (await api.program()).call("GET", f"/sites/{api.site.id}")).json()["settings"]
    assert described.keys() == stored.keys()
    assert described["look"]["properties"].keys() == stored["look"].keys()
    assert {p["name"] for p in paths["/api/v1/insight"]["get"]["parameters"]} == {"first", "last"}


async def _answered(api: Api, conversation_id: str, helpful: bool | None = None) -> None:
    async with api.db.write() as tx:
        row = await tx.get_one(Conversation, conversation_id)
        row.last_seq += 1
        tx.add(
            Message(
                id=new_id("msg"), conversation_id=row.id, seq=row.last_seq, author="assistant", text="Yes.",
                outcome="reply", helpful=helpful, created_at=api.clock(), choices=[],
            )
        )  # fmt: skip


async def _visitor_writes(api: Api) -> str:
    """A conversation without a ticket."""
    ids = await api.furnish()
    async with api.db.write() as tx:
        await tx.delete(
            (await tx.scalars(select(Ticket).where(Ticket.conversation_id == ids["conversation_id"]))).one()
        )
    return ids["conversation_id"]


async def test_figures_are_of_the_days_asked_for_and_of_one_site(api: Api) -> None:
    program = await api.program()
    agent = await add_agent(api.db, api.clock, api.site.id)
    await api.furnish(api.other)
    old = await api.furnish()  # ten days before
    api.clock.advance(days=10)
    alone, unanswered = await _visitor_writes(api), await _visitor_writes(api)
    await _answered(api, alone, helpful=True)
    spam = await _visitor_writes(api)
    first, second = await api.furnish(), await api.furnish()
    await _answered(api, first["conversation_id"], helpful=False)
    async with api.db.write() as tx:
        await tx.execute(update(Conversation).where(Conversation.id == spam).values(spam_at=api.clock()))
        await api.conversations.rate(tx, alone, 5)
        await api.conversations.rate(tx, unanswered, 2)
        await tx.execute(
            update(Ticket).where(Ticket.conversation_id == second["conversation_id"]).values(reason="policy")
        )
        for site_id, at in (
            (api.site.id, api.clock()),
            (api.site.id, api.clock() - timedelta(days=10)),
            (api.other.id, api.clock()),
        ):
            tx.add(
                ModelCall(
                    id=new_id("cal"), site_id=site_id, request_id=new_id("req"), purpose="answer",
                    tier="mini", model="m", provider="p", input_tokens=100, output_tokens=20, estimated=False,
                    cost_micros=1500, total_ms=900, outcome="ok", created_at=at,
                )
            )  # fmt: skip
    for seconds, ids in ((60, first), (240, second)):
        api.clock.advance(seconds=seconds)
        said = {"agent": agent.id, "text": "It is on its way."}
        answer = await program.call("POST", f"/tickets/{ids['number']}/messages", json=said)
        assert answer.status_code == 201, answer.text
    await program.call("PATCH", f"/tickets/{first['number']}", json={"status": "solved"})

    seen = (await program.call("GET", "/insight")).json()
    assert seen["days"] == {"first": "2026-03-06", "last": "2026-03-12", "time_zone": "UTC"}
    assert seen["conversations"] == {"started": 4, "answered_by_assistant": 1, "handed_off": 2}
    assert seen["tickets"] == {
        "opened": 2,
        "by_reason": [{"reason": "customer_request", "tickets": 1}, {"reason": "policy", "tickets": 1}],
        "solved": 1,
        "open_now": 2,
    }
    assert seen["first_response"] == {"tickets": 2, "p50_seconds": 300.0, "p95_seconds": 300.0}
    assert seen["ratings"] == {"count": 2, "mean": 3.5, "helpful": 1, "not_helpful": 1}
    assert seen["costs"] == {"calls": 1, "input_tokens": 100, "output_tokens": 20, "cost_usd": 0.0015}

    earlier = (await program.call("GET", "/insight?first=2026-03-02&last=2026-03-02")).json()
    assert earlier["conversations"] == {"started": 1, "answered_by_assistant": 0, "handed_off": 1}
    assert (earlier["tickets"]["opened"], earlier["tickets"]["solved"], old["number"]) == (1, 0, "1")
    assert earlier["first_response"] == {"tickets": 0, "p50_seconds": None, "p95_seconds": None}
    assert (earlier["ratings"]["mean"], earlier["costs"]["calls"]) == (None, 1)
    whole = (await program.call("GET", "/insight?first=2026-03-02&last=2026-12-31")).json()
    assert (whole["days"]["last"], whole["conversations"]["started"]) == ("2026-03-12", 5)


async def test_a_day_begins_where_the_site_is(api: Api) -> None:
    program = await api.program()
    await program.call("PATCH", f"/sites/{api.site.id}", json={"settings": {"hours": HOURS}})
    api.clock.advance(hours=13, minutes=30)  # 23:30 in Greenwich on the 2nd: the 3rd in Vienna
    await api.furnish()
    of = {}
    for day in ("02", "03"):
        seen = (await program.call("GET", f"/insight?first=2026-03-{day}&last=2026-03-{day}")).json()
        of[day] = (seen["conversations"]["started"], seen["days"]["time_zone"])
    assert of == {"02": (0, "Europe/Vienna"), "03": (1, "Europe/Vienna")}


@pytest.mark.parametrize(
    "query",
    [
        *("first=yesterday", "first=2026-03-05", "last=2026-13-01", "since=2026-03-01", "first=0001-01-01"),
        *("first=2026-03-02&last=2026-03-01", "last=%00", "first=2024-01-01"),
    ],
)
async def test_days_that_cannot_be_are_refused_with_a_sentence(api: Api, query: str) -> None:
    answer = await (await api.program()).call("GET", f"/insight?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["message"].endswith((".", f"{MOST_DAYS} days at most."))
