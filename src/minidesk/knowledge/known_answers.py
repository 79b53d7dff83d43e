"""Questions with known answers for an index: stored vectors that must find themselves."""

from collections.abc import Sequence

from sqlalchemy import func, select

from minidesk.db import Database, Tx
from minidesk.db.models import Chunk, Document, KnowledgeRevision, Site, Vector
from minidesk.knowledge.index_check import KnownAnswer
from minidesk.knowledge.vectors import RANKED_KINDS, VectorRow, decode

# Vectors that must find themselves, or up to twice as many. A lost segment still counts all its rows but answers with
# one (F7); a store that had lost an eighth of them passed with 24 once in 25 times, with 48 once in 600.
KNOWN_ANSWERS = 48


async def known_answers(db: Database, fingerprint: str, site_id: str | None = None) -> list[KnownAnswer]:
    """Some stored vectors of each site (or one), from documents all over it and the newest, as SQL knows them now."""
    found = []
    async with db.read() as tx:
        chosen = select(Site.id, Site.knowledge_revision)
        sites = await tx.execute(chosen if site_id is None else chosen.where(Site.id == site_id))
        for site, revision in sites.all():
            rows = await _rows_of(tx, site, fingerprint, await _sample(tx, site))
            if rows:
                found.append(known_answer(site, revision, rows))
    return found


async def _rows_of(tx: Tx, site_id: str, fingerprint: str, documents: Sequence[str]) -> list[VectorRow]:
    """Vectors of some current chunks of these documents, one every so-many."""
    chunks = (
        select(Chunk.id)
        .join(Document, Document.id == Chunk.document_id)
        .where(Chunk.document_id.in_(documents), Document.current_version_id == Chunk.version_id)
    )
    ids = sorted(await tx.scalars(chunks))
    # The site is compared here: where it stands in the query SQLite reads all of the site's vectors, which took
    # ten seconds at 100,000 passages.
    query = select(Vector.site_id, Vector.chunk_id, Vector.kind, Vector.ordinal, Vector.data).where(
        Vector.chunk_id.in_(ids[:: max(1, len(ids) // KNOWN_ANSWERS)]),
        Vector.kind.in_(RANKED_KINDS),
        Vector.fingerprint == fingerprint,
    )
    return [
        VectorRow(chunk, kind, ordinal, data)
        for site, chunk, kind, ordinal, data in await tx.execute(query)
        if site == site_id
    ]


def known_answer(site_id: str, revision: int, rows: Sequence[VectorRow]) -> KnownAnswer:
    """Some of these rows, from end to end, as what the index must find when it holds this revision."""
    some = rows[:: max(1, len(rows) // KNOWN_ANSWERS)]
    vectors = tuple(tuple(map(float, vector)) for vector in decode(some))
    return KnownAnswer(site_id, revision, tuple(row.id for row in some), vectors)


async def _sample(tx: Tx, site_id: str) -> list[str]:
    """Documents that answer: every so-manieth, and those of the last changes, which a crash is likeliest to have cost."""
    place = func.row_number().over(order_by=Document.external_id)
    all_ = select(Document.id, place.label("place")).where(
        Document.site_id == site_id, Document.current_version_id.is_not(None)
    )
    count = await tx.scalar(select(func.count()).select_from(all_.subquery())) or 0
    numbered = all_.subquery()
    spread = await tx.scalars(
        select(numbered.c.id).where(numbered.c.place % max(1, count // KNOWN_ANSWERS) == 0)
    )
    newest = select(KnowledgeRevision.document_id).where(KnowledgeRevision.site_id == site_id)
    last = await tx.scalars(newest.order_by(KnowledgeRevision.n.desc()).limit(KNOWN_ANSWERS // 4))
    return list(dict.fromkeys([*spread, *last]))
