"""Files against rows against vectors against full text against Chroma: whether each holds what SQL says, no more and no less."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, update

from minidesk.db import Database
from minidesk.db.models import Chunk, Document, DocumentVersion, Site, Source, Vector, new_id
from minidesk.errors import IndexUnavailable
from minidesk.files import FileStore
from minidesk.fulltext import FullText
from minidesk.knowledge.index import ChromaIndex
from minidesk.knowledge.known_answers import known_answers
from minidesk.knowledge.passages import VectorText, vector_texts
from minidesk.knowledge.projection import Follower
from minidesk.knowledge.records import ChunkDraft
from minidesk.knowledge.vectors import current_vectors

# Passages read at once, with their texts; and texts of one call to the model.
READ = 500
EMBED = 256
# Paths named in a sentence; the rest is counted.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether it holds, and the sentence to print."""

    ok: bool
    sentence: str


class Embeds(Protocol):
    """What the doctor needs of the embedder."""

    fingerprint: str
    dimensions: int

    def count_tokens(self, text: str) -> int:
        """Tokens as the model counts them."""

    async def documents(self, texts: Sequence[str]) -> Any:
        """Vectors of passages: a float32 array of shape (n, dimensions)."""


@dataclass(frozen=True, slots=True)
class _Missing:
    """A vector that a passage should have and SQL does not hold, or holds of another text, model or length."""

    chunk: str
    vector: VectorText


