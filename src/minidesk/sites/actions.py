"""Making and changing sites."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update

from minidesk.db import Tx
from minidesk.db.models import Site, Team, new_id
from minidesk.errors import Invalid, NotFound
from minidesk.sites.config import SiteConfig
from minidesk.sites.origins import check_origin
from minidesk.sites.queries import SiteView, site_by_id
from minidesk.text.normalise import check_text

DEFAULT_TEAM = ("Support", "Everything that no other team is for.")
ORIGINS_MAX = 50


async def create_site(
    tx: Tx,
    *,
    name: str,
    now: datetime,
    origins: Sequence[str] = (),
    config: SiteConfig | None = None,
    key: str | None = None,
) -> SiteView:
    """A new site with a public key (`pk_…`, or `key`) and its first team. Raises `Invalid`."""
    site = Site(
        id=new_id("site"),
        key=key or f"pk_{secrets.token_hex(12)}",
        name=check_site_name(name),
        allowed_origins=_origins(origins),
        config=(config or SiteConfig()).model_dump(mode="json"),
        knowledge_revision=0,
        ticket_count=0,
        created_at=now,
    )
    tx.add(site)
    await tx.flush()
    team, description = DEFAULT_TEAM
    tx.add(Team(id=new_id("team"), site_id=site.id, name=team, description=description, created_at=now))
    await tx.flush()
    return await site_by_id(tx, site.id)


async def update_config(tx: Tx, site_id: str, config: SiteConfig, *, name: str | None = None) -> None:
    """Replace a site's settings, and its name if one is given. Raises `NotFound` or `Invalid`."""
    values: dict[str, object] = {"config": config.model_dump(mode="json")}
    if name is not None:
        values["name"] = check_site_name(name)
    await _update(tx, site_id, values)


async def set_origins(tx: Tx, site_id: str, origins: Sequence[str]) -> tuple[str, ...]:
    """Replace the list of pages that may embed a site; gives it as stored. Raises `NotFound` or `Invalid`."""
    stored = _origins(origins)
    await _update(tx, site_id, {"allowed_origins": stored})
    return tuple(stored)


def check_site_name(raw: str) -> str:
    """The name as stored. Raises `Invalid`."""
    name = check_text(raw, 120)
    if not name:
        raise Invalid("Give the site a name.", code="name_missing")
    return name


def _origins(raw: Sequence[str]) -> list[str]:
    if len(raw) > ORIGINS_MAX:
        raise Invalid(f"A site can have up to {ORIGINS_MAX} addresses. Remove some.", code="too_many_origins")
    return list(dict.fromkeys(check_origin(origin) for origin in raw))


async def _update(tx: Tx, site_id: str, values: dict[str, object]) -> None:
    changed = await tx.execute(update(Site).where(Site.id == site_id).values(**values).returning(Site.id))
    if changed.one_or_none() is None:
        raise NotFound
