"""The gateway against llama.cpp's own server: `make test-llama` builds it. Its model is random, so its words mean nothing.

What it does otherwise than the hosted ones: it sends usage only where it is asked to, answers 500 where what was written
by a schema cannot be read in the end (and 400 to a schema that it can make no grammar of), and takes any name of a
model for its own.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from pydantic import BaseModel
from tests.gateway.conftest import REQUEST, Ledger, collect, gateway

from minidesk.answering.models import OneTier
from minidesk.answering.structured import ask_for
from minidesk.errors import ModelRefused
from minidesk.gateway import ChatMessage, Clocks, Target
from minidesk.gateway.failures import CONTEXT_TOO_LONG
from minidesk.gateway.messages import AnswerSchema
from minidesk.gateway.target import Support

pytestmark = pytest.mark.llama

TOP = Path(__file__).resolve().parents[2]
BIN = TOP / ".venv-llama" / "bin"
PATIENT = Clocks(first_token=30.0, gap=30.0, total=60.0)
WITH_SCHEMAS: frozenset[Support] = frozenset({"temperature", "stream_usage", "json_schema"})


class Order(BaseModel):
    """What is asked for by schema."""

    number: str


@pytest.fixture
async def llama(tmp_path: Path) -> AsyncIterator[Target]:
    """The server with a model that was made a moment ago."""
    model, log = tmp_path / "tiny.gguf", tmp_path / "server.log"
    maker = await asyncio.create_subprocess_exec(BIN / "python", TOP / "tests/llama/tiny_gguf.py", model)
    assert await maker.wait() == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("w") as output:
        process = await asyncio.create_subprocess_exec(
            *(BIN / "llama-server", "-m", model, "--host", "127.0.0.1", "--port", str(port)),
            *("-c", "2048", "-t", "1", "--parallel", "1"),
            stdout=output,
            stderr=output,
        )
    try:
        await _ready(process, f"http://127.0.0.1:{port}/health", log)
        yield Target("no-such-model", f"http://127.0.0.1:{port}/v1", "", 0.15, 0.60)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _ready(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):
        while True:
            if process.returncode is not None:
                raise AssertionError(f"the server ended: {log.read_text()[-2000:]}")
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)  # it says by nothing else that it listens


async def test_a_name_that_it_does_not_know_is_answered_and_its_count_is_booked(
    llama: Target, ledger: Ledger
) -> None:
    text, end = await collect(gateway(ledger, llama, clocks=PATIENT), replace(REQUEST, max_tokens=24))
    assert text
    assert (end.model, end.estimated, end.finish_reason) == ("no-such-model", False, "length")
    assert end.output_tokens == 24
    [line] = ledger.lines
    assert line.cost_micros == llama.cost(line.input_tokens, 24)


async def test_without_usage_tokens_are_estimated_and_marked(llama: Target, ledger: Ledger) -> None:
    silent = replace(llama, supports=frozenset({"temperature"}))
    text, end = await collect(gateway(ledger, silent, clocks=PATIENT), replace(REQUEST, max_tokens=24))
    assert text
    assert end.estimated
    assert ledger.lines[0].estimated
    assert end.cost_micros > 0


async def test_a_schema_that_it_cannot_use_is_a_typed_refusal(llama: Target, ledger: Ledger) -> None:
    unusable = AnswerSchema("Odd", {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}})
    able = replace(llama, supports=WITH_SCHEMAS)
    with pytest.raises(ModelRefused):
        await collect(gateway(ledger, able, clocks=PATIENT), replace(REQUEST, schema=unusable))
    assert ledger.lines[0].cost_micros == 0


async def test_an_object_by_schema_or_the_local_way(llama: Target, ledger: Ledger) -> None:
    """Nonsense is no object, by schema or without: nobody believes it, nothing is raised, and the next answer streams."""
    able = replace(llama, supports=WITH_SCHEMAS)
    request = replace(REQUEST, max_tokens=400, temperature=1.0)
    asked = gateway(ledger, able, clocks=PATIENT)
    found = await ask_for(OneTier(asked, "mini"), request, Order, seconds=60)
    assert found.value is None or isinstance(found.value, Order)
    # A second try was made without the schema, or by repairing; a 500 before the first word is tried once more.
    assert 1 <= len(ledger.lines) <= 4
    assert {line.outcome for line in ledger.lines} <= {"ok", "model_overloaded", "model_truncated"}
    text, _ = await collect(asked, replace(REQUEST, max_tokens=8))
    assert text
    by_words = await ask_for(
        OneTier(gateway(ledger, llama, clocks=PATIENT), "mini"), request, Order, seconds=60
    )
    assert by_words.value is None


async def test_too_long_for_it(llama: Target, ledger: Ledger) -> None:
    long = replace(REQUEST, messages=(ChatMessage("user", "word " * 4000),))
    with pytest.raises(ModelRefused) as refused:
        await collect(gateway(ledger, llama, clocks=PATIENT), long)
    assert refused.value.code == CONTEXT_TOO_LONG
