"""The parent's side of parsing: a warm child process, replaced when it dies, hangs or has read many files."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path

import minidesk
from minidesk.errors import DocumentProblem
from minidesk.knowledge.parse.child import TOO_COMPLEX
from minidesk.knowledge.parse.limits import ParseLimits
from minidesk.knowledge.parse.wire import ANSWER_BYTES, PREFIX_BYTES, unpack, unpack_record
from minidesk.knowledge.records import PageLinks, ParsedDocument, Sitemap, SkippedDocument
from minidesk.settings import Settings

# A child that has read this many files is replaced: whatever it gathered goes with it.
_FILES_A_CHILD = 200
# An unused child holds 40 MB; after this long they are given back.
_IDLE_SECONDS = 20.0


class ParserPool:
    """Reads files in one child process, one after another; use it on one event loop and `close` it.

    A start costs 0.2 s and a warm child about a millisecond a file, so a folder of small files pays one start.
    """

    def __init__(self, settings: Settings) -> None:
        self._limits = ParseLimits(
            settings.parse_seconds, settings.parse_memory_mb, settings.document_max_bytes
        )
        self._turn = asyncio.Lock()
        self._child: Process | None = None
        self._read = 0
        self._idle: asyncio.TimerHandle | None = None

    async def parse(
        self, path: Path, name: str, content_type: str | None
    ) -> list[ParsedDocument | SkippedDocument]:
        """The documents of the file at `path` (absolute, or below the working folder), which its owner calls `name`.

        Raises DocumentProblem, WrongType or TooLarge with a sentence for the owner. A file that kills or
        blocks the child is `document_too_complex`; the next file gets a new child.
        """
        request = {
            "path": os.fspath(path),
            "name": name,
            "content_type": content_type,
            "seconds": self._limits.seconds,
            "max_bytes": self._limits.max_bytes,
        }
        answer = await self._answer(request)
        # Megabytes of JSON would hold up every stream of this process if they were read on the event loop.
        return await asyncio.to_thread(unpack, answer) if len(answer) > 200_000 else unpack(answer)

    async def page_links(self, data: bytes, charset: str | None) -> PageLinks:
        """Where a page of the web leads. Raises DocumentProblem for one that kills or blocks the child."""
        request = {"links": "page", "charset": charset, "size": len(data), "seconds": self._limits.seconds}
        record = unpack_record(await self._answer(request, data))
        widgets = [(str(src), str(key)) for src, key in record.pop("widgets")]
        return PageLinks(**record, widgets=widgets)

    async def sitemap(self, data: bytes) -> Sitemap:
        """The addresses in a sitemap. Raises DocumentProblem for one that kills or blocks the child."""
        request = {"links": "sitemap", "size": len(data), "seconds": self._limits.seconds}
        answer = await self._answer(request, data)
        return Sitemap(**await asyncio.to_thread(unpack_record, answer))

    async def _answer(self, request: Mapping[str, object], data: bytes = b"") -> bytes:
        """What the child says to one request, when its turn has come."""
        async with self._turn:
            if self._idle:
                self._idle.cancel()
            try:
                answer = await self._ask(json.dumps(request).encode() + b"\n" + data)
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
                await self._end()
                raise DocumentProblem(TOO_COMPLEX, code="document_too_complex") from error
            except BaseException:
                await (
                    self._end()
                )  # cancelled in the middle: the child's next answer would belong to this file
                raise
            self._read += 1
            if self._read >= _FILES_A_CHILD:
                await self._end()
            else:
                self._idle = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._kill)
        return answer

    async def _ask(self, request: bytes) -> bytes:
        child = self._child
        if child is None or child.returncode is not None:
            await self._end()
            child = self._child = await self._start()
        assert child.stdin
        assert child.stdout
        async with asyncio.timeout(self._limits.seconds):
            child.stdin.write(request)
            await child.stdin.drain()
            size = int.from_bytes(await child.stdout.readexactly(PREFIX_BYTES), "big")
            if size > ANSWER_BYTES:
                raise ValueError("an answer longer than any file may have")
            return await child.stdout.readexactly(size)

    async def _start(self) -> Process:
        # The child gets no setting and no key of ours, only what finding the package takes.
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(Path(minidesk.__file__).parents[1]),
            "PYTHONUTF8": "1",
            "OMP_NUM_THREADS": "1",
        }
        return await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "minidesk.knowledge.parse.child", str(self._limits.memory_mb),
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, start_new_session=True,
        )  # fmt: skip

    def _kill(self) -> None:
        child = self._child
        if child and child.returncode is None:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it died by itself meanwhile

    async def _end(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None
        self._kill()
        child, self._child, self._read = self._child, None, 0
        if child:
            await child.wait()

    async def close(self) -> None:
        """End the child. Files can be parsed again afterwards, with a new one."""
        async with self._turn:
            await self._end()


async def parse_file(
    path: Path, name: str, content_type: str | None, settings: Settings
) -> list[ParsedDocument | SkippedDocument]:
    """Read one file in a child of its own; see `ParserPool.parse`."""
    pool = ParserPool(settings)
    try:
        return await pool.parse(path, name, content_type)
    finally:
        await pool.close()
