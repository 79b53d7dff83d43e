"""Help with a reply in the console: drafts with their sources, other words, other languages; nothing is sent by itself."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from html import unescape
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from tests.answering.conftest import embedder as embedder  # noqa: PLC0414 (a fixture, named so that pytest finds it)
from tests.answering.shop import Script, SmallSearch, passage
from tests.conftest import FakeClock
from tests.helpers.serving import serving
from tests.rows import add_site
from tests.web.test_console import Browser, Office, build

from minidesk.answering.models import ForPurpose
from minidesk.ask import Asker
from minidesk.assist import Assist
from minidesk.db import Database
from minidesk.db.models import Agent, Event, Message, MessageWording, Ticket
from minidesk.errors import ModelOverloaded
from minidesk.knowledge.embed import Embedder
from minidesk.settings import Settings
from minidesk.web.console import console_router
from minidesk.web.guard import Guard, GuardRules
from minidesk.web.problems import install_error_handlers

RETURNS = passage("You can return articles within 30 days after delivery.", "Return window", title="Returns")
ASKED = "How long can I return articles? Write to ada@example.com"
MAIL = "ada@example.com"


@dataclass
class Help:
    """An office whose agents have a model that says what it is told to."""

    office: Office
    models: Script
    conversation: str = ""

    async def ask(self, browser: Browser, wanted: str, text: str = "", **more: str) -> tuple[int, Any]:
        """Press a button as the page's script does."""
        answer = await browser.client.post(
            f"/console/conversations/{self.conversation}/assist",
            data={"csrf": browser.csrf, "assist": wanted, "text": text, **more},
            headers={"Origin": browser.base, "HX-Request": "true", "Accept": "application/json"},
        )
        return answer.status_code, answer.json()

    async def messages(self) -> list[Message]:
        async with self.office.db.read() as tx:
            return list(await tx.scalars(select(Message).order_by(Message.seq)))

    def sent(self) -> str:
        """All that the model was sent."""
        return "\n".join(m.content for request in self.models.requests for m in request.messages)


def written(text: str) -> str:
    """What a model writes that keeps to the form."""
    return json.dumps({"text": text})


@pytest.fixture
async def office_help(
    db: Database, clock: FakeClock, settings: Settings, embedder: Embedder
) -> AsyncIterator[Help]:
    models = Script([])
    deps = build(db, clock, settings)
    asker = Asker(
        SmallSearch(embedder, (RETURNS,)), embedder.documents, ForPurpose(models, "draft"), settings, clock
    )
    deps = replace(deps, assist=Assist(db, asker, models, clock))
    app = FastAPI()
    app.include_router(console_router(deps))
    install_error_handlers(app)
    app.add_middleware(Guard, rules=GuardRules())
    office = Office(
        db, clock, deps, app, await add_site(db, clock, "Alpenglow"), await add_site(db, clock, "Other")
    )
    async with serving(app, proxy_headers=False) as office.base:
        made = Help(office, models)
        made.conversation = await office.conversation(office.site, ASKED)
        await office.agent("mara@example.com", office.site)
        yield made
        deps.stopping.set()


async def test_a_draft_comes_with_its_sources_and_sends_nothing(office_help: Help) -> None:
    office_help.models.replies = ["You can return articles within 30 days after delivery [1]."]
    async with office_help.office.at_work("mara@example.com") as browser:
        page = await browser.get(f"/console/conversations/{office_help.conversation}")
        assert "Draft with AI" in page.text
        status, body = await office_help.ask(browser, "draft", "Hello Ada,")
    assert status == 200
    assert body["text"] == "Hello Ada,\n\nYou can return articles within 30 days after delivery."
    [source] = body["sources"]
    assert (source["title"], source["internal"], source["url"]) == (
        "Returns", False, "https://shop.example/return-window",
    )  # fmt: skip
    assert source["href"].startswith("/console/docs/open?document=")
    assert "30 days" in source["quote"]
    assert {request.purpose for request in office_help.models.requests} == {"draft"}
    assert office_help.models.requests[0].conversation_id == office_help.conversation
    assert MAIL not in office_help.sent()
    assert [m.author for m in await office_help.messages()] == ["visitor"]


