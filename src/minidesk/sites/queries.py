"""Reading sites."""

from dataclasses import dataclass

from sqlalchemy import select

from minidesk.db import Tx
from minidesk.db.models import Site
from minidesk.errors import NotFound
from minidesk.sites.config import SiteConfig, config_of
from minidesk.sites.origins import allows


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site with its settings read."""

    id: str
    key: str
    name: str
    allowed_origins: tuple[str, ...]
    config: SiteConfig


async def keys_with_nudges(tx: Tx) -> tuple[str, ...]:
    """Keys of the sites whose launcher says something by itself."""
    rows = await tx.execute(select(Site.key, Site.config))
    return tuple(sorted(key for key, config in rows if config.get("nudges")))


async def sites_that_forget(tx: Tx) -> tuple[tuple[str, int], ...]:
    """(id, days) of the sites that keep conversations for so many days only."""
    rows = await tx.execute(select(Site.id, Site.config).order_by(Site.id))
    return tuple((site_id, config["keep_days"]) for site_id, config in rows if config.get("keep_days"))


async def site_by_key(tx: Tx, key: str) -> SiteView:
    """The site of a script tag's key. Raises `NotFound`."""
    return _view(await tx.scalar(select(Site).where(Site.key == key)))


async def site_by_id(tx: Tx, site_id: str) -> SiteView:
    """A site. Raises `NotFound`."""
    return _view(await tx.get(Site, site_id))


async def list_sites(tx: Tx) -> list[SiteView]:
    """All sites, oldest first."""
    return [_view(row) for row in await tx.scalars(select(Site).order_by(Site.created_at, Site.id))]


async def any_site_allows(tx: Tx, origin: str) -> bool:
    """Whether some site allows this origin: all that can be asked of a preflight, which says nothing of its visitor."""
    return any(allows(origins, origin) for origins in await tx.scalars(select(Site.allowed_origins)))


def _view(row: Site | None) -> SiteView:
    if row is None:
        raise NotFound
    return SiteView(row.id, row.key, row.name, tuple(row.allowed_origins), config_of(row.config))
