"""How often a paraphrase is told the kept answer, over the sample shop's pages; and what finding it takes."""

import statistics
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from minidesk.answering.compose import Manner
from minidesk.answering.known import KnownAnswers
from minidesk.answering.outcome import Citation, ProvedSentence, Question
from minidesk.answering.sameness import form
from minidesk.db import Database
from minidesk.db.models import utc_now
from minidesk.gateway import CallRecord
from minidesk.knowledge.answer_cache import AnswerCache
from minidesk.knowledge.records import SearchResult
from minidesk.operations import ingest_paths, open_for_asking
from minidesk.settings import load_settings
from tests.answering.questions import PARAPHRASES

TOP = Path(__file__).resolve().parents[2]
MANNER = Manner()


def later() -> datetime:
    """So late that every index has followed."""
    return utc_now() + timedelta(minutes=2)


async def unbooked(_: CallRecord) -> None:
    """No ledger here."""


@pytest.mark.bench
@pytest.mark.timeout(600)
async def test_paraphrases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load_settings(data_dir=tmp_path / "shop")
    ready = [line async for line in ingest_paths(settings, [TOP / "knowledge"], None, None, lambda _: None)]
    assert any(line.state == "ready" for line in ready)
    same = hits = asked = 0
    took: list[float] = []
    async with open_for_asking(settings, None) as (site_id, answers):
        db = Database(settings.resolved_database_url)
        known = KnownAnswers(AnswerCache(db, later), unbooked, "mini")
        for first, *others in PARAPHRASES:
            result = await answers.searcher.search(site_id, first, k=10)
            await known.keep(Question(site_id, first), first, result, MANNER, _answer(result), "mini")
            for other in others:
                found = await answers.searcher.search(site_id, other, k=10)
                started = time.perf_counter()
                told = await known.find(Question(site_id, other), other, found, MANNER)
                took.append((time.perf_counter() - started) * 1000)
                asked, same = asked + 1, same + (form(first) == form(other))
                hits += bool(told)
        await db.close()
    with capsys.disabled():
        print(
            f"\n{asked} paraphrases of {len(PARAPHRASES)} questions: {same} have the same form ({same / asked:.0%}), "
            f"{hits} are told the kept answer ({hits / asked:.0%}); looking takes {statistics.median(took):.1f} ms"
        )
    assert hits <= same


def _answer(result: SearchResult) -> list[ProvedSentence]:
    """A sentence that cites the best passage."""
    first = result.passages[0]
    citation = Citation(
        1,
        first.chunk,
        first.document,
        first.document_id,
        first.version_id,
        first.title,
        first.url,
        first.text,
        first.start,
        first.end,
    )
    return [ProvedSentence(first.text, (citation,))]