async def test_whoever_has_a_draft_written_is_at_work_on_the_ticket_that_they_were_given(
    office_help: Help,
) -> None:
    office, talk = office_help.office, office_help.conversation
    ticket = await office.deps.handoff.hand_off(talk, "customer_request")
    async with office.db.write() as tx:
        row = await tx.get_one(Ticket, ticket.id)
        row.assignee_id = await tx.scalar(select(Agent.id).where(Agent.email == "mara@example.com"))
        row.given_at = office.clock()
    office.clock.advance(minutes=4)
    office_help.models.replies = ["You can return articles within 30 days after delivery [1]."]
    async with office.at_work("mara@example.com") as browser:
        await browser.get(f"/console/conversations/{talk}")
        assert (await office_help.ask(browser, "draft"))[0] == 200
    async with office.db.read() as tx:
        assert (await tx.get_one(Ticket, ticket.id)).given_at == office.clock()


async def test_what_the_pages_do_not_say_is_said(office_help: Help) -> None:
    office_help.conversation = await office_help.office.conversation(
        office_help.office.site, "Do you sell insurance for horses in Peru?"
    )
    office_help.models.replies = ["NOT_FOUND"]
    async with office_help.office.at_work("mara@example.com") as browser:
        await browser.get(f"/console/conversations/{office_help.conversation}")
        status, body = await office_help.ask(browser, "draft", "mine")
    assert status == 200
    assert (body["text"], body["sources"]) == ("mine", [])
    assert body["said"] == (
        "The pages do not answer this: “Do you sell insurance for horses in Peru?”. There is no draft."
    )


async def test_without_a_model_the_draft_is_an_extract_and_nothing_else_is_offered(
    office_help: Help, embedder: Embedder, settings: Settings
) -> None:
    office = office_help.office
    asker = Asker(SmallSearch(embedder, (RETURNS,)), embedder.documents, None, settings, office.clock)
    deps = replace(office.deps, assist=Assist(office.db, asker, None, office.clock))
    app = FastAPI()
    app.include_router(console_router(deps))
    install_error_handlers(app)
    async with (
        serving(app, proxy_headers=False) as office.base,
        office.at_work("mara@example.com") as browser,
    ):
        page = await browser.get(f"/console/conversations/{office_help.conversation}")
        # Nothing is called AI where no model writes.
        assert "Draft from your pages" in page.text
        assert ("Draft with AI" in page.text, "Friendlier" in page.text) == (False, False)
        status, body = await office_help.ask(browser, "draft")
        assert (status, body["text"]) == (200, RETURNS.text)
        assert (await office_help.ask(browser, "shorter", "Hello there"))[0] == 404
        [message] = await office_help.messages()
        refused = await browser.part(
            f"/console/conversations/{office_help.conversation}/translate", message=message.id
        )
        assert refused.status_code == 404
        # And a page without scripts comes again with the field filled in.
        whole = await browser.post(
            f"/console/conversations/{office_help.conversation}/assist", assist="draft", text=""
        )
        assert whole.status_code == 200
        assert f"{RETURNS.text}</textarea>" in unescape(whole.text)
        assert "Sources of the draft" in whole.text
    assert office_help.models.requests == []


