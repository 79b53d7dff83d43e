"""The first story: one file becomes knowledge.

    stored bytes → parse (child process) → chunk → embed → rows, vectors and revision in one transaction → ready

Until a document's new version is written whole, its old one answers; a file that fails changes nothing but its
status. Everything may stop at any point and be run again: what was written is found by its fingerprint and
costs nothing, and a result that comes after a newer upload is dropped.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from sqlalchemy import update

from minidesk.db import Database, Tx
from minidesk.db.models import Source
from minidesk.errors import DocumentProblem, TooLarge, WrongType
from minidesk.files import FileStore
from minidesk.jobs.queue import ClaimedJob, JobQueue
from minidesk.knowledge.parse import ParserPool
from minidesk.knowledge.passages import Prepared, fingerprint, prepare
from minidesk.knowledge.records import ParsedDocument, SkippedDocument
from minidesk.knowledge.rows import (
    documents_of,
    known_vectors,
    retire_others,
    write_documents,
    write_skipped,
)
from minidesk.knowledge.sources import announce, recipe
from minidesk.live.hub import Hub
from minidesk.settings import Settings

log = logging.getLogger(__name__)

# Passages of one transaction: a commit costs 1.4 ms, and a writing transaction of this size 15 ms, which nobody waits for.
_PASSAGES = 128
# Texts of one call: between two calls the process can stop, and a newer upload is noticed.
_EMBED = 256
# Smaller files are done before anybody could see "processing"; the commit is saved.
_MARK_FROM_BYTES = 262_144
_ID_CHARS = 500

# Public id, document, address and fingerprint of a document that has to be written.
_Changed = tuple[str, ParsedDocument, str | None, str]

SPENT = "This file could not be processed after several attempts. Upload it again; if it fails again, ask the operator to look into the log."


class Embeds(Protocol):
    """What ingest needs of the embedder (`knowledge.embed.Embedder`)."""

    fingerprint: str

    def count_tokens(self, text: str) -> int:
        """Tokens as the model counts them."""

    async def documents(self, texts: Sequence[str]) -> Any:
        """Vectors of passages: a float32 array of shape (n, dimensions)."""


class _Superseded(Exception):
    """A newer upload of the file is waiting: this one's results no longer count."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What the source's row says, read once at the start."""

    source_id: str
    site_id: str
    path: str
    sha256: str
    content_type: str | None
    base_url: str | None
    generation: int
    known: Mapping[
        str, str
    ]  # fingerprints of the documents that it has, by public id; empty where one is not ready


class Ingest:
    """Handles `ingest` jobs, one after another or several at once."""

    def __init__(
        self,
        db: Database,
        files: FileStore,
        embedder: Embeds,
        jobs: JobQueue,  # the constructor is the same for all handlers; this one enqueues nothing yet
        hub: Hub,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._files = files
        self._embedder = embedder
        self._hub = hub
        self._settings = settings
        self._clock = clock
        self._recipe = recipe(settings, embedder.fingerprint)
        self._parser = ParserPool(settings)

    async def close(self) -> None:
        """End the parsing child."""
        await self._parser.close()

    async def run(self, job: ClaimedJob) -> None:
        """Turn the file of `job.payload` (`source_id`, `generation`) into documents.

        A file that cannot become knowledge is an outcome, kept with its reason; only failures of ours are
        raised, for the worker to try again.
        """
        work = await self._begin(str(job.payload["source_id"]), int(job.payload["generation"]))
        if work is None:
            return
        try:
            try:
                found = await self._parse(work)
            except (DocumentProblem, WrongType, TooLarge) as error:
                await self._end(work, "failed", error.message, error.code)
                return
            await self._replace(work, found)
        except _Superseded:
            log.info(
                "a newer upload took over", extra={"source": work.source_id, "generation": work.generation}
            )

    async def give_up(self, job: ClaimedJob, reason: str) -> None:
        """Tell the file's owner that every attempt failed; the worker calls it before it parks the job."""
        work = await self._begin(str(job.payload["source_id"]), int(job.payload["generation"]))
        if work is not None:
            try:
                await self._end(work, "failed", SPENT, "processing_failed")
            except _Superseded:
                log.info("a newer upload took over", extra={"source": work.source_id})

    async def _begin(self, source_id: str, generation: int) -> _Work | None:
        """The work, or None if the source is gone or was uploaded again."""
        async with self._db.read() as tx:
            source = await tx.get(Source, source_id)
            if source is None or source.generation != generation:
                return None
            known = await documents_of(tx, source_id)
            work = _Work(
                source.id,
                source.site_id,
                source.path,
                source.sha256,
                source.content_type,
                source.base_url,
                generation,
                known,
            )
            size = source.size
        if size >= _MARK_FROM_BYTES:
            async with self._db.write() as tx:
                await self._own(tx, work, status="processing")
                tx.after_commit(lambda: self._hub.wake(f"site:{work.site_id}"))
        return work

    async def _own(self, tx: Tx, work: _Work, **values: str | None) -> None:
        """Write to the source's row if it is still this upload's. Raises _Superseded, which rolls everything back."""
        statement = update(Source).where(Source.id == work.source_id, Source.generation == work.generation)
        done = await tx.execute(
            statement.values(updated_at=self._clock(), **values)
            .returning(Source.id)
            .execution_options(synchronize_session=False)
        )
        if done.first() is None:
            raise _Superseded

    async def _parse(self, work: _Work) -> Sequence[ParsedDocument | SkippedDocument]:
        return await self._parser.parse(self._files.path(work.sha256), work.path, work.content_type)

    async def _replace(self, work: _Work, found: Sequence[ParsedDocument | SkippedDocument]) -> None:
        """Write what changed, in batches; the last transaction also settles the source's status."""
        documents, skipped = _sorted_out(work.path, found)
        if not documents:
            status, reason = _verdict(documents, skipped)
            await self._end(
                work,
                status,
                reason,
                None if status == "skipped" else "document_unreadable",
                retire=status == "skipped",
            )
            return
        changed = await asyncio.to_thread(self._changed, work, documents)
        batch: tuple[list[Prepared], dict[str, bytes]] = ([], {})
        async for following in self._batches(work, changed):
            if batch[0]:
                async with self._db.write() as tx:
                    await self._own(tx, work)
                    await self._write(tx, work, *batch)
                    announce(tx, self._hub, work.site_id)
            batch = following
        async with self._db.write() as tx:
            status, reason = _verdict(documents, skipped)
            await self._own(tx, work, status=status, reason=reason, code=None)
            await self._write(tx, work, *batch)
            await write_skipped(
                tx, site_id=work.site_id, source_id=work.source_id, skipped=skipped, now=self._clock()
            )
            if work.known.keys() - documents.keys() - skipped.keys():
                keep = [*documents, *skipped]
                await retire_others(
                    tx, site_id=work.site_id, source_id=work.source_id, keep=keep, now=self._clock()
                )
            announce(tx, self._hub, work.site_id)

    def _changed(self, work: _Work, documents: dict[str, ParsedDocument]) -> list[_Changed]:
        """Documents whose content or recipe is not what stands ready."""
        found = []
        for external_id, document in documents.items():
            url = _url(work.base_url, external_id, document.url)
            mark = fingerprint(self._recipe, document, url)
            if work.known.get(external_id) != mark:
                found.append((external_id, document, url, mark))
        return found

    async def _batches(
        self, work: _Work, changed: Sequence[_Changed]
    ) -> AsyncIterator[tuple[list[Prepared], dict[str, bytes]]]:
        """Chunked and embedded documents, about _PASSAGES passages at a time."""
        at = 0
        while at < len(changed):
            batch, at = await asyncio.to_thread(self._chunk, changed, at)
            yield batch, await self._embed(work, batch)

    def _chunk(self, changed: Sequence[_Changed], at: int) -> tuple[list[Prepared], int]:
        batch: list[Prepared] = []
        passages = 0
        while at < len(changed) and passages < _PASSAGES:
            batch.append(prepare(*changed[at], self._embedder.count_tokens, self._settings.chunk_tokens))
            passages += max(1, len(batch[-1].chunks))
            at += 1
        return batch, at

    async def _embed(self, work: _Work, batch: Sequence[Prepared]) -> dict[str, bytes]:
        """Vectors by text hash, float16: those that the site has are taken, each other text is embedded once."""
        texts = {
            vector.text_hash: vector.text
            for item in batch
            for chunk in item.chunks
            for vector in chunk.vectors
        }
        async with self._db.read() as tx:
            vectors = await known_vectors(tx, work.site_id, self._embedder.fingerprint, list(texts))
        missing = [key for key in texts if key not in vectors]
        for start in range(0, len(missing), _EMBED):
            some = missing[start : start + _EMBED]
            rows = (await self._embedder.documents([texts[key] for key in some])).astype("<f2")
            vectors.update({key: row.tobytes() for key, row in zip(some, rows, strict=True)})
        return vectors

    async def _write(
        self, tx: Tx, work: _Work, prepared: Sequence[Prepared], vectors: dict[str, bytes]
    ) -> None:
        await write_documents(
            tx,
            site_id=work.site_id,
            source_id=work.source_id,
            sha256=work.sha256,
            prepared=prepared,
            vectors=vectors,
            embedding_fingerprint=self._embedder.fingerprint,
            now=self._clock(),
        )

    async def _end(
        self, work: _Work, status: str, reason: str | None, code: str | None, *, retire: bool = False
    ) -> None:
        """Settle a file that brought nothing. What it said before goes on answering, unless it is no knowledge now."""
        async with self._db.write() as tx:
            await self._own(tx, work, status=status, reason=reason, code=code)
            if retire:
                await retire_others(
                    tx, site_id=work.site_id, source_id=work.source_id, keep=(), now=self._clock()
                )
            announce(tx, self._hub, work.site_id)


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
    if not failed:
        return "ready", None
    total = len(documents) + len(skipped)
    return "ready", f"{len(failed)} of {total} entries could not be used. The first: {failed[0].reason}"


def _url(base_url: str | None, external_id: str, own: str | None) -> str | None:
    """The page to link to: the document's own address, else the base address with the public id without its extension."""
    if own and urlsplit(own).scheme in ("https", "http"):
        return own[:2000]
    if not base_url:
        return None
    base = base_url.rstrip("/")
    if own and not urlsplit(own).scheme:
        return f"{base}/{own.lstrip('/')}"[:2000]
    path, mark, row = external_id.partition("#")
    folder, slash, name = path.rpartition("/")
    stem = name.rsplit(".", 1)[0] if "." in name[1:] else name
    return f"{base}/{quote(folder + slash + stem)}{mark}{quote(row)}"[:2000]
