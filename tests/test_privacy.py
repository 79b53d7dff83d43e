"""What a visitor says of themselves never reaches a model; what the model makes of it reads as if it had."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from minidesk.answering.outcome import Answered, HandOff, Question, Turn
from minidesk.answering.privacy import NO_WISHES, SiteWishes
from minidesk.ask import Asker
from minidesk.db import Database
from minidesk.gateway.scripted import Line, ScriptedModel
from minidesk.handoff import Handoff, next_line
from minidesk.knowledge.embed import Embedder
from minidesk.settings import Settings
from minidesk.text.locale import load_texts
from minidesk.text.normalise import check_text
from tests.answering.conftest import embedder as embedder  # noqa: PLC0414 (a fixture, named so that pytest finds it)
from tests.answering.shop import Script, SmallSearch, passage
from tests.conftest import FakeClock
from tests.desk import Desk, embed_words, open_desk
from tests.hostile.desk import hostile_desk
from tests.private_messages import FORM, PRIVATE

MAIL, CARD, MEMBER = "ada@example.com", "4111 1111 1111 1111", "AG-48213"
ASKED = f"I am {MAIL}, card {CARD}, member {MEMBER}: how long can I return articles?"
RETURNS = passage(
    "You can return articles within 30 days after delivery. Write to help@shop.example.", "Return window"
)


async def ask(asker: Asker, question: Question, site: SiteWishes) -> Answered:
    parts: AsyncIterator[object] = asker.ask(question, site)
    last = [part async for part in parts][-1]
    assert isinstance(last, Answered)
    return last


@pytest.mark.parametrize("hides", [True, False])
async def test_the_models_see_tokens_unless_the_site_wants_otherwise(
    embedder: Embedder, settings: Settings, clock: FakeClock, hides: bool
) -> None:
    models = Script(["You can return articles within 30 days after delivery."])
    asker = Asker(SmallSearch(embedder, (RETURNS,)), embedder.documents, models, settings, clock)
    site = SiteWishes(hide_private=hides, private_forms=("AG-#####",))
    answered = await ask(asker, Question("s1", ASKED, (Turn("visitor", f"Hello, {MAIL} here"),)), site)
    assert "30 days" in answered.text
    sent = "\n".join(message.content for request in models.requests for message in request.messages)
    assert [fact in sent for fact in (MAIL, CARD, MEMBER)] == [not hides] * 3
    assert "help@shop.example" in sent  # the shop's own address is no secret


async def test_a_summary_learns_no_number_without_a_countrys_prefix(db: Database, clock: FakeClock) -> None:
    desk: Desk = await open_desk(db, clock)
    models = Script(
        [
            '{"summary": "The parcel has not arrived, call [phone-1].", "mood": "calm", "mood_words": "", "priority": "normal", "priority_words": ""}'
        ]
    )
    handoff = Handoff(
        db, desk.conversations, desk.tickets, embed_words, next_line(load_texts()), clock, models=models
    )
    await desk.say("The parcel has not arrived. Call 0664 1234567, my card is 4111 1111 1111 1111 12/27")
    ticket = await handoff.hand_off(desk.conversation.id, "customer_request")
    sent = "\n".join(message.content for request in models.requests for message in request.messages)
    assert "[phone-1]" in sent
    assert "1234567" not in sent
    assert "1111 1111" not in sent
    assert "call 0664 1234567" in ticket.summary
    assert not any("1111" in entity.text for entity in ticket.entities)


async def test_what_the_model_repeats_comes_back_as_it_was(
    embedder: Embedder, settings: Settings, clock: FakeClock
) -> None:
    models = Script(["You can write to [email-1]."])
    page = passage(f"Members write to {MAIL} and are answered within 30 days.", "Members")
    asker = Asker(SmallSearch(embedder, (page,)), embedder.documents, models, settings, clock)
    answered = await ask(asker, Question("s1", f"Can members write to {MAIL}?"), NO_WISHES)
    assert answered.text == f"You can write to {MAIL}."


async def test_a_tickets_summary_is_written_without_them_and_tells_them(
    db: Database, clock: FakeClock
) -> None:
    desk: Desk = await open_desk(db, clock)
    summary = '{"summary": "My parcel has not arrived, write to [email-1].", "mood": "calm", "mood_words": "", "priority": "normal", "priority_words": ""}'
    models = Script([summary])
    handoff = Handoff(
        db, desk.conversations, desk.tickets, embed_words, next_line(load_texts()), clock, models=models
    )
    await desk.say(f"My parcel has not arrived, please write to {MAIL}")
    ticket = await handoff.hand_off(desk.conversation.id, "customer_request")
    sent = "\n".join(message.content for request in models.requests for message in request.messages)
    assert MAIL not in sent
    assert "[email-1]" in sent
    assert f"My parcel has not arrived, write to {MAIL}" in ticket.summary


UNTIDY = [
    ("my IBAN is AT61 1904 3002 3457 3201 and I want my money, ", "3457 3201"),
    ("card 4111 1111 1111 1111 12/27 was charged twice, ", "1111 1111"),
    ("my mail is max (at) muster.at, ", "muster.at"),
    ("meine Nummer: 0664 1234567, ", "1234567"),
    ("call 0043 664 1234567, ", "664 1234567"),
    ("I am at (415) 555-2671, ", "555-2671"),
]


@pytest.mark.parametrize(("said", "fact"), UNTIDY)
async def test_facts_as_people_write_them_reach_no_model(
    embedder: Embedder, settings: Settings, clock: FakeClock, said: str, fact: str
) -> None:
    models = Script(["You can return articles within 30 days after delivery."])
    asker = Asker(SmallSearch(embedder, (RETURNS,)), embedder.documents, models, settings, clock)
    asked = f"{said}how long can I return articles?"
    await ask(asker, Question("s1", asked, (Turn("visitor", said),)), NO_WISHES)
    sent = "\n".join(message.content for request in models.requests for message in request.messages)
    assert "return articles" in sent
    assert fact not in sent


async def test_half_a_number_at_the_end_of_a_long_turn_reaches_none_either(
    embedder: Embedder, settings: Settings, clock: FakeClock
) -> None:
    """An earlier turn is cut for the prompt, and half a card's number is no card's number."""
    models = Script(["You can return articles within 30 days after delivery."])
    asker = Asker(SmallSearch(embedder, (RETURNS,)), embedder.documents, models, settings, clock)
    for before in range(585, 600):
        long = f"{'Hello there. ' * 50}"[:before].rsplit(maxsplit=1)[0].ljust(before) + CARD + " is my card."
        await ask(
            asker, Question("s1", "How long can I return articles?", (Turn("visitor", long),)), NO_WISHES
        )
    sent = "\n".join(message.content for request in models.requests for message in request.messages)
    told = [line for line in sent.splitlines() if "Hello there." in line]
    assert len(told) == 15
    assert not any(char.isdigit() for line in told for char in line)


@pytest.mark.parametrize("hides", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        "Do you sell AT611904300234573201?",
        "Do you sell A20431877?",
        "Do you sell AG-482?",
        "Do you sell max (at) sommerfeld.at?",
    ],
)
async def test_the_line_that_the_pages_say_nothing_repeats_no_fact(
    embedder: Embedder, settings: Settings, clock: FakeClock, said: str, hides: bool
) -> None:
    asker = Asker(SmallSearch(embedder, (RETURNS,)), embedder.documents, None, settings, clock)
    site = SiteWishes(hide_private=hides, private_forms=("AG-###",))
    answered = await ask(asker, Question("s1", said), site)
    assert "pages don" in answered.text
    assert "“" not in answered.text
    other = await ask(asker, Question("s1", "Do you sell helicopters?"), site)
    assert "“helicopters”" in other.text


@pytest.mark.parametrize(("locale", "said", "fact"), PRIVATE, ids=lambda value: value[:18])
async def test_odd_shapes_reach_no_model(
    embedder: Embedder, settings: Settings, clock: FakeClock, locale: str, said: str, fact: str
) -> None:
    models = Script(["You can return articles within 30 days after delivery."])
    asker = Asker(SmallSearch(embedder, (RETURNS,)), embedder.documents, models, settings, clock)
    question = Question("s1", f"How long can I return articles? {check_text(said, 4000)}", locale=locale)
    answered = await ask(asker, question, SiteWishes(private_forms=(FORM,)))
    sent = "\n".join(message.content for request in models.requests for message in request.messages)
    # Who asks to be called is passed on at once, without a model.
    assert ("return articles" in sent) is not isinstance(answered.outcome, HandOff)
    assert fact not in sent


@pytest.mark.prove
@pytest.mark.timeout(900)
async def test_odd_shapes_reach_neither_model_nor_log_through_the_server(tmp_path: Path) -> None:
    """Each in a conversation of its own, until it is answered or handed off; the log says all it can."""
    model = ScriptedModel(otherwise=lambda _: Line(["You can write to [Em", "ail-1]", "."]))
    async with hostile_desk(tmp_path, model, log_level="debug", private_forms=(FORM,)) as (desk, _):
        page = f"Members write to {MAIL} and are answered within 30 days."
        await desk.put("members.md", "Members", page, desk.api_key)
        await desk.put("returns.md", "Returns", RETURNS.text, desk.api_key)
        await desk.all_read(desk.api_key)
        token = await desk.visitor()
        for locale, said, _ in PRIVATE:
            talk = await desk.start(token=token, locale=locale)
            await desk.say(talk, [f"How long can I return articles? {said}", "Let me talk to a human"])
        talk = await desk.start(token=token)
        await desk.say(talk, [f"Can members write to {MAIL}?"])
        await desk.finish(talk)
        sent = json.dumps([m["content"] for r in model.requests for m in r["messages"]], ensure_ascii=False)
        log = desk.server.log
    assert talk.stored["messages"][-1]["text"] == f"You can write to {MAIL}."
    assert len(model.requests) > len(PRIVATE)
    raw = [fact.replace("\n", " ") for _, _, fact in PRIVATE]
    # A page's own address is no secret, and numbers of a log's times may hold four digits of any.
    assert [fact for fact in raw if fact in sent.replace("\\n", " ")] == []
    assert [fact for fact in raw if len(fact) > 4 and fact in log] == []


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [(frozenset[str](), "https://carrier.example/track "), (frozenset({"carrier.example"}), "https://carrier.example/track?d=ada ")],
)  # fmt: skip
async def test_a_foreign_address_is_said_without_its_query(
    embedder: Embedder, settings: Settings, clock: FakeClock, hosts: frozenset[str], shown: str
) -> None:
    """T19: what stands behind the "?" could carry something to whoever owns the host. An owner may name hosts."""
    page = passage(
        "Parcels can be followed at https://carrier.example/track?d=ada within 30 days.", "Tracking"
    )
    asker = Asker(SmallSearch(embedder, (page,)), embedder.documents, None, settings, clock)
    answered = await ask(
        asker, Question("s1", "Where can parcels be followed?"), SiteWishes(link_hosts=hosts)
    )
    assert shown in answered.text
