"""Who writes, whose face it is, how long the queue is; and a site's own words in the visitor's language."""

import io

import httpx
from PIL import Image
from sqlalchemy import update
from tests.rows import add_agent
from tests.web.conftest import Desk, Visitor, open_visitor

from minidesk.accounts import seen_here, set_away
from minidesk.db.models import Agent, Conversation
from minidesk.files.pictures import PORTRAIT_SIDE, portrait
from minidesk.sites import Look, OpeningHours, SiteConfig, update_config


async def test_the_agent_writes_and_so_does_the_visitor(
    desk: Desk, visitor: Visitor, stranger: Visitor
) -> None:
    id = await visitor.start()
    agent = await add_agent(desk.db, desk.clock, desk.site.id, "Mara Berg")
    here = desk.streams.here
    async with desk.db.write() as tx:
        await tx.execute(update(Agent).where(Agent.id == agent.id).values(picture="AAAA"))
        await desk.conversations.take_over(tx, id, agent.id)
    with here.viewing(id, agent.id, agent.name):
        async with visitor.listen(id) as stream:
            here.wrote(id, agent.id, desk.clock())
            desk.hub.wake(f"conversation:{id}")
            typing = await stream.next()
            assert (typing.type, typing.id, typing.data["who"]) == ("typing", None, "agent")
            here.sent(id, agent.id)
            desk.hub.wake(f"conversation:{id}")
            assert (await stream.next()).data["until"] == desk.clock().isoformat()
    assert (await visitor.get(f"/conversations/{id}/agent")).json() == {
        "picture": "data:image/webp;base64,AAAA"
    }
    assert (await stranger.post(f"/conversations/{id}/typing")).status_code == 404
    assert not here.visitor_writes(id, desk.clock())
    assert (await visitor.post(f"/conversations/{id}/typing")).status_code == 202
    assert here.visitor_writes(id, desk.clock())
    await visitor.say(id, "there")
    assert not here.visitor_writes(id, desk.clock())


async def test_the_place_in_the_queue(desk: Desk, client: httpx.AsyncClient) -> None:
    waiting = []
    for n in range(3):
        one = await open_visitor(client, desk.site)
        id = await one.start()
        await one.say(id, f"question {n}")
        assert (await one.get(f"/conversations/{id}/place")).json() == {"ahead": None, "away": False}
        await one.post(f"/conversations/{id}/handoff")
        waiting.append((one, id))

    async def places() -> list[int | None]:
        return [(await one.get(f"/conversations/{id}/place")).json()["ahead"] for one, id in waiting]

    # Nobody is at the console: nobody is next.
    assert await places() == [None, None, None]
    agent = await add_agent(desk.db, desk.clock, desk.site.id, "Mara Berg")
    await seen_here(desk.db, desk.hub, desk.site.id, agent.id, desk.clock())
    assert await places() == [0, 1, 2]
    async with desk.db.write() as tx:
        await set_away(tx, desk.hub, agent.id, True, desk.clock())
    assert await places() == [None, None, None]
    async with desk.db.write() as tx:
        await set_away(tx, desk.hub, agent.id, False, desk.clock())
        await update_config(tx, desk.site.id, SiteConfig(hours=OpeningHours(week=((),) * 7)))
    assert await places() == [None, None, None]  # somebody is still there after hours, and may go any time
    async with desk.db.write() as tx:
        await update_config(tx, desk.site.id, SiteConfig())
    async with desk.db.write() as tx:
        await desk.conversations.take_over(tx, waiting[0][1], agent.id)
        await tx.execute(
            update(Conversation).where(Conversation.id == waiting[1][1]).values(spam_at=desk.clock())
        )
    assert await places() == [None, 0, 0]


async def test_the_sites_words_follow_the_language_and_its_look_is_told(desk: Desk, visitor: Visitor) -> None:
    config = SiteConfig(
        greeting="Hello",
        quick_replies=("Where is my parcel?",),
        ask_consent=True,
        consent_text="I agree.",
        look=Look(scheme="dark", bottom=80, logo="AAAA"),
        translations=(
            "de | greeting | Grüß Gott",
            "de | quick_reply | Wo ist mein Paket?",
            "de | consent_text | Ja.",
        ),
    )
    async with desk.db.write() as tx:
        await update_config(tx, desk.site.id, config)
    english, german = [(await visitor.get(f"/config?locale={one}")).json() for one in ("en", "de")]
    assert (english["texts"]["greeting"], english["quick_replies"]) == ("Hello", ["Where is my parcel?"])
    assert (german["texts"]["greeting"], german["quick_replies"]) == ("Grüß Gott", ["Wo ist mein Paket?"])
    assert german["ask"]["consent"] == "Ja."
    look = german["look"]
    assert (look["scheme"], look["bottom"], "side" in look) == ("dark", 80, False)
    logo = await visitor.client.get(look["logo"])
    assert (logo.content, logo.headers["content-type"]) == (b"\0\0\0", "image/webp")
    assert (await visitor.client.get(look["logo"][:-1] + "x")).status_code == 404
    agreed = await visitor.post("/conversations", {"intake": {"consent": "Ja."}})
    assert agreed.status_code == 201
    # What is refused is said in the chat's language; a code without a sentence there keeps the one that it has.
    missing = await visitor.post("/conversations", {}, headers={"Accept-Language": "de"})
    assert missing.json()["error"]["message"] == "Füllen Sie vor der ersten Nachricht das Formular aus."
    plain = await visitor.post("/conversations", {})
    assert plain.json()["error"]["message"].startswith("Agree to how your messages are used")


def test_a_portrait_is_a_small_square() -> None:
    out = io.BytesIO()
    Image.new("RGB", (400, 200), "red").save(out, "JPEG")
    drawn = Image.open(io.BytesIO(portrait(out.getvalue(), "image/jpeg")))
    assert (drawn.size, drawn.format) == ((PORTRAIT_SIDE, PORTRAIT_SIDE), "WEBP")
