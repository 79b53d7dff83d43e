"""Entries that name the questions they answer: who asks one of them is answered, whatever words the answer is made of."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from minidesk.answering.outcome import Answered, Clarify, Question, Reply
from minidesk.ask import Asker, answer
from minidesk.operations import ingest_paths, open_for_asking
from minidesk.settings import load_settings

ENTRIES = [
    {
        "id": "visit",
        "title": "Innsbruck",
        "text": "Monday to Friday 10:00–18:30, Saturday 9:00–17:00. Maria-Theresien-Straße 12.",
        "questions": ["Can I pick up my order myself?", "Where can I try boots on before buying?"],
    },
    {
        "id": "lost",
        "title": "Carrier",
        "text": "We open an inquiry with the carrier and send a second one within 3 working days.",
        "questions": ["My parcel never arrived", "What if my package gets lost?"],
    },
    {
        "id": "vouchers",
        "title": "Vouchers",
        "text": "They are valid for 5 years and are not paid out in cash.",
        "questions": ["Do gift cards expire?"],
    },
]


@dataclass(frozen=True)
class Desk:
    """These entries, taken in as a file; asked without a model."""

    site_id: str
    asker: Asker

    async def ask(self, question: str) -> Answered:
        """The end of the turn."""
        return await answer(self.asker, Question(self.site_id, question))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """One for all of them."""
    folder = tmp_path_factory.mktemp("entries")
    settings = load_settings(data_dir=folder / "data")
    file = folder / "corpus.jsonl"
    file.write_text("".join(json.dumps(entry) + "\n" for entry in ENTRIES), encoding="utf-8")
    async for line in ingest_paths(settings, [file], None, None, lambda _: None):
        assert line.state != "failed", line
    async with open_for_asking(settings, None) as (site_id, answers):
        yield Desk(site_id, answers.asker)


@pytest.mark.parametrize(
    ("question", "entry"),
    [
        ("what if a package gets lost", "lost"),
        ("my parcel has never arrived", "lost"),
        ("where may I try on boots before I buy them", "visit"),
        ("could I pick my order up myself", "visit"),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_the_entry_is_given_whole_and_alone(desk: Desk, question: str, entry: str) -> None:
    answered = await desk.ask(question)
    assert answered.outcome == Reply(), answered.score
    assert [citation.document for citation in answered.citations] == [entry]
    assert answered.text == next(one["text"] for one in ENTRIES if one["id"] == entry)


@pytest.mark.parametrize("question", ["Can I rent a tent for the weekend?", "who is your managing director"])
@pytest.mark.asyncio(loop_scope="session")
async def test_what_no_entry_is_for_is_still_refused(desk: Desk, question: str) -> None:
    assert isinstance((await desk.ask(question)).outcome, Clarify)
