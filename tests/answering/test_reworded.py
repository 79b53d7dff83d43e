"""Four sites, asked without a model in words that are not their pages': a paddling shop, software for freelancers, a gym, and a
bicycle shop in German. Half of each site's questions was looked at while the rules were made, half only afterwards."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from minidesk.answering.asks import read
from minidesk.answering.outcome import Clarify, Reply
from minidesk.answering.said_alike import visitor_words
from tests.answering.taken_in import TakenIn, taken_in

SITES = Path(__file__).parent / "reworded"
NOT_SAID = Clarify("not_found", offer_person=True)


@dataclass(frozen=True)
class Asked:
    """A question, and the phrases one of which its answer holds; none where the pages do not say it."""

    question: str
    wanted: tuple[str, ...]
    held_out: bool


@dataclass(frozen=True)
class Counted:
    """How often of the answerable questions the answer holds what is wanted; how often one came where the pages say nothing."""

    right: int
    answerable: int
    made_up: int
    unanswerable: int


def asked(site: str) -> list[Asked]:
    """The questions about a site."""
    lines = (SITES / f"{site}.jsonl").read_text(encoding="utf-8").splitlines()
    return [Asked(d["question"], tuple(d["wanted"]), d["held_out"]) for d in map(json.loads, lines)]


def flat(text: str) -> str:
    """Without marks and capitals."""
    return re.sub(r"[\s*|_–-]+", " ", text).lower()


async def counted(desk: TakenIn, questions: Sequence[Asked]) -> Counted:
    """Asks them all."""
    right = made_up = 0
    for one in questions:
        found = await desk.ask(one.question)
        answered = found.outcome == Reply()
        right += answered and any(flat(phrase) in flat(found.text) for phrase in one.wanted)
        made_up += answered and not one.wanted
    answerable = sum(bool(one.wanted) for one in questions)
    return Counted(right, answerable, made_up, len(questions) - answerable)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, TakenIn]]:
    """Each site's pages, taken in."""
    found: dict[str, TakenIn] = {}
    async with AsyncExitStack() as stack:
        for folder in sorted(path for path in SITES.iterdir() if path.is_dir()):
            pages = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
            found[folder.name] = await stack.enter_async_context(
                taken_in(tmp_path_factory.mktemp(folder.name), pages)
            )
        yield found


@pytest.mark.parametrize("held_out", [False, True])
async def test_reworded_questions_are_answered_and_near_misses_are_not(
    desks: dict[str, TakenIn], held_out: bool
) -> None:
    """Before there were sayings, 21 of 63 and 20 of 60 were right, 1 of 30 near misses answered in each half; now 38 and 33."""
    sites = ["shop", "software", "gym"]
    all_of = [
        await counted(desks[site], [one for one in asked(site) if one.held_out == held_out]) for site in sites
    ]
    right, answerable = sum(c.right for c in all_of), sum(c.answerable for c in all_of)
    made_up, unanswerable = sum(c.made_up for c in all_of), sum(c.unanswerable for c in all_of)
    # Three below what was measured: another build of the embedding model moves a score across its threshold.
    assert right >= (30 if held_out else 35), (right, answerable)
    assert made_up <= 2, (made_up, unanswerable)


async def test_reworded_german_questions(desks: dict[str, TakenIn]) -> None:
    """Before: 10 of 30 right, 1 of 12 near misses answered; now 16."""
    found = await counted(desks["bikes_german"], asked("bikes_german"))
    assert found.right >= 14, found
    assert found.made_up <= 1, found


@pytest.mark.parametrize(
    ("site", "question", "wanted"),
    [
        # A word that means the same, and what the visitor tells besides.
        ("shop", "can i stop my order, i changed my mind", "until it has been packed"),
        ("shop", "is my pup allowed inside", "Dogs are welcome"),
        ("gym", "can i stop for a few months while i travel", "pause"),
        ("gym", "can i take a selfie", "only of yourself"),
        ("software", "can i hook it up with outlook", "Outlook"),
        # Other forms of a verb, which no stemmer brings together.
        ("software", "can i write invoices in french for a client in lyon", "French"),
        # Whoever asks whether they must does not ask whether there is something.
        ("gym", "do i have to pay extra for classes", "included"),
        ("bikes_german", "mein fahrrad wurde geklaut", "Anzeige"),
        ("bikes_german", "bestellung wieder abblasen", "stornieren"),
    ],
)
async def test_each_way_to_say_it(desks: dict[str, TakenIn], site: str, question: str, wanted: str) -> None:
    found = await desks[site].ask(question)
    assert found.outcome == Reply(), found.text
    assert wanted in found.text


OUTFITTER = {
    "returns.md": """# Returns

You can return articles within 30 days after delivery. The refund takes a week.
""",
    "jackets.md": """# Jackets

Our jackets are made of three layers. In October a jacket takes up to five weeks to sew, because everybody wants one.
""",
    "bikes.md": """# Bikes

Please take off bags and lights before you hand in a bike for the winter. We store bikes until April.

Handlebar bags hold five litres.
""",
    "paying.md": """# Paying

You pay by credit card when you order. Codes cannot be applied afterwards. We open at 10:00.
""",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outfitter(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TakenIn]:
    """One for all of them."""
    async with taken_in(tmp_path_factory.mktemp("outfitter"), OUTFITTER) as desk:
        yield desk


@pytest.mark.parametrize(
    "question",
    [
        "do you sell bike bags",
        "can I pay without a credit card",
        "do you have a job for me",
    ],
)
async def test_words_that_stand_there_apart_are_no_answer(outfitter: TakenIn, question: str) -> None:
    found = await outfitter.ask(question)
    assert found.outcome == NOT_SAID, found.text


async def test_what_was_bought_is_an_article(outfitter: TakenIn) -> None:
    found = await outfitter.ask("Can I return a jacket after three weeks?")
    assert found.outcome == Reply()
    assert "within 30 days" in found.text


def test_a_saying_is_found_with_what_stands_between_its_words() -> None:
    table = visitor_words("can i send my boots back?", None)
    assert table is not None
    (back,) = [
        one for one in table.found(["can", "i", "send", "my", "old", "boots", "back"]) if len(one.at) > 1
    ]
    assert back.at == (2, 6)
    assert "return" in back.pages


def test_a_word_inside_a_phrase_is_nothing_by_itself() -> None:
    (credit, card) = [
        term for term in read("is my credit card charged?").terms if term.word in {"credit", "card"}
    ]
    assert "card" in credit.alternates
    assert "charge" not in card.alternates


def test_what_people_tell_of_themselves_need_not_stand_on_a_page() -> None:
    weights = {term.word: term.weight for term in read("i already keep wondering about the deposit").terms}
    assert weights["deposit"] == 1.0
    assert weights["wondering"] < 1.0
    # Where nothing else is said it is what the question is about.
    assert {term.word: term.weight for term in read("what is there to see in Graz").terms}["graz"] == 1.0
