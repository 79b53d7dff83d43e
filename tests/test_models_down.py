"""With every model down: no visitor gets an error, what extracts can answer is answered, and it recovers by itself."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from minidesk.answering.cascade import LargeTier
from minidesk.answering.models import OneTier
from minidesk.answering.outcome import Answered, Clarify, HandOff, Outcome, Question, Reply, Turn
from minidesk.ask import Asker
from minidesk.gateway.scripted import Line, ScriptedModel
from minidesk.insight.evaluation import Result, evaluate, read_questions, relevant_to
from minidesk.knowledge.embed import Embedder
from minidesk.operations import ingest_paths, open_for_asking
from minidesk.settings import Settings, load_settings
from tests.answering.conftest import embedder as embedder  # noqa: PLC0414 (a fixture, named so that pytest finds it)
from tests.answering.shop import SHOP, SmallSearch
from tests.conftest import FakeClock
from tests.gateway.conftest import Ledger, Steps, gateway, target
from tests.helpers.serving import serving

TOP = Path(__file__).resolve().parents[1]
GOOD = "You can return articles within 30 days after delivery."
SHIPPING = (
    Turn("visitor", "How much is shipping to Austria for 1 kg?"),
    Turn("assistant", "Up to 2 kg it costs €4.90."),
)


async def ask(asker: Asker, text: str, *history: Turn) -> Answered:
    parts = [part async for part in asker.ask(Question("s1", text, history))]
    assert isinstance(parts[-1], Answered)
    return parts[-1]


async def test_extracts_answer_while_every_model_is_down_and_models_when_they_are_back(
    embedder: Embedder, settings: Settings, clock: FakeClock
) -> None:
    down = True

    def says(_: object) -> Line:
        return Line(status=503) if down else Line((GOOD,))

    model, ledger, now = ScriptedModel(otherwise=says), Ledger(), Steps()
    async with serving(model) as url:
        models = gateway(ledger, target(url), target(url, "mini-2"), large=(target(url, "large-1"),), now=now)
        asker = Asker(
            SmallSearch(embedder, SHOP),
            embedder.documents,
            models,
            settings,
            clock,
            large=LargeTier(OneTier(models, "large")),
        )
        for _ in range(3):
            answered = await ask(asker, "How long do I have to return something?")
            assert (answered.outcome, answered.model) == (Reply(), None)
            assert "30 days" in answered.text
        # The rules make a follow-up whole where no model does.
        answered = await ask(asker, "and to Norway?", *SHIPPING)
        assert (answered.outcome, "€18.90" in answered.text) == (Reply(), True)
        nothing: Sequence[Outcome] = (Clarify("not_found", offer_person=True), HandOff("model_failure"))
        assert (await ask(asker, "Do you sell ski goggles?")).outcome in nothing
        calls = len(model.requests)
        for _ in range(5):
            await ask(asker, "How long do I have to return something?")
        assert len(model.requests) == calls, "the breakers are open: nobody waits for a model that is down"
        down = False
        now.now += 31
        answered = await ask(asker, "How long do I have to return something?")
        assert (answered.text, answered.model) == (GOOD, "mini-1")
        await models.close()
    assert {line.outcome for line in ledger.lines} == {"model_overloaded", "ok"}
    assert sum(line.cost_micros for line in ledger.lines[:-1]) == 0


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("how", ["refuses", "is not there"])
async def test_of_what_extracts_answer_four_fifths_are_still_answered(
    tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole question set of the sample shop, once without a model and once with all models down."""
    data = tmp_path / "shop"
    ready = [line async for line in ingest_paths(load_settings(data_dir=data), [TOP / "knowledge"], None, None, lambda _: None)]  # fmt: skip
    assert [line for line in ready if line.state == "failed"] == []
    async with serving(ScriptedModel()) as url:  # an empty script answers 503
        address = f"{url}/v1" if how == "refuses" else "http://127.0.0.1:9/v1"
        alone = await _evaluated(load_settings(data_dir=data))
        down = await _evaluated(
            load_settings(data_dir=data, model="gone-1", model_fallback="gone-2", model_base_url=address)
        )
    before = {result.asked.id for result in alone if result.asked.can_answer and result.right}
    after = {result.asked.id for result in down if result.asked.can_answer and result.right}
    cited = [r for r in down if any(relevant_to(document, r.asked.relevant) for document in r.cited)]
    with capsys.disabled():
        print(
            f"\nevery model {how}: {len(after & before)} of the {len(before)} questions that extracts answer rightly, "
            f"{len(after)} of {sum(r.asked.can_answer for r in down)} answerable ones, {len(cited)} from a right document; "
            f"slowest {max(r.ms for r in down)} ms, p50 {sorted(r.ms for r in down)[len(down) // 2]} ms"
        )
    assert len(down) == len(alone) == 91
    assert len(after & before) >= 0.8 * len(before)


async def _evaluated(settings: Settings) -> list[Result]:
    asked = read_questions(TOP / "knowledge" / "questions.jsonl")
    async with open_for_asking(settings, None) as (site_id, answers):
        return await evaluate(answers.asker, answers.searcher, site_id, asked)