async def test_rewriting_keeps_every_figure_and_hides_private_facts(office_help: Help) -> None:
    typed = f"we recieved order AG-10234 and pay back €4.90 to {MAIL} within 5 days"
    async with office_help.office.at_work("mara@example.com") as browser:
        await browser.get(f"/console/conversations/{office_help.conversation}")
        office_help.models.replies = [
            written("We received order AG-10234 and pay back €4.90 to [email-1] within 5 days.")
        ]
        status, body = await office_help.ask(browser, "spelling", typed)
        assert (status, body["text"]) == (
            200, f"We received order AG-10234 and pay back €4.90 to {MAIL} within 5 days.",
        )  # fmt: skip
        assert MAIL not in office_help.sent()
        assert office_help.models.requests[0].purpose == "rewrite_reply"
        for wrong in (
            f"We received order AG-10235 and pay back €4.90 to {MAIL} within 5 days.",
            f"We received order AG-10234 and pay back €49 to {MAIL} within 5 days.",
            f"We received order AG-10234 and pay back €4.90 to {MAIL} within 5 weeks.",
            "We received order AG-10234 and pay back €4.90 within 5 days.",
        ):
            office_help.models.replies = [written(wrong)]
            status, refusal = await office_help.ask(browser, "friendlier", typed)
            assert (status, refusal["error"]["code"]) == (409, "not_kept")
            assert "Nothing was taken over" in refusal["error"]["message"]
        office_help.models.replies, office_help.models.error = ["", ""], ModelOverloaded()
        assert (await office_help.ask(browser, "shorter", typed))[0] == 503
        office_help.models.error = None
        assert (await office_help.ask(browser, "louder", typed))[0] == 422
        assert (await office_help.ask(browser, "shorter", "  "))[0] == 422
        assert (await office_help.ask(browser, "shorter", "x" * 6001))[0] == 422


async def test_a_translated_reply_keeps_the_agents_words_for_agents_alone(office_help: Help) -> None:
    office = office_help.office
    office_help.conversation = await office.conversation(
        office.site, "Wie lange kann ich die Artikel zurückgeben und was kostet das?"
    )
    here = f"/console/conversations/{office_help.conversation}"
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get(here)
        assert "Translate into German" in page.text
        office_help.models.replies = [written("Sie haben 30 Tage, und es kostet 4,90 €.")]
        status, body = await office_help.ask(browser, "translate", "You have 30 days, and it costs €4.90.")
        assert (status, body["text"]) == (200, "Sie haben 30 Tage, und es kostet 4,90 €.")
        assert body["original"] == "You have 30 days, and it costs €4.90."
        assert office_help.models.requests[0].purpose == "translate"
        assert (
            await browser.part(f"{here}/say", text=body["text"], original=body["original"])
        ).status_code == 204
        message = (await office_help.messages())[-1]
        assert (message.author, message.text) == ("agent", "Sie haben 30 Tage, und es kostet 4,90 €.")
        assert "You have 30 days, and it costs €4.90." in unescape((await browser.get(here)).text)
    async with office.db.read() as tx:
        [kept] = await tx.scalars(select(MessageWording))
        assert (kept.kind, kept.message_id) == ("original", message.id)
        events = await tx.scalars(select(Event).where(Event.conversation_id == office_help.conversation))
        assert not any("You have 30 days" in json.dumps(event.data) for event in events)


async def test_a_visitors_message_is_translated_beside_its_words(office_help: Help) -> None:
    office = office_help.office
    asked = "Wie lange kann ich die Bestellung AG-10234 zurückgeben?"
    office_help.conversation = await office.conversation(office.site, asked)
    here = f"/console/conversations/{office_help.conversation}"
    async with office.db.read() as tx:
        message = await tx.scalar(
            select(Message.id).where(Message.conversation_id == office_help.conversation)
        )
        other = await tx.scalar(select(Message.id).where(Message.conversation_id != office_help.conversation))
    async with office.at_work("mara@example.com") as browser:
        await browser.get(here)
        office_help.models.replies = [written("How long can I return the order AG-99999?")]
        assert (await browser.part(f"{here}/translate", message=message or "")).status_code == 409
        office_help.models.replies = [written("How long can I return the order AG-10234?")]
        assert (await browser.part(f"{here}/translate", message=message or "")).status_code == 204
        shown = unescape((await browser.get(f"{here}/live", headers={"HX-Request": "true"})).text)
        assert asked in shown
        assert "How long can I return the order AG-10234?" in shown
        assert "/translate" not in shown  # it is there already
        assert (await browser.part(f"{here}/translate", message=other or "")).status_code == 404
        assert (await browser.part(f"{here}/translate", message="x\0")).status_code == 404


