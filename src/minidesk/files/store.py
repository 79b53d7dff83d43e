"""Bytes by their SHA-256 below the data folder."""

import asyncio
import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from minidesk.errors import NotFound, StorageFull, TooLarge, Unavailable

# Small enough that an oversized upload is refused within 64 KB of the limit (T7).
_PIECE = 65_536
# Whoever waits for a lock of another process looks again so often. Waiting in threads, some uploads would take all there are.
_LOOK_SECONDS = 0.01
# Who removes gives up then: uploads wait behind it, and one of them may hang at a database that does not answer.
REMOVE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Where bytes went: their checksum and how many there are."""

    sha256: str
    size: int


class FileStore:
    """Keeps each content once, as `root/ab/cd/abcd…`: the same bytes are never stored twice.

    A file appears under its name only when it is complete and on the disk, so a crash leaves at most a
    file in `root/tmp`, which `clean_up` removes.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, sha256: str) -> Path:
        """Where the bytes of `sha256` stand, if they do. Raises NotFound for anything that is no checksum."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise NotFound
        return self._root / sha256[:2] / sha256[2:4] / sha256

    async def put(
        self, data: bytes | AsyncIterator[bytes], limit: int, keeping: "Keeping | None" = None
    ) -> StoredFile:
        """Store `data` and say what it is called.

        Raises TooLarge as soon as more than `limit` bytes came, StorageFull when the disk takes no more,
        and Unavailable when it fails. `keeping`: nobody removes the bytes before it ends.
        """
        temporary = self._root / "tmp" / secrets.token_hex(16)
        with _told():
            if isinstance(data, bytes):
                if keeping is not None:
                    await keeping.begin()
                return await asyncio.to_thread(self._put_bytes, data, limit, temporary)
            try:
                await asyncio.to_thread(temporary.parent.mkdir, parents=True, exist_ok=True)
                return await self._put_stream(data, limit, temporary, keeping)
            finally:
                await asyncio.to_thread(temporary.unlink, missing_ok=True)

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator["Keeping"]:
        """Bytes that are put with this stay while its block runs, whichever process removes some: commit within it what names them.

        Otherwise somebody who found the same bytes unused a moment ago would remove them when they are needed again.
        """
        keeping = Keeping(self._root)
        try:
            yield keeping
        finally:
            keeping.end()

    @asynccontextmanager
    async def removing(self) -> AsyncIterator[None]:
        """No process is between bytes and the row that names them while this block runs: find out in it what no row names,
        and remove that. Others wait for its end with their bytes, so it should be short. Raises Unavailable where they do
        not come to an end themselves, and StorageFull.
        """
        with _told():
            async with asyncio.timeout(REMOVE_SECONDS):
                own = await _through_gate(self._root, fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(own)

    def _put_bytes(self, data: bytes, limit: int, temporary: Path) -> StoredFile:
        _check_size(len(data), limit)
        stored = StoredFile(hashlib.sha256(data).hexdigest(), len(data))
        if not self.path(stored.sha256).exists():
            temporary.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("wb") as file:
                    file.write(data)
                    self._settle(file, temporary, stored)
            finally:
                temporary.unlink(missing_ok=True)
        return stored

    async def _put_stream(
        self, data: AsyncIterator[bytes], limit: int, temporary: Path, keeping: "Keeping | None"
    ) -> StoredFile:
        digest, size = hashlib.sha256(), 0
        file = await asyncio.to_thread(temporary.open, "wb")
        with file:
            async for piece in data:
                for start in range(0, len(piece), _PIECE):
                    part = piece[start : start + _PIECE]
                    size += len(part)
                    _check_size(size, limit)
                    digest.update(part)
                    await asyncio.to_thread(file.write, part)
            stored = StoredFile(digest.hexdigest(), size)
            if keeping is not None:
                await keeping.begin()  # not before: a slow sender would hold up who removes
            await asyncio.to_thread(self._settle, file, temporary, stored)
        return stored

    def _settle(self, file: BinaryIO, temporary: Path, stored: StoredFile) -> None:
        """Give a complete temporary file its name. Without both fsyncs a power cut could leave a row whose bytes are gone."""
        file.flush()
        os.fsync(file.fileno())
        target = self.path(stored.sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    async def read(self, sha256: str) -> bytes:
        """The bytes; raises NotFound when they are not here."""
        try:
            return await asyncio.to_thread(self.path(sha256).read_bytes)
        except FileNotFoundError as error:
            raise NotFound from error

    async def remove(self, sha256: str) -> None:
        """Forget the bytes; the caller has made sure that no row names them. Missing ones are no error."""
        await asyncio.to_thread(self.path(sha256).unlink, missing_ok=True)

    async def clean_up(self) -> int:
        """Remove what a crash left half-written, and say how many files that were. Only at start: a running upload's file would go too."""
        return await asyncio.to_thread(self._clean_up)

    def _clean_up(self) -> int:
        left = list((self._root / "tmp").glob("*"))
        for file in left:
            file.unlink(missing_ok=True)
        return len(left)


class Keeping:
    """A share in a lock that all processes with this folder know; it begins with the first bytes that are there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._turn = asyncio.Lock()
        self._held: int | None = None
        self._ended = False

    async def begin(self) -> None:
        """Keep from now on. Again changes nothing."""
        async with self._turn:
            if self._held is None:
                self._held = await _through_gate(self._root, fcntl.LOCK_SH)
            if self._ended:
                self.end()  # one of several failed, and this one did not hear of it: nothing will be committed

    def end(self) -> None:
        """Keep no more."""
        self._ended = True
        if self._held is not None:
            os.close(self._held)
            self._held = None


async def _through_gate(root: Path, how: int) -> int:
    """The lock on the folder's bytes, shared or alone. Who waits for it holds the gate, or one upload after the other would
    never let in who wants to be alone.
    """
    gate = await _locked(root / "gate.lock", fcntl.LOCK_EX)
    try:
        return await _locked(root / "keep.lock", how)
    finally:
        os.close(gate)


async def _locked(path: Path, how: int) -> int:
    """The file, locked when nobody else's lock is against it; closing it, or the end of the process, gives it back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(file, how | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(_LOOK_SECONDS)
            else:
                return file
    except BaseException:
        os.close(file)
        raise


@contextmanager
def _told() -> Iterator[None]:
    """Our error for a disk that is full or fails."""
    try:
        yield
    except ConnectionError:
        raise  # the sender's, not the disk's
    except OSError as error:
        raise (StorageFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else Unavailable)(
            retry_after=5
        ) from error


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge(
            f"This file is larger than {limit / 1_000_000:.0f} MB. Split it, or make it smaller, and send it again."
        )
