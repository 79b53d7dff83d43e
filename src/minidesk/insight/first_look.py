"""After a site was read for the first time: five questions that its pages answer, asked and answered as a visitor would be.

Only what the assistant really answers, with a citation of the very page, is shown. It works while pages still come in,
so that nobody waits for the five hundredth page to see the first answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from minidesk.answering.outcome import Question, Reply
from minidesk.ask import Asker, answer
from minidesk.db import Database
from minidesk.errors import MinideskError
from minidesk.insight.first_steps import (
    AnsweredQuestion,
    enqueue_look,
    keep_questions,
    progress_of,
    read_steps,
)
from minidesk.jobs import ClaimedJob, JobQueue
from minidesk.knowledge.sample_questions import SampleQuestion, sample_questions
from minidesk.live import Hub

WANTED = 5
# Each may cost a model call; of ten, five were answered on every site tried.
ASKED = 10
# From so many documents on a look is worth it while others are still being read.
ENOUGH_DOCUMENTS = 12
AGAIN_SECONDS = 3.0
# A crawl takes 15 minutes at most, and its last files some more.
TURNS = 600


class FirstLook:
    """Handles `first_look` jobs, in the server: only there are the indexes that answer."""

    def __init__(
        self,
        db: Database,
        asker: Asker,
        jobs: JobQueue,
        hub: Hub,
        clock: Callable[[], datetime],
        is_behind: Callable[[str], Awaitable[bool]],
    ) -> None:
        """`is_behind`: whether pages of a site are stored that `asker` does not find yet."""
        self._db = db
        self._is_behind = is_behind
        self._asker = asker
        self._jobs = jobs
        self._hub = hub
        self._clock = clock

    async def run(self, job: ClaimedJob) -> None:
        """Look now, or later if there is too little yet."""
        site_id, generation = str(job.payload["site_id"]), int(job.payload["generation"])
        turn = int(job.payload["turn"])
        async with self._db.read() as tx:
            steps = await read_steps(tx, site_id)
            progress = await progress_of(tx, site_id, steps.crawl_id)
            candidates = await sample_questions(tx, site_id, ASKED)
        if not steps.looking:
            return
        # Asked of half an index, a page's own question goes unanswered, and nobody asks it again.
        coming = progress.busy > 0 or progress.reading or await self._is_behind(site_id)
        going_on = coming and turn < TURNS
        found = list(steps.questions)
        if not going_on or (progress.ready >= ENOUGH_DOCUMENTS and len(found) < WANTED and _due(turn, found)):
            found = await self._answered(site_id, candidates)
        await self._keep(site_id, generation, turn, found, more=going_on and len(found) < WANTED)

    async def give_up(self, job: ClaimedJob, reason: str) -> None:
        """Every attempt failed: the page says that there are no questions, and one can try one's own."""
        await self._keep(str(job.payload["site_id"]), int(job.payload["generation"]), TURNS, [], more=False)

    async def _keep(
        self, site_id: str, generation: int, turn: int, found: list[AnsweredQuestion], *, more: bool
    ) -> None:
        now = self._clock()
        async with self._db.write() as tx:
            if await keep_questions(tx, site_id, generation, found, more=more, now=now) and more:
                again = now + timedelta(seconds=AGAIN_SECONDS)
                await enqueue_look(tx, self._jobs, site_id, generation, turn + 1, again)
            tx.after_commit(lambda: self._hub.wake(f"site:{site_id}"))

    async def _answered(self, site_id: str, candidates: list[SampleQuestion]) -> list[AnsweredQuestion]:
        found: list[AnsweredQuestion] = []
        for candidate in candidates:
            try:
                answered = await answer(self._asker, Question(site_id, candidate.question))
            except MinideskError:
                continue  # the index is being built: the next question, or the next turn, may find it
            cited = next((c for c in answered.citations if c.document == candidate.document), None)
            if isinstance(answered.outcome, Reply) and cited is not None:
                found.append(
                    AnsweredQuestion(
                        candidate.question, answered.text, cited.document, cited.title, cited.url
                    )
                )
            if len(found) == WANTED:
                break
            await asyncio.sleep(0)  # visitors' replies come first
        return found


def _due(turn: int, found: list[AnsweredQuestion]) -> bool:
    """While pages come in, ask again every tenth turn: the same ten questions have the same answers."""
    return not found or turn % 10 == 0
