"""A visitor, the assistant's workers and two agents in any order: one holder, one answer, nothing said out of turn (F24)."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select
from tests.conftest import FakeClock
from tests.desk import Desk, open_desk, part

from minidesk.conversations import AnswerEnd, AnswerHandle
from minidesk.db import Database
from minidesk.db.models import Message
from minidesk.errors import AlreadyAssigned, Conflict, HolderChanged

WORDS = ("Returns?", "My tent is torn", "I want a human", "Thanks")


class Thread(RuleBasedStateMachine):
    """One conversation, and what should be true of it. `holder`, `writing` and `texts` are the model."""

    template: Path
    handles = Bundle("handles")  # of attempts, also of those that a restart or a takeover has ended
    questions = Bundle("questions")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.holder: tuple[str, str | None] = ("assistant", None)
        self.writing: dict[str, int] = {}  # message → attempt
        self.texts: dict[str, str] = {}  # answer → what its attempt wrote
        self.asks: dict[str, str] = {}  # answer → question
        self.unsaid: dict[
            str, tuple[str, int]
        ] = {}  # question → answer and attempt that a person cut before a word
        self.last: str | None = None  # what the visitor said last, if no agent spoke after it

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        path = self.template.with_name(f"run-{id(self)}.db")
        shutil.copy(self.template, path)
        self.path = path
        self.desk: Desk = self.run(open_desk(Database(f"sqlite+aiosqlite:///{path}"), FakeClock()))
        self.agents = {"mara": self.desk.mara.id, "jonas": self.desk.jonas.id}

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.run(self.desk.db.close())
            for file in self.path.parent.glob(f"{self.path.name}*"):
                file.unlink()
        self.runner.close()

    def moved(self, holder: str, agent_id: str | None = None) -> None:
        """What a change of the holder does to everyone else."""
        if self.holder[0] == "assistant" and holder != "assistant":
            for answer, attempt in self.writing.items():
                if not self.texts[answer]:
                    self.unsaid[self.asks[answer]] = (answer, attempt)
            self.cut()
        self.holder = (holder, agent_id)

    def cut(self) -> None:
        """Unfinished answers end as they stand."""
        self.writing.clear()

    async def write(self, action: str, *args: Any, **kwargs: Any) -> Any:
        async with self.desk.db.write() as tx:
            return await getattr(self.desk.conversations, action)(tx, *args, **kwargs)

    def attempt(self, action: str, *args: Any, **kwargs: Any) -> Any:
        """The action's result, or the refusal that it met."""
        try:
            return self.run(self.write(action, *args, **kwargs))
        except Conflict as refusal:
            return refusal

    @rule(target=questions, text=st.sampled_from(WORDS), client=st.integers(0, 5))
    def visitor_says(self, text: str, client: int) -> Any:
        posted = self.run(
            self.write("post_visitor_message", self.desk.conversation, client_id=f"c{client}", text=text)
        )
        if not posted.created:
            return multiple()  # the same message once more
        if self.holder[0] == "closed":
            self.moved("assistant")
        self.last = posted.message.id
        return posted.message.id

    @rule(target=handles, question=questions)
    def assistant_begins(self, question: str) -> Any:
        """A worker claims the reply, for the first time or after another one died."""
        result = self.attempt("begin_answer", reply_to=question)
        if self.holder[0] != "assistant":
            assert isinstance(result, HolderChanged)
            return multiple()
        if isinstance(result, HolderChanged):
            assert result.code == "already_answered"
            return multiple()
        handle: AnswerHandle = result
        assert handle.attempt == self.writing.get(handle.message_id, 0) + 1
        self.writing[handle.message_id] = handle.attempt
        self.texts[handle.message_id] = ""
        self.asks[handle.message_id] = question
        return handle

    def may_write(self, handle: AnswerHandle) -> bool:
        return self.holder[0] == "assistant" and self.writing.get(handle.message_id) == handle.attempt

    @rule(handle=handles, n=st.integers(1, 3))
    def assistant_says(self, handle: AnswerHandle, n: int) -> None:
        allowed = self.may_write(handle)
        result = self.attempt("append_sentence", handle, part(f" Sentence {n}.", n))
        assert isinstance(result, HolderChanged) != allowed
        if allowed:
            self.texts[handle.message_id] += f" Sentence {n}."

    @rule(handle=consumes(handles))
    def assistant_ends(self, handle: AnswerHandle) -> None:
        allowed = self.may_write(handle)
        result = self.attempt("finish_answer", handle, AnswerEnd(outcome="reply", text="only this"))
        assert isinstance(result, HolderChanged) != allowed
        if allowed:
            self.texts[handle.message_id] = self.texts[handle.message_id] or "only this"
            del self.writing[handle.message_id]

    @rule(who=st.sampled_from(["mara", "jonas"]))
    def agent_takes_over(self, who: str) -> None:
        agent_id = self.agents[who]
        result = self.attempt("take_over", self.desk.conversation.id, agent_id)
        taken = self.holder[0] == "agent" and self.holder[1] != agent_id
        assert isinstance(result, AlreadyAssigned) == taken
        if not taken:
            self.moved("agent", agent_id)

    @rule(who=st.sampled_from(["mara", "jonas"]))
    def agent_says(self, who: str) -> None:
        agent_id = self.agents[who]
        result = self.attempt(
            "post_agent_message", self.desk.conversation.id, agent_id=agent_id, text=f"{who} speaks"
        )
        assert isinstance(result, Conflict) == (self.holder != ("agent", agent_id))
        if self.holder == ("agent", agent_id):
            self.last = None

    @rule()
    def back_to_the_assistant(self) -> None:
        before = self.run(self.desk.job_count())
        changed = self.attempt("hand_back", self.desk.conversation.id)
        assert changed == (self.holder[0] in ("queue", "agent"))
        owed = False
        if changed:
            self.moved("assistant")
            owed = self.last is not None and (self.last in self.unsaid or self.last not in self.asked())
            if self.last in self.unsaid:  # it is to begin again
                answer, attempt = self.unsaid.pop(self.last)
                self.writing[answer] = attempt + 1
        assert self.run(self.desk.job_count()) == before + owed

    def asked(self) -> set[str]:
        """Questions that have an answer, or were stopped before one."""

        async def read() -> set[str]:
            async with self.desk.db.read() as tx:
                found = await tx.scalars(select(Message.reply_to).where(Message.reply_to.is_not(None)))
                return {str(each) for each in found}

        return self.run(read())  # type: ignore[no-any-return]

    @rule()
    def visitor_wants_a_person(self) -> None:
        self.run(self.desk.handoff.hand_off(self.desk.conversation.id, "customer_request"))
        if self.holder[0] != "agent":
            self.moved("queue")

    @rule()
    def visitor_says_stop(self) -> None:
        self.attempt("stop", self.desk.conversation.id)
        if self.holder[0] == "assistant":
            self.cut()

    @rule()
    def it_is_closed(self) -> None:
        self.attempt("close", self.desk.conversation.id)
        self.moved("closed")

    @invariant()
    def there_is_one_holder(self) -> None:
        if not hasattr(self, "desk"):
            return
        row = self.run(self.desk.row())
        assert (row.holder, row.holder_agent_id) == self.holder

    @invariant()
    def the_log_tells_the_same_story(self) -> None:
        """Numbers without gaps; and nobody speaks in it while another holds the conversation."""
        if not hasattr(self, "desk"):
            return
        events = self.run(self.desk.stored())
        assert [e.n for e in events] == list(range(1, len(events) + 1))
        holder, parts = "assistant", {}
        for event in events:
            data = event.data
            if event.type == "holder":
                holder = data["holder"]
            elif event.type.startswith("answer."):
                assert holder == "assistant", f"{event.type} while {holder} holds it"
            if event.type == "answer.start":
                parts[data["message"]] = ""
            elif event.type == "answer.part":
                assert data["offset"] == len(parts[data["message"]])
                parts[data["message"]] += data["text"]
            elif event.type == "message" and data["author"] == "agent":
                assert holder == "agent"

    @invariant()
    def one_answer_a_message_and_its_text_as_written(self) -> None:
        if not hasattr(self, "desk"):
            return
        messages = self.run(self.desk.messages())
        answers = [m for m in messages if m.author == "assistant"]
        assert len({m.reply_to for m in answers}) == len(answers)
        assert {m.id: m.text for m in answers if m.text} == {k: v for k, v in self.texts.items() if v}
        assert {m.id for m in answers if m.state == "streaming"} == set(self.writing)
        active = [t for t in self.run(self.desk.all_tickets()) if t.status in ("open", "pending")]
        assert len(active) <= 1


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(12, 25), pytest.param(150, 80, marks=[pytest.mark.prove, pytest.mark.timeout(1800)])],
)
def test_one_holder_whatever_happens(sqlite_only: Path, examples: int, steps: int) -> None:
    class OnACopy(Thread):
        template = sqlite_only

    run_state_machine_as_test(
        OnACopy,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


@pytest.fixture
async def desk(db: Database, clock: FakeClock) -> Desk:
    """A desk on the test's own database."""
    return await open_desk(db, clock)


async def over_and_back(desk: Desk, say: str = "") -> None:
    """Mara takes the conversation, says something or not, and gives it back."""
    await desk.handoff.hand_off(desk.conversation.id, "agent_request", agent_id=desk.mara.id)
    async with desk.db.write() as tx:
        if say:
            await desk.conversations.post_agent_message(
                tx, desk.conversation.id, agent_id=desk.mara.id, text=say
            )
        assert await desk.conversations.hand_back(tx, desk.conversation.id)


async def done_with_jobs(desk: Desk) -> int:
    """As a worker that found nothing to do; how many there were."""
    n = 0
    while (job := await desk.jobs.claim(desk.db, "reply", "w")) is not None:
        n += await desk.jobs.finish(desk.db, job)
    return n


@pytest.mark.parametrize("begun", [False, True], ids=["before the answer", "before its first word"])
async def test_a_question_that_a_person_gave_back_unanswered_is_answered(desk: Desk, begun: bool) -> None:
    question = await desk.say("How long is delivery?")
    if begun:
        async with desk.db.write() as tx:
            late = await desk.conversations.begin_answer(tx, reply_to=question.id)
    assert await done_with_jobs(desk) == 1
    await over_and_back(desk)
    assert await desk.job_count() == 1
    await over_and_back(desk)  # and once more, before any worker came
    async with desk.db.write() as tx:
        handle = await desk.conversations.begin_answer(tx, reply_to=question.id)
        await desk.conversations.append_sentence(tx, handle, part("Three days."))
    if begun:
        assert handle.message_id == late.message_id
        with pytest.raises(HolderChanged):
            async with desk.db.write() as tx:
                await desk.conversations.append_sentence(tx, late, part("Four days."))
    async with desk.db.write() as tx:
        await desk.conversations.finish_answer(tx, handle, AnswerEnd(outcome="reply"))
    assert [(m.author, m.text) for m in await desk.messages()] == [
        ("visitor", "How long is delivery?"),
        ("assistant", "Three days."),
    ]
    await done_with_jobs(desk)
    await over_and_back(desk)
    assert await desk.job_count() == 0  # it is answered


async def test_the_old_job_in_its_last_moments_takes_no_answer_with_it(desk: Desk) -> None:
    await desk.say("How long is delivery?")
    old = await desk.jobs.claim(desk.db, "reply", "w")
    assert old is not None
    await over_and_back(desk)  # the worker has seen that a person is there, and has not deleted its row yet
    assert await desk.jobs.finish(desk.db, old)
    assert await desk.job_count() == 1


@pytest.mark.parametrize(
    "why", ["answered by a person", "stopped", "stopped before", "cut", "solved", "mail"]
)
async def test_what_is_not_owed_is_not_answered_after_it_was_given_back(desk: Desk, why: str) -> None:
    if why == "mail":
        async with desk.db.write() as tx:
            await desk.conversations.post_visitor_message(
                tx, desk.conversation, client_id="1", text="By mail", channel="mail"
            )
    else:
        question = await desk.say("How long is delivery?")
    if why in ("stopped", "cut"):
        async with desk.db.write() as tx:
            handle = await desk.conversations.begin_answer(tx, reply_to=question.id)
            if why == "cut":
                await desk.conversations.append_sentence(tx, handle, part("Three days."))
    if why.startswith("stopped"):
        async with desk.db.write() as tx:
            await desk.conversations.stop(tx, desk.conversation.id)
    await done_with_jobs(desk)
    if why == "solved":
        ticket = await desk.handoff.hand_off(desk.conversation.id, "agent_request", agent_id=desk.mara.id)
        async with desk.db.write() as tx:
            await desk.tickets.set_status(tx, ticket.id, "solved")
    else:
        await over_and_back(desk, "Three days." if why == "answered by a person" else "")
    assert (await desk.row()).holder == "assistant"
    assert await desk.job_count() == 0
