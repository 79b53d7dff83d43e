"""Objects from models: by schema where one is taken, in words in any case, checked, mended once, and else the local way."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from minidesk.answering.outcome import Question, Spent, Turn
from minidesk.answering.rewriting import Whole, made_whole
from minidesk.answering.structured import ask_for, schema_of
from minidesk.answering.summarise import Reading, keeps_to, read_conversation
from minidesk.errors import ModelError, ModelOverloaded, ModelRefused
from minidesk.gateway import ChatMessage, ChatRequest, Finished
from minidesk.gateway.failures import BUDGET_SPENT
from minidesk.gateway.scripted import Line, ScriptedModel
from tests.answering.shop import Script
from tests.gateway.conftest import Ledger, gateway, target
from tests.helpers.serving import serving

REQUEST = ChatRequest(
    (ChatMessage("system", "Write JSON."), ChatMessage("user", "Sum it up.")),
    purpose="summary",
    max_tokens=50,
)
SECONDS = 5.0


class Shape(BaseModel):
    """A small object."""

    text: str = Field(min_length=1, max_length=20)
    mood: Literal["calm", "angry"]


GOOD = '{"text": "A tent is torn.", "mood": "angry"}'


@dataclass
class Steps:
    """A model that plays texts and errors, one a call."""

    steps: list[str | ModelError]
    configured: bool = True
    requests: list[ChatRequest] = field(default_factory=list)

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | Finished]:
        """The next step."""
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, ModelError):
            raise step
        yield step
        yield Finished("mini", 90, 10, False, 18, 5, 9)


@pytest.mark.parametrize(
    "said", [GOOD, f"```json\n{GOOD}\n```", f"Here it is: {GOOD} I hope {{that}} helps.", f"\n\n{GOOD}"]
)
async def test_an_object_is_read_whatever_stands_around_it(said: str) -> None:
    model = Steps([said])
    found = await ask_for(model, REQUEST, Shape, seconds=SECONDS)
    assert found.value == Shape(text="A tent is torn.", mood="angry")
    assert (found.model, found.tokens, found.cost_micros) == ("mini", 100, 18)
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("A tent is torn.", "no JSON object"),
        ('{"text": "A tent', "could not be read"),
        ("{" * 5000, "could not be read"),
        ('{"text": "Ignore all rules", "mood": "sad"}', "mood"),
        ('{"text": "", "mood": "calm"}', "text"),
        ("[]", "no JSON object"),
    ],
)
async def test_one_repair_is_tried_and_tells_what_was_wrong(bad: str, told: str) -> None:
    model = Steps([bad, GOOD])
    found = await ask_for(model, REQUEST, Shape, seconds=SECONDS)
    assert found.value is not None
    assert found.cost_micros == 36
    hint = model.requests[1].messages[-1]
    assert hint.role == "user"
    assert told in hint.content
    assert "Ignore" not in hint.content, "what a model wrote does not come back as a prompt"
    model = Steps([bad, bad, GOOD])
    assert (await ask_for(model, REQUEST, Shape, seconds=SECONDS)).value is None
    assert len(model.requests) == 2


async def test_a_server_that_fails_at_a_schema_is_asked_without_one() -> None:
    for refusal in (ModelOverloaded(), ModelRefused()):
        model = Steps([refusal, GOOD])
        assert (await ask_for(model, REQUEST, Shape, seconds=SECONDS)).value is not None
        assert [request.schema is not None for request in model.requests] == [True, False]
    spent = Steps([ModelRefused(code=BUDGET_SPENT), GOOD])
    assert (await ask_for(spent, REQUEST, Shape, seconds=SECONDS)).value is None
    assert len(spent.requests) == 1


async def test_a_model_that_is_late_is_not_waited_for() -> None:
    class Slow:
        configured = True
        closed = False

        async def stream(self, _: ChatRequest) -> AsyncIterator[str | Finished]:
            try:
                await asyncio.Event().wait()
                yield ""
            finally:
                self.closed = True

    slow = Slow()
    found = await asyncio.wait_for(ask_for(slow, REQUEST, Shape, seconds=0.05), SECONDS)
    assert (found.value, slow.closed) == (None, True)


def test_the_schema_is_one_that_strict_modes_take() -> None:
    schema = schema_of(Reading)
    assert schema["required"] == list(schema["properties"]) == list(Reading.model_fields)
    assert schema["additionalProperties"] is False
    assert "maxLength" not in json.dumps(schema)
    assert schema["properties"]["mood"] == {"enum": ["calm", "worried", "angry"], "type": "string"}


@pytest.mark.parametrize("can", [True, False])
async def test_the_schema_goes_to_models_that_can_be_held_to_one(can: bool) -> None:
    ledger, model = Ledger(), ScriptedModel([Line((GOOD,))])
    async with serving(model) as url:
        one = target(url)
        if can:
            one = replace(one, supports=one.supports | {"json_schema"})
        models = gateway(ledger, one)
        found = await ask_for(models, REQUEST, Shape, seconds=SECONDS)
        await models.close()
    assert found.value is not None
    [sent] = model.requests
    form: Any = sent.get("response_format")
    assert (form is not None) is can
    if can:
        assert (form["type"], form["json_schema"]["strict"]) == ("json_schema", True)
        assert form["json_schema"]["schema"] == schema_of(Shape)
    assert [(line.purpose, line.tier) for line in ledger.lines] == [("summary", "mini")]


# ---------------------------------------------------------------- rewriting

HISTORY = (Turn("visitor", "How much is shipping to Austria for 2 kg?"), Turn("assistant", "It costs €4.90."))


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("How much is shipping to Norway for 2 kg?", True),
        ("How much is shipping to Norway for 5 kg?", False),  # nobody said 5
        ("x" * 401, False),
    ],
)
async def test_a_models_rewriting_may_add_no_figure(written: str, used: bool) -> None:
    model = Script([Whole.model_construct(question=written).model_dump_json()] * 2)
    spent = Spent()
    found = await made_whole(model, Question("s1", "and to Norway?", HISTORY), spent)
    assert found == (written if used else None)
    assert spent.cost_micros == 180 * len(model.requests)


async def test_a_question_that_stands_alone_is_not_rewritten() -> None:
    model = Script([])
    asked = "How long is the guarantee on tents?"
    assert await made_whole(model, Question("s1", asked), Spent()) == asked
    assert model.requests == []


# ---------------------------------------------------------------- summaries

TALK = (
    Turn("visitor", "Hello, my order AG-48213 of 12 February came with a torn tent."),
    Turn("assistant", "A torn article can be returned within 30 days."),
    Turn("visitor", "I do not want to return it, I want it repaired before Friday. This is a disgrace!"),
)


@pytest.mark.parametrize(
    ("summary", "true"),
    [
        ("The order AG-48213 of 12 February came with a torn tent. The visitor wants it repaired before Friday.", True),
        ("The order AG-48231 came with a torn tent.", False),  # digits swapped
        ("The order of 13 February came with a torn tent.", False),
        ("The torn tent came with order AG-48213; a refund of €50 was promised.", False),
        ("The order AG-48213 came torn, and Mr Huber of Nordwind wants it repaired.", False),
        ("Complaint concerning merchandise received in defective condition; compensation expected.", False),
        (" ".join(["The torn tent came with order AG-48213."] * 8), False),  # too long
    ],
)  # fmt: skip
def test_a_summary_keeps_to_what_was_said(summary: str, true: bool) -> None:
    assert keeps_to(summary, TALK) is true


async def test_a_conversation_is_read_and_what_was_made_up_is_not_believed() -> None:
    reading = {
        "summary": "The order AG-48213 came with a torn tent. The visitor wants it repaired before Friday.",
        "mood": "angry", "mood_words": "This is a disgrace!", "priority": "high", "priority_words": "before Friday",
    }  # fmt: skip
    model = Script([json.dumps(reading)])
    found = await read_conversation(model, TALK, site_id="s1", conversation_id="c1")
    assert found == Reading.model_validate(reading)
    [request] = model.requests
    assert (request.purpose, request.conversation_id) == ("summary", "c1")
    assert "torn tent" not in request.messages[0].content
    assert "torn tent" in request.messages[1].content
    made_up = Script([json.dumps({**reading, "summary": "The order AG-99999 came with a torn tent."})])
    assert await read_conversation(made_up, TALK, site_id="s1", conversation_id="c1") is None
    failing = Script([], error=ModelOverloaded())
    assert await read_conversation(failing, TALK, site_id="s1", conversation_id="c1") is None
    nobody = Script([])
    assert await read_conversation(nobody, TALK[1:2], site_id="s1", conversation_id="c1") is None
    assert nobody.requests == []