class Doctor:
    """Only for the holder of the `OwnerLock`."""

    def __init__(
        self,
        db: Database,
        files: FileStore,
        embedder: Embeds,
        index: ChromaIndex,
        fulltext: FullText,
        follower: Follower,
    ) -> None:
        self._db = db
        self._files = files
        self._embedder = embedder
        self._index = index
        self._fulltext = fulltext
        self._follower = follower

    async def examine(self, *, repair: bool) -> list[Finding]:
        """Bring the indexes up to date, as a starting server does, then check every site.

        With `repair`, what differs is made again from SQL's rows and checked once more. Lost files cannot be.
        Raises `IndexUnavailable` where Chroma cannot be reached.
        """
        async with self._db.read() as tx:
            rows = await tx.execute(
                select(Site.id, Site.name, Site.knowledge_revision).order_by(Site.created_at)
            )
            sites = rows.tuples().all()
        findings = await self._follow([(site, name, now) for site, name, now in sites])
        for site_id, name, _ in sites:
            found = await self._site(site_id, name)
            if repair and not all(one.ok for one in found):
                await self._mend(site_id)
                wrong = [one.sentence for one in found if not one.ok]
                found = await self._site(site_id, name)
                if all(one.ok for one in found):
                    findings += [Finding(True, f"{sentence} Repaired.") for sentence in wrong]
            findings += found
        return findings

    async def _follow(self, sites: Sequence[tuple[str, str, int]]) -> list[Finding]:
        """An index that was behind or gone is no difference, for nothing was lost; but it is said."""
        findings = []
        if not self._index.is_open and not await self._index.open(
            await known_answers(self._db, self._index.fingerprint)
        ):
            findings.append(Finding(True, "Chroma's folder was damaged. It was moved aside and built again."))
        before = [
            (await asyncio.to_thread(self._fulltext.revision, site), await self._index.revision(site))
            for site, _, _ in sites
        ]
        await self._follower.catch_up()
        if await self._index.is_damaged():
            # Chroma took rows and lost them while it followed; a server would notice and build in its next round.
            await self._follower.catch_up()
            findings.append(Finding(True, "Chroma had lost vectors. It was moved aside and built again."))
        for (_, name, now), positions in zip(sites, before, strict=True):
            for where, at in zip(("the full text", "Chroma"), positions, strict=True):
                if now > 0 and at < 0:
                    findings.append(Finding(True, f"{name}: {where} had nothing of this site and was built."))
                elif at != now and now > 0:
                    findings.append(Finding(True, f"{name}: {where} was at change {at} and is at {now} now."))
        return findings

    async def _site(self, site_id: str, name: str) -> list[Finding]:
        chunks = await self._chunk_ids(site_id)
        missing = await self._missing(site_id)
        vectors = await self._vector_ids(site_id)
        findings = [
            await self._stored_files(site_id, name),
            *await self._rows(site_id, name),
            Finding(
                not missing,
                f"{name}: {len(missing)} vectors are missing in the database."
                if missing
                else f"{name}: all {len(chunks)} passages have their {len(vectors)} vectors.",
            ),
        ]
        try:
            texts = await asyncio.to_thread(self._fulltext.ids, site_id)
            findings.append(_compare(name, "passages are in the full text", "the full text", chunks, texts))
        except IndexUnavailable:
            findings.append(Finding(not chunks, f"{name}: the full text cannot be read."))
        try:
            held = await self._index.ids(site_id)
        except IndexUnavailable:
            return [*findings, Finding(not chunks, f"{name}: Chroma cannot be read.")]
        findings.append(_compare(name, "vectors are in Chroma", "Chroma", vectors, held))
        known = await known_answers(self._db, self._index.fingerprint, site_id)
        asked = sum(len(one.ids) for one in known)
        sentence = f"{name}: Chroma finds {{}} of {asked} vectors asked for."
        healthy = await self._index.healthy(known)
        return [*findings, Finding(healthy, sentence.format("all" if healthy else "not all"))]

    async def _chunk_ids(self, site_id: str) -> set[str]:
        query = (
            select(Chunk.id)
            .join(Document, Document.id == Chunk.document_id)
            .where(Chunk.site_id == site_id, Document.current_version_id == Chunk.version_id)
        )
        async with self._db.read() as tx:
            return set(await tx.scalars(query))

    async def _vector_ids(self, site_id: str) -> set[str]:
        """Ids as Chroma has them (`VectorRow.id`)."""
        query = current_vectors(site_id, self._index.fingerprint).with_only_columns(
            Vector.chunk_id, Vector.kind, Vector.ordinal
        )
        async with self._db.read() as tx:
            rows = (await tx.execute(query)).tuples().all()
        return {f"{chunk}:{kind}:{n}" for chunk, kind, n in rows}

    async def _stored_files(self, site_id: str, name: str) -> Finding:
        """The bytes of every source are there and are still what they were."""
        query = select(Source.path, Source.sha256).where(Source.site_id == site_id).order_by(Source.path)
        async with self._db.read() as tx:
            sources = (await tx.execute(query)).tuples().all()
        lost = [
            path
            for path, sha256 in sources
            if not await asyncio.to_thread(_holds, self._files.path(sha256), sha256)
        ]
        if not lost:
            return Finding(True, f"{name}: all {len(sources)} files are stored.")
        more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
        return Finding(False, f"{name}: lost files, upload them again: {', '.join(lost[:NAMED])}{more}.")

    async def _rows(self, site_id: str, name: str) -> list[Finding]:
        """Rows that belong to nothing. Foreign keys forbid them, and somebody else's hand may not."""
        checks = (
            ("vectors without a passage", Vector, _orphan_vectors(site_id)),
            ("passages of replaced versions", Chunk, _stale_chunks(site_id)),
            ("passages without their document's text", Chunk, _textless_chunks(site_id)),
        )
        async with self._db.read() as tx:
            counts = [
                (what, await tx.scalar(select(func.count()).select_from(model).where(condition)) or 0)
                for what, model, condition in checks
            ]
        return [Finding(n == 0, f"{name}: {n or 'no'} {what}.") for what, n in counts]

    async def _missing(self, site_id: str) -> list[_Missing]:
        found: list[_Missing] = []
        ids = sorted(await self._chunk_ids(site_id))
        for start in range(0, len(ids), READ):
            some = ids[start : start + READ]
            async with self._db.read() as tx:
                query = select(Chunk, Document.title).join(Document, Document.id == Chunk.document_id)
                chunks = (await tx.execute(query.where(Chunk.id.in_(some)))).tuples().all()
                rows = await tx.execute(
                    select(Vector.chunk_id, Vector.kind, Vector.ordinal, Vector.text_hash).where(
                        Vector.chunk_id.in_(some),
                        Vector.fingerprint == self._embedder.fingerprint,
                        func.length(Vector.data) == 2 * self._embedder.dimensions,
                    )
                )
                held = {tuple(row) for row in rows}
            wanted = await asyncio.to_thread(_wanted, chunks, self._embedder.count_tokens)
            found += [
                one
                for one in wanted
                if (one.chunk, one.vector.kind, one.vector.ordinal, one.vector.text_hash) not in held
            ]
        return found

    async def _mend(self, site_id: str) -> None:
        """Remove what belongs to nothing, embed what is missing, and build both indexes."""
        async with self._db.write() as tx:
            textless = select(Chunk.document_id).where(_textless_chunks(site_id))
            # The next server reads their files again: no other has the text.
            await tx.execute(
                _quietly(update(Document).where(Document.id.in_(textless)).values(fingerprint=""))
            )
            stale = select(Chunk.id).where(_stale_chunks(site_id))
            doomed = or_(_orphan_vectors(site_id), Vector.chunk_id.in_(stale))
            await tx.execute(_quietly(delete(Vector).where(doomed)))
            await tx.execute(_quietly(delete(Chunk).where(Chunk.id.in_(stale))))
        missing = await self._missing(site_id)
        for start in range(0, len(missing), EMBED):
            await self._embed(site_id, missing[start : start + EMBED])
        await self._follower.rebuild(site_id)

    async def _embed(self, site_id: str, missing: Sequence[_Missing]) -> None:
        vectors = (await self._embedder.documents([one.vector.text for one in missing])).astype("<f2")
        async with self._db.write() as tx:
            for one in missing:
                place = (Vector.chunk_id == one.chunk, Vector.kind == one.vector.kind)
                await tx.execute(_quietly(delete(Vector).where(*place, Vector.ordinal == one.vector.ordinal)))
            await tx.execute(
                insert(Vector),
                [
                    {
                        "id": new_id("vec"), "site_id": site_id, "chunk_id": one.chunk, "kind": one.vector.kind,
                        "ordinal": one.vector.ordinal, "text_hash": one.vector.text_hash,
                        "fingerprint": self._embedder.fingerprint, "data": vector.tobytes(),
                    }
                    for one, vector in zip(missing, vectors, strict=True)
                ],
            )  # fmt: skip


