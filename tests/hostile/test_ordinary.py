"""What holds off the hostile must not stand in honest visitors' way: 300 ordinary messages, many with suspicious words."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from playwright.async_api import Browser

from minidesk.answering.outcome import Turn
from minidesk.answering.prompt import answer_prompt, leaks, neutral
from minidesk.knowledge.records import Passage
from minidesk.text.normalise import check_text
from minidesk.text.render import render_markdown
from tests.answering.sample_shop import KNOWLEDGE
from tests.browser import conftest as browsers
from tests.hostile.desk import HONEST, hostile_desk, sign_in_to

browser = browsers.browser
MAX_REFUSED = 0.01


def ordinary() -> list[str]:
    """Our suspicious ones, and the sample shop's own questions."""
    lines = (Path(__file__).parent / "ordinary.txt").read_text(encoding="utf-8").splitlines()
    own = [line.replace("\\n", "\n") for line in lines if line and not line.startswith("#")]
    asked = [
        json.loads(line)["question"]
        for name in ("questions.jsonl", "questions-unseen.jsonl")
        for line in (KNOWLEDGE / name).read_text(encoding="utf-8").splitlines()
    ]
    return [*own, *asked][:300]


def test_no_rule_against_hostile_text_touches_ordinary_messages() -> None:
    """The four rules that could: cleaning what comes in, defusing it for the prompt, stopping leaks, and showing it."""
    messages = ordinary()
    assert len(messages) == 300
    assert len(set(messages)) == 300
    refused = [
        message
        for message in messages
        if check_text(message, 4000) != message or _changed(message) or _cut(message) or not _shown(message)
    ]
    print(f"{len(refused)} of {len(messages)} ordinary messages refused: {refused}")
    assert len(refused) <= MAX_REFUSED * len(messages)


def _changed(message: str) -> bool:
    """Whether a model would read other words. A role at a line's start loses its colon and no word."""
    return neutral(message).replace(" -", ":").split() != message.replace(" -", ":").split()


def _cut(message: str) -> bool:
    """Whether an honest answer that repeats the question and two passages would be taken for a leak."""
    passages = [_passage(path) for path in HONEST]
    prompt = answer_prompt(message, passages, [Turn("visitor", message)], site_name="Hillside Outdoor")
    answer = f"You ask: {message} {' '.join(passage.text for passage in passages)}"
    return leaks(answer, prompt)


def _shown(message: str) -> bool:
    """Whether the words survive the renderer."""
    html = render_markdown(message)
    letters = "".join(c for c in message if c.isalnum() and c.isascii())
    return "".join(c for c in _text(html) if c.isalnum() and c.isascii()).startswith(letters[:12])


def _text(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def _passage(name: str) -> Passage:
    text = (KNOWLEDGE / name).read_text(encoding="utf-8")[:1500]
    return Passage(
        chunk=name,
        document=name,
        document_id=name,
        version_id=name,
        title=name,
        url=None,
        heading_path=(),
        kind="text",
        question=None,
        text=text,
        start=0,
        end=len(text),
        page=None,
        score=1.0,
    )


@pytest.mark.prove
@pytest.mark.browser
@pytest.mark.timeout(1800)
async def test_ordinary_messages_are_taken_and_none_ends_as_an_attack(
    tmp_path: Path, browser: Browser
) -> None:
    """Through the visitor's API, with a model that answers honestly: what it was asked and wrote is an answer."""
    async with hostile_desk(tmp_path) as (desk, _):
        agent = await sign_in_to(desk, browser)
        await desk.upload(agent, [(Path(name).name, (KNOWLEDGE / name).read_bytes()) for name in HONEST])
        assert await desk.all_read(desk.api_key) == len(HONEST)
        failed, token = [], await desk.visitor()
        for message in ordinary():
            talk = await desk.start(token=token)
            await desk.say(talk, [message])
            await desk.finish(talk)
            first = talk.stored["messages"][0]
            ends = [m["kind"] for m in talk.stored["messages"] if m["author"] == "assistant"]
            if first["text"] != message or "model_failure" in ends:
                failed.append(message)
        print(f"{len(failed)} of {len(ordinary())} ordinary messages refused: {failed}")
        assert len(failed) <= MAX_REFUSED * len(ordinary())
