"""One visitor message: one answer, whatever dies on the way; and every failure ends at a person."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from minidesk.answering.outcome import (
    Answered,
    Citation,
    Clarify,
    HandOff,
    Outcome,
    ProvedSentence,
    Question,
    Reply,
)
from minidesk.answering.privacy import NO_WISHES, SiteWishes
from minidesk.db import Database
from minidesk.db.models import Job, Site
from minidesk.errors import ModelOverloaded, ModelRefused
from minidesk.jobs import MAX_ATTEMPTS, ClaimedJob, Worker
from minidesk.jobs.turns import LINE, PUT_OFF_MOST
from minidesk.reply import Replier
from tests.conftest import FakeClock
from tests.desk import Desk, open_desk
from tests.rows import add_conversation

SOON = 60  # seconds; a test that waits this long has failed
CITATION = Citation(1, "chk_1", "returns.md", "doc_1", "ver_1", "Returns", "/returns", "30 days", 4, 11)
SENTENCES = ("You have 30 days.", " Refunds take 5 days.")
TEXT = "".join(SENTENCES)


def answered(outcome: Outcome, text: str = "") -> Answered:
    return Answered(outcome, text, (CITATION,) if text == TEXT else (), 0.9, (), "q", "mini", 12, 40, 210)


Step = ProvedSentence | Answered | Exception | Callable[[], object] | asyncio.Event

REPLY: tuple[Step, ...] = (*(ProvedSentence(s, (CITATION,)) for s in SENTENCES), answered(Reply(), TEXT))
NOT_FOUND: tuple[Step, ...] = (answered(Clarify("not_found", offer_person=True), "Our pages do not say."),)
HAND_OFF: tuple[Step, ...] = (answered(HandOff("customer_request")),)


class Script:
    """Asks nobody: gives the steps it was handed, raises those that are errors, waits for those that are events."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.questions: list[Question] = []
        self.sites: list[SiteWishes] = []
        self.closed = asyncio.Event()

    async def ask(
        self, question: Question, site: SiteWishes = NO_WISHES
    ) -> AsyncGenerator[ProvedSentence | Answered, None]:
        """The steps."""
        self.questions.append(question)
        self.sites.append(site)
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, ProvedSentence | Answered):
                    yield step
                else:
                    step()
        finally:
            self.closed.set()


class Crowd(Script):
    """Answers at once; questions that begin with a word wait for `go_on`."""

    def __init__(self, slow: str) -> None:
        super().__init__()
        self.slow, self.go_on = slow, asyncio.Event()
        self.asked: list[str] = []
        self.now = self.most = 0

    async def ask(
        self, question: Question, site: SiteWishes = NO_WISHES
    ) -> AsyncGenerator[ProvedSentence | Answered, None]:
        """A not-found turn."""
        self.asked.append(question.text)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if question.text.startswith(self.slow):
                await self.go_on.wait()
            yield answered(Clarify("not_found"), "Not there.")
        finally:
            self.now -= 1


@pytest.fixture
async def desk(db: Database, clock: FakeClock) -> Desk:
    """A desk on the test's own database."""
    return await open_desk(db, clock)


def replier(desk: Desk, script: Script, *, look_s: float = 30, reply_s: float = SOON) -> Replier:
    return Replier(
        desk.db, desk.hub, desk.conversations, script, desk.handoff, look_s=look_s, reply_s=reply_s
    )


async def claim(desk: Desk) -> ClaimedJob:
    job = await desk.jobs.claim(desk.db, "reply", "test")
    assert job is not None
    return job


async def run(desk: Desk, *steps: Step, text: str = "How long can I return boots?") -> Script:
    await desk.say(text)
    script = Script(*steps)
    job = await claim(desk)
    await replier(desk, script).reply(job)
    await desk.jobs.finish(desk.db, job)
    return script


async def until_event(desk: Desk, type: str) -> None:
    async with asyncio.timeout(SOON), desk.hub.subscribe(f"conversation:{desk.conversation.id}") as ear:
        while type not in [e.type for e in await desk.stored()]:
            await ear.wait(SOON)


