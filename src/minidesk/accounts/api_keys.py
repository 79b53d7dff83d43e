"""API keys: a random text that a program sends, its SHA-256 in the database, and what it may be used for (T13)."""

import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import or_, select, update

from minidesk.accounts.audit import COMMAND, Actor, record
from minidesk.accounts.sessions import hash_token
from minidesk.db import Database, Tx
from minidesk.db.models import ApiKey, new_id
from minidesk.errors import Conflict, Invalid, NotAuthenticated, NotFound
from minidesk.text.normalise import check_text

Scope = Literal[
    "documents:read",
    "documents:write",
    "search",
    "ask",
    "models",
    "conversations:read",
    "tickets:read",
    "tickets:write",
    "teams:read",
    "teams:write",
    "rules:read",
    "rules:write",
    "webhooks:read",
    "webhooks:write",
    "audit:read",
    "sites:read",
    "sites:write",
    "insight:read",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_SECRET_BYTES = 30  # 240 bits, 40 characters: cannot be guessed, so a fast hash is enough to store it
_PREFIX_CHARS = 12  # enough to tell keys apart in a list; 192 bits stay unknown
_TOUCH_EVERY = timedelta(minutes=1)  # a write a request would make every reader wait for the writer
KEYS_OF_A_SITE = 100  # that work: more is a program that makes one each time it starts
_ID = re.compile(r"apk_[0-9a-f]{1,36}")
_KEY = re.compile(r"mdk_[A-Za-z0-9_-]{40}")

UNKNOWN = "Send a valid API key in the header Authorization: Bearer mdk_…; an administrator of the site can make one."


@dataclass(frozen=True, slots=True)
class ApiKeyIdentity:
    """Which program asks, as of this request."""

    key_id: str
    site_id: str
    scopes: frozenset[str]
    name: str = ""

    @property
    def actor(self) -> Actor:
        """Who the audit log says it was."""
        return Actor("key", self.key_id, self.name)


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made. `key` is shown once and stored nowhere."""

    id: str
    key: str


@dataclass(frozen=True, slots=True)
class ApiKeyView:
    """A key as administrators see it."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> Literal["active", "expired", "revoked"]:
        """Whether it opens anything."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class ApiKeys:
    """Tells whose key a request carries."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    async def identify(self, db: Database, presented: str | None) -> ApiKeyIdentity:
        """The site and scopes of a key, read anew each time, so that a revoked one is out at once.

        Raises `NotAuthenticated`, in the same words for none, an unknown, an expired and a revoked one.
        """
        if presented is None or not _KEY.fullmatch(presented):
            raise NotAuthenticated(UNKNOWN)
        now = self._clock()
        async with db.read() as tx:
            row = await tx.scalar(
                select(ApiKey).where(
                    ApiKey.key_hash == hash_token(presented),
                    ApiKey.revoked_at.is_(None),
                    or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
                )
            )
        if row is None:
            raise NotAuthenticated(UNKNOWN)
        if row.last_used_at is None or row.last_used_at + _TOUCH_EVERY <= now:
            async with db.write() as tx:
                await tx.execute(update(ApiKey).where(ApiKey.id == row.id).values(last_used_at=now))
        return ApiKeyIdentity(row.id, row.site_id, frozenset(map(str, row.scopes)), row.name)


async def create_api_key(
    tx: Tx,
    *,
    site_id: str,
    name: str,
    scopes: Collection[str],
    now: datetime,
    actor: Actor = COMMAND,
    expires_days: int | None = None,
) -> NewApiKey:
    """A new key for a site. Raises `Invalid`, or `Conflict` where the site has too many."""
    label = check_text(name, 120)
    if not label:
        raise Invalid("Give the key a name that says which program has it.", code="name_missing")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise Invalid(f"Choose one or more of these scopes: {', '.join(SCOPES)}.", code="scopes_invalid")
    working = [key for key in await list_api_keys(tx, site_id) if key.state(now) == "active"]
    if len(working) >= KEYS_OF_A_SITE:
        raise Conflict(
            f"This site has {KEYS_OF_A_SITE} keys already. Revoke one that nobody uses.", code="too_many_keys"
        )
    made = NewApiKey(new_id("apk"), f"mdk_{secrets.token_urlsafe(_SECRET_BYTES)}")
    tx.add(
        ApiKey(
            id=made.id,
            site_id=site_id,
            name=label,
            prefix=made.key[:_PREFIX_CHARS],
            key_hash=hash_token(made.key),
            scopes=[scope for scope in SCOPES if scope in scopes],
            created_by=actor.id if actor.kind == "agent" else None,
            created_at=now,
            expires_at=None if expires_days is None else now + timedelta(days=expires_days),
            last_used_at=None,
            revoked_at=None,
        )
    )
    await tx.flush()
    await record(
        tx, now, actor, "keys.created", site_id=site_id, target_id=made.id, target_name=label,
        changes={"scopes": (None, sorted(scopes)), "expires_days": (None, expires_days)},
    )  # fmt: skip
    return made


async def list_api_keys(tx: Tx, site_id: str) -> list[ApiKeyView]:
    """A site's keys, the newest first; revoked ones too."""
    rows = await tx.scalars(
        select(ApiKey).where(ApiKey.site_id == site_id).order_by(ApiKey.created_at.desc(), ApiKey.id.desc())
    )
    return [
        ApiKeyView(
            row.id,
            row.name,
            row.prefix,
            tuple(map(str, row.scopes)),
            row.created_at,
            row.expires_at,
            row.last_used_at,
            row.revoked_at,
        )
        for row in rows
    ]


async def revoke_api_key(tx: Tx, *, site_id: str, key_id: str, now: datetime, actor: Actor = COMMAND) -> None:
    """End a key; once more changes nothing. Raises `NotFound` for another site's."""
    if not _ID.fullmatch(key_id):  # PostgreSQL would fail on a NUL in it
        raise NotFound
    row = await tx.scalar(
        select(ApiKey).where(ApiKey.id == key_id, ApiKey.site_id == site_id).with_for_update()
    )
    if row is None:
        raise NotFound
    if row.revoked_at is None:
        row.revoked_at = now
        await record(tx, now, actor, "keys.revoked", site_id=site_id, target_id=row.id, target_name=row.name)
