"""What an upload is told when the disk takes no more, or fails."""

import errno
import os
from pathlib import Path

import pytest

from minidesk.errors import StorageFull, Unavailable
from minidesk.files import FileStore


@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, StorageFull), (errno.EIO, Unavailable)])
async def test_disk_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    def failing(_descriptor: int) -> None:
        raise OSError(number, "the disk says no")

    store = FileStore(tmp_path)
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(error):
        await store.put(b"words", 100)
    monkeypatch.undo()
    stored = await store.put(b"words", 100)
    assert await store.read(stored.sha256) == b"words"
