"""Stored bytes and cleaned names."""

import asyncio
import hashlib
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidesk.errors import NotFound, TooLarge, Unavailable
from minidesk.files import FileStore, Keeping, clean_label, clean_path

DATA = b"words " * 50_000


async def pieces(data: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    """`data` as an upload brings it."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("streamed", [False, True])
async def test_bytes_come_back(tmp_path: Path, streamed: bool) -> None:
    store = FileStore(tmp_path)
    stored = await store.put(pieces(DATA) if streamed else DATA, 1_000_000)
    assert (stored.sha256, stored.size) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    assert await store.read(stored.sha256) == DATA
    again = await store.put(DATA, 1_000_000)
    assert again == stored
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [store.path(stored.sha256)]


@pytest.mark.parametrize("streamed", [False, True])
async def test_too_many_bytes_are_refused_while_they_come(tmp_path: Path, streamed: bool) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 10_000
            yield b"x" * 10_000

    store = FileStore(tmp_path)
    with pytest.raises(TooLarge):
        await store.put(endless() if streamed else b"x" * 200_001, 200_000)
    assert read <= 200_000 + 65_536
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


async def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    store = FileStore(tmp_path)
    with pytest.raises(ConnectionResetError):
        await store.put(broken(), 100)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


async def test_what_a_crash_left_is_cleaned_up(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    stored = await store.put(DATA, 1_000_000)
    (tmp_path / "tmp" / "left").write_bytes(b"half")
    assert await store.clean_up() == 1
    assert await store.read(stored.sha256) == DATA


async def test_removed_and_unknown_bytes_are_not_found(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    stored = await store.put(DATA, 1_000_000)
    await store.remove(stored.sha256)
    await store.remove(stored.sha256)
    for name in (stored.sha256, "../../etc/passwd", ""):
        with pytest.raises(NotFound):
            await store.read(name)


async def test_who_removes_and_who_stores_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two stores are as two processes: each has its own locks."""
    here, there = FileStore(tmp_path), FileStore(tmp_path)
    order: list[str] = []
    slow, waits = asyncio.Event(), asyncio.Event()

    async def store(data: bytes) -> None:
        async with there.keeping() as keeping:
            await there.put(data, 100, keeping)
            order.append("stored")

    async def remove() -> None:
        async with here.removing():
            order.append("removing")

    async def sender() -> AsyncIterator[bytes]:
        yield b"slow"
        waits.set()
        await slow.wait()

    async with there.keeping() as keeping, asyncio.TaskGroup() as tasks:
        await there.put(b"one", 100, keeping)
        await there.put(b"two", 100, keeping)
        with monkeypatch.context() as patch:
            patch.setattr("minidesk.files.store.REMOVE_SECONDS", 0.0)
            with pytest.raises(Unavailable):  # who hangs holds up nobody for ever
                async with here.removing():
                    pytest.fail("it did not wait")
        tasks.create_task(remove())
        tasks.create_task(store(b"later"))  # it lets the one go first who came first
        await asyncio.sleep(0)
        assert not order
        keeping.end()
    assert order == ["removing", "stored"]
    # Bytes that are still on their way hold up nobody.
    async with there.keeping() as keeping:
        putting = asyncio.create_task(there.put(sender(), 100, keeping))
        await waits.wait()
        await remove()
        slow.set()
        await there.read((await putting).sha256)
    await remove()
    late = Keeping(tmp_path)
    late.end()
    await late.begin()  # whoever comes behind the end keeps nobody waiting
    await remove()


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("returns.md", "returns.md"),
        ("../../x", ".._.._x"),
        ("..\\..\\x.pdf", ".._.._x.pdf"),
        ("%2e%2e%2fx", "2e2e2fx"),
        ("a\0.pdf", "a.pdf"),
        ("a\r\nb.md", "ab.md"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("．．／x", "．．_x"),
        ("；rm -rf", "rm -rf"),
        ("", "file"),
        ("  ", "file"),
        ("caf\u0065\u0301.md", "café.md"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("Öffnungszeiten 👩\u200d🔧.txt", "Öffnungszeiten 👩\u200d🔧.txt"),
    ],
)
def test_labels(name: str, label: str) -> None:
    assert clean_label(name) == label


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("help/returns.md", "help/returns.md"),
        ("/etc/passwd", "etc/passwd"),
        ("a/../../b", "a/b"),
        ("a\\b.md", "a/b.md"),
        ("./a//b", "a/b"),
        ("..", "file"),
        ("a／..／b", "a/b"),
    ],
)
def test_paths(path: str, clean: str) -> None:
    assert clean_path(path) == clean


@given(st.text(max_size=400))
def test_labels_are_harmless(name: str) -> None:
    label = clean_label(name)
    assert 0 < len(label) <= 120
    assert not set(label) & set("/\\:%\0")
    assert label == unicodedata.normalize("NFC", label)
    assert not any(
        unicodedata.category(c) in ("Cc", "Cs") or c in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069"
        for c in label
    )
    assert ".." not in clean_path(name).split("/")
    assert len(clean_path(name)) <= 500
