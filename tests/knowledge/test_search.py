"""Search over a small shop's documents, with the real model, the real Chroma and the real full text."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.conftest import FakeClock
from tests.knowledge.shelf import Entry, put, put_texts
from tests.rows import add_site

from minidesk.db import Database
from minidesk.db.models import Document
from minidesk.errors import IndexUnavailable
from minidesk.fulltext import FullText
from minidesk.knowledge.confidence import Nearness, confidence
from minidesk.knowledge.embed import Embedder, open_embedder
from minidesk.knowledge.exact_index import ExactIndex
from minidesk.knowledge.fuse import Likeness
from minidesk.knowledge.index import ChromaIndex
from minidesk.knowledge.projection import Follower
from minidesk.knowledge.search import Searcher
from minidesk.live.hub import Hub
from minidesk.settings import Settings

TEXTS = {
    "returns.md": "You can return unworn boots within 30 days of delivery. The label is in the parcel and costs nothing.",
    "delivery.md": "Standard delivery takes two to three working days. To Austria it costs 4.90 euros.",
    "warranty.md": "Tents carry a warranty of three years against faults in seams and poles.",
    "care.md": "Wash the jacket at 30 degrees without softener and let it dry in the shade.",
    "codes.md": "The spare pole for the Lizum tent has the article number LZ-4471.",
    "codes2.md": "The spare pole for the Sarek tent has the article number SK-4471.",
    "jobs.md": "We are looking for a seamstress for our workshop in Innsbruck.",
}


class Shop:
    """A site with its documents in both indexes."""

    def __init__(
        self, db: Database, clock: FakeClock, folder: Path, embedder: Embedder, site_id: str
    ) -> None:
        self.db, self.clock, self.folder, self.embedder, self.site_id = db, clock, folder, embedder, site_id
        self.fulltext = FullText(folder / "fulltext")
        self.index = ChromaIndex(folder / "chroma", embedder.fingerprint)
        self.follower = Follower(db, self.index, self.fulltext, Hub(), clock)
        self.searcher = Searcher(db, embedder, self.index, self.fulltext)

    async def found(self, query: str) -> list[str]:
        """Public ids, best first."""
        return [one.document for one in (await self.searcher.search(self.site_id, query)).passages]


@pytest.fixture
async def shop(db: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[Shop]:
    """`TEXTS`, followed into the indexes."""
    embedder = await open_embedder(settings)
    site = await add_site(db, clock)
    made = Shop(db, clock, settings.data_dir, embedder, site.id)
    await put_texts(db, clock, site.id, embedder, TEXTS)
    await made.follower.catch_up()
    yield made
    made.index.close()
    made.fulltext.close()
    embedder.close()


async def test_finds_by_meaning_by_words_and_in_spite_of_typing_errors(shop: Shop) -> None:
    for query, document in {
        "Can I send my shoes back?": "returns.md",
        "how long until my order arrives": "delivery.md",
        "lz-4471": "codes.md",
        "SK-4471": "codes2.md",
        "which sofftener for my jacket": "care.md",
        "is my tent guaranteed": "warranty.md",
    }.items():
        assert (await shop.found(query))[0] == document, query


async def test_a_passage_says_what_it_is_and_why(shop: Shop) -> None:
    result = await shop.searcher.search(shop.site_id, "return boots", k=3)
    top = result.passages[0]
    assert (top.document, top.title, top.text) == ("returns.md", "returns.md", TEXTS["returns.md"])
    assert (top.start, top.end) == (0, len(top.text))
    assert top.dense > 0.5
    assert top.lexical > 1
    assert [one.score for one in result.passages] == sorted(
        (one.score for one in result.passages), reverse=True
    )
    assert all(0 <= one.score <= 1 for one in result.passages)
    assert (result.mode, result.revision, len(result.passages)) == ("hybrid", len(TEXTS), 3)
    assert {"embed", "vectors", "words", "read"} <= result.timings_ms.keys()


@pytest.mark.parametrize(
    ("query", "least", "most"),
    [
        ("Can I return unworn boots within 30 days?", 0.9, 1.0),
        ("How long does standard delivery take?", 0.5, 1.0),
        ("Who won the football world cup in 1990?", 0.0, 0.2),
        ("Write me a poem about love", 0.0, 0.2),
        ("hi", 0.0, 0.0),
    ],
)
async def test_the_score_says_whether_the_top_passage_answers(
    shop: Shop, query: str, least: float, most: float
) -> None:
    assert least <= (await shop.searcher.search(shop.site_id, query)).score <= most


async def test_within_keeps_to_public_ids(shop: Shop) -> None:
    result = await shop.searcher.search(shop.site_id, "return boots", within=["care.md", "jobs.md", "none"])
    assert {one.document for one in result.passages} == {"care.md", "jobs.md"}
    assert (await shop.searcher.search(shop.site_id, "return boots", within=[])).passages == ()


@pytest.mark.parametrize(
    ("language", "left"),
    [(None, {"a.md", "b.md", "c.md"}), ("de", {"a.md", "b.md"}), ("en", {"b.md", "c.md"}), ("fr", {"b.md"})],
)
async def test_one_language_or_none_named(shop: Shop, language: str | None, left: set[str]) -> None:
    texts = {
        "a.md": "Die Packung Zirbenöl kostet neun Euro.",
        "b.md": "Zirbenöl 9 EUR",
        "c.md": "The Zirbenöl costs nine euros.",
    }
    await put_texts(shop.db, shop.clock, shop.site_id, shop.embedder, texts)
    async with shop.db.write() as tx:
        for name, spelled in {"a.md": "DE_at", "c.md": "en"}.items():
            await tx.execute(update(Document).where(Document.external_id == name).values(language=spelled))
    await shop.follower.catch_up()
    found = await shop.searcher.search(shop.site_id, "Zirbenöl", k=50, language=language)
    assert {one.document for one in found.passages} & texts.keys() == left


async def test_another_site_finds_nothing_of_it(shop: Shop) -> None:
    other = await add_site(shop.db, shop.clock, "Other")
    await shop.follower.catch_up()
    assert (await shop.searcher.search(other.id, "return boots")).passages == ()


async def test_what_sql_no_longer_shows_is_not_returned(shop: Shop) -> None:
    """The indexes still hold the passage: they are behind, or were tampered with."""
    async with shop.db.write() as tx:
        await tx.execute(
            update(Document).where(Document.external_id == "returns.md").values(current_version_id=None)
        )
    assert "returns.md" not in await shop.found("return boots")


async def test_the_nearest_phrasing_counts(shop: Shop) -> None:
    phrasings = ["my zipper is stuck", "the slider won't move any more"]
    vectors = await shop.embedder.documents(["Rub candle wax on the teeth.", *phrasings])
    entry = Entry(
        "Rub candle wax on the teeth.",
        [("text", vectors[0]), ("phrasing", vectors[1]), ("phrasing", vectors[2])],
        question=phrasings[0],
        phrasings=phrasings[1:],
    )
    await put(shop.db, shop.clock, shop.site_id, "zip", [entry], fingerprint=shop.embedder.fingerprint)
    await shop.follower.catch_up()
    top = (await shop.searcher.search(shop.site_id, "slider doesn't move")).passages[0]
    assert (top.document, top.question) == ("zip", phrasings[0])
    assert top.dense > 0.7


async def test_the_best_sentence_counts(shop: Shop) -> None:
    sentence = "Gift cards are valid for four years."
    filler = "Our shop in Innsbruck opened in 1987 and has sold skis, ropes and maps ever since. " * 3
    vectors = await shop.embedder.documents([filler + sentence, sentence])
    entries = [Entry(filler + sentence, [("text", vectors[0]), ("sentence", vectors[1])])]
    await put(shop.db, shop.clock, shop.site_id, "cards", entries, fingerprint=shop.embedder.fingerprint)
    await shop.follower.catch_up()
    top = (await shop.searcher.search(shop.site_id, "how long are gift cards valid?")).passages[0]
    assert top.document == "cards"
    assert top.dense == pytest.approx(
        float(await shop.embedder.query("how long are gift cards valid?") @ vectors[1]), abs=0.01
    )


async def test_words_answer_while_vectors_are_missing(shop: Shop) -> None:
    shop.index.close()
    shutil.rmtree(shop.folder / "chroma")
    result = await shop.searcher.search(shop.site_id, "return unworn boots")
    assert (result.mode, result.passages[0].document) == ("text", "returns.md")
    assert 0.3 < result.score <= 0.75
    await shop.follower.catch_up()
    assert (await shop.searcher.search(shop.site_id, "return unworn boots")).mode == "hybrid"


async def test_words_answer_without_a_model(shop: Shop) -> None:
    result = await Searcher(shop.db, None, None, shop.fulltext).search(shop.site_id, "return unworn boots")
    assert (result.mode, result.passages[0].document) == ("text", "returns.md")


async def test_vectors_answer_without_words_and_nothing_without_both(shop: Shop) -> None:
    exact = ExactIndex(shop.db, shop.embedder.fingerprint)
    empty = FullText(shop.folder / "nothing")
    result = await Searcher(shop.db, shop.embedder, exact, empty).search(shop.site_id, "send shoes back")
    assert (result.mode, result.passages[0].document) == ("dense", "returns.md")
    with pytest.raises(IndexUnavailable):
        await Searcher(shop.db, None, None, empty).search(shop.site_id, "send shoes back")


async def test_exact_and_chroma_give_the_same_passages(shop: Shop) -> None:
    exact = Searcher(shop.db, shop.embedder, ExactIndex(shop.db, shop.embedder.fingerprint), shop.fulltext)
    for query in ("send shoes back", "LZ-4471", "tent"):
        one = await exact.search(shop.site_id, query)
        assert [passage.document for passage in one.passages] == await shop.found(query)


@pytest.mark.parametrize("query", ["", " ", "\x00", "🥾" * 50, '"(AND', "a" * 4000, "word " * 800])
async def test_no_text_is_an_error(shop: Shop, query: str) -> None:
    result = await shop.searcher.search(shop.site_id, query)
    assert result.score < 0.5


def test_confidence_rises_with_what_is_found() -> None:
    by_cosine = [confidence(Nearness(cosine / 10, cosine / 10, 0.3), 0.3, 5) for cosine in range(-10, 11)]
    by_top = [confidence(Nearness(0.9, cosine / 10, 0.3), 0.3, 5) for cosine in range(-10, 10)]
    by_others = [confidence(Nearness(0.6, 0.6, others / 10), 0.3, 5) for others in range(6, -1, -1)]
    by_words = [confidence(None, share / 10, 5) for share in range(11)]
    assert by_cosine == sorted(by_cosine)
    assert by_top == sorted(by_top)
    assert by_others == sorted(by_others)
    assert by_words == sorted(by_words)
    assert 0 <= by_cosine[0] <= by_cosine[-1] <= 1
    assert max(by_words) <= 0.75


def test_a_broad_title_does_not_pass_an_answer() -> None:
    answer, title = Likeness(text=0.6), Likeness(text=0.2, title=0.65)
    assert answer.score > title.score > Likeness(text=0.2).score
