"""Two ways to answer: who gets which, what it changes, and what came of them."""

from typing import Any

import pytest
from sqlalchemy import select, update
from tests.conftest import FakeClock
from tests.desk import Desk, open_desk
from tests.rows import add_site
from tests.test_reply import REPLY, run

from minidesk.db import Database
from minidesk.db.models import AnswerVersion, Message, ModelCall, new_id
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.insight.experiments import outcomes, seen, wilson
from minidesk.sites import ExperimentView, Variant, end_experiment, running_experiment, start_experiment


@pytest.fixture
async def desk(db: Database, clock: FakeClock) -> Desk:
    """A desk on the test's own database."""
    return await open_desk(db, clock)


async def start(desk: Desk, share: int = 50, **b: Any) -> ExperimentView:
    """An experiment whose B differs in `b`."""
    async with desk.db.write() as tx:
        await start_experiment(
            tx, desk.conversation.site_id, name="Short answers", share=share, a=Variant(),
            b=Variant(**(b or {"instructions": "Be brief."})), by="Mara", now=desk.clock(),
        )  # fmt: skip
    async with desk.db.read() as tx:
        found = await running_experiment(tx, desk.conversation.site_id)
    assert found is not None
    return found


async def versions(desk: Desk) -> list[AnswerVersion]:
    """How answers were asked for."""
    async with desk.db.read() as tx:
        return list(await tx.scalars(select(AnswerVersion).order_by(AnswerVersion.message_id)))


async def test_a_conversation_keeps_its_variant_and_the_shares_hold(desk: Desk) -> None:
    found = await start(desk, share=20)
    letters = [found.letter_of(f"cnv_{n}") for n in range(5_000)]
    assert letters == [found.letter_of(f"cnv_{n}") for n in range(5_000)]
    assert 0.17 < letters.count("b") / len(letters) < 0.23


@pytest.mark.parametrize("share", [1, 99])
async def test_an_answer_is_asked_for_as_its_variant_wants(desk: Desk, share: int) -> None:
    found = await start(desk, share, instructions="Be brief.", temperature=0.9, passages=2, large=False)
    letter = found.letter_of(desk.conversation.id)
    script = await run(desk, *REPLY)
    [wishes] = script.sites
    wanted = ("Be brief.", 0.9, 2, False) if letter == "b" else ("", None, None, True)
    assert (wishes.instructions, wishes.temperature, wishes.passages, wishes.large) == wanted
    [version] = await versions(desk)
    assert (version.experiment_id, version.variant) == (found.id, letter)
    async with desk.db.write() as tx:
        await end_experiment(tx, desk.conversation.site_id, found.id, desk.clock())
    later = await run(desk, *REPLY, text="And boots?")
    assert (later.sites[0].instructions, later.sites[0].temperature) == ("", None)
    after = {one.experiment_id: one for one in await versions(desk)}
    assert after[None].prompt.endswith("-plain")
    assert (after[found.id].prompt == after[None].prompt) == (letter == "a")


async def test_one_runs_at_a_time_and_only_what_can_be_used(desk: Desk, clock: FakeClock) -> None:
    with pytest.raises(Invalid, match="the same"):
        await start(desk, temperature=None)
    for share in (0, 100):
        with pytest.raises(Invalid, match="between 1 and 99"):
            await start(desk, share)
    found = await start(desk)
    with pytest.raises(Conflict):
        await start(desk)
    other = await add_site(desk.db, clock, name="Other")
    with pytest.raises(NotFound):
        async with desk.db.write() as tx:
            await end_experiment(tx, other.id, found.id, clock())
    async with desk.db.write() as tx:
        await end_experiment(tx, desk.conversation.site_id, found.id, clock())
    assert (await start(desk)).id != found.id


async def test_what_came_of_it(desk: Desk) -> None:
    found = await start(desk, 99)
    letter = found.letter_of(desk.conversation.id)
    await run(desk, *REPLY)
    async with desk.db.write() as tx:
        await tx.execute(update(Message).where(Message.author == "assistant").values(helpful=True))
        answer = (await tx.scalars(select(Message).where(Message.author == "assistant"))).one()
        tx.add(
            ModelCall(
                id=new_id("mdl"), site_id=desk.conversation.site_id, conversation_id=answer.conversation_id,
                message_id=answer.reply_to, purpose="answer", tier="large", model=answer.model or "", provider="p",
                input_tokens=1, output_tokens=1, estimated=False, cost_micros=1, total_ms=1, outcome="ok",
                created_at=desk.clock(),
            )
        )  # fmt: skip
    async with desk.db.read() as tx:
        rows = await seen(tx, found.id)
    one = outcomes(rows)[letter]
    assert (one.conversations, one.answers) == (1, 1)
    assert (one.answered.value, one.helpful.value, one.handed_off.value) == (1.0, 1.0, 0.0)
    assert one.by_large.value == 1.0
    assert one.cost.value == pytest.approx(0.00004)
    assert (one.ms.value, one.ms.low, one.ms.high) == (210, 210, 210)
    nobody = outcomes(rows)["a" if letter == "b" else "b"]
    assert (nobody.answers, nobody.answered.value, nobody.ms.value) == (0, None, None)


def test_the_interval_of_a_share() -> None:
    # Newcombe 1998, table I: 81 of 263 has .2553 to .3662 by Wilson's method.
    found = wilson(81, 263)
    assert found.low == pytest.approx(0.2553, abs=1e-4)
    assert found.high == pytest.approx(0.3662, abs=1e-4)
    assert wilson(0, 0).value is None
    assert wilson(3, 3).high == 1.0
