"""What was offered to tap is stored, and the next reply is handed it with the conversation."""

from minidesk.answering.outcome import Clarify, Turn
from minidesk.db import Database
from tests.conftest import FakeClock
from tests.desk import open_desk
from tests.test_reply import REPLY, Script, answered, claim, replier

CHOICES = ("Shipping costs", "Repair service")
TEXT = "Do you mean “Shipping costs” or “Repair service”?"


async def test_choices_come_back_with_the_history(db: Database, clock: FakeClock) -> None:
    desk = await open_desk(db, clock)
    await desk.say("What does it cost?")
    await replier(desk, Script(answered(Clarify("choices", CHOICES), TEXT))).reply(await claim(desk))
    assert [m.choices for m in await desk.messages()] == [(), CHOICES]
    [done] = [event for event in await desk.stored() if event.type == "answer.done"]
    assert (done.data["kind"], done.data["choices"], done.data["offer_person"]) == (
        "choices",
        list(CHOICES),
        False,
    )
    assert (await desk.row()).holder == "assistant"
    await desk.say("Repair service")
    next_one = Script(*REPLY)
    await replier(desk, next_one).reply(await claim(desk))
    [question] = next_one.questions
    assert question.history == (Turn("visitor", "What does it cost?"), Turn("assistant", TEXT, CHOICES))
    assert question.locale == (await desk.row()).locale
