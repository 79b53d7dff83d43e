"""Making and changing sites."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from minidesk.db import Tx
from minidesk.db.models import Site, Team, new_id
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.sites.config import SiteConfig
from minidesk.sites.origins import check_origin
from minidesk.sites.queries import SiteView, site_by_id
from minidesk.text.normalise import check_text

DEFAULT_TEAM = ("Support", "Everything that no other team is for.")
ORIGINS_MAX = 50


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """What an administrator changes in one go."""

    name: str
    origins: tuple[str, ...]
    config: SiteConfig


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


def settings_version(site: SiteView) -> str:
    """A word that changes with the site's settings: two forms that were made from the same ones carry the same.

    The site's id is in it: who switches to another site in a second tab must not save the first one's form there.
    """
    parts = [site.id, site.name, site.allowed_origins, site.config.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


async def save_settings(tx: Tx, site_id: str, settings: SiteSettings, *, version: str) -> None:
    """Replace all settings, if they still are those of `version`. Raises `Conflict`, `NotFound` or `Invalid`."""
    values: dict[str, object] = {
        "name": check_site_name(settings.name),
        "allowed_origins": _origins(settings.origins),
        "config": settings.config.model_dump(mode="json"),
    }
    # The lock keeps a second administrator's save behind this one; without it both would find the version they know.
    await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update())
    if settings_version(await site_by_id(tx, site_id)) != version:
        raise Conflict(
            "Somebody else has changed these settings in the meantime. Look at them and save again.",
            code="settings_changed",
        )
    await _update(tx, site_id, values)


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
