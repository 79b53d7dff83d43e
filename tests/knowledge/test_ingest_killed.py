"""F2: the process is killed with -9 in the middle of ingest, again and again; nothing is lost, doubled or left over."""

import asyncio
import os
import signal
import sys
import textwrap
from collections import Counter
from pathlib import Path

from sqlalchemy import select
from tests.conftest import FakeClock
from tests.rows import add_site

from minidesk.db import Database
from minidesk.db.models import Chunk, Document, KnowledgeRevision, Site, Source, Vector
from minidesk.files import FileStore
from minidesk.jobs import JobQueue
from minidesk.knowledge.sources import Sources
from minidesk.live import Hub
from minidesk.settings import Settings

ROUNDS = 6
SCRIPT = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    import numpy as np
    from minidesk.db import Database
    from minidesk.db.models import utc_now
    from minidesk.files import FileStore
    from minidesk.ingest import Ingest
    from minidesk.jobs import JobQueue
    from minidesk.live import Hub
    from minidesk.settings import load_settings

    class Slow:
        fingerprint = "slow-1"
        def count_tokens(self, text):
            return len(text.split())
        async def documents(self, texts):
            print(ingest._parser._child.pid, flush=True)
            await asyncio.sleep(0.02)
            return np.ones((len(texts), 8), np.float32) / np.sqrt(8)

    async def main(url, data):
        global ingest
        hub, db = Hub(), Database(url)
        jobs = JobQueue(hub, utc_now)
        ingest = Ingest(db, FileStore(Path(data) / "files"), Slow(), jobs, hub, load_settings(data_dir=Path(data)), utc_now)
        await jobs.take_back(db, "victim")
        while job := await jobs.claim(db, "background", "victim"):
            await ingest.run(job)
            await jobs.finish(db, job)
        print("done", flush=True)

    asyncio.run(main(*sys.argv[1:]))
    """
)


async def test_killed_in_the_middle(
    tmp_path: Path, sqlite_template: Path, settings: Settings, clock: FakeClock
) -> None:
    path = tmp_path / "desk.db"
    path.write_bytes(sqlite_template.read_bytes())
    db = Database(f"sqlite+aiosqlite:///{path}")
    site = await add_site(db, clock)
    hub = Hub()
    sources = Sources(
        db, FileStore(settings.data_dir / "files"), JobQueue(hub, clock), hub, settings, clock, "slow-1"
    )
    for n in range(30):
        sheet = "question,answer\n" + "".join(f"Question {n} {m}?,Answer {n} {m}.\n" for m in range(8))
        await sources.store(site_id=site.id, path=f"faq{n:02}.csv", data=sheet.encode())
    parsers: set[int] = set()
    done = False
    for round_ in range(ROUNDS + 1):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SCRIPT, db.url, str(settings.data_dir), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout
        lines = 0
        while line := (await process.stdout.readline()).strip():
            done = line == b"done"
            if not done:
                parsers.add(int(line))
            lines += 1
            if (
                lines == 1 + round_ % 2 and round_ < ROUNDS
            ):  # while it embeds, writes, or reads the next files
                await asyncio.sleep(0.012 * round_)
                os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        await _check_whole(db, site.id)
    assert done
    async with db.read() as tx:
        assert Counter(await tx.scalars(select(Source.status))) == {"ready": 30}
        assert Counter(await tx.scalars(select(Document.status))) == {"ready": 240}
        assert len((await tx.scalars(select(KnowledgeRevision.n))).all()) == 240
    await db.close()
    assert not [pid for pid in parsers if _is_parser(pid)]  # a parsing child does not outlive its parent


def _is_parser(pid: int) -> bool:
    try:
        return b"knowledge.parse.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


async def _check_whole(db: Database, site_id: str) -> None:
    """No half document, no orphan, no gap."""
    async with db.read() as tx:
        documents = (await tx.execute(select(Document.id, Document.current_version_id))).all()
        chunks = (await tx.execute(select(Chunk.id, Chunk.document_id, Chunk.version_id))).all()
        vectors = set(await tx.scalars(select(Vector.chunk_id)))
        numbers = sorted(await tx.scalars(select(KnowledgeRevision.n)))
        last = await tx.scalar(select(Site.knowledge_revision).where(Site.id == site_id))
    assert {(document, version) for document, version in documents} == {
        (document, version) for _, document, version in chunks
    }
    assert {chunk for chunk, _, _ in chunks} == vectors
    assert numbers == list(range(1, (last or 0) + 1))
