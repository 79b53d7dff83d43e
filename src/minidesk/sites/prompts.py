"""A site's words to the model, version by version: who wrote them, when, and how to go back."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from minidesk.db import Tx
from minidesk.db.models import PromptVersion, Site, new_id
from minidesk.errors import NotFound
from minidesk.sites.config import SiteConfig

# The versions that the console lists.
LISTED = 50


@dataclass(frozen=True, slots=True)
class PromptWords:
    """What a site adds to the shipped prompt: rules in the place of its rules (empty: its own), and the manner asked for."""

    rules: str = ""
    instructions: str = ""

    @property
    def mark(self) -> str:
        """Changes with the words: a form that carries it tells whether it was overtaken."""
        return hashlib.sha256(json.dumps([self.rules, self.instructions]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class PromptView:
    """A version. `made_by` is empty for words that were there before versions were kept."""

    n: int
    words: PromptWords
    made_by: str
    made_at: datetime
    restored: int | None


def words_of(config: SiteConfig) -> PromptWords:
    """Those that are asked with now."""
    return PromptWords(config.prompt_rules, config.instructions)


async def list_prompts(tx: Tx, site_id: str) -> list[PromptView]:
    """The latest first; none where nobody changed anything yet."""
    query = select(PromptVersion).where(PromptVersion.site_id == site_id)
    rows = await tx.scalars(query.order_by(PromptVersion.n.desc()).limit(LISTED))
    return [_view(row) for row in rows]


async def access_prompt(tx: Tx, site_id: str, n: int) -> PromptView:
    """One version. Raises `NotFound`."""
    query = select(PromptVersion).where(PromptVersion.site_id == site_id, PromptVersion.n == n)
    row = await tx.scalar(query)
    if row is None:
        raise NotFound("There is no such version of the prompt.", code="prompt_version_missing")
    return _view(row)


async def note_prompt(
    tx: Tx,
    site_id: str,
    before: PromptWords,
    after: PromptWords,
    *,
    by: str,
    now: datetime,
    restored: int | None = None,
) -> int | None:
    """Keep `after` as a new version, and `before` as one if it is none yet. Gives the new number; None where nothing changed.

    The caller holds the lock on the site's row, or two versions could get one number.
    """
    if before == after:
        return None
    latest = await tx.scalar(
        select(PromptVersion)
        .where(PromptVersion.site_id == site_id)
        .order_by(PromptVersion.n.desc())
        .limit(1)
    )
    n = latest.n if latest is not None else 0
    if latest is None or _view(latest).words != before:
        site = await tx.get_one(Site, site_id)
        n += 1
        _add(tx, site_id, n, before, "", site.created_at if latest is None else now, None)
    _add(tx, site_id, n + 1, after, by, now, restored)
    return n + 1


def _add(
    tx: Tx, site_id: str, n: int, words: PromptWords, by: str, at: datetime, restored: int | None
) -> None:
    tx.add(
        PromptVersion(
            id=new_id("prm"),
            site_id=site_id,
            n=n,
            rules=words.rules,
            instructions=words.instructions,
            made_by=by[:120],
            made_at=at,
            restored=restored,
        )
    )


def _view(row: PromptVersion) -> PromptView:
    words = PromptWords(row.rules, row.instructions)
    return PromptView(row.n, words, row.made_by, row.made_at, row.restored)
