"""Who the person in the widget is: a random token in their browser, its SHA-256 here."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from minidesk.db import Database, Tx
from minidesk.db.models import Visitor, new_id
from minidesk.errors import NotAuthenticated
from minidesk.text.normalise import remove_invisible, replace_surrogates

TOKEN_BYTES = 32  # 256 bits (T4)
KEPT = timedelta(days=30)  # after the last use (T4)
TOUCH_EVERY = timedelta(hours=1)  # sliding by the hour saves a write a request
BROWSER_CHARS = 300


@dataclass(frozen=True, slots=True)
class VisitorSession:
    """What a browser is given. `token` is stored nowhere on our side."""

    token: str
    visitor_id: str
    expires_at: datetime
    resumed: bool


@dataclass(frozen=True, slots=True)
class VisitorIdentity:
    """Whose request this is."""

    visitor_id: str
    site_id: str


class Visitors:
    """Opens and resolves visitors' sessions."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    async def open_session(
        self, tx: Tx, site_id: str, token: str | None, *, browser: str = ""
    ) -> VisitorSession:
        """The session of `token` if it is a live one of this site, a new visitor's otherwise. Writes.

        A token of another site is as good as none: nobody is the same visitor in two sites.
        """
        now = self._clock()
        if token:
            kept = await tx.execute(
                update(Visitor)
                .where(
                    Visitor.token_hash == _hash(token), Visitor.site_id == site_id, Visitor.expires_at > now
                )
                .values(last_seen_at=now, expires_at=now + KEPT)
                .returning(Visitor.id)
            )
            visitor_id = kept.scalar_one_or_none()
            if visitor_id is not None:
                return VisitorSession(token, visitor_id, now + KEPT, resumed=True)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        visitor = Visitor(
            id=new_id("vis"),
            site_id=site_id,
            token_hash=_hash(token),
            name=None,
            email=None,
            verified=False,
            browser=" ".join(remove_invisible(replace_surrogates(browser)).split())[:BROWSER_CHARS] or None,
            created_at=now,
            last_seen_at=now,
            expires_at=now + KEPT,
        )
        tx.add(visitor)
        await tx.flush()
        return VisitorSession(token, visitor.id, visitor.expires_at, resumed=False)

    async def resolve(self, tx: Tx, token: str | None) -> VisitorIdentity:
        """Whose token this is. Raises `NotAuthenticated` for none, an unknown or an ended one."""
        identity, _ = await self._find(tx, token)
        return identity

    async def identify(self, db: Database, token: str | None) -> VisitorIdentity:
        """As `resolve`, and the session slides on once an hour."""
        async with db.read() as tx:
            identity, last_seen_at = await self._find(tx, token)
        now = self._clock()
        if last_seen_at + TOUCH_EVERY <= now:
            async with db.write() as tx:
                await tx.execute(
                    update(Visitor)
                    .where(Visitor.id == identity.visitor_id)
                    .values(last_seen_at=now, expires_at=now + KEPT)
                )
        return identity

    async def _find(self, tx: Tx, token: str | None) -> tuple[VisitorIdentity, datetime]:
        if token:
            visitor = await tx.scalar(
                select(Visitor).where(Visitor.token_hash == _hash(token), Visitor.expires_at > self._clock())
            )
            if visitor is not None:
                return VisitorIdentity(visitor.id, visitor.site_id), visitor.last_seen_at
        raise NotAuthenticated("This chat session has ended. Open the chat again.", code="session_ended")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
