"""What the proof refuses is said in the page's own words where the page says it, and never twice."""

import pytest

from minidesk.answering.prove import Prover, Said
from minidesk.answering.rank import WordNearness
from minidesk.knowledge.embed import Embedder
from minidesk.knowledge.records import Passage
from tests.answering.shop import passage

TIMEOUT = passage(
    "Locking your vault will maintain its data on the device, so unlocking it can be done offline. "
    "After 5 failed PIN attempts, the app will automatically log out of your account. "
    "If one of your devices is lost, log it out under Settings → Devices. "
    "Only U.S. cards are accepted for yearly plans.",
    "When the vault locks",
)
PLANS = passage(
    "Plan: Basic | Price a month: €2 | Storage: 1 GB\nPlan: Family | Price a month: €5 | Storage: 20 GB",
    "Plans",
)
# Faithful, but in words or an order that no rule follows; with what the page says of it.
LOOSE = {
    "A locked vault leaves its data on the device, so unlocking can also be done offline.": (
        "Locking your vault will maintain its data on the device, so unlocking it can be done offline."
    ),
    "The app automatically throws you out of your account once 5 PIN attempts have failed.": (
        "After 5 failed PIN attempts, the app will automatically log out of your account."
    ),
}
# Wrong in one thing; the page puts it right.
WRONG = {
    "After 8 failed PIN attempts, the app will automatically log out of your account.": "After 5 failed PIN attempts",
    "Locking your vault will not maintain its data on the device.": "will maintain its data on the device",
}
INVENTED = [
    "You can also unlock your vault with your fingerprint on a phone.",
    "Yearly plans come with a 30-day money-back guarantee.",
    "Our support team restores deleted vaults within two days.",
    "The Business plan costs €9 a month.",
]


def prover(embedder: Embedder, *pages: Passage) -> Prover:
    return Prover(pages, embedder.documents, WordNearness(embedder.documents))


async def said(embedder: Embedder, sentence: str) -> Said:
    return await prover(embedder, TIMEOUT, PLANS).say(sentence)


@pytest.mark.parametrize(("sentence", "page"), [*LOOSE.items(), *WRONG.items()])
async def test_the_page_speaks_where_the_model_is_not_proved(
    embedder: Embedder, sentence: str, page: str
) -> None:
    found = await said(embedder, sentence)
    assert found.how == "instead"
    assert found.sentence is not None
    assert page in found.sentence.text
    assert found.sentence.text.strip() == found.sentence.citations[0].quote


@pytest.mark.parametrize("sentence", INVENTED)
async def test_what_no_page_says_is_lost(embedder: Embedder, sentence: str) -> None:
    assert await said(embedder, sentence) == Said("lost")


async def test_a_row_answers_for_what_it_is_named_after(embedder: Embedder) -> None:
    found = await said(embedder, "With the Family plan, you pay a monthly price of €6.")
    assert found.how == "instead"
    assert found.sentence is not None
    assert "Family" in found.sentence.text
    assert "€5" in found.sentence.text
    assert "€2" not in found.sentence.text


async def test_nothing_is_told_twice(embedder: Embedder) -> None:
    """A proved sentence, the same in loose words, the page's words for another, and that one proved: two are shown."""
    one = prover(embedder, TIMEOUT)
    proved = "After 5 failed PIN attempts, the app will automatically log out of your account."
    loose, page = next(iter(LOOSE.items()))
    hows = [(await one.say(text)).how for text in [proved, f" {list(LOOSE)[1]}", f" {loose}", f" {page}"]]
    assert hows == ["proved", "told", "instead", "told"]


async def test_marks_and_joints_of_the_model_are_kept(embedder: Embedder) -> None:
    found = await prover(embedder, TIMEOUT).say(f"\n- {next(iter(LOOSE))} [3]")
    assert found.sentence is not None
    assert found.sentence.text == f"\n- {next(iter(LOOSE.values()))}"
    assert [citation.n for citation in found.sentence.citations] == [1]