async def test_a_reply_is_stored_with_its_citations(desk: Desk) -> None:
    script = await run(desk, *REPLY)
    answer = (await desk.messages(include_notes=True))[1]
    assert (answer.text, answer.state, answer.outcome, answer.cost_micros) == (TEXT, "done", "reply", 40)
    assert [(c.n, c.document, c.sentences) for c in answer.citations] == [
        (1, "returns.md", ((0, 17), (18, 38)))
    ]
    assert [e.type for e in await desk.stored()] == [
        "message",
        "answer.start",
        "answer.part",
        "answer.part",
        "answer.done",
    ]
    assert script.closed.is_set()
    assert await desk.all_tickets() == []


async def test_the_question_carries_what_was_said_before(desk: Desk) -> None:
    await run(desk, *NOT_FOUND, text="Do you sell kayaks?")
    await run(desk, *NOT_FOUND, text="And paddles?")
    script = await run(desk, *REPLY, text="And boots?")
    question = script.questions[0]
    assert [(t.role, t.text) for t in question.history] == [
        ("visitor", "Do you sell kayaks?"),
        ("assistant", "Our pages do not say."),
        ("visitor", "And paddles?"),
        ("assistant", "Our pages do not say."),
    ]
    assert (question.text, question.not_found_before, question.site_id) == (
        "And boots?",
        2,
        desk.conversation.site_id,
    )
    assert (await desk.row()).not_found_count == 0


async def test_two_messages_in_a_breath_are_answered_one_after_the_other(desk: Desk) -> None:
    """Answered side by side, the second answer would not know what was asked first."""
    go_on = asyncio.Event()
    script = Script(ProvedSentence(TEXT, (CITATION,)), go_on, answered(Reply(), TEXT))
    await desk.say("How long can I return boots?")
    desk.clock.advance(seconds=1)
    await desk.say("And tents?")
    both = replier(desk, script)
    answers = [asyncio.create_task(both.reply(await claim(desk)))]
    await until_event(desk, "answer.part")
    answers.append(asyncio.create_task(both.reply(await claim(desk))))
    await asyncio.wait(answers, timeout=0.2)  # long enough for the second to begin, if it did not wait
    assert [question.text for question in script.questions] == ["How long can I return boots?"]
    go_on.set()
    await asyncio.gather(*answers)
    assert [question.text for question in script.questions] == ["How long can I return boots?", "And tents?"]
    assert [(t.role, t.text) for t in script.questions[1].history] == [
        ("visitor", "How long can I return boots?"),
        ("assistant", TEXT),
    ]
    assert [m.author for m in await desk.messages()] == ["visitor", "visitor", "assistant", "assistant"]


async def test_one_visitors_messages_hold_up_nobody_else(desk: Desk) -> None:
    """Those that wait for their conversation's turn take no place from others, however many they are."""
    texts = [f"Slow {n:02}?" for n in range(20)]
    for text in texts:
        await desk.say(text)
    for text in ("Quick?", "Slow too?", "Slow as well?"):
        other = await add_conversation(desk.db, desk.clock, desk.conversation.site_id)
        async with desk.db.write() as tx:
            await desk.conversations.post_visitor_message(tx, other, client_id="1", text=text)
    asker = Crowd("Slow")
    stop = asyncio.Event()
    running = asyncio.create_task(worker(desk, replier(desk, asker), "w:1", concurrency=2).run(stop))
    async with asyncio.timeout(SOON):
        while not {"Slow 00?", "Quick?", "Slow too?"} <= set(asker.asked):  # noqa: ASYNC110 (it announces nothing)
            await asyncio.sleep(0.01)
    assert asker.asked == ["Slow 00?", "Quick?", "Slow too?"]
    async with desk.db.read() as tx:
        ready = list(await tx.scalars(select(Job.attempts).where(Job.state == "ready")))
    assert ready == [0] * (
        len(texts) - 1 - LINE + 1
    )  # what was put off has lost no attempt; and the last visitor's
    asker.go_on.set()
    async with asyncio.timeout(2 * SOON):
        while states := await job_states(desk):
            if set(states) == {"ready"}:  # never while one runs: its lease would end
                desk.clock.advance(seconds=PUT_OFF_MOST)
    stop.set()
    await running
    # Each once, in the order in which they came, and never more than two at once.
    assert [text for text in asker.asked if text in texts] == texts
    assert (len(asker.asked), asker.most) == (len(texts) + 3, 2)
    assert [m.text for m in await desk.messages() if m.author == "assistant"] == ["Not there."] * len(texts)


async def job_states(desk: Desk) -> list[str]:
    async with desk.db.read() as tx:
        return list(await tx.scalars(select(Job.state)))


