"""The whole product in a process of its own, as an operator starts it."""

import asyncio
import fcntl
import re
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.commands import environment as environment_on

# Starting, ingesting and answering share two cores with everything else.
START_SECONDS = 100


@dataclass
class Server:
    """`minidesk demo` (or `serve`) that can be killed and started again on the same data and port."""

    folder: Path
    command: str = "demo"
    environment: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    port: int = 0
    password: str = ""
    # A data folder to begin with a copy of.
    sample: Path | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it and wait for the last line of its greeting."""
        data = self.folder / "data"
        if self.sample is not None and not data.exists():
            shutil.copytree(self.sample, data)
        with (self.folder / "server.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "minidesk", self.command, "--port", str(self.port)),
                cwd=self.folder,
                env=environment_on(data, **self.environment),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            async for raw in self.process.stdout:
                line = raw.decode()
                if found := re.search(r"http://127\.0\.0\.1:(\d+)/console", line):
                    self.port = int(found[1])
                if found := re.search(r"Login +\S+ +(\S+)", line):
                    self.password = found[1]
                if "Ctrl-C" in line or line.startswith("minidesk is ready: "):
                    return
        raise AssertionError(f"the server ended: {self.log[-3000:]}")

    async def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> None:
        """As an operator would."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            await self.process.wait()

    async def end(self) -> None:
        """`stop`, and where that takes too long `kill`, which is an error then."""
        try:
            await self.stop()
        except TimeoutError:
            await self.kill()
            raise

    @property
    def log(self) -> str:
        """All that it wrote to standard error."""
        return (self.folder / "server.log").read_text()


@asynccontextmanager
async def running(
    folder: Path, command: str = "serve", sample: Path | None = None, /, **environment: str
) -> AsyncIterator[Server]:
    """A server on `folder`/data from here to the end of the block."""
    server = Server(folder, command, environment, sample=sample)
    try:
        await server.start()
        yield server
    finally:
        await server.end()


async def _read_ahead(data: Path) -> None:
    """Until the server's child has read all passages token by token, or each that starts on a copy would do it again."""
    unread = "SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM token_vectors)"
    async with asyncio.timeout(120):
        with closing(sqlite3.connect(data / "minidesk.db")) as connection:
            while connection.execute(unread).fetchone() != (0,):  # noqa: ASYNC110 (nothing but the rows tells of it)
                await asyncio.sleep(0.1)


async def sample_in(folder: Path) -> Path:
    """The data folder that a first `minidesk demo` leaves, made in `folder` by whoever comes first.

    To read the sample takes 12 s of CPU; starting on what was read 4.
    """
    top, read = folder / "sample", folder / "sample" / "is-read"
    top.mkdir(exist_ok=True)
    with (top / "lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if not read.exists():
            async with running(top, "demo"):
                await _read_ahead(top / "data")
            read.touch()
    return top / "data"
