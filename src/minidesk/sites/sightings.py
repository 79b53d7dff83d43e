"""Where a site's chat was loaded: the pages' origins, as browsers name them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from minidesk.db import Database, Tx
from minidesk.db.models import WidgetSighting
from minidesk.sites.origins import is_origin

# A busy shop loads it a hundred times a minute; the hour is enough to say "lately".
NOTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Sighting:
    """An origin, and when the chat was first and lately loaded there."""

    origin: str
    first_at: datetime
    last_at: datetime


def origin_of(address: str | None) -> str | None:
    """The origin of a `Referer`, if it is one that a browser sends."""
    if not address or len(address) > 2000:
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    origin = f"{parts.scheme}://{parts.netloc}"
    return origin if is_origin(origin) and len(origin) <= 300 else None


async def note_sighting(
    db: Database, site_id: str, allowed: Sequence[str], origin: str | None, now: datetime
) -> None:
    """Remember it, at most once an hour, and only for origins on the site's list.

    Anybody can send any `Referer`: it proves nothing, and what an owner did not name is not kept.
    """
    if origin is None or origin not in allowed:
        return
    async with db.read() as tx:
        last = await tx.scalar(
            select(WidgetSighting.last_at).where(
                WidgetSighting.site_id == site_id, WidgetSighting.origin == origin
            )
        )
    if last is not None and last + NOTED_EVERY > now >= last:
        return
    async with db.write() as tx:
        insert = sqlite.insert if tx.get_bind().dialect.name == "sqlite" else postgresql.insert
        row = insert(WidgetSighting).values(site_id=site_id, origin=origin, first_at=now, last_at=now)
        await tx.execute(
            row.on_conflict_do_update(index_elements=["site_id", "origin"], set_={"last_at": now})
        )


async def list_sightings(tx: Tx, site_id: str) -> list[Sighting]:
    """All of a site's, the latest first."""
    rows = await tx.scalars(
        select(WidgetSighting)
        .where(WidgetSighting.site_id == site_id)
        .order_by(WidgetSighting.last_at.desc())
    )
    return [Sighting(row.origin, row.first_at, row.last_at) for row in rows]