async def test_the_sites_own_wishes_reach_the_asker(desk: Desk) -> None:
    async with desk.db.write() as tx:
        site = await tx.get_one(Site, desk.conversation.site_id)
        site.config = {"instructions": "Call visitors guests."}
    script = await run(desk, *REPLY)
    assert [(one.instructions, one.name) for one in script.sites] == [("Call visitors guests.", "Alpenglow")]


async def test_a_handoff_opens_a_ticket_and_says_nothing_itself(desk: Desk) -> None:
    await run(desk, *HAND_OFF, text="I want a human")
    tickets = await desk.all_tickets()
    assert [t.reason for t in tickets] == ["customer_request"]
    assert [m.author for m in await desk.messages()] == ["visitor", "system"]


async def test_the_same_job_again_changes_nothing(desk: Desk) -> None:
    await desk.say("Returns?")
    job = await claim(desk)
    await replier(desk, Script(*REPLY)).reply(job)
    before = await desk.stored()
    again = Script(*REPLY)
    await replier(desk, again).reply(job)
    assert again.questions == []
    assert await desk.stored() == before


@pytest.mark.parametrize(
    "error",
    [ModelRefused(), ValueError("a bug"), answered(Reply()), None],
    ids=["refused", "bug", "silent", "ends"],
)
async def test_what_no_retry_mends_ends_at_a_person_at_once(
    desk: Desk, error: Exception | Answered | None
) -> None:
    steps: tuple[Step, ...] = (REPLY[0],) if error is None else (REPLY[0], error)
    if isinstance(error, Answered):
        steps = (asyncio.Event(),)  # it never says a word: the clock ends it
    await desk.say("Returns?")
    job = await claim(desk)
    await replier(desk, Script(*steps), reply_s=0.05 if isinstance(error, Answered) else SOON).reply(job)
    assert [t.reason for t in await desk.all_tickets()] == ["model_failure"]
    assert (await desk.row()).holder == "queue"
    messages = await desk.messages()
    assert messages[-1].author == "system"
    # What was shown was proved: it stays, marked as cut.
    assert [(m.text, m.state) for m in messages if m.author == "assistant"] == (
        [] if isinstance(error, Answered) else [(SENTENCES[0], "interrupted")]
    )


async def test_a_passing_failure_is_tried_again_and_the_last_one_ends_at_a_person(desk: Desk) -> None:
    await desk.say("Returns?")
    for attempt in range(1, MAX_ATTEMPTS):
        job = await claim(desk)
        with pytest.raises(ModelOverloaded):
            await replier(desk, Script(REPLY[0], ModelOverloaded())).reply(job)
        await desk.jobs.fail(desk.db, job, "overloaded")
        assert await desk.all_tickets() == [], f"attempt {attempt}"
        desk.clock.advance(seconds=60)
    job = await claim(desk)
    await replier(desk, Script(ModelOverloaded())).reply(job)
    assert [t.reason for t in await desk.all_tickets()] == ["model_failure"]


async def test_a_retry_replaces_the_cut_text(desk: Desk) -> None:
    await desk.say("Returns?")
    job = await claim(desk)
    with pytest.raises(ModelOverloaded):
        await replier(desk, Script(REPLY[0], ModelOverloaded())).reply(job)
    await replier(desk, Script(*REPLY)).reply(job)
    answer = (await desk.messages())[1]
    assert (answer.text, answer.attempt, answer.state) == (TEXT, 2, "done")
    starts = [e.data["attempt"] for e in await desk.stored() if e.type == "answer.start"]
    assert starts == [1, 2]


@pytest.mark.parametrize("by", ["stop", "take_over", "another process"])
@pytest.mark.parametrize("after", [0, 1], ids=["before the first word", "in the middle"])
async def test_it_falls_silent_within_a_second(desk: Desk, by: str, after: int) -> None:
    await desk.say("Returns?")
    job = await claim(desk)
    script = Script(*REPLY[:after], asyncio.Event())  # then the model is silent for ever
    # Woken in this process, the next look is far away; another process can only be seen by looking.
    look_s = 0.05 if by == "another process" else 30
    replying = asyncio.create_task(replier(desk, script, look_s=look_s).reply(job))
    await until_event(desk, "answer.part" if after else "answer.start")
    elsewhere = desk.conversations
    if by == "another process":
        elsewhere = type(desk.conversations)(
            type(desk.events)(type(desk.hub)(), desk.clock), desk.jobs, desk.clock
        )
    async with desk.db.write() as tx:
        if by == "stop":
            await elsewhere.stop(tx, desk.conversation.id)
        else:
            await elsewhere.take_over(tx, desk.conversation.id, desk.mara.id)
    async with asyncio.timeout(SOON):
        await script.closed.wait()  # the model's stream is closed
        await replying
    assert [m.text for m in await desk.messages() if m.author == "assistant"] == list(SENTENCES[:after])
    assert await desk.all_tickets() == []
    assert (await desk.row()).holder == ("assistant" if by == "stop" else "agent")


