"""The first story: one file becomes knowledge.

    stored bytes → parse (child process) → chunk → embed → rows, vectors and revision in one transaction → ready

Until a document's new version is written whole, its old one answers; a file that fails changes nothing but its
status. Everything may stop at any point and be run again: what was written is found by its fingerprint and
costs nothing, and a result that comes after a newer upload is dropped.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

from sqlalchemy import select, update

from minidesk.db import Database, Tx
from minidesk.db.models import Source
from minidesk.errors import DocumentProblem, TooLarge, WrongType
from minidesk.files import FileStore
from minidesk.jobs import ClaimedJob, JobQueue
from minidesk.jobs.worker import DATABASE_ERRORS, HEARTBEAT_SECONDS
from minidesk.knowledge import duplicates, token_vectors
from minidesk.knowledge.external import url_of
from minidesk.knowledge.parse import ParserPool
from minidesk.knowledge.passages import Prepared, fingerprint, prepare
from minidesk.knowledge.records import ParsedDocument, SkippedDocument
from minidesk.knowledge.revisions import align_audience, announce
from minidesk.knowledge.rows import (
    Entry,
    documents_of,
    known_vectors,
    owned,
    retire_others,
    settle_sources,
    write_documents,
    write_skipped,
)
from minidesk.knowledge.sources import OWN_ADDRESS, recipe, remove_unused
from minidesk.live.hub import Hub
from minidesk.settings import Settings

log = logging.getLogger(__name__)

# Passages of one transaction: a commit costs 1.4 ms, and a writing transaction of this size 30 ms, which nobody waits for.
_PASSAGES = 128
# Texts of one call: between two calls the process can stop, and a newer upload is noticed. The more there are, the
# nearer are the lengths of those that run together.
_EMBED = 512
# Smaller files are done before anybody could see "processing"; the commit is saved.
_MARK_FROM_BYTES = 262_144
# Small files that wait beside a small one are done with it, in the same transactions: alone each takes 70 trips to
# the database. More would let the first wait for the last: this much text is embedded in some ten seconds.
_GROUP_FILES = 32
_GROUP_BYTES = 262_144
_ID_CHARS = 500

SPENT = "This file could not be processed after several attempts. Upload it again; if it fails again, ask the operator to look into the log."


class Embeds(Protocol):
    """What ingest needs of the embedder (`knowledge.embed.Embedder`)."""

    fingerprint: str

    def count_tokens(self, text: str) -> int:
        """Tokens as the model counts them."""

    async def documents(self, texts: Sequence[str]) -> Any:
        """Vectors of passages: a float32 array of shape (n, dimensions)."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What a source's row says, read once at the start."""

    source_id: str
    site_id: str
    path: str
    sha256: str
    size: int
    content_type: str | None
    base_url: str | None
    generation: int
    known: Mapping[
        str, str
    ]  # fingerprints of the documents that it has, by public id; empty where one is not ready
    job: ClaimedJob | None = None  # to be finished with the file; the first file's is its worker's


@dataclass(frozen=True, slots=True)
class _Changed:
    """A document that has to be written."""

    external_id: str
    document: ParsedDocument
    url: str | None
    fingerprint: str


@dataclass(slots=True)
class _Plan:
    """What one file brought, and what is still to be done for it."""

    work: _Work
    status: str
    reason: str | None = None
    code: str | None = None
    changed: list[_Changed] = field(default_factory=list)
    skipped: Mapping[str, SkippedDocument] = field(default_factory=dict)
    keep: Sequence[str] | None = None  # public ids that stay; None: all

    def steps(self) -> "Iterator[_Step]":
        """A step a changed document; one without a document where nothing changed."""
        for changed in self.changed:
            yield _Step(self, changed, last=changed is self.changed[-1])
        if not self.changed:
            yield _Step(self, None, last=True)

    def state(self) -> dict[str, str | None]:
        """What the source's row will say."""
        return {
            "source": self.work.source_id,
            "status": self.status,
            "reason": self.reason,
            "code": self.code,
        }


@dataclass(frozen=True, slots=True)
class _Step:
    """One document to write; the `last` of a file settles it."""

    plan: _Plan
    changed: _Changed | None
    last: bool


@dataclass(slots=True)
class _Batch:
    """Documents of one transaction with the files that they come from, and the files that are done with it."""

    items: list[tuple[_Work, Prepared]] = field(default_factory=list)
    done: list[_Plan] = field(default_factory=list)


