"""Voice notes through HTTP: written down for the visitor to look at, and kept nowhere."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from tests.gateway.conftest import Ledger
from tests.helpers.pictures import WEBM, picture
from tests.helpers.serving import serving
from tests.web.conftest import API, Desk, Visitor
from tests.web.test_visitor_api_pages import build

from minidesk.db.models import Attachment, Message
from minidesk.gateway import Route, Target
from minidesk.gateway.scripted import Line, ScriptedModel


def heard(text: str) -> Line:
    return Line(body=json.dumps({"text": text}).encode(), content_type="application/json")


@pytest.fixture
async def model() -> AsyncIterator[tuple[ScriptedModel, str]]:
    """The model's twin and its address."""
    twin = ScriptedModel()
    async with serving(twin) as url:
        yield twin, url


@pytest.fixture
def voice(model: tuple[ScriptedModel, str]) -> Route:
    """The tier voice."""
    return Route((Target("whisper-1", f"{model[1]}/v1", "sk", 0.0, 0.0, minute_price=0.006),))


async def speak(
    visitor: Visitor, data: bytes = WEBM, type: str = "audio/webm;codecs=opus", query: str = ""
) -> httpx.Response:
    files = {"file": ("voice.webm", data, type)}
    return await visitor.client.post(f"{API}/voice{query}", files=files, headers=visitor.headers)


async def test_a_voice_note_becomes_text_and_nothing_is_sent(
    visitor: Visitor, desk: Desk, model: tuple[ScriptedModel, str], ledger: Ledger
) -> None:
    conversation = await visitor.start()
    model[0].script = [heard(" Where is\u202e my parcel? ")]
    answer = await speak(visitor, query=f"?conversation={conversation}")
    assert (answer.status_code, answer.json()) == (200, {"text": "Where is my parcel?"})
    assert (await visitor.get("/config")).json()["voice"] == {"max_seconds": 120}
    [line] = ledger.lines
    assert (line.purpose, line.conversation_id, line.site_id) == ("transcription", conversation, desk.site.id)
    async with desk.db.read() as tx:
        for table in (Message, Attachment):
            assert await tx.scalar(select(func.count()).select_from(table)) == 0


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (Line(status=503), 503, "voice_failed"),
        (Line(status=401), 503, "voice_failed"),
        (heard("  "), 422, "nothing_heard"),
    ],
)
async def test_what_goes_wrong_is_one_plain_sentence(
    visitor: Visitor, model: tuple[ScriptedModel, str], line: Line, status: int, code: str
) -> None:
    model[0].script = [line]
    answer = await speak(visitor)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert "write" in error["message"]
    assert "whisper" not in answer.text


@pytest.mark.parametrize(
    ("data", "type", "status"),
    [(picture(), "audio/webm", 415), (WEBM, "image/png", 415), (WEBM * 200, "audio/webm", 413), (b"", "audio/webm", 422)],
)  # fmt: skip
async def test_what_is_no_voice_note_reaches_no_model(
    visitor: Visitor, model: tuple[ScriptedModel, str], data: bytes, type: str, status: int
) -> None:
    assert (await speak(visitor, data, type)).status_code == status
    assert model[0].requests == []


async def test_in_anothers_conversation_nobody_speaks(
    visitor: Visitor, stranger: Visitor, client: httpx.AsyncClient, model: tuple[ScriptedModel, str]
) -> None:
    conversation = await visitor.start()
    assert (await speak(stranger, query=f"?conversation={conversation}")).status_code == 404
    assert (
        await client.post(f"{API}/voice", files={"file": ("v.webm", WEBM, "audio/webm")})
    ).status_code == 401
    assert model[0].requests == []


async def test_at_the_ceiling_no_model_is_asked(
    visitor: Visitor, model: tuple[ScriptedModel, str], ledger: Ledger
) -> None:
    ledger.left = 10
    assert (await speak(visitor)).json()["error"]["code"] == "voice_failed"
    assert model[0].requests == []


class TestWithoutAModel:
    """Where the settings name none."""

    @pytest.fixture
    def voice(self) -> None:
        """No tier voice."""

    async def test_there_is_no_microphone(self, visitor: Visitor, desk: Desk) -> None:
        build(desk.dist)
        assert (await visitor.get("/config")).json()["voice"] is None
        assert (await speak(visitor)).status_code == 404
        page: Any = await visitor.client.get(f"/widget/{desk.site.key}")
        assert "microphone=()" in page.headers["permissions-policy"]