async def test_nothing_is_asked_once_a_person_has_it(desk: Desk) -> None:
    await desk.say("Returns?")
    job = await claim(desk)
    async with desk.db.write() as tx:
        await desk.conversations.take_over(tx, desk.conversation.id, desk.mara.id)
    script = Script(*REPLY)
    await replier(desk, script).reply(job)
    assert script.questions == []
    assert [m.author for m in await desk.messages()] == ["visitor"]


POINTS = {
    "reply.after_claim": REPLY,
    "reply.after_start": REPLY,
    "reply.after_part": REPLY,
    "reply.before_finish": REPLY,
    "reply.after_finish": REPLY,
    "reply.before_handoff": HAND_OFF,
    "handoff.before_write": HAND_OFF,
    "reply.after_handoff": HAND_OFF,
}


async def serve(url: str, point: str) -> None:
    """What a killed server was doing: this file, run as a program by the test below."""

    def crash(reached: str) -> None:
        if reached == point:
            os._exit(137)

    desk = await open_desk(Database(url), FakeClock(), new=False)
    desk.handoff._crash_point = crash
    script = Script(*POINTS[point])
    handler = Replier(desk.db, desk.hub, desk.conversations, script, desk.handoff, crash_point=crash)
    await worker(desk, handler, "killed:1").run(asyncio.Event())


def worker(desk: Desk, handler: Replier, owner: str, concurrency: int = 1) -> Worker:
    return Worker(
        desk.db,
        desk.jobs,
        desk.hub,
        queue="reply",
        owner=owner,
        handlers={"reply": handler.reply},
        give_up={"reply": handler.give_up},
        concurrency=concurrency,
        poll_s=0.02,
    )


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_any_point_there_is_one_answer(
    sqlite_only: Path, clock: FakeClock, point: str
) -> None:
    url = f"sqlite+aiosqlite:///{sqlite_only}"
    desk = await open_desk(Database(url), clock)
    await desk.say("I want to return my boots")
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, __file__, url, point],
        env={"PYTHONPATH": ":".join([*sys.path, str(Path(__file__).parents[1])])},
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == 137, killed.stderr.decode()
    assert await desk.jobs.take_back(desk.db, "killed:") == 1
    stop = asyncio.Event()
    running = asyncio.create_task(worker(desk, replier(desk, Script(*POINTS[point])), "heir:1").run(stop))
    async with asyncio.timeout(SOON):
        while await has_jobs(desk):  # noqa: ASYNC110 (a deleted row announces nothing)
            await asyncio.sleep(0.01)
    stop.set()
    await running
    messages = await desk.messages()
    tickets = await desk.all_tickets()
    if POINTS[point] is REPLY:
        assert [(m.author, m.text, m.state) for m in messages[1:]] == [("assistant", TEXT, "done")]
        assert [len(m.citations) for m in messages[1:]] == [1]
        assert tickets == []
    else:
        assert [m.author for m in messages] == ["visitor", "system"]
        assert [(t.number, t.reason) for t in tickets] == [(1, "customer_request")]
    await desk.db.close()


async def has_jobs(desk: Desk) -> bool:
    async with desk.db.read() as tx:
        return bool(await tx.scalar(select(func.count()).select_from(Job)))


async def test_a_message_that_kills_every_process_ends_at_a_person(desk: Desk) -> None:
    await desk.say("Returns?")
    for _ in range(MAX_ATTEMPTS):
        await claim(desk)  # and die
        desk.clock.advance(seconds=20)
    stop = asyncio.Event()
    running = asyncio.create_task(worker(desk, replier(desk, Script(*REPLY)), "heir:1").run(stop))
    await until_event(desk, "ticket")
    stop.set()
    await running
    assert [t.reason for t in await desk.all_tickets()] == ["model_failure"]


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