def _orphan_vectors(site_id: str) -> ColumnElement[bool]:
    return (Vector.site_id == site_id) & ~exists().where(Chunk.id == Vector.chunk_id)


def _stale_chunks(site_id: str) -> ColumnElement[bool]:
    current = exists().where(
        Document.id == Chunk.document_id,
        # An unpublished document's passages wait for the day it is published.
        or_(Document.current_version_id == Chunk.version_id, Document.held_version_id == Chunk.version_id),
    )
    return (Chunk.site_id == site_id) & ~current


def _textless_chunks(site_id: str) -> ColumnElement[bool]:
    return (Chunk.site_id == site_id) & ~exists().where(DocumentVersion.id == Chunk.version_id)


def _quietly(statement: Any) -> Any:
    """Without looking for the rows in the session: it holds none."""
    return statement.execution_options(synchronize_session=False)


def _holds(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _wanted(chunks: Sequence[tuple[Chunk, str]], count_tokens: Callable[[str], int]) -> list[_Missing]:
    """Every vector that these passages should have."""
    return [
        _Missing(chunk.id, vector)
        for chunk, title in chunks
        for vector in vector_texts(title, _draft(chunk), count_tokens)
    ]


def _draft(chunk: Chunk) -> ChunkDraft:
    return ChunkDraft(
        ordinal=chunk.ordinal,
        kind=chunk.kind,  # type: ignore[arg-type]  # the column holds nothing else
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        heading_path=tuple(chunk.heading_path),
        question=chunk.question,
        phrasings=tuple(chunk.phrasings),
        page=chunk.page,
    )


def _compare(name: str, what: str, where: str, rows: set[str], held: set[str]) -> Finding:
    missing, extra = len(rows - held), len(held - rows)
    if not missing and not extra:
        return Finding(True, f"{name}: all {len(rows)} {what}.")
    wrong = [f"{missing} of {len(rows)} are missing"] if missing else []
    return Finding(
        False, f"{name}: in {where} {' and '.join([*wrong, *([f'{extra} are too many'] if extra else [])])}."
    )
