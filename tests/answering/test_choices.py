"""A question that could be two things: asked back once, with names to tap, and each of them leads to an answer."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from minidesk.answering.choices import LABEL_CHARS, named_by, short
from minidesk.answering.followup import candidates, rewrite
from minidesk.answering.outcome import Answered, Clarify, HandOff, Question, Reply, Turn
from minidesk.answering.picked import offered, picked
from minidesk.ask import Asker, answer
from minidesk.knowledge.embed import Embedder
from minidesk.operations import ingest_paths, open_for_asking
from minidesk.settings import Settings, load_settings
from tests.answering.shop import SHOP, Script, SmallSearch, passage
from tests.conftest import FakeClock

KNOWLEDGE = Path(__file__).parents[2] / "knowledge"
VAGUE = [json.loads(line) for line in Path(__file__).with_name("vague.jsonl").read_text().splitlines()]
CLEAR = [
    "How long is the guarantee?",
    "How much is shipping?",
    "What are your payment methods?",
    "How do I reset my password?",
    "price of resoling",
    "How long is a gift card valid?",
    "Do you offer a student discount?",
    "what does express cost?",
    "how long does a repair take?",
    "trail points",
    "Can somebody else pay for my order?",
    "How heavy is the Biwak 1?",
]
BACK = (
    Turn("visitor", "What does it cost?"),
    Turn(
        "assistant", "Do you mean “Express”, “Repairs” or “Gift cards”?", ("Express", "Repairs", "Gift cards")
    ),
)


@dataclass(frozen=True)
class Desk:
    """The sample shop, taken in and asked as the commands do."""

    site_id: str
    asker: Asker

    async def ask(self, text: str, history: tuple[Turn, ...] = ()) -> Answered:
        """The end of the turn."""
        return await answer(self.asker, Question(self.site_id, text, history))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """Without a model. Search is the real one: which pages lie near a thin question hangs on all of its parts."""
    settings = load_settings(data_dir=tmp_path_factory.mktemp("shop"))
    async for line in ingest_paths(settings, [KNOWLEDGE], None, None, lambda _: None):
        assert line.state != "failed", line
    async with open_for_asking(settings, None) as (site_id, answers):
        yield Desk(site_id, answers.asker)


def names(answered: Answered) -> tuple[str, ...]:
    """What there is to tap; fails where nothing is asked back."""
    assert isinstance(answered.outcome, Clarify), answered.text
    assert answered.outcome.kind == "choices", answered.text
    return answered.outcome.choices


def asked_back(question: str, answered: Answered) -> tuple[Turn, ...]:
    """The conversation as a reply finds it when something is tapped."""
    return (Turn("visitor", question), Turn("assistant", answered.text, names(answered)))


@pytest.mark.parametrize("row", VAGUE, ids=lambda row: row["question"])
async def test_a_vague_question_is_asked_back_and_every_choice_is_answered(
    desk: Desk, row: dict[str, list[str]]
) -> None:
    question = str(row["question"])
    first = await desk.ask(question)
    found = names(first)
    assert 2 <= len(found) <= 4
    assert len({name.casefold() for name in found}) == len(found)
    assert all(0 < len(name) <= LABEL_CHARS for name in found)
    assert all(f"“{name}”" in first.text for name in found)
    assert first.citations == ()
    cited = set()
    for name in found:
        second = await desk.ask(name, asked_back(question, first))
        assert second.outcome == Reply(), name
        assert named_by(name, second.passages) == second.passages, name
        cited |= {c.document for c in second.citations}
    assert set(row["leads_to"]) <= cited


@pytest.mark.parametrize("question", CLEAR)
async def test_a_clear_question_is_answered_at_once(desk: Desk, question: str) -> None:
    answered = await desk.ask(question)
    assert answered.outcome == Reply(), answered.text


@pytest.mark.parametrize("question", ["how much", "What does it cost?", "Delivery?"])
async def test_never_asked_back_twice_in_a_row(desk: Desk, question: str) -> None:
    first = await desk.ask("What does it cost?")
    again = await desk.ask(question, asked_back("What does it cost?", first))
    assert again.outcome == Reply() or again.outcome == Clarify("not_found", offer_person=True)


async def test_the_chosen_price_and_not_another(desk: Desk) -> None:
    first = await desk.ask("How heavy is it?")
    chosen = await desk.ask("Tents", asked_back("How heavy is it?", first))
    assert "kg" in chosen.text


async def test_what_follows_a_choice_is_about_it(desk: Desk) -> None:
    history = (
        Turn("visitor", "How much is it?"),
        Turn("assistant", "", ("Gear rental in Innsbruck", "Repair service")),
        Turn("visitor", "Repair service"),
        Turn("assistant", "Resoling costs €79 a pair."),
    )
    answered = await desk.ask("and how long does it take?", history)
    assert "Repair service" in answered.search_query
    assert "weeks" in answered.text


@pytest.fixture
def small(embedder: Embedder, settings: Settings, clock: FakeClock) -> Asker:
    """A shop whose customer service has a page of its own, with a model that would answer anything."""
    pages = (
        *SHOP,
        passage("Calls cost 12 cents a minute.", title="Customer service", name="calls"),
        passage("Assembly at your home costs €45.", "At your home", title="Assembly"),
    )
    return Asker(SmallSearch(embedder, pages), embedder.documents, Script([]), settings, clock)


async def test_no_model_is_asked_and_no_words_are_mistaken_for_a_request(small: Asker) -> None:
    first = await answer(small, Question("s1", "What does it cost?"))
    assert "Customer service" in names(first)
    assert (first.model, first.cost_micros) == (None, 0)
    bare = await answer(small, Question("s1", "Customer service"))
    assert bare.outcome == HandOff("customer_request")
    chosen = await answer(small, Question("s1", "Customer service", asked_back("What does it cost?", first)))
    assert chosen.outcome == Reply()
    assert "12 cents" in chosen.text


@pytest.mark.parametrize(
    ("locale", "text", "line"),
    [
        ("en", "What does it cost?", "Do you mean “"),
        ("de-AT", "?? what does it cost", "Do you mean “"),
        ("fr", "cost ? price ?", "Voulez-vous dire « "),
        ("de", "cost? price?", "Meinen Sie „"),
    ],
)
async def test_it_is_asked_in_the_visitors_language(small: Asker, locale: str, text: str, line: str) -> None:
    answered = await answer(small, Question("s1", text, locale=locale))
    assert answered.text.startswith(line)
    assert offered((Turn("assistant", answered.text),)) == names(answered)


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("Express", "Express"),
        ("express!", "Express"),
        ("the second one", "Repairs"),
        ("3", "Gift cards"),
        ("the last", "Gift cards"),
        ("4", None),
        ("gift card please", "Gift cards"),
        ("cards", "Gift cards"),
        ("neither", None),
        ("the price of a Brenner 38", None),
        ("", None),
    ],
)
def test_a_choice_may_be_typed(said: str, choice: str | None) -> None:
    assert picked(said, BACK) == choice
    # who keeps the conversation themselves has only our words
    assert picked(said, (BACK[0], Turn("assistant", BACK[1].text))) == choice


def test_a_choice_is_joined_with_what_was_asked() -> None:
    assert rewrite("Express", BACK) == "What does it cost (Express)?"
    assert candidates("Express", BACK) == ("What does it cost (Express)?",)
    question = (BACK[0], Turn("assistant", "", ("How long does a repair take?", "Express")))
    assert rewrite("How long does a repair take?", question) == "How long does a repair take?"
    later = (*BACK, Turn("visitor", "Express"), Turn("assistant", "It costs €14.90."))
    assert offered(later) == ()
    assert picked("Repairs", later) is None


def test_quotes_in_an_answer_are_no_choices() -> None:
    assert offered((Turn("assistant", "Open “My orders”, then “Return”."),)) == ()
    assert offered((Turn("agent", "Do you mean “A” or “B”?"),)) == ()
    assert offered(()) == ()


def test_names_fit_on_a_button() -> None:
    assert short("2. Minimum order and discounts") == "Minimum order and discounts"
    assert short("3 years") == "3 years"
    assert short("Sustainability: what we do, and what we do not manage yet") == "Sustainability"
    assert (
        short("Can I change the payment method after ordering?") == "Can I change the payment method after…"
    )
    assert short("The “best” tent") == "The best tent"
    assert len(short("x" * 90)) <= LABEL_CHARS
