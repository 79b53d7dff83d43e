"""FAQs whose answers do not name what they are about: another question in the same words is not answered by them."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from minidesk.answering.outcome import Clarify, HandOff, Question, Reply
from minidesk.answering.prove import Prover
from minidesk.answering.rank import WordNearness
from minidesk.answering.sure import ANSWER_FROM, ASK_MODEL_FROM
from minidesk.knowledge.embed import Embedder
from tests.answering.taken_in import TakenIn, taken_in

ENTRIES = {
    "Do you sell climbing shoes?": "Yes, we have twelve models in our shop in Graz.",
    "Can I pay with PayPal?": "Yes. You are sent there at the end of the order.",
    "Do you ship to Switzerland?": "Yes, it takes 3 to 5 working days and costs €14. Norway is on our list for next year.",
    "Do you offer a student discount?": "Yes, 8 % with a valid card.",
    "Can I change my delivery address?": "Yes, until the parcel has left us. Open the order and choose Change.",
    "Do you repair tents?": "We sew them and replace poles. It takes two weeks.",
    "How do I delete my account?": "Open Settings, choose Account and press Delete.",
    "Are dogs allowed in the shop?": "Yes, on a lead.",
    "Do you rent out snowshoes?": "Yes, €12 a day.",
    "Am I allowed to host a commercial website?": "Shops and paid services may run here as long as nobody is misled.",
    "How can I attach a file from one e-mail to another without saving it first?": "Choose Forward, and the files of the message come along.",
    "Who opened the mill?": "In 1998 the brothers Anton and Josef Moser opened it.",
}
GERMAN = {
    "Sind Hunde im Laden erlaubt?": "Ja, an der Leine.",
    "Verkauft ihr Kletterschuhe?": "Ja, zwölf Modelle in unserem Geschäft in Graz.",
    "Kann ich mit PayPal zahlen?": "Ja. Am Ende der Bestellung werden Sie weitergeleitet.",
    "Liefert ihr in die Schweiz?": "Ja, in 3 bis 5 Werktagen für 14 €.",
    "Gibt es einen Rabatt für Studenten?": "Ja, 8 % mit gültigem Ausweis.",
    "Wie lösche ich mein Konto?": "Unter Einstellungen, dann Konto, dann Löschen.",
    "Habt ihr am Sonntag offen?": "Nein.",
}
# Entries whose answers nobody has written yet.
NAMES = {
    "cancel order": ["How can I cancel my order?", "I want to cancel a product", "cancellation please"],
    "warranty": ["My zip broke, is that covered?", "How long is the guarantee?"],
}


# Four sites' FAQs (a dentist, invoicing, a rental, a library), 18 entries each, by somebody who did not know the code; two
# of the thresholds of `another.py` were set on them. For each entry a question with one word exchanged for another of the
# same meaning, one in a visitor's own words, and one about another thing that no entry of the site is for.
SITES = Path(__file__).parent / "near"


def corpus(rows: list[tuple[str, str, str, list[str]]]) -> str:
    """A file of entries: id, title, answer, questions."""
    return "".join(
        json.dumps({"id": id_, "title": title, "text": text, "questions": asked}) + "\n"
        for id_, title, text, asked in rows
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TakenIn]:
    """The entries, taken in."""
    rows = [(f"q{n}", asked, text, [asked]) for n, (asked, text) in enumerate(ENTRIES.items())]
    rows += [(f"d{n}", asked, text, [asked]) for n, (asked, text) in enumerate(GERMAN.items())]
    rows += [(name, name, name, asked) for name, asked in NAMES.items()]
    async with taken_in(tmp_path_factory.mktemp("near"), {"corpus.jsonl": corpus(rows)}) as found:
        yield found


@pytest.mark.parametrize(
    "question",
    [
        "Do you sell ski boots?",
        "Can I pay with Bitcoin?",
        "Do you ship to Portugal?",
        "Do you offer a discount for seniors?",
        "Can I change my user name?",
        "Do you repair skis?",
        "How do I merge two accounts?",
        "Are horses allowed in the shop?",
        "are cats allowed?",
        "Do you rent out kayaks?",
        "who opened the mill in 1975",
        "Sind Pferde im Laden erlaubt?",
        "Verkauft ihr Skischuhe?",
        "Liefert ihr nach Norwegen?",
        "Gibt es einen Rabatt für Senioren?",
        "Wie sperre ich mein Konto?",
        "Habt ihr am Montag offen?",
    ],
)
async def test_the_answer_to_another_question_is_not_given(desk: TakenIn, question: str) -> None:
    found = await desk.ask(question)
    assert isinstance(found.outcome, Clarify | HandOff), found.text


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Do you stock climbing shoes?", "twelve models"),
        ("can i pay by paypal", "at the end of the order"),
        ("do you deliver to switzerland", "€14"),
        ("Do you ship to Norway?", "next year"),
        ("do you have a discount for students", "8 %"),
        ("Do you fix tents?", "two weeks"),
        ("How do I remove my account?", "press Delete"),
        ("Are dogs welcome in the store?", "on a lead"),
        ("are dogs allowed?", "on a lead"),
        ("how do i delte my acount", "press Delete"),
        ("are there legal problems with hosting a for profit web site", "may run here"),
        (
            "I'd like to attach a file that I received as an attachment, can I avoid downloading it?",
            "Forward",
        ),
        ("who opened the mill in 1998", "Anton and Josef"),
        ("Dürfen Hunde mit in den Laden?", "an der Leine"),
        ("Wird auch in die Schweiz geliefert?", "14 €"),
        ("Gibt es einen Studentenrabatt?", "8 %"),
        ("Ist am Sonntag geöffnet?", "Nein"),
    ],
)
async def test_the_same_question_in_other_words_is_answered(
    desk: TakenIn, question: str, wanted: str
) -> None:
    found = await desk.ask(question)
    assert found.outcome == Reply(), found.score
    assert wanted in found.text


@pytest.mark.parametrize(
    ("question", "sure"), [("I no longer want it, cancel my order", True), ("do you sell maps", False)]
)
async def test_of_an_entry_without_an_answer_its_questions_tell(
    desk: TakenIn, question: str, sure: bool
) -> None:
    found = await desk.ask(question)
    assert (found.score >= 0.5) is sure


async def test_on_four_sites_near_misses_are_few_and_the_same_question_is_answered(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    counted: Counter[str] = Counter()
    for file in sorted(SITES.glob("*.jsonl")):
        entries = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        rows = [(one["id"], one["question"], one["answer"], [one["question"]]) for one in entries]
        async with taken_in(tmp_path_factory.mktemp(file.stem), {"corpus.jsonl": corpus(rows)}) as desk:
            for one in entries:
                framed, free = [await desk.ask(question) for question in one["same"]]
                other = await desk.ask(one["other"])
                counted["framed"] += one["id"] in {c.document for c in framed.citations}
                counted["free"] += one["id"] in {c.document for c in free.citations}
                counted["told"] += other.outcome == Reply()
    # Of 72 each: 66, 32 and 32 before near misses were told apart.
    assert counted["framed"] >= 60
    assert counted["free"] >= 35
    assert counted["told"] <= 7


async def test_a_model_is_asked_all_the_same(desk: TakenIn) -> None:
    """It may know that the two words mean one thing; the proof sees to it that it says so."""
    found = await desk.asker.prepare(Question(desk.site_id, "Are horses allowed in the shop?"))
    assert ASK_MODEL_FROM <= found.sure.score < ANSWER_FROM


@pytest.mark.parametrize(
    ("question", "said", "shown"),
    [
        ("Are horses allowed in the shop?", "On a lead.", False),
        ("Are horses allowed in the shop?", "Yes, on a lead.", False),
        ("Are horses allowed in the shop?", "Dogs are allowed on a lead.", True),
        ("Are dogs allowed in the shop?", "Yes, on a lead.", True),
        ("Do you ship to Portugal?", "It takes 3 to 5 working days and costs €14.", False),
        ("Do you ship to Norway?", "Norway is on our list for next year.", True),
        ("Do you ship to Switzerland?", "It takes 3 to 5 working days and costs €14.", True),
        ("Do you rent out kayaks?", "€12 a day.", False),
    ],
)
async def test_a_model_does_not_give_it_either(
    desk: TakenIn, embedder: Embedder, question: str, said: str, shown: bool
) -> None:
    found = await desk.asker.prepare(Question(desk.site_id, question))
    prover = Prover(found.result.passages, embedder.texts, WordNearness(embedder.texts), question)
    told = await prover.say(said)
    assert (told.sentence is not None) is shown
