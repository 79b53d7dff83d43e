"""A site's words to the model: versions, the way back, and what names them."""

import pytest
from tests.conftest import FakeClock
from tests.desk import Desk, open_desk
from tests.test_reply import REPLY, run

from minidesk.answering.prompt import version_of
from minidesk.ask import wishes_of
from minidesk.db import Database, Tx
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.gateway import Order
from minidesk.insight.experiments import answers_by_prompt
from minidesk.sites import (
    PromptWords,
    SiteSettings,
    Variant,
    access_prompt,
    list_prompts,
    running_experiment,
    save_prompt,
    save_settings,
    settings_version,
    site_by_id,
    start_experiment,
    words_of,
)

RULES = "Answer from the passages, or write {not_found}."


@pytest.fixture
async def desk(db: Database, clock: FakeClock) -> Desk:
    """A desk on the test's own database."""
    return await open_desk(db, clock)


async def save(
    desk: Desk, words: PromptWords, mark: str | None = None, restored: int | None = None
) -> int | None:
    """By Mara, now."""
    async with desk.db.write() as tx:
        return await save_prompt(
            tx, desk.conversation.site_id, words, by="Mara", now=desk.clock(), mark=mark, restored=restored
        )


async def test_every_change_is_a_version_and_the_first_keeps_what_was_before(
    desk: Desk, clock: FakeClock
) -> None:
    site_id = desk.conversation.site_id
    assert await save(desk, PromptWords("", "Be brief.")) == 2
    assert await save(desk, PromptWords("", "Be brief.")) is None
    clock.advance(seconds=60)
    assert await save(desk, PromptWords(RULES, "Be kind.")) == 3
    async with desk.db.read() as tx:
        first = await access_prompt(tx, site_id, 1)
    assert await save(desk, first.words, restored=1) == 4
    async with desk.db.read() as tx:
        versions = await list_prompts(tx, site_id)
        assert words_of((await site_by_id(tx, site_id)).config) == PromptWords()
        with pytest.raises(NotFound):
            await access_prompt(tx, site_id, 9)
    assert [(one.n, one.made_by, one.restored, one.words) for one in versions] == [
        (4, "Mara", 1, PromptWords()),
        (3, "Mara", None, PromptWords(RULES, "Be kind.")),
        (2, "Mara", None, PromptWords("", "Be brief.")),
        (1, "", None, PromptWords()),
    ]
    assert (versions[1].made_at - versions[2].made_at).total_seconds() == 60


async def test_a_change_on_the_settings_page_is_one_too(desk: Desk) -> None:
    async with desk.db.write() as tx:
        site = await site_by_id(tx, desk.conversation.site_id)
        config = site.config.model_copy(update={"instructions": "Use Sie."})
        await save_settings(
            tx, site.id, SiteSettings(site.name, (), config), version=settings_version(site), by="Ben", now=desk.clock()
        )  # fmt: skip
    async with desk.db.read() as tx:
        latest, _ = await list_prompts(tx, site.id)
    assert (latest.n, latest.made_by, latest.words.instructions) == (2, "Ben", "Use Sie.")


async def test_whoever_was_overtaken_is_told_and_rules_need_their_word(desk: Desk) -> None:
    mark = PromptWords().mark
    await save(desk, PromptWords("", "Be brief."), mark)
    with pytest.raises(Conflict):
        await save(desk, PromptWords("", "Be kind."), mark)
    with pytest.raises(Invalid, match="not_found"):
        await save(desk, PromptWords("Say what you like."))


async def test_a_variant_names_a_version_and_models_and_answers_tell_it(desk: Desk) -> None:
    site_id = desk.conversation.site_id
    await save(desk, PromptWords(RULES, "Be brief."))
    await save(desk, PromptWords("", "Be kind."))
    with pytest.raises(NotFound):
        async with desk.db.write() as tx:
            await begin(tx, desk, Variant(prompt=9))
    with pytest.raises(Invalid, match="not both"):
        async with desk.db.write() as tx:
            await begin(tx, desk, Variant(prompt=2, instructions="Hm."))
    order = Order(("openai/gpt-4.1-mini", "mistral/small"), ("openai/gpt-5",))
    async with desk.db.write() as tx:
        await begin(tx, desk, Variant(prompt=2, models=order))
    async with desk.db.read() as tx:
        trial = await running_experiment(tx, site_id)
        site = await site_by_id(tx, site_id)
    assert trial is not None
    wishes = wishes_of(site, trial.b)
    assert (wishes.rules, wishes.instructions) == (RULES, "Be brief.")
    assert wishes.models == order
    usual = wishes_of(site, trial.a)
    assert (usual.rules, usual.instructions, usual.models) == ("", "Be kind.", Order())
    await run(desk, *REPLY)
    letter = trial.letter_of(desk.conversation.id)
    told = version_of(RULES, "Be brief.") if letter == "b" else version_of("", "Be kind.")
    async with desk.db.read() as tx:
        assert await answers_by_prompt(tx, site_id, desk.clock().replace(hour=0)) == {told: 1}


async def begin(tx: Tx, desk: Desk, b: Variant) -> None:
    """An experiment of half the conversations."""
    await start_experiment(
        tx,
        desk.conversation.site_id, name="Words", share=50, a=Variant(), b=b, by="Mara", now=desk.clock(),
    )  # fmt: skip


async def test_the_shipped_prompt_alone_can_be_tried(desk: Desk) -> None:
    await save(desk, PromptWords(RULES, "Be brief."))
    async with desk.db.write() as tx:
        await begin(tx, desk, Variant(prompt=0))
    async with desk.db.read() as tx:
        trial = await running_experiment(tx, desk.conversation.site_id)
        site = await site_by_id(tx, desk.conversation.site_id)
    assert trial is not None
    assert (wishes_of(site, trial.b).rules, wishes_of(site, trial.b).instructions) == ("", "")
