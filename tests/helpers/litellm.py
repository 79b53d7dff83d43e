"""The LiteLLM proxy as a real OpenAI-compatible counterpart: its own environment, its own process, no provider behind it."""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

TOP = Path(__file__).resolve().parents[2]
PROGRAM = TOP / ".venv-litellm" / "bin" / "litellm"


@dataclass(frozen=True)
class Proxy:
    """Where it listens and what it wants to hear."""

    base_url: str
    key: str
    pid: int


@asynccontextmanager
async def litellm_proxy(config: str, log: Path) -> AsyncIterator[Proxy]:
    """Start the proxy with a configuration file's text; stopped at the end. Its output goes to `log`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = f"sk-{secrets.token_urlsafe(32)}"
    path = log.with_suffix(".yaml")
    path.write_text(config)
    with log.open("w") as output:
        process = await asyncio.create_subprocess_exec(
            *(str(PROGRAM), "--config", str(path), "--host", "127.0.0.1", "--port", str(port)),
            env={
                **os.environ,
                "LITELLM_MASTER_KEY": key,
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "PYTHONPATH": "",
            },
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        await _ready(process, f"http://127.0.0.1:{port}", log)
        yield Proxy(f"http://127.0.0.1:{port}/v1", key, process.pid)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _ready(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(110):
        while True:
            if process.returncode is not None:
                raise AssertionError(f"the proxy ended: {log.read_text()[-2000:]}")
            try:
                if (await client.get(f"{url}/health/liveliness")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.2)  # it says by nothing else that it listens
