"""What orders passages besides their own cosine: crowds, leads, echoes, a model that reads them, and words as written."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import FakeClock
from tests.knowledge.shelf import FINGERPRINT, Entry, put, put_texts, random_vectors
from tests.rows import add_site

from minidesk.db import Database
from minidesk.fulltext import FullText
from minidesk.knowledge.calibrate import SAMPLE, Sample, Samples
from minidesk.knowledge.cross_encoder import Reranker
from minidesk.knowledge.embed import Embedder, open_embedder
from minidesk.knowledge.exact_index import ExactIndex
from minidesk.knowledge.fuse import CROWD_PART, Likeness
from minidesk.knowledge.projection import Follower
from minidesk.knowledge.rerank import echoes
from minidesk.knowledge.search import Searcher
from minidesk.live.hub import Hub
from minidesk.settings import Settings

TEXTS = {
    "router.md": "Restart the router by holding the button RB-20 for ten seconds.",
    "modem.md": "Restart the modem by pulling its plug; model RB-200 has a switch.",
    "vat.md": "The VAT number must stand on the invoice. VAT is 20 percent.",
    "vpn.md": "A VPN hides your address. Turn it on in the settings.",
    "colour.md": "Choose the colour of the housing when you order.",
    "warranty.md": "The warranty covers faults of the housing for three years.",
    "invoice.md": "Invoices are sent by e-mail on the first day of the month.",
}


class Desk:
    """A site's passages, ranked exactly over SQL's vectors and by full text."""

    def __init__(self, db: Database, folder: Path, embedder: Embedder, site_id: str) -> None:
        self.db, self.embedder, self.site_id = db, embedder, site_id
        self.fulltext = FullText(folder / "fulltext")
        self.index = ExactIndex(db, embedder.fingerprint)

    def searcher(self, reranker: Reranker | None = None) -> Searcher:
        """A searcher that starts with nothing in mind."""
        return Searcher(self.db, self.embedder, self.index, self.fulltext, reranker=reranker)

    async def first(self, query: str) -> str:
        """The public id of the best passage."""
        return (await self.searcher().search(self.site_id, query)).passages[0].document


@pytest.fixture
async def desk(db: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[Desk]:
    """`TEXTS`, in SQL and in the full text."""
    embedder = await open_embedder(settings)
    site = await add_site(db, clock)
    made = Desk(db, settings.data_dir, embedder, site.id)
    await put_texts(db, clock, site.id, embedder, TEXTS)
    await Follower(db, None, made.fulltext, Hub(), clock).catch_up()
    yield made
    made.fulltext.close()
    embedder.close()


@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("RB-20", "router.md"),  # a code that begins another one
        ("rb-200", "modem.md"),
        ("what is RB-20 for?", "router.md"),
        ("VAT", "vat.md"),  # acronyms that differ by a letter or two
        ("vpn", "vpn.md"),
        ("do you need my VAT number", "vat.md"),
        ("wich colur of housng", "colour.md"),  # typing errors
        ("waranty for housing falts", "warranty.md"),
        ("when are invoces sent", "invoice.md"),
    ],
)
async def test_codes_and_acronyms_are_exact_and_typing_errors_forgiven(
    desk: Desk, query: str, document: str
) -> None:
    assert await desk.first(query) == document


def test_a_crowded_vector_is_told_from_a_lonely_one() -> None:
    around = random_vectors(1)[0]
    crowd = around + 0.3 * random_vectors(200, seed=1)
    sample = Sample(crowd / np.linalg.norm(crowd, axis=1, keepdims=True))
    crowded, lonely = sample.crowd(np.stack([around, random_vectors(1, seed=2)[0]]))
    assert crowded > 0 > -0.3 > lonely


def test_a_sample_of_hardly_anything_says_nothing() -> None:
    assert Sample(random_vectors(0)).crowd(random_vectors(2)).tolist() == [0.0, 0.0]
    assert Sample(random_vectors(3)).crowd(random_vectors(2)).tolist() == [0.0, 0.0]
    assert len(Sample(random_vectors(0))) == 0


async def test_samples_hold_one_sites_passages_and_questions_and_are_renewed(
    db: Database, clock: FakeClock
) -> None:
    site, other = await add_site(db, clock), await add_site(db, clock, "Other")
    vectors = random_vectors(5)
    await put(db, clock, other.id, "theirs", [Entry("x", [("text", vectors[0])])])
    first = [("text", vectors[1]), ("title", vectors[2]), ("sentence", vectors[3])]
    await put(db, clock, site.id, "ours", [Entry("y", first)])
    samples = Samples(db, FINGERPRINT)
    one, same = await asyncio.gather(samples.of(site.id, 1), samples.of(site.id, 1))
    assert one is same
    assert len(one) == 1
    assert await samples.of(site.id, 1) is one
    assert len(await Samples(db, "another model").of(site.id, 1)) == 0
    assert SAMPLE > len(await samples.of(other.id, 1)) == 1


def test_the_page_a_passage_stands_on_counts_as_far_as_they_are_about_the_same() -> None:
    alone = Likeness(0.6).total
    off = [Likeness(0.6, lead=0.2, kin=kin).total for kin in (0.3, 0.4, 0.6, 0.8, 0.95)]
    assert off[0] == off[1] == pytest.approx(alone)
    assert off[1] > off[2] > off[3] == off[4]
    assert off[4] == pytest.approx(0.4)
    assert Likeness(0.6, lead=0.8, kin=0.9).total > alone


def test_an_echo_of_passages_that_do_not_agree_counts_for_nothing() -> None:
    plain = Likeness(0.6).total
    assert Likeness(0.6, echo=0.9, agreement=0.5).total == pytest.approx(plain)
    assert plain < Likeness(0.6, echo=0.9, agreement=0.7).total < Likeness(0.6, echo=0.9, agreement=0.9).total
    crowded = Likeness(0.6, echo=0.9, agreement=0.9, crowd=0.2)
    assert crowded.total < Likeness(0.6, echo=0.9, agreement=0.9).total


def test_a_phrasing_is_not_held_back_by_the_crowd_of_its_text() -> None:
    assert Likeness(0.5, phrasing=0.7, crowd=0.3).near == 0.7
    assert Likeness(0.5, crowd=0.2).near == pytest.approx(0.5 - 0.2 * CROWD_PART)
    assert Likeness(0.5, title=0.9, sentence=0.6).answer == 0.6


def test_what_the_best_say_alike_echoes() -> None:
    middle, away = random_vectors(2)
    texts = {name: middle + 0.4 * noise for name, noise in zip("abc", random_vectors(3, seed=3), strict=True)}
    texts = {name: vector / np.linalg.norm(vector) for name, vector in texts.items()} | {"far": away}
    totals = {"a": 0.9, "b": 0.89, "far": 0.5, "c": 0.4, "unknown": 0.8}
    found, agreement = echoes(totals, texts)
    assert found.keys() == {"a", "b", "c", "far"}
    assert found["c"] > found["far"]  # though it came out worse by itself
    assert 0.8 < agreement < 1
    assert echoes({"a": 1.0}, {}) == ({}, 0.0)


async def test_without_vectors_of_their_own_passages_are_ranked_all_the_same(
    desk: Desk, clock: FakeClock
) -> None:
    await put(desk.db, clock, desk.site_id, "plain", [Entry("The zeppelin hangar opens at noon.")])
    await Follower(desk.db, None, desk.fulltext, Hub(), clock).catch_up()
    assert await desk.first("zeppelin hangar") == "plain"


@pytest.fixture
def cross_encoder(tmp_path: Path) -> Path:
    """A tiny CrossEncoder with random weights, saved as one."""
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path / "bert"
    folder.mkdir()
    words = sorted({word.strip(".,;?").lower() for text in TEXTS.values() for word in text.split()})
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    size = len(words) + 5
    config = BertConfig(
        vocab_size=size,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=1,
        max_position_embeddings=128,
        initializer_range=1.0,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder)
    CrossEncoder(str(folder), device="cpu").save_pretrained(str(tmp_path / "cross"))
    return tmp_path / "cross"


async def test_a_cross_encoder_reads_the_best_passages_again(desk: Desk, cross_encoder: Path) -> None:
    reranker = Reranker(str(cross_encoder))
    query = "how do I restart the router"
    plain = await desk.searcher().search(desk.site_id, query, k=7)
    again = await desk.searcher(reranker).search(desk.site_id, query, k=7)
    scores = await reranker.scores(query, [f"{one.title}\n{one.text}" for one in plain.passages])
    reranker.close()
    assert scores is not None
    wanted = [
        one.chunk for _, one in sorted(zip(scores, plain.passages, strict=True), key=lambda pair: -pair[0])
    ]
    assert [one.chunk for one in again.passages] == wanted
    assert wanted != [
        one.chunk for one in plain.passages
    ]  # random weights: or nothing would be shown by this
    assert [one.score for one in again.passages] == [one.score for one in plain.passages]
    assert again.score == plain.score
    assert "rerank" in again.timings_ms
    assert "rerank" not in plain.timings_ms


async def test_a_cross_encoder_that_cannot_be_used_changes_nothing(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reranker = Reranker(str(tmp_path))
    plain = await desk.searcher().search(desk.site_id, "restart the router", k=3)
    for _ in range(2):
        found = await desk.searcher(reranker).search(desk.site_id, "restart the router", k=3)
        assert found.passages == plain.passages
    reranker.close()
    assert [record.levelname for record in caplog.records if "reranker" in record.message] == ["ERROR"]
