"""Who the person in the widget is: a random token in their browser, its SHA-256 here.

A browser's first row is anonymous. Once the website has named its visitor (`sites/identity.py`), that row stands for
the person in all their browsers: a row of another browser points to it, and an anonymous row's conversations move to
it. Nothing but a signed identity does that: an e-mail address that somebody writes joins nobody's history (T3).
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from minidesk.db import Database, Tx
from minidesk.db.models import Conversation, Site, Visitor, new_id
from minidesk.errors import NotAuthenticated
from minidesk.sites.attributes import Attribute
from minidesk.sites.identity import VerifiedPerson
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
    verified: bool = False


@dataclass(frozen=True, slots=True)
class VisitorIdentity:
    """Whose request this is."""

    visitor_id: str
    site_id: str


@dataclass(frozen=True, slots=True)
class KnownVisitor:
    """What is known of a visitor: signed by the website where `verified`, their own word otherwise."""

    name: str | None
    email: str | None
    verified: bool


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
        row = await self._live(tx, site_id, token)
        if row is None or token is None:
            return await self._new(tx, site_id, browser)
        self._touch(row)
        return _session(row, token, resumed=True)

    async def open_verified(
        self, tx: Tx, site_id: str, token: str | None, person: VerifiedPerson, *, browser: str = ""
    ) -> VisitorSession:
        """A session of `person`, whom the website named. Writes.

        The browser gets a new token unless it had one of this very person: whoever knew the anonymous one (T4)
        must not see what the person wrote elsewhere. What the browser wrote before as nobody becomes theirs; what it
        wrote as somebody else stays that person's, and their session here ends.
        """
        # One at a time: two browsers that name a new person at once must not make two of them.
        await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))
        own = await self._live(tx, site_id, token)
        known = await tx.scalar(
            select(Visitor).where(Visitor.site_id == site_id, Visitor.external_id == person.external_id)
        )
        if own is not None and token and known is not None and known.id == _person_of(own):
            _describe(known, person)
            self._touch(own)
            return _session(own, token, resumed=True)
        if own is not None and (own.external_id or own.person_id):
            own.expires_at = self._clock()
            own = None
        token = secrets.token_urlsafe(TOKEN_BYTES)
        if own is None:
            own = await self._add(tx, site_id, token, browser)
        own.token_hash = _hash(token)
        self._touch(own)
        if known is None:
            own.external_id = person.external_id
        else:
            own.person_id = known.id
            await tx.execute(
                update(Conversation).where(Conversation.visitor_id == own.id).values(visitor_id=known.id)
            )
        _describe(known or own, person)
        await tx.flush()
        return _session(own, token, resumed=True)

    async def end_session(self, tx: Tx, token: str) -> None:
        """Make a token worthless; the person's history stays. Does nothing for an unknown one."""
        await tx.execute(
            update(Visitor).where(Visitor.token_hash == _hash(token)).values(expires_at=self._clock())
        )

    async def keep_attributes(self, tx: Tx, visitor_id: str, attributes: dict[str, Attribute]) -> None:
        """Replace what the page said of a visitor."""
        await tx.execute(update(Visitor).where(Visitor.id == visitor_id).values(attributes=attributes))

    async def about(self, tx: Tx, visitor_id: str) -> KnownVisitor:
        """What is known of a visitor."""
        row = await tx.get_one(Visitor, visitor_id)
        return KnownVisitor(row.name, row.email, row.verified)

    async def introduce(self, tx: Tx, visitor_id: str, *, name: str | None, email: str | None) -> None:
        """Keep what a visitor says of themselves. It joins nobody's history, and changes nothing of a verified person's (T3)."""
        said = {key: value for key, value in (("name", name), ("email", email)) if value}
        if said:
            own = (Visitor.id == visitor_id, Visitor.verified.is_(False))
            await tx.execute(update(Visitor).where(*own).values(**said))

    async def _live(self, tx: Tx, site_id: str, token: str | None) -> Visitor | None:
        if not token:
            return None
        return await tx.scalar(
            select(Visitor)
            .where(
                Visitor.token_hash == _hash(token),
                Visitor.site_id == site_id,
                Visitor.expires_at > self._clock(),
            )
            .with_for_update()
        )

    def _touch(self, row: Visitor) -> None:
        row.last_seen_at = self._clock()
        row.expires_at = row.last_seen_at + KEPT

    async def _new(self, tx: Tx, site_id: str, browser: str) -> VisitorSession:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        return _session(await self._add(tx, site_id, token, browser), token, resumed=False)

    async def _add(self, tx: Tx, site_id: str, token: str, browser: str) -> Visitor:
        now = self._clock()
        row = Visitor(
            id=new_id("vis"),
            site_id=site_id,
            token_hash=_hash(token),
            name=None,
            email=None,
            verified=False,
            external_id=None,
            person_id=None,
            attributes=None,
            browser=" ".join(remove_invisible(replace_surrogates(browser)).split())[:BROWSER_CHARS] or None,
            created_at=now,
            last_seen_at=now,
            expires_at=now + KEPT,
        )
        tx.add(row)
        await tx.flush()
        return row

    async def resolve(self, tx: Tx, token: str | None) -> VisitorIdentity:
        """Whose token this is. Raises `NotAuthenticated` for none, an unknown or an ended one."""
        identity, _ = await self._find(tx, token)
        return identity

    async def identify(self, db: Database, token: str | None) -> VisitorIdentity:
        """As `resolve`, and the session slides on once an hour."""
        async with db.read() as tx:
            identity, row = await self._find(tx, token)
        now = self._clock()
        if row.last_seen_at + TOUCH_EVERY <= now:
            async with db.write() as tx:
                # Not a session that was ended meanwhile: it must not come to life again.
                await tx.execute(
                    update(Visitor)
                    .where(Visitor.id == row.id, Visitor.expires_at > now)
                    .values(last_seen_at=now, expires_at=now + KEPT)
                )
        return identity

    async def _find(self, tx: Tx, token: str | None) -> tuple[VisitorIdentity, Visitor]:
        if token:
            row = await tx.scalar(
                select(Visitor).where(Visitor.token_hash == _hash(token), Visitor.expires_at > self._clock())
            )
            # A person can be deleted while a browser of theirs still has its row.
            if row is not None and (
                row.person_id is None or await tx.get(Visitor, row.person_id) is not None
            ):
                return VisitorIdentity(_person_of(row), row.site_id), row
        raise NotAuthenticated("This chat session has ended. Open the chat again.", code="session_ended")


def _person_of(row: Visitor) -> str:
    return row.person_id or row.id


def _describe(row: Visitor, person: VerifiedPerson) -> None:
    row.name, row.email, row.verified = person.name, person.email, True


def _session(row: Visitor, token: str, *, resumed: bool) -> VisitorSession:
    verified = bool(row.external_id or row.person_id)
    return VisitorSession(token, _person_of(row), row.expires_at, resumed, verified)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
