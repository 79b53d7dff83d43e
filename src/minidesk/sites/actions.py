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
from minidesk.sites.config import SiteConfig, config_of
from minidesk.sites.origins import check_origin
from minidesk.sites.prompts import PromptWords, note_prompt, words_of
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


async def save_settings(
    tx: Tx, site_id: str, settings: SiteSettings, *, version: str, by: str, now: datetime
) -> None:
    """Replace all settings, if they still are those of `version`. Raises `Conflict`, `NotFound` or `Invalid`.

    What changed for the model becomes a version of the site's prompt, made `by` somebody.
    """
    values: dict[str, object] = {
        "name": check_site_name(settings.name),
        "allowed_origins": _origins(settings.origins),
        "config": settings.config.model_dump(mode="json"),
    }
    # The lock keeps a second administrator's save behind this one; without it both would find the version they know.
    await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))
    site = await site_by_id(tx, site_id)
    if settings_version(site) != version:
        raise Conflict(
            "Somebody else has changed these settings in the meantime. Look at them and save again.",
            code="settings_changed",
        )
    await note_prompt(tx, site_id, words_of(site.config), words_of(settings.config), by=by, now=now)
    await _update(tx, site_id, values)


async def save_prompt(
    tx: Tx,
    site_id: str,
    words: PromptWords,
    *,
    by: str,
    now: datetime,
    mark: str | None = None,
    restored: int | None = None,
) -> int | None:
    """From now on the site's answers are asked for with these words; the number of that version, None where nothing changed.

    `mark`: of the words that these were made from. Raises `Conflict` where they are others now, `Invalid`, and `NotFound`.
    """
    await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))
    before = (await site_by_id(tx, site_id)).config
    if mark is not None and words_of(before).mark != mark:
        raise Conflict(
            "Somebody else has changed the prompt in the meantime. Look at their version and save again.",
            code="prompt_changed",
        )
    raw = before.model_dump() | {"prompt_rules": words.rules, "instructions": words.instructions}
    after = config_of(raw)
    n = await note_prompt(tx, site_id, words_of(before), words_of(after), by=by, now=now, restored=restored)
    await _update(tx, site_id, {"config": after.model_dump(mode="json")})
    return n


async def cap_large(tx: Tx, site_id: str, *, share: float | None, daily_usd: float | None) -> None:
    """Set how much of a site's answers the large tier may give; None: as the desk's settings say. Raises `Invalid` or `NotFound`."""
    await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))
    before = (await site_by_id(tx, site_id)).config
    after = config_of(before.model_dump() | {"large_share_max": share, "large_daily_budget_usd": daily_usd})
    await _update(tx, site_id, {"config": after.model_dump(mode="json")})


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
