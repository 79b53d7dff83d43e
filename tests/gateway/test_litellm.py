"""The gateway against a real OpenAI-compatible server that is not ours."""

from pathlib import Path

import pytest
from tests.gateway.conftest import Ledger, collect, gateway
from tests.helpers.litellm import TOP, litellm_proxy

from minidesk.errors import ModelRefused
from minidesk.gateway import Clocks, Target

# The proxy takes many seconds to start on a small machine, and its first call is slow.
PATIENT = Clocks(first_token=30.0, gap=15.0, total=60.0)


@pytest.mark.litellm
async def test_an_answer_streamed_through_the_litellm_proxy(ledger: Ledger, tmp_path: Path) -> None:
    config = (TOP / "tests/litellm/config.yaml").read_text()
    async with litellm_proxy(config, tmp_path / "proxy.log") as proxy:
        known = Target("mini", proxy.base_url, proxy.key, 0.15, 0.60)
        text, end = await collect(gateway(ledger, known, clocks=PATIENT))
        assert text == "Returns are free for 30 days [1]."
        assert (end.model, end.estimated) == ("mini", False)
        assert end.output_tokens > 0
        wrong_key = Target("mini", proxy.base_url, "sk-wrong", 0.15, 0.60)
        with pytest.raises(ModelRefused):
            await collect(gateway(ledger, wrong_key, clocks=PATIENT))
    assert [line.outcome for line in ledger.lines] == ["ok", "model_refused"]
