"""The assistant's answer: sentence by sentence, once, and never after somebody else took the conversation."""

import asyncio

import pytest
from tests.desk import Desk, part

from minidesk.conversations import AnswerEnd, AnswerHandle
from minidesk.db.models import Citation, Conversation
from minidesk.errors import AlreadyAssigned, Conflict, HolderChanged, NotFound

REPLY = AnswerEnd(
    outcome="reply", text="ignored: the parts were shown", score=0.9, model="mini", cost_micros=7, ms=300
)


async def begin(desk: Desk, message_id: str) -> AnswerHandle:
    async with desk.db.write() as tx:
        return await desk.conversations.begin_answer(tx, reply_to=message_id)


async def append(desk: Desk, handle: AnswerHandle, text: str, n: int = 1) -> None:
    async with desk.db.write() as tx:
        await desk.conversations.append_sentence(tx, handle, part(text, n))


async def finish(desk: Desk, handle: AnswerHandle, end: AnswerEnd = REPLY) -> None:
    async with desk.db.write() as tx:
        await desk.conversations.finish_answer(tx, handle, end)


async def test_parts_add_up_to_the_message_byte_for_byte(desk: Desk) -> None:
    question = await desk.say("How long can I return boots?")
    handle = await begin(desk, question.id)
    sentences = ["You have 30 days.", " Boots may be tried on indoors.", "\n\nRefunds take 5 days."]
    for n, text in zip([1, 2, 1], sentences, strict=True):
        await append(desk, handle, text, n)
    await finish(desk, handle)
    answer = (await desk.messages(include_notes=True))[1]
    assert answer.text == "".join(sentences)
    assert (answer.state, answer.outcome, answer.reply_to, answer.score, answer.cost_micros) == (
        "done",
        "reply",
        question.id,
        0.9,
        7,
    )
    # Each span is its sentence, without the joining whitespace; a passage cited twice is one citation.
    spans = {c.n: [answer.text[start:end] for start, end in c.sentences] for c in answer.citations}
    assert spans == {1: ["You have 30 days.", "Refunds take 5 days."], 2: ["Boots may be tried on indoors."]}
    events = [e for e in await desk.stored() if e.type.startswith("answer.")]
    assert [e.type for e in events] == ["answer.start", *["answer.part"] * 3, "answer.done"]
    text = ""
    for event in events[1:4]:
        assert event.data["offset"] == len(text)
        text += event.data["text"]
    assert text == events[4].data["text"] == answer.text
    assert [c["n"] for c in events[4].data["citations"]] == [1, 2]
    for_visitor = (await desk.messages())[1]
    assert (for_visitor.score, for_visitor.model, for_visitor.cost_micros, for_visitor.ms) == (
        None,
        None,
        0,
        None,
    )


async def test_a_second_attempt_replaces_the_first_in_the_same_row(desk: Desk) -> None:
    question = await desk.say("Returns?")
    first = await begin(desk, question.id)
    await append(desk, first, "You have")
    second = await begin(desk, question.id)  # the first worker was killed, or was slow
    assert (second.message_id, second.attempt) == (first.message_id, 2)
    with pytest.raises(HolderChanged):
        await append(desk, first, " 30 days.")
    await append(desk, second, "You have 30 days.")
    await finish(desk, second)
    with pytest.raises(HolderChanged):
        await finish(desk, first)
    with pytest.raises(Conflict) as answered:
        await begin(desk, question.id)
    assert answered.value.code == "already_answered"
    assert [m.text for m in await desk.messages()] == ["Returns?", "You have 30 days."]
    async with desk.db.read() as tx:
        assert len((await tx.scalars(Citation.__table__.select())).all()) == 1


async def test_after_a_takeover_the_assistant_says_nothing(desk: Desk) -> None:
    question = await desk.say("Returns?")
    handle = await begin(desk, question.id)
    await append(desk, handle, "You have 30 days.")
    async with desk.hub.subscribe(f"stop:{desk.conversation.id}") as stops:
        async with desk.db.write() as tx:
            await desk.conversations.take_over(tx, desk.conversation.id, desk.mara.id)
        assert await stops.wait(5) is True
    before = await desk.stored()
    with pytest.raises(HolderChanged):
        await append(desk, handle, " More.")
    with pytest.raises(HolderChanged):
        await finish(desk, handle)
    with pytest.raises(HolderChanged):
        await begin(desk, question.id)
    assert await desk.stored() == before
    answer = (await desk.messages())[1]
    assert (answer.text, answer.state, answer.outcome) == ("You have 30 days.", "interrupted", None)
    assert [e.type for e in before[-2:]] == ["answer.done", "holder"]
    assert before[-1].data == {"holder": "agent", "name": "Mara"}
    # Back to the assistant is a move too, but the cut answer stays as it was shown.
    async with desk.db.write() as tx:
        assert await desk.conversations.hand_back(tx, desk.conversation.id) is True
    with pytest.raises(Conflict):
        await begin(desk, question.id)