class Ingest:
    """Handles `ingest` jobs, one after another or several at once."""

    def __init__(
        self,
        db: Database,
        files: FileStore,
        embedder: Embeds,
        jobs: JobQueue,
        hub: Hub,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._files = files
        self._embedder = embedder
        self._jobs = jobs
        self._hub = hub
        self._settings = settings
        self._clock = clock
        self._recipe = recipe(settings, embedder.fingerprint)
        self._parser = ParserPool(settings)

    async def close(self) -> None:
        """End the parsing child."""
        await self._parser.close()

    async def run(self, job: ClaimedJob) -> None:
        """Turn the file of `job.payload` (`source_id`, `generation`) into documents, and small ones that wait beside it.

        A file that cannot become knowledge is an outcome, kept with its reason; only failures of ours are
        raised, for the worker to try again. A file that was tried before is done alone, so that what is wrong
        with it harms no other.
        """
        work = await self._begin(job)
        if work is None:
            return
        beside = await self._beside(job, work) if job.attempt == 1 and work.size < _MARK_FROM_BYTES else []
        claimed = [other.job for other in beside if other.job]
        beating = asyncio.create_task(self._beat(claimed)) if claimed else None
        try:
            await self._replace([await self._read(one) for one in (work, *beside)])
        except BaseException:
            if claimed:
                await self._jobs.put_back(self._db, claimed)
            raise
        finally:
            if beating:
                beating.cancel()

    async def give_up(self, job: ClaimedJob, reason: str) -> None:
        """Tell the file's owner that every attempt failed; the worker calls it before it parks the job."""
        work = await self._begin(job)
        if work is not None:
            plan = _Plan(work, "failed", SPENT, "processing_failed")
            await self._write(work.site_id, _Batch(done=[plan]), {})

    async def _begin(self, job: ClaimedJob) -> _Work | None:
        """The work, or None if the source is gone or was uploaded again."""
        async with self._db.read() as tx:
            found = await self._works(tx, {str(job.payload["source_id"]): int(job.payload["generation"])})
        if not found:
            return None
        (work,) = found
        if work.size >= _MARK_FROM_BYTES:
            async with self._db.write() as tx:
                ours = update(Source).where(Source.id == work.source_id, Source.generation == work.generation)
                await tx.execute(ours.values(status="processing", updated_at=self._clock()))
                tx.after_commit(lambda: self._hub.wake(f"site:{work.site_id}"))
        return work

    async def _works(self, tx: Tx, generations: Mapping[str, int]) -> list[_Work]:
        """The sources that are still of these generations."""
        rows = (await tx.scalars(select(Source).where(Source.id.in_(generations)))).all()
        sources = [row for row in rows if row.generation == generations[row.id]]
        known = await documents_of(tx, [source.id for source in sources])
        return [
            _Work(
                source.id,
                source.site_id,
                source.path,
                source.sha256,
                source.size,
                source.content_type,
                source.base_url,
                source.generation,
                known.get(source.id, {}),
            )
            for source in sources
        ]

    async def _beside(self, job: ClaimedJob, first: _Work) -> list[_Work]:
        """Small files of the same site that wait; their jobs are ours from now on."""
        async with self._db.read() as tx:
            waiting = await self._jobs.untried(tx, job, _GROUP_FILES - 1)
            generations = {str(one.payload["source_id"]): int(one.payload["generation"]) for one in waiting}
            works = {work.source_id: work for work in await self._works(tx, generations)}
        room, wanted = _GROUP_BYTES - first.size, []
        for one in waiting:
            work = works.get(str(one.payload["source_id"]))
            if work and work.site_id == first.site_id and work.size <= room:
                wanted.append(one.id)
                room -= work.size
        if not wanted:
            return []
        claimed = await self._jobs.claim_untried(self._db, wanted, job.owner)
        return [replace(works[str(one.payload["source_id"])], job=one) for one in claimed]

    async def _beat(self, jobs: Sequence[ClaimedJob]) -> None:
        """Keep the leases of the files beside the first, whose worker keeps that one's."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                for job in jobs:
                    await self._jobs.heartbeat(self._db, job)
            except DATABASE_ERRORS as error:
                # the next beat may pass; if none does, others do the same work again, which changes nothing
                log.warning("heartbeat failed: %s", type(error).__name__)

    async def _read(self, work: _Work) -> _Plan:
        """The file's documents, compared with what stands ready."""
        try:
            found = await self._parser.parse(self._files.path(work.sha256), work.path, work.content_type)
        except (DocumentProblem, WrongType, TooLarge) as error:
            return _Plan(work, "failed", error.message, error.code)
        documents, skipped = _sorted_out(work.path, found)
        status, reason = _verdict(documents, skipped)
        if not documents:
            # What it said before goes on answering, unless it is no knowledge now.
            code = None if status == "skipped" else "document_unreadable"
            return _Plan(work, status, reason, code, keep=() if status == "skipped" else None)
        changed = await asyncio.to_thread(self._changed, work, documents)
        return _Plan(work, status, reason, None, changed, skipped, [*documents, *skipped])

    def _changed(self, work: _Work, documents: dict[str, ParsedDocument]) -> list[_Changed]:
        """Documents whose content or recipe is not what stands ready."""
        found = []
        for external_id, document in documents.items():
            url = _url(work.base_url, external_id, document.url)
            mark = fingerprint(self._recipe, document, url)
            if work.known.get(external_id) != mark:
                found.append(_Changed(external_id, document, url, mark))
        return found

    async def _replace(self, plans: Sequence[_Plan]) -> None:
        """Write what changed, in batches; a file's last one also settles its status and finishes its job."""
        site_id = plans[0].work.site_id
        superseded: set[str] = set()
        steps = [step for plan in plans for step in plan.steps()]
        at = 0
        while at < len(steps):
            batch, at = await asyncio.to_thread(self._chunk, steps, at, superseded)
            vectors = await self._embed(site_id, batch)
            for work in await self._write(site_id, batch, vectors):
                superseded.add(work.source_id)
                log.info("a newer upload took over", extra={"source": work.source_id})

    def _chunk(self, steps: Sequence[_Step], at: int, superseded: Collection[str]) -> tuple[_Batch, int]:
        """The next documents, chunked, about _PASSAGES passages of them; and the step behind them."""
        batch, ids, passages = _Batch(), set[str](), 0
        while at < len(steps) and passages < _PASSAGES:
            step = steps[at]
            if step.changed and step.changed.external_id in ids:
                break  # two files give one id: the later wins, as it would have alone
            at += 1
            if step.changed and step.plan.work.source_id not in superseded:
                prepared = self._prepare(step.changed)
                batch.items.append((step.plan.work, prepared))
                ids.add(prepared.external_id)
                passages += max(1, len(prepared.chunks))
            if step.last:
                batch.done.append(step.plan)
        return batch, at

    def _prepare(self, changed: _Changed) -> Prepared:
        return prepare(
            changed.external_id,
            changed.document,
            changed.url,
            changed.fingerprint,
            self._embedder.count_tokens,
            self._settings.chunk_tokens,
        )

    async def _embed(self, site_id: str, batch: _Batch) -> dict[str, bytes]:
        """Vectors by text hash, float16: those that the site has are taken, each other text is embedded once."""
        texts = {
            vector.text_hash: vector.text
            for _, item in batch.items
            for chunk in item.chunks
            for vector in chunk.vectors
        }
        if not texts:
            return {}
        async with self._db.read() as tx:
            vectors = await known_vectors(tx, site_id, self._embedder.fingerprint, list(texts))
        # Texts of like length run together: a sentence among passages would be padded to their length.
        missing = sorted((key for key in texts if key not in vectors), key=lambda key: len(texts[key]))
        for start in range(0, len(missing), _EMBED):
            some = missing[start : start + _EMBED]
            rows = (await self._embedder.documents([texts[key] for key in some])).astype("<f2")
            vectors.update({key: row.tobytes() for key, row in zip(some, rows, strict=True)})
        return vectors

    async def _write(self, site_id: str, batch: _Batch, vectors: Mapping[str, bytes]) -> list[_Work]:
        """One transaction: documents, and the status and job of each file that is done. Gives the files that a newer
        upload has taken over, of which nothing is written."""
        works = {
            work.source_id: work for work in (*(w for w, _ in batch.items), *(p.work for p in batch.done))
        }
        now = self._clock()
        async with self._db.write() as tx:
            ours = await owned(tx, {work.source_id: work.generation for work in works.values()})
            forgotten = await write_documents(
                tx,
                site_id=site_id,
                entries=[
                    Entry(work.source_id, work.sha256, item, ours[work.source_id])
                    for work, item in batch.items
                    if work.source_id in ours
                ],
                vectors=vectors,
                embedding_fingerprint=self._embedder.fingerprint,
                now=now,
            )
            done = [plan for plan in batch.done if plan.work.source_id in ours]
            for plan in done:
                await self._leave_out(tx, plan, now)
            await settle_sources(tx, [plan.state() for plan in done], now)
            # Here, not when it was ordered: until now the old text answered, to whom it was meant for. A file that
            # failed has no new text, and its old one stays where it is.
            aligned = [plan.work.source_id for plan in done if plan.status == "ready"]
            await align_audience(tx, site_id, aligned, now)
            # Those of a superseded upload too: the newer one has its own.
            await self._jobs.finish_in(tx, [plan.work.job for plan in batch.done if plan.work.job])
            if batch.items:
                await duplicates.enqueue(tx, self._jobs, site_id, now)
                if self._settings.read_ahead_passages:
                    await token_vectors.enqueue(tx, self._jobs, site_id, now)
            announce(tx, self._hub, site_id)
        await remove_unused(self._db, self._files, forgotten)
        return [work for source_id, work in works.items() if source_id not in ours]

    async def _leave_out(self, tx: Tx, plan: _Plan, now: datetime) -> None:
        """Name the entries that could not be used, and take back those that the file no longer holds."""
        where: dict[str, str] = {"site_id": plan.work.site_id, "source_id": plan.work.source_id}
        await write_skipped(tx, **where, skipped=plan.skipped, recipe=self._recipe, now=now)
        if plan.keep is not None and plan.work.known.keys() - set(plan.keep):
            await retire_others(tx, **where, keep=plan.keep, now=now)


def _sorted_out(
    path: str, found: Sequence[ParsedDocument | SkippedDocument]
) -> tuple[dict[str, ParsedDocument], dict[str, SkippedDocument]]:
    """Documents, and what is none, by public id. An id that comes twice is used once."""
    documents: dict[str, ParsedDocument] = {}
    skipped: dict[str, SkippedDocument] = {}
    for item in found:
        key = _public_id(path, item.external_id)
        if isinstance(item, SkippedDocument):
            skipped[key] = item
        elif key in documents:
            skipped[f"{key}#{len(skipped) + 2}"[-_ID_CHARS:]] = SkippedDocument(
                None,
                item.title,
                f"The id {key[:80]} stands twice in this file. Give each entry its own.",
                failed=True,
            )
        elif not item.text.strip():
            skipped[key] = SkippedDocument(
                item.external_id, item.title, "This entry has no text. Fill it in, or remove it.", failed=True
            )
        else:
            documents[key] = item
    return documents, skipped


def _public_id(path: str, external_id: str | None) -> str:
    if external_id is None:
        return path
    return (f"{path}{external_id}" if external_id.startswith("#") else external_id)[-_ID_CHARS:]


def _verdict(
    documents: dict[str, ParsedDocument], skipped: dict[str, SkippedDocument]
) -> tuple[str, str | None]:
    """The source's status, and the sentence that says what was left out."""
    failed = [item for item in skipped.values() if item.failed]
    if not documents:
        if failed or not skipped:
            first = f" {failed[0].reason}" if failed else ""
            return "failed", f"Nothing in this file could be used.{first}"
        return "skipped", next(iter(skipped.values())).reason
    said = []
    if failed:
        total = len(documents) + len(skipped)
        said.append(f"{len(failed)} of {total} entries could not be used. The first: {failed[0].reason}")
    concealed = sum(document.concealed for document in documents.values())
    if concealed:
        said.append(
            "1 passage that readers cannot see was left out."
            if concealed == 1
            else f"{concealed} passages that readers cannot see were left out."
        )
    return "ready", " ".join(said) or None


def _url(base_url: str | None, external_id: str, own: str | None) -> str | None:
    """The page to link to: where it was crawled, the document's own address, else the base address with the public id without its extension."""
    if base_url and base_url.endswith(OWN_ADDRESS):
        return base_url.removesuffix(OWN_ADDRESS)
    address = url_of(own)  # a row with an address that is none is a row without one
    if own and address and address.scheme in ("https", "http"):
        return own[:2000]
    if not base_url:
        return None
    base = base_url.rstrip("/")
    if own and address and not address.scheme:
        return f"{base}/{own.lstrip('/')}"[:2000]
    # Pages that came in an archive stand on the website without it.
    inner = re.sub(r"^[^#]*?\.zip/", "", external_id, flags=re.IGNORECASE)
    path, mark, row = inner.partition("#")
    folder, slash, name = path.rpartition("/")
    stem = name.rsplit(".", 1)[0] if "." in name[1:] else name
    return f"{base}/{quote(folder + slash + stem)}{mark}{quote(row)}"[:2000]
