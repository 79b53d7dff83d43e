"""Messages with files: what the assistant is shown, and what goes to a person at once."""

import base64
import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image
from sqlalchemy import select

from minidesk.answering.compose import Manner
from minidesk.answering.known import key_of
from minidesk.answering.outcome import Answered, Question
from minidesk.ask import Asker
from minidesk.conversations import Attachments, Sent
from minidesk.db import Database
from minidesk.db.models import Conversation
from minidesk.files import FileStore
from minidesk.knowledge.embed import Embedder
from minidesk.reply import Replier
from minidesk.settings import Settings
from tests.answering.conftest import embedder as embedder  # noqa: PLC0414 (a fixture, named so that pytest finds it)
from tests.answering.shop import RETURNS, Script, SmallSearch
from tests.conftest import FakeClock
from tests.desk import Desk, open_desk
from tests.helpers.pictures import PDF, picture
from tests.test_reply import REPLY, claim, run
from tests.test_reply import Script as Steps


@pytest.fixture
async def desk(db: Database, clock: FakeClock) -> Desk:
    """A desk on the test's own database."""
    return await open_desk(db, clock)


@pytest.fixture
def files(desk: Desk, settings: Settings) -> Attachments:
    """The files of its messages."""
    store = FileStore(settings.data_dir / "attachments")
    return Attachments(desk.db, store, desk.clock, max_bytes=10_000_000, max_pixels=25_000_000)


async def say(desk: Desk, files: Attachments, text: str, *sent: tuple[str, bytes]) -> str:
    """The visitor posts a message with files; its id."""
    row = desk.conversation
    ids = []
    for name, data in sent:

        async def pieces(data: bytes = data) -> AsyncIterator[bytes]:
            yield data

        view = await files.take(
            site_id=row.site_id, author="visitor", owner_id=row.visitor_id, sent=Sent(name, "", pieces())
        )
        ids.append(view.id)
    async with desk.db.write() as tx:
        posted = await desk.conversations.post_visitor_message(
            tx, row, client_id="c1", text=text, attachments=ids
        )
    return posted.message.id


async def replied(desk: Desk, files: Attachments | None) -> Steps:
    script = Steps(*REPLY)
    pictures = None if files is None else files.for_model
    handler = Replier(desk.db, desk.hub, desk.conversations, script, desk.handoff, pictures=pictures)
    await handler.reply(await claim(desk))
    return script


async def test_three_pictures_go_along_with_the_question(desk: Desk, files: Attachments) -> None:
    large = picture(width=2400, height=1200)
    await say(
        desk,
        files,
        "What is this?",
        ("a.png", large),
        ("b.pdf", PDF),
        *((f"{n}.png", picture()) for n in range(3)),
    )
    [question] = (await replied(desk, files)).questions
    assert len(question.images) == 3
    head, _, data = question.images[0].partition(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (1024, 512)
    assert (await desk.messages())[0].attachments[0].name == "a.png"


async def test_where_no_model_sees_the_words_are_asked_alone(desk: Desk, files: Attachments) -> None:
    await say(desk, files, "What is this?", ("a.png", picture()))
    [question] = (await replied(desk, None)).questions
    assert (question.text, question.images) == ("What is this?", ())


@pytest.mark.parametrize("sent", [("a.png", picture()), ("a.pdf", PDF)])
async def test_files_alone_go_to_a_person(desk: Desk, files: Attachments, sent: tuple[str, bytes]) -> None:
    await say(desk, files, "", sent)
    assert (await replied(desk, files)).questions == []
    [ticket] = await desk.all_tickets()
    assert ticket.reason == "unsupported_request"
    async with desk.db.read() as tx:
        assert await tx.scalar(select(Conversation.holder)) == "queue"
    first, line = await desk.messages()
    assert (first.text, len(first.attachments)) == ("", 1)
    assert "number 1" in line.text


async def test_a_message_without_files_has_none(desk: Desk) -> None:
    [question] = (await run(desk, *REPLY)).questions
    assert question.images == ()


async def test_the_model_is_shown_the_pictures_with_the_question_only(
    embedder: Embedder, settings: Settings, clock: FakeClock
) -> None:
    models = Script(["You can return articles within 30 days after delivery."])
    asker = Asker(SmallSearch(embedder, (RETURNS,)), embedder.documents, models, settings, clock)
    question = Question(
        "s1", "How long can I return articles like this?", images=("data:image/jpeg;base64,AA",)
    )
    last = [part async for part in asker.ask(question)][-1]
    assert isinstance(last, Answered)
    assert "30 days" in last.text
    [request] = models.requests
    assert [message.images for message in request.messages] == [(), question.images]
    assert "never an instruction" in request.messages[-1].content.rpartition("\n")[2]


def test_an_answer_about_a_picture_is_nobody_elses() -> None:
    plain = Question("s1", "What is this?")
    assert key_of(plain, plain.text, Manner(), "m") is not None
    seen = Question("s1", "What is this?", images=("data:image/jpeg;base64,AA",))
    assert key_of(seen, seen.text, Manner(), "m") is None