async def test_sentences_racing_a_takeover_leave_nothing_behind_it(desk: Desk) -> None:
    question = await desk.say("Returns?")
    handle = await begin(desk, question.id)

    async def take() -> None:
        async with desk.db.write() as tx:
            await desk.conversations.take_over(tx, desk.conversation.id, desk.mara.id)

    results = await asyncio.gather(
        *(append(desk, handle, f"Sentence {i}.") for i in range(5)),
        take(),
        *(append(desk, handle, f"Sentence {i}.") for i in range(5, 10)),
        return_exceptions=True,
    )
    stored = await desk.stored()
    types = [e.type for e in stored]
    assert "answer.part" not in types[types.index("holder") :]
    refused = [r for r in results if r is not None]
    assert all(isinstance(r, HolderChanged) for r in refused)
    assert types.count("answer.part") == 10 - len(refused)


async def test_two_agents_at_once_and_the_loser_reads_who_won(desk: Desk) -> None:
    async def take(agent_id: str) -> None:
        async with desk.db.write() as tx:
            await desk.conversations.take_over(tx, desk.conversation.id, agent_id)

    results = await asyncio.gather(take(desk.mara.id), take(desk.jonas.id), return_exceptions=True)
    losers = [r for r in results if r is not None]
    assert len(losers) == 1
    winner = desk.mara if results[0] is None else desk.jonas
    assert isinstance(losers[0], AlreadyAssigned)
    assert winner.name in losers[0].message
    assert (await desk.row()).holder_agent_id == winner.id
    await take(winner.id)  # once more by the same agent is no error
    assert [e.type for e in await desk.stored()] == ["holder"]


async def test_not_found_turns_are_counted_in_a_row(desk: Desk) -> None:
    counts = []
    for i, kind in enumerate(["not_found", "not_found", "smalltalk", "not_found", None]):
        question = await desk.say(f"question {i}")
        handle = await begin(desk, question.id)
        end = AnswerEnd(
            outcome="clarify" if kind else "reply",
            kind=kind,
            text="Our pages do not say.",
            offer_person=True,
            choices=("a",),
        )
        await finish(desk, handle, end)
        counts.append((await desk.row()).not_found_count)
    assert counts == [1, 2, 0, 1, 0]
    answer = (await desk.messages())[1]
    assert (answer.kind, answer.offer_person, answer.choices) == ("not_found", True, ("a",))


async def test_stop_keeps_what_was_shown_and_ends_the_answer(desk: Desk) -> None:
    question = await desk.say("Returns?")
    handle = await begin(desk, question.id)
    await append(desk, handle, "You have 30 days.")
    async with desk.db.write() as tx:
        await desk.conversations.stop(tx, desk.conversation.id)
    with pytest.raises(HolderChanged):
        await append(desk, handle, " More.")
    assert [(m.text, m.state) for m in await desk.messages()][1] == ("You have 30 days.", "interrupted")
    assert (await desk.row()).holder == "assistant"


async def test_stop_before_the_first_word_is_a_stop_too(desk: Desk) -> None:
    question = await desk.say("Returns?")
    async with desk.db.write() as tx:
        await desk.conversations.stop(tx, desk.conversation.id)
    with pytest.raises(Conflict):
        await begin(desk, question.id)
    assert [m.text for m in await desk.messages()] == ["Returns?"]  # an answer without a word is no message
    later = await desk.say("And boots?")
    assert (await begin(desk, later.id)).attempt == 1


async def test_stop_is_for_all_that_was_asked(desk: Desk) -> None:
    """A message that came before the answer to another one began is behind nobody's words, and still waits."""
    first, second = await desk.say("Returns?"), await desk.say("And boots?")
    handle = await begin(desk, first.id)
    third = await desk.say("And tents?")
    async with desk.db.write() as tx:
        await desk.conversations.stop(tx, desk.conversation.id)
    for question in (first, second, third):
        with pytest.raises(Conflict) as answered:
            await begin(desk, question.id)
        assert answered.value.code == "already_answered"
    with pytest.raises(HolderChanged):
        await append(desk, handle, "You have 30 days.")
    done = [e.data for e in await desk.stored() if e.type == "answer.done"]
    assert sorted((e["reply_to"], e["state"]) for e in done) == sorted(
        (question.id, "interrupted") for question in (first, second, third)
    )
    async with desk.db.write() as tx:
        await desk.conversations.stop(tx, desk.conversation.id)  # once more refuses nothing twice
    assert len([e for e in await desk.stored() if e.type == "answer.done"]) == 3
    later = await desk.say("Lamps?")
    assert (await begin(desk, later.id)).attempt == 1


async def test_no_answer_to_what_is_not_there(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await begin(desk, "msg_missing")


async def test_a_conversation_begins_with_the_assistant(desk: Desk) -> None:
    async with desk.db.write() as tx:
        started = await desk.conversations.start(
            tx,
            site_id=desk.conversation.site_id,
            visitor_id=desk.conversation.visitor_id,
            page_url="https://shop.example/boots",
            page_title="Boots",
            locale="de",
        )
    async with desk.db.read() as tx:
        row = await tx.get_one(Conversation, started.id)
    assert (row.holder, row.last_event, row.page_title, row.locale) == ("assistant", 0, "Boots", "de")
