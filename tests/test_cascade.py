"""Mini answers; large is asked where the proof of mini's answer is too thin, and never in the middle of an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

import pytest

from minidesk.answering import cascade
from minidesk.answering.cascade import LargeTier
from minidesk.answering.models import Models, OneTier
from minidesk.answering.outcome import Answered, Clarify, HandOff, ProvedSentence, Question, Reply
from minidesk.ask import Asker
from minidesk.errors import ModelOverloaded, ModelRefused, ModelTruncated
from minidesk.gateway import ChatRequest, Finished
from minidesk.gateway.failures import BUDGET_SPENT
from minidesk.gateway.scripted import Line, ScriptedModel
from minidesk.knowledge.embed import Embedder
from minidesk.settings import Settings
from tests.answering.conftest import embedder as embedder  # noqa: PLC0414 (a fixture, named so that pytest finds it)
from tests.answering.shop import SHOP, Script, SmallSearch
from tests.conftest import FakeClock
from tests.gateway.conftest import Ledger, gateway, target
from tests.helpers.serving import serving

ASKED = "How long do I have to return something?"
GOOD = "You can return articles within 30 days after delivery. Articles have to be unworn, with all tags."
HALF = "We refund everything twice. You can return articles within 30 days after delivery."
MOSTLY = "You can return articles within 30 days after delivery. We refund everything twice."
NOTHING = "We refund everything twice. Returns are free for 90 days."


class Large(Script):
    """The large model: its own name, and ten times the price."""

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | Finished]:
        """As a script does."""
        async with aclosing(super().stream(request)) as pieces:  # type: ignore[type-var]  # a generator behind the iterator
            async for piece in pieces:
                yield Finished("large", 900, 60, False, 1800, 5, 9) if isinstance(piece, Finished) else piece


@dataclass
class Desk:
    """An asker over the small shop with both tiers."""

    embedder: Embedder
    settings: Settings
    clock: FakeClock
    mini: Models
    large: Models | None = None

    async def ask(self, text: str = ASKED) -> tuple[list[str], Answered]:
        """What was shown, and how it ended."""
        large = LargeTier(self.large) if self.large is not None else None
        search = SmallSearch(self.embedder, SHOP)
        asker = Asker(search, self.embedder.documents, self.mini, self.settings, self.clock, large=large)
        parts = [part async for part in asker.ask(Question("s1", text))]
        last = parts.pop()
        assert isinstance(last, Answered)
        return [part.text for part in parts if isinstance(part, ProvedSentence)], last


@pytest.fixture
def desk(embedder: Embedder, settings: Settings, clock: FakeClock) -> Desk:
    """Nobody says anything yet."""
    return Desk(embedder, settings, clock, Script([]), Large([]))


def scripts(desk: Desk) -> tuple[Script, Script]:
    assert isinstance(desk.mini, Script)
    assert isinstance(desk.large, Script)
    return desk.mini, desk.large


async def test_a_proved_answer_of_mini_is_all_that_is_asked_for(desk: Desk) -> None:
    mini, large = scripts(desk)
    mini.replies = [GOOD]
    _, answered = await desk.ask()
    assert (answered.text, answered.model, answered.cost_micros) == (GOOD, "mini", 180)
    assert large.requests == []


@pytest.mark.parametrize("said", [NOTHING, HALF, "", "## Returns"])
async def test_large_is_asked_where_too_little_of_minis_answer_was_proved(desk: Desk, said: str) -> None:
    mini, large = scripts(desk)
    mini.replies, large.replies = [said], [GOOD]
    sentences, answered = await desk.ask()
    assert answered.outcome == Reply()
    assert "".join(sentences) == answered.text == GOOD
    assert (answered.model, answered.tokens, answered.cost_micros) == ("large", 1920, 1980)
    assert large.requests[0].messages == mini.requests[0].messages, "the same passages, the same words"


async def test_once_a_sentence_was_shown_the_answer_stays_with_its_model(desk: Desk) -> None:
    mini, large = scripts(desk)
    mini.replies = [MOSTLY]
    sentences, answered = await desk.ask()
    assert sentences == ["You can return articles within 30 days after delivery."]
    assert (answered.model, large.requests) == ("mini", [])
    mini.replies, mini.error = [f"{GOOD} And th"], ModelTruncated()
    sentences, answered = await desk.ask()
    assert ("".join(sentences), answered.outcome, large.requests) == (GOOD, Reply(), [])


async def test_minis_not_found_is_believed_unless_the_passages_surely_answer(desk: Desk) -> None:
    mini, large = scripts(desk)
    mini.replies, large.replies = ["NOT_FOUND"], [GOOD]
    _, answered = await desk.ask("How long do I have to return articles after delivery?")
    assert answered.score >= cascade.SURE_OF_PASSAGES
    assert (answered.outcome, answered.model) == (Reply(), "large")
    mini.replies, large.requests = ["NOT_FOUND"], []
    _, answered = await desk.ask("How long can I return things from Norway?")
    assert answered.score < cascade.SURE_OF_PASSAGES
    assert answered.outcome == Clarify("not_found", offer_person=True)
    assert large.requests == []


async def test_two_models_that_find_nothing_are_believed(desk: Desk) -> None:
    mini, large = scripts(desk)
    mini.replies, large.replies = ["NOT_FOUND"], ["NOT_FOUND"]
    _, answered = await desk.ask("How long do I have to return articles after delivery?")
    assert answered.outcome == Clarify("not_found", offer_person=True)
    mini.replies, large.replies = [HALF], ["NOT_FOUND"]
    _, answered = await desk.ask()
    assert answered.outcome == Clarify("not_found", offer_person=True)


async def test_without_a_share_left_minis_proved_sentences_answer(desk: Desk) -> None:
    mini, large = scripts(desk)
    large.error = ModelRefused(code=BUDGET_SPENT)
    mini.replies = [HALF]
    _, answered = await desk.ask()
    assert (answered.text, answered.model) == (
        "You can return articles within 30 days after delivery.",
        "mini",
    )
    mini.replies = [NOTHING]
    _, answered = await desk.ask()
    assert answered.outcome == Reply(), "extracts"
    assert "30 days" in answered.text


@pytest.mark.parametrize("said", ["", NOTHING])
async def test_where_large_fails_too_what_mini_had_proved_answers_and_else_extracts(
    desk: Desk, said: str
) -> None:
    mini, large = scripts(desk)
    large.error = None if said else ModelOverloaded()
    mini.replies, large.replies = [HALF], [said]
    sentences, answered = await desk.ask()
    assert sentences == ["You can return articles within 30 days after delivery."]
    assert answered.model == "mini"
    mini.replies, large.replies = [NOTHING], [said]
    _, answered = await desk.ask()
    assert answered.outcome == Reply()
    assert answered.text.startswith("You can return articles within 30 days after delivery.")


async def test_with_mini_down_large_answers_and_with_both_down_extracts_and_then_a_person(desk: Desk) -> None:
    mini, large = scripts(desk)
    mini.error, large.replies = ModelOverloaded(), [GOOD]
    _, answered = await desk.ask()
    assert (answered.text, answered.model) == (GOOD, "large")
    large.error = ModelOverloaded()
    _, answered = await desk.ask()
    assert answered.outcome == Reply()
    assert answered.model is None
    _, answered = await desk.ask("How long can I return things from Norway?")
    assert answered.outcome in (Reply(), HandOff("model_failure"))


async def test_without_money_large_is_not_asked(desk: Desk) -> None:
    mini, large = scripts(desk)
    mini.error = ModelRefused(code=BUDGET_SPENT)
    _, answered = await desk.ask()
    assert (answered.outcome, answered.model) == (Reply(), None)
    assert large.requests == []


async def test_without_a_large_tier_nothing_is_held_back(desk: Desk) -> None:
    mini, _ = scripts(desk)
    desk.large = None
    mini.replies = [HALF]
    sentences, answered = await desk.ask()
    assert sentences == ["You can return articles within 30 days after delivery."]
    assert answered.model == "mini"


async def test_large_has_what_is_left_of_the_time_to_the_first_word(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow:
        configured = True
        asked = 0

        async def stream(self, _: ChatRequest) -> AsyncIterator[str | Finished]:
            self.asked += 1
            await asyncio.Event().wait()
            yield ""

    desk.large = slow = Slow()
    mini = desk.mini
    assert isinstance(mini, Script)
    monkeypatch.setattr(cascade, "FIRST_WORD_S", 0.0)
    mini.replies = [NOTHING]
    _, answered = await desk.ask()
    assert (answered.outcome, slow.asked) == (Reply(), 0), "too late to be worth it"
    monkeypatch.setattr(cascade, "FIRST_WORD_S", 3.0)  # proving what mini wrote takes some of it
    monkeypatch.setattr(cascade, "LARGE_NEEDS_S", 0.0)
    mini.replies = [HALF]
    _, answered = await asyncio.wait_for(desk.ask(), 20)
    assert (answered.model, slow.asked) == ("mini", 1)


async def test_a_sentence_is_shown_before_the_model_begins_the_next_one(desk: Desk) -> None:
    class Hesitates:
        configured = True
        shown = asyncio.Event()

        async def stream(self, _: ChatRequest) -> AsyncIterator[str | Finished]:
            # What has shown one sentence has read the pages.
            for piece in (
                "You can return articles within 30 days after delivery.",
                "\n",
                "Articles have to be unworn,",
            ):
                yield piece
            yield " with all tags."
            await self.shown.wait()
            yield " They"
            yield Finished("mini", 900, 60, False, 180, 5, 9, "length")

    desk.mini = model = Hesitates()
    asker = Asker(SmallSearch(desk.embedder, SHOP), desk.embedder.documents, model, desk.settings, desk.clock)
    shown: list[str] = []
    async with asyncio.timeout(60), aclosing(asker.ask(Question("s1", ASKED))) as parts:
        async for part in parts:
            shown.append(part.text)
            if len(shown) == 2:
                model.shown.set()
    assert shown == [
        "You can return articles within 30 days after delivery.",
        "\nArticles have to be unworn, with all tags.",
        GOOD.replace(". ", ".\n"),
    ]


async def test_over_the_real_gateway_the_ledger_tells_the_tiers(
    embedder: Embedder, settings: Settings, clock: FakeClock, ledger: Ledger
) -> None:
    mini, large = ScriptedModel([Line((NOTHING,))]), ScriptedModel([Line((GOOD,))])
    async with serving(mini) as one, serving(large) as other:
        both = gateway(ledger, target(one), large=(target(other, "large-1"),))
        desk = Desk(embedder, settings, clock, both, OneTier(both, "large"))
        _, answered = await desk.ask()
        await both.close()
    assert (answered.text, answered.model) == (GOOD, "large-1")
    assert [(line.purpose, line.tier, line.model, line.outcome) for line in ledger.lines] == [
        ("answer", "mini", "mini-1", "ok"),
        ("answer", "large", "large-1", "ok"),
    ]
    assert answered.cost_micros == sum(line.cost_micros for line in ledger.lines)


async def test_a_visitor_who_leaves_ends_the_call(desk: Desk) -> None:
    mini, large = scripts(desk)
    mini.replies, large.replies = [NOTHING], [GOOD]
    search = SmallSearch(desk.embedder, SHOP)
    asker = Asker(search, desk.embedder.documents, mini, desk.settings, desk.clock, large=LargeTier(large))
    async with aclosing(asker.ask(Question("s1", ASKED))) as parts:
        async for part in parts:
            assert isinstance(part, ProvedSentence)
            break
    assert large.closed == 1


@pytest.fixture
def ledger() -> Ledger:
    """An empty one."""
    return Ledger()
