"""The proof in German: small words that turn a sentence round are noticed, and the page's own sentences pass."""

import json
from pathlib import Path

import pytest

from minidesk.answering.abroad import agrees_abroad
from minidesk.answering.prove import Prover
from minidesk.answering.rank import Remembered, WordNearness
from minidesk.knowledge.embed import Embedder
from minidesk.knowledge.records import Passage

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "german.jsonl").read_text(encoding="utf-8").splitlines()
]
# Of the sentences that say the same in another order; what is dropped costs an answer a sentence. 24 of 29 as measured.
LOOSE_SHOWN = 0.75


def passage(row: dict[str, str]) -> Passage:
    """A page of the small German base."""
    return Passage(
        chunk=row["page"],
        document=row["page"],
        document_id=row["page"],
        version_id="v",
        title=row["page"],
        url=None,
        heading_path=(),
        kind="text",
        question=None,
        text=row["says"],
        start=0,
        end=len(row["says"]),
        page=None,
        score=1.0,
    )


@pytest.fixture
def prover(embedder: Embedder) -> Prover:
    embed = Remembered(embedder.documents)
    return Prover([passage(row) for row in ROWS], embed, WordNearness(embed))


async def test_no_corrupted_sentence_is_shown_and_hardly_a_faithful_one_is_lost(prover: Prover) -> None:
    false = [text for row in ROWS for text in row["false"]]
    true = [text for row in ROWS for text in row["true"]]
    loose = [text for row in ROWS for text in row["loose"]]
    assert len(false) >= 60
    assert len(true) + len(loose) >= 60
    assert [text for text in false if await prover.prove(text)] == []
    assert [text for text in true if not await prover.prove(text)] == []
    shown = [text for text in loose if await prover.prove(text)]
    print(f"{len(shown)} of {len(loose)} sentences in another order shown")
    assert len(shown) >= LOOSE_SHOWN * len(loose)


@pytest.mark.parametrize(
    ("sentence", "page"),
    [
        ("Die Jacke darf in den Trockner.", "Die Jacke darf nicht in den Trockner."),
        ("Sie müssen den Artikel zurückgeben.", "Sie können den Artikel zurückgeben."),
        ("Wir liefern nach Wien.", "Wir liefern nur nach Wien."),
        ("Der Versand ist bis 60 Euro frei.", "Der Versand ist ab 60 Euro frei."),
        ("Der Versand ist nach 60 Euro frei.", "Der Versand ist mit 60 Euro frei."),
        ("Pakete wiegen mindestens 30 kg.", "Pakete wiegen höchstens 30 kg."),
        ("Es dauert mindestens vier Tage.", "Es dauert mindestens zwei und höchstens vier Tage."),
        ("Punkte verfallen im Jänner.", "Punkte verfallen im Jänner, wenn Sie nichts bestellen."),
        ("Auf Zelte gibt es zwei Jahre.", "Auf Zelte gibt es fünf Jahre, auf Schuhe zwei Jahre."),
        ("Sonntags ist geöffnet.", "Werktags ist geöffnet. Sonntags ist geschlossen."),
        ("Das geht immer.", "Das geht meistens."),
        ("Ganz anderes steht hier nicht.", "Kein Wort davon."),
    ],
)
def test_each_kind_of_turn_is_noticed(sentence: str, page: str) -> None:
    assert not agrees_abroad(sentence, page)
    assert agrees_abroad(page, page)


@pytest.mark.parametrize(
    ("sentence", "page"),
    [
        ("In den Trockner darf die Jacke nicht.", "Die Jacke darf nicht in den Trockner."),
        ("Auf Schuhe gibt es zwei Jahre.", "Auf Zelte gibt es fünf Jahre, auf Schuhe zwei Jahre."),
        ("Es dauert höchstens vier Tage.", "Es dauert mindestens zwei und höchstens vier Tage."),
        ("You may return it, not only in May.", "You must not return it."),  # other rules know English
        ("", ""),
    ],
)
def test_what_says_the_same_passes(sentence: str, page: str) -> None:
    assert agrees_abroad(sentence, page)
