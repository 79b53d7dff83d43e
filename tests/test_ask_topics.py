"""A topic that the site keeps for people: nothing is answered to it, in whichever words it comes."""

from collections.abc import Sequence

import pytest

from minidesk.answering.late import LateReader
from minidesk.answering.outcome import Answered, HandOff, Question, Reply, Turn
from minidesk.answering.privacy import SiteWishes
from minidesk.ask import Asker, wishes_of
from minidesk.knowledge.embed import Embedder
from minidesk.settings import Settings
from minidesk.sites import SiteConfig, SiteView
from tests.answering.conftest import embedder as embedder  # noqa: PLC0414 (a fixture, named so that pytest finds it)
from tests.answering.shop import SHOP, SmallSearch
from tests.conftest import FakeClock

TOPICS = (
    "Returns: how long may I return it?; send back",
    "Legal: lawyer; I will take legal action against you",
)


@pytest.fixture
def search(embedder: Embedder) -> SmallSearch:
    return SmallSearch(embedder, SHOP)


@pytest.fixture
def asker(search: SmallSearch, embedder: Embedder, settings: Settings, clock: FakeClock) -> Asker:
    return Asker(search, embedder.documents, None, settings, clock, late=LateReader(embedder.tokens))


async def end(asker: Asker, text: str, topics: Sequence[str], *history: Turn, locale: str = "en") -> Answered:
    """The end of the turn."""
    question = Question("s1", text, history, locale=locale)
    parts = [part async for part in asker.ask(question, SiteWishes(topics=tuple(topics)))]
    assert isinstance(parts[-1], Answered)
    assert len(parts) == 1 or isinstance(parts[-1].outcome, Reply)
    return parts[-1]


async def test_by_its_words_nothing_is_even_searched(asker: Asker, search: SmallSearch) -> None:
    answered = await end(asker, "My LAWYERS say otherwise.", TOPICS)
    assert answered.outcome == HandOff("policy")
    assert answered.text == "A person deals with this. I'm passing you on."
    assert search.queries == []
    german = await end(asker, "Da frage ich meinen lawyer", TOPICS, locale="de")
    assert german.text == "Darum kümmert sich ein Mensch. Ich gebe Sie weiter."


async def test_by_likeness_too_though_the_pages_could_answer(asker: Asker) -> None:
    text = "Until when can I return an article?"
    assert (await end(asker, text, ())).outcome == Reply()
    assert (await end(asker, text, TOPICS)).outcome == HandOff("policy")


async def test_a_follow_up_about_it_as_well(asker: Asker) -> None:
    history = (Turn("visitor", "Can I send back boots?"), Turn("assistant", "Yes."))
    assert (await end(asker, "and for tents?", TOPICS, *history)).outcome == HandOff("policy")


async def test_anything_else_is_answered(asker: Asker) -> None:
    assert (await end(asker, "How long do I have to return something?", TOPICS[1:])).outcome == Reply()


async def test_the_sites_settings_carry_them(asker: Asker) -> None:
    site = SiteView("s1", "pk", "Shop", (), SiteConfig(person_topics=TOPICS))
    assert wishes_of(site).topics == TOPICS
    caught = await asker.topic_of("I shall take you to a lawyer", TOPICS)
    assert caught is not None
    assert (caught.topic, caught.by) == ("Legal", "words")
