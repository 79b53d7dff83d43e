"""A model behind a real OpenAI-compatible proxy that is not ours, streamed through the gateway into the widget."""

import sqlite3
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Server, Widget, person
from tests.helpers.litellm import TOP, litellm_proxy

pytestmark = [pytest.mark.browser, pytest.mark.litellm, pytest.mark.timeout(300)]

MOCKED = "Returns are free for 30 days [1]."
# Word for word from the sample's returns policy, so that the proof lets it through; the invented one must not pass.
TRUE = "You can return articles within 30 days after delivery."
INVENTED = "We will also send you a 500 euro voucher."


async def test_an_answer_through_the_proxy_reaches_the_visitor(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    config = (TOP / "tests/litellm/config.yaml").read_text()
    assert MOCKED in config
    async with litellm_proxy(config.replace(MOCKED, f"{TRUE} {INVENTED}"), tmp_path / "proxy.log") as proxy:
        server.environment |= {
            "MINIDESK_MODEL_BASE_URL": proxy.base_url,
            "MINIDESK_MODEL_API_KEY": proxy.key,
            "MINIDESK_MODEL": "mini",
        }
        await server.start()
        visitor = await person(browser, server.url)
        widget = Widget(visitor.page)
        await widget.open(server.url)
        await widget.say("How long do I have to send something back?")
        answer = widget.frame.locator(".from-desk .prose").last
        await expect(answer).to_contain_text(TRUE)
        await expect(answer).not_to_contain_text("voucher")
        await expect(widget.frame.get_by_role("button", name="Returns policy").first).to_be_visible()
    await server.stop()  # the ledger's lines are written in batches, the last one at the end
    with sqlite3.connect(server.folder / "data" / "minidesk.db") as rows:
        [(model, outcome, tokens, cost)] = rows.execute(
            "SELECT model, outcome, output_tokens, cost_micros FROM model_calls"
        ).fetchall()
    rows.close()
    assert (model, outcome) == ("mini", "ok")
    assert tokens > 0
    assert cost > 0
    assert proxy.key not in server.log
