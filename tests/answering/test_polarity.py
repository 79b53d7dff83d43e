"""A "Yes," or a "No," answers what was asked, and the page does not know that: it is kept only where it is plain.

polarity.jsonl: questions, a model's sentence, what the page says (and what it was asked itself), and whether the word in
front stays. The statement behind the word is true in all of them: it is shown either way.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from minidesk.answering.asks import read
from minidesk.answering.compose import Composer, Manner
from minidesk.answering.outcome import ProvedSentence, Question
from minidesk.answering.polarity import opened, stays
from minidesk.answering.prove import Prover
from minidesk.answering.rank import Remembered, WordNearness, rank
from minidesk.gateway.scripted import Line, ScriptedModel
from minidesk.knowledge.embed import Embedder
from tests.answering.shop import Script, passage
from tests.hostile.desk import hostile_desk

ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "polarity.jsonl").read_text(encoding="utf-8").splitlines()
]
DOGS = passage(
    "Dogs must stay outside. Cats are welcome in all rooms. We ship souvenirs to Austria.", "Animals"
)
HUNDE = passage(
    "Hunde müssen draußen bleiben. Katzen sind in allen Zimmern erlaubt. Wir liefern nach Österreich.",
    "Tiere im Haus",
)
ABROAD = passage(
    "Yes, in all countries except Russia, Belarus and North Korea. Magnetic stripe payments outside Europe are off by default.",
    "Can I use my card abroad?", title="Card questions",
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['asked']} {row['said']}")
def test_the_word_in_front_stays_where_it_is_plain(row: dict[str, Any]) -> None:
    front = opened(row["said"])
    assert front.word
    assert stays(front, row["asked"], row.get("heading", ""), row.get("there", ""), None) is row["stays"]


@pytest.mark.parametrize(
    "sentence",
    ["No returns are possible.", "Not all rooms have a bath.", "Exactly 3 days.", "Correct the form.", "No. 3 is closed.",
     "Non-smokers only.", "Right of way.", "Genau 3 Tage.", "Sicher ist sicher.", "Of course books are lent.", "Yes!", "No."],
)  # fmt: skip
def test_what_only_looks_like_a_yes_or_no_is_part_of_its_sentence(sentence: str) -> None:
    assert opened(sentence).word == ""


@pytest.mark.parametrize(
    ("question", "said", "shown"),
    [
        ("Can I bring my dog?", "Yes, dogs must stay outside.", "Dogs must stay outside."),
        ("Can I bring my dog?", "No, we ship souvenirs to Austria.", "We ship souvenirs to Austria."),
        ("Can I bring my dog?", "**Yes**, dogs must stay outside.", "Dogs must stay outside."),
        ("Can I bring my dog?", "**Yes, dogs must stay outside.**", "**Dogs must stay outside.**"),
        ("Can I bring my dog?", "Good question – yes, dogs must stay outside.", "Dogs must stay outside."),
        ("Can I bring my dog?", "Of course, dogs must stay outside.", "Dogs must stay outside."),
        ("Can I bring my dog?", "1. Yes, dogs must stay outside.", "1. Dogs must stay outside."),
        ("Can I bring my cat?", "Yes, cats are welcome in all rooms.", "Yes, cats are welcome in all rooms."),
        ("Do you ship souvenirs to Austria?", "Yes, we ship souvenirs to Austria.", "Yes, we ship souvenirs to Austria."),
        ("Do you ship souvenirs to Austria?", "No, we ship souvenirs to Austria.", "We ship souvenirs to Austria."),
        ("", "Yes, cats are welcome in all rooms.", "Cats are welcome in all rooms."),
    ],
)  # fmt: skip
async def test_of_a_true_sentence_only_the_wrong_answer_goes(
    embedder: Embedder, question: str, said: str, shown: str
) -> None:
    prover = Prover([DOGS], embedder.documents, WordNearness(embedder.documents), question)
    proved = await prover.prove(said)
    assert proved is not None
    assert proved.text == shown
    assert proved.citations


@pytest.mark.parametrize(
    ("question", "said", "shown"),
    [
        ("Darf ich meinen Hund mitbringen?", "Ja, Hunde müssen draußen bleiben.", "Hunde müssen draußen bleiben."),
        ("Darf ich meinen Hund mitbringen?", "Nein, wir liefern nach Österreich.", "Wir liefern nach Österreich."),
        ("Liefern Sie nach Österreich?", "Ja, wir liefern nach Österreich.", "Ja, wir liefern nach Österreich."),
        ("Liefern Sie nach Österreich?", "Nein, wir liefern nach Österreich.", "Wir liefern nach Österreich."),
        ("Sind Katzen erlaubt?", "Ja, Katzen sind in allen Zimmern erlaubt.", "Ja, Katzen sind in allen Zimmern erlaubt."),
    ],
)  # fmt: skip
async def test_in_german_too(embedder: Embedder, question: str, said: str, shown: str) -> None:
    prover = Prover([HUNDE], embedder.documents, WordNearness(embedder.documents), question)
    proved = await prover.prove(said)
    assert proved is not None
    assert proved.text == shown


async def test_a_yes_at_the_end_is_no_statement_of_the_page(embedder: Embedder) -> None:
    prover = Prover([DOGS], embedder.documents, WordNearness(embedder.documents), "Can I bring my dog?")
    assert await prover.prove("Dogs must stay outside, so yes.") is None


async def test_the_pages_own_yes_answers_the_pages_question(embedder: Embedder) -> None:
    """What stands in for a refused sentence is the page's, and its "Yes," was another question's."""
    loose = "You can use your card everywhere except in Russia, Belarus and North Korea."
    for question, opens in (
        ("Can I use my card abroad?", "Yes, in"),
        ("Can I use my card in Russia?", "In all"),
    ):
        prover = Prover([ABROAD], embedder.documents, WordNearness(embedder.documents), question)
        said = await prover.say(loose)
        assert said.how == "instead"
        assert said.sentence is not None
        assert said.sentence.text.startswith(opens)


async def test_the_composer_hands_the_question_on_as_it_was_made_whole(embedder: Embedder) -> None:
    """ "And to Austria?" was rewritten before: its answer's "Yes," is plain."""
    embed = Remembered(embedder.documents)
    whole = "Do you ship souvenirs to Austria?"
    model = Script(["Yes, we ship souvenirs to Austria. Yes, dogs must stay outside."])
    composer = Composer(embed, WordNearness(embed), model, Manner())
    ranking = await rank(read(whole, {}), [DOGS], embed, WordNearness(embed))
    parts = [
        part
        async for part in composer.compose(Question("s1", "And to Austria?"), whole, ranking, 0.9, [DOGS])
    ]
    shown = "".join(part.text for part in parts if isinstance(part, ProvedSentence))
    assert shown == "Yes, we ship souvenirs to Austria. Dogs must stay outside."


@pytest.mark.timeout(300)
async def test_through_the_door_no_yes_is_read_that_the_page_does_not_give(tmp_path: Path) -> None:
    answer = "Yes, dogs must stay outside the house at all times."
    model = ScriptedModel(
        otherwise=lambda request: Line([answer[i : i + 4] for i in range(0, len(answer), 4)])
    )
    async with hostile_desk(tmp_path, model) as (desk, _):
        text = "# Animals\n\nDogs must stay outside the house at all times. Cats are welcome in all rooms."
        await desk.put("animals.md", "Animals", text, desk.api_key)
        await desk.found("Dogs must stay outside", desk.api_key)
        talk = await desk.start()
        await desk.say(talk, ["Can I bring my dog into the house?"])
        await desk.finish(talk)
    streamed = "".join(text for raw in talk.streamed if isinstance(text := json.loads(raw).get("text"), str))
    stored = json.dumps(talk.stored, ensure_ascii=False)
    for read_by_visitor in (streamed, stored):
        assert "Dogs must stay outside the house at all times." in read_by_visitor
        assert "Yes, dogs" not in read_by_visitor
