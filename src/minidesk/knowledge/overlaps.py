"""The rows of likely duplicates and contradictions: what was found, what an editor put aside."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import aliased

from minidesk.db import Tx
from minidesk.db.models import Document, Overlap, new_id
from minidesk.errors import NotFound

Kind = Literal["duplicate", "contradiction"]
# What a page shows; more would be read by nobody.
SHOWN = 100
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Found:
    """Two passages of two documents (ids)."""

    kind: Kind
    first: str
    second: str
    first_text: str
    second_text: str
    why: str | None
    likeness: float

    @property
    def pair(self) -> str:
        """The same for the same documents and texts, in whichever order they were met."""
        sides = sorted(
            f"{id_}\x00{text}"
            for id_, text in ((self.first, self.first_text), (self.second, self.second_text))
        )
        return hashlib.sha256("\x00".join([self.kind, *sides]).encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two."""

    document: str  # the public id
    title: str
    url: str | None
    text: str


@dataclass(frozen=True, slots=True)
class OverlapView:
    """What an editor is shown."""

    id: str
    kind: Kind
    first: Side
    second: Side
    why: str | None
    likeness: float
    found_at: datetime
    ignored: bool


async def replace_overlaps(
    tx: Tx, site_id: str, changed: Collection[str], found: Sequence[Found], now: datetime
) -> None:
    """What is true of the changed documents now. What was put aside stays so for as long as its texts are the same."""
    pairs = {one.pair: one for one in found}
    wanted = sorted(changed)
    for start in range(0, len(wanted), _BATCH):
        some = wanted[start : start + _BATCH]
        rows = await tx.execute(
            select(Overlap.id, Overlap.pair, Overlap.ignored_at).where(
                Overlap.site_id == site_id, or_(Overlap.first_id.in_(some), Overlap.second_id.in_(some))
            )
        )
        stale = [id_ for id_, pair, ignored_at in rows.all() if pair not in pairs and ignored_at is None]
        await tx.execute(delete(Overlap).where(Overlap.id.in_(stale)))
    known: set[str] = set()
    alive: set[str] = set()
    keys = list(pairs)
    for start in range(0, len(keys), _BATCH):
        some = keys[start : start + _BATCH]
        known |= set(
            await tx.scalars(select(Overlap.pair).where(Overlap.site_id == site_id, Overlap.pair.in_(some)))
        )
        documents = {one for key in some for one in (pairs[key].first, pairs[key].second)}
        alive |= set(await tx.scalars(select(Document.id).where(Document.id.in_(documents))))
    for key, one in pairs.items():
        # A document may have been deleted while its passages were compared.
        if key not in known and {one.first, one.second} <= alive:
            tx.add(
                Overlap(
                    id=new_id("ovl"), site_id=site_id, pair=key, kind=one.kind, first_id=one.first,
                    second_id=one.second, first_text=one.first_text, second_text=one.second_text, why=one.why,
                    likeness=one.likeness, found_at=now,
                )
            )  # fmt: skip
    await tx.flush()


async def list_overlaps(tx: Tx, site_id: str, *, ignored: bool = False) -> list[OverlapView]:
    """What is to be looked at, contradictions first; with `ignored` what was put aside. Only of documents that answer."""
    first, second = aliased(Document), aliased(Document)
    statement = (
        select(Overlap, first, second)
        .join(first, first.id == Overlap.first_id)
        .join(second, second.id == Overlap.second_id)
        .where(
            Overlap.site_id == site_id,
            Overlap.ignored_at.is_not(None) if ignored else Overlap.ignored_at.is_(None),
            first.current_version_id.is_not(None),
            second.current_version_id.is_not(None),
        )
        .order_by(Overlap.kind, Overlap.likeness.desc(), Overlap.id)
        .limit(SHOWN)
    )
    return [
        OverlapView(
            row.id,
            cast(Kind, row.kind),
            Side(one.external_id, one.title, one.url, row.first_text),
            Side(other.external_id, other.title, other.url, row.second_text),
            row.why,
            row.likeness,
            row.found_at,
            row.ignored_at is not None,
        )
        for row, one, other in (await tx.execute(statement)).all()
    ]


async def count_overlaps(tx: Tx, site_id: str) -> dict[str, int]:
    """How many wait, by kind."""
    first, second = aliased(Document), aliased(Document)
    statement = (
        select(Overlap.kind, func.count())
        .join(first, first.id == Overlap.first_id)
        .join(second, second.id == Overlap.second_id)
        .where(_open(site_id), first.current_version_id.is_not(None), second.current_version_id.is_not(None))
        .group_by(Overlap.kind)
    )
    return {row[0]: row[1] for row in (await tx.execute(statement)).all()}


async def set_ignored(
    tx: Tx, site_id: str, overlap_id: str, *, agent_id: str | None, now: datetime | None
) -> None:
    """Put it aside (`now`), or take it out again (None). Raises NotFound for another site's."""
    row = await tx.scalar(select(Overlap).where(Overlap.id == overlap_id, Overlap.site_id == site_id))
    if row is None:
        raise NotFound
    row.ignored_at, row.ignored_by = now, agent_id if now else None


def _open(site_id: str) -> ColumnElement[bool]:
    return and_(Overlap.site_id == site_id, Overlap.ignored_at.is_(None))