async def test_another_sites_agent_gets_nothing_and_presses_are_counted(office_help: Help) -> None:
    await office_help.office.agent("else@example.com", office_help.office.other, "admin")
    async with office_help.office.at_work("else@example.com") as browser:
        assert (await office_help.ask(browser, "draft"))[0] == 404
    assert office_help.models.requests == []
    async with office_help.office.at_work("mara@example.com") as browser:
        await browser.get(f"/console/conversations/{office_help.conversation}")
        statuses = [(await office_help.ask(browser, "louder", "x"))[0] for _ in range(21)]
    assert statuses == [422] * 20 + [429]


async def test_a_ticket_comes_with_a_suggested_reply_which_is_made_once(office_help: Help) -> None:
    office, talk, models = office_help.office, office_help.conversation, office_help.models
    await office.agent("ben@example.com", office.site)
    base = f"/console/conversations/{talk}"
    models.replies = ["You can return articles within 30 days after delivery [1]."] * 2
    async with office.at_work("mara@example.com") as mara, office.at_work("ben@example.com") as ben:
        assert "/suggested" not in (await mara.get(base)).text  # the assistant has it
        await office.deps.handoff.hand_off(talk, "customer_request")
        [address] = re.findall(r'hx-get="([^"]+/suggested[^"]+)"', (await mara.get(base)).text)
        before = len(models.requests)
        said = (await mara.get(unescape(address))).text
        assert "You can return articles within 30 days after delivery." in said
        assert 'title="“You can return articles within 30 days after delivery.”"><b>1</b> Returns' in said
        assert (await ben.get(unescape(address))).text == said
        assert len(models.requests) == before + 1
        # Later the pages may say something else.
        office.clock.advance(minutes=11)
        await mara.get(base)
        assert (await mara.get(unescape(address))).text == said
        assert len(models.requests) == before + 2
        assert [m.author for m in await office_help.messages() if m.author != "system"] == ["visitor"]
        assert (await mara.get(f"{base}/suggested?message=msg_other")).status_code == 404
        await mara.part(f"{base}/say", text="Within 30 days.", kind="reply", client_id="a1")
        assert "/suggested" not in (await mara.get(base)).text


async def test_what_the_pages_do_not_answer_is_said_in_the_place_of_a_suggestion(office_help: Help) -> None:
    office = office_help.office
    talk = await office.conversation(office.site, "Do you sell insurance for horses in Peru?")
    await office.deps.handoff.hand_off(talk, "missing_knowledge")
    office_help.models.replies = ["NOT_FOUND"]
    async with office.at_work("mara@example.com") as browser:
        page = (await browser.get(f"/console/conversations/{talk}")).text
        [address] = re.findall(r'hx-get="([^"]+/suggested[^"]+)"', page)
        said = (await browser.get(unescape(address))).text
    assert "Our pages do not answer this." in said
    assert "data-suggested" not in said


@pytest.mark.parametrize(
    "words",
    [
        "How long can I return articles? I would like to talk to a person.",
        "Hello! I need a human, please. How long can I return articles?",
        "I'd like to talk to a person, how long can I return articles?",
    ],
)
async def test_what_is_asked_beside_the_wish_for_a_person_is_drafted(office_help: Help, words: str) -> None:
    office = office_help.office
    office_help.conversation = await office.conversation(office.site, words)
    await office.deps.handoff.hand_off(office_help.conversation, "customer_request")
    office_help.models.replies = ["You can return articles within 30 days after delivery [1]."]
    async with office.at_work("mara@example.com") as browser:
        await browser.get(f"/console/conversations/{office_help.conversation}")
        _, body = await office_help.ask(browser, "draft")
    assert body["text"] == "You can return articles within 30 days after delivery."
    assert "person" not in office_help.models.requests[-1].messages[-1].content.split("QUESTION")[-1]
