"""Whom a website says that a visitor is: a token that it signed for this person and this site (T3).

JWT (RFC 7519) with HS256 and nothing else: a token that names another algorithm, or none, is refused. The audience is
the site's key, so that a token for one site is worth nothing in another; it ends within the hour, so that one that
leaks is soon worth nothing at all. A site has up to two keys: a new one is made and put into use before the old one goes.
They are sealed at rest (T30): who reads the database or a backup cannot sign.
"""

import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import jwt
from sqlalchemy import delete, select, update

from minidesk.db import Tx
from minidesk.db.models import IdentityKey, Site, new_id
from minidesk.errors import Conflict, InvalidText, NotAuthenticated, NotFound
from minidesk.text.normalise import check_text

log = logging.getLogger(__name__)

KEYS_OF_A_SITE = 2  # the old one and the new one, while the website changes over
SECRET_BYTES = 32  # HS256 wants at least as many as its hash has (RFC 7518, 3.2)
LONGEST = timedelta(hours=1)
LEEWAY = timedelta(seconds=60)  # between the clocks of two servers
TOUCH_EVERY = timedelta(minutes=5)  # a write for each visitor would make the others wait
EXTERNAL_ID_CHARS, NAME_CHARS, EMAIL_CHARS = 200, 120, 254
TOKEN_CHARS = 4000

EMAIL = re.compile(r"[^\s@<>\"]{1,64}@[^\s@<>\"]{1,189}")
_ID = re.compile(r"idk_[0-9a-f]{1,36}")


class Seals(Protocol):
    """What is needed of `accounts.Sealer`."""

    def seal(self, text: str, place: str) -> str:
        """Unreadable, for this place alone."""

    def is_sealed(self, text: str) -> bool:
        """Whether it is no plain text."""

    def read(self, kept: str, place: str) -> str | None:
        """What was sealed, or kept as it is; None where it was sealed with another key."""


class IdentityInvalid(NotAuthenticated):
    """The website's word for who this is does not hold."""

    code = "identity_invalid"
    default = (
        "This identity could not be verified. Sign a new token with one of the site's identity keys, "
        "its audience the site key, its expiry within an hour."
    )


@dataclass(frozen=True, slots=True)
class VerifiedPerson:
    """What a token that holds says of a person. `external_id` is the website's own name for them."""

    external_id: str
    name: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class IdentityKeyView:
    """A key as administrators see it: not its secret."""

    id: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewIdentityKey:
    """A key that was just made. The secret is shown this once."""

    id: str
    secret: str


async def create_identity_key(
    tx: Tx, sealer: Seals, *, site_id: str, now: datetime, created_by: str | None = None
) -> NewIdentityKey:
    """A new key. Raises `NotFound` for no site, and `Conflict` where it has two."""
    if await tx.scalar(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True)) is None:
        raise NotFound
    if len(await list_identity_keys(tx, site_id)) >= KEYS_OF_A_SITE:
        raise Conflict(
            "This site has two identity keys. Delete the one that your website does not use any more.",
            code="too_many_keys",
        )
    made = NewIdentityKey(new_id("idk"), secrets.token_urlsafe(SECRET_BYTES))
    tx.add(
        IdentityKey(
            id=made.id,
            site_id=site_id,
            sealed=sealer.seal(made.secret, made.id),
            created_by=created_by,
            created_at=now,
            last_used_at=None,
        )
    )
    await tx.flush()
    return made


async def list_identity_keys(tx: Tx, site_id: str) -> list[IdentityKeyView]:
    """A site's keys, the newest first."""
    rows = await tx.scalars(
        select(IdentityKey)
        .where(IdentityKey.site_id == site_id)
        .order_by(IdentityKey.created_at.desc(), IdentityKey.id.desc())
    )
    return [IdentityKeyView(row.id, row.created_at, row.last_used_at) for row in rows]


async def delete_identity_key(tx: Tx, *, site_id: str, key_id: str) -> None:
    """End a key; what it signed is worth nothing from now on. Raises `NotFound` for another site's."""
    if not _ID.fullmatch(key_id):  # PostgreSQL would fail on a NUL in it
        raise NotFound
    gone = await tx.execute(
        delete(IdentityKey)
        .where(IdentityKey.id == key_id, IdentityKey.site_id == site_id)
        .returning(IdentityKey.id)
    )
    if gone.scalar_one_or_none() is None:
        raise NotFound


async def verify_identity(
    tx: Tx, sealer: Seals, *, site_id: str, site_key: str, token: str, now: datetime
) -> VerifiedPerson:
    """Whom `token` names. Writes when the key was last used. Raises `IdentityInvalid`."""
    keys = list(await tx.scalars(select(IdentityKey).where(IdentityKey.site_id == site_id)))
    signer, claims = _signed_claims(token, keys, site_key, sealer)
    person = _person(claims, now)
    if signer.last_used_at is None or signer.last_used_at + TOUCH_EVERY <= now:
        await tx.execute(update(IdentityKey).where(IdentityKey.id == signer.id).values(last_used_at=now))
    return person


async def seal_identity_keys(tx: Tx, sealer: Seals) -> None:
    """Seal those that are older than sealing."""
    for key in await tx.scalars(select(IdentityKey)):
        if not sealer.is_sealed(key.sealed):
            key.sealed = sealer.seal(key.sealed, key.id)


def _secret(key: IdentityKey, sealer: Seals) -> str | None:
    secret = sealer.read(key.sealed, key.id)
    if secret is None:
        log.warning(
            "an identity key was sealed with another secret.key: make a new one", extra={"key": key.id}
        )
    return secret


def _signed_claims(
    token: str, keys: Sequence[IdentityKey], audience: str, sealer: Seals
) -> tuple[IdentityKey, dict[str, Any]]:
    """The key that signed it, and what it says. PyJWT compares signatures in constant time."""
    if not 0 < len(token) <= TOKEN_CHARS or not token.isascii():
        raise IdentityInvalid
    for key in keys:
        secret = _secret(key, sealer)
        if secret is None:
            continue
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                secret,
                algorithms=["HS256"],  # fixed: a token must not choose how it is checked
                audience=audience,
                # Times are checked below, against the clock that was handed in.
                options={
                    "require": ["exp", "aud", "sub"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidSignatureError:
            continue  # perhaps the other key
        except jwt.PyJWTError as error:
            raise IdentityInvalid from error
        return key, claims
    raise IdentityInvalid


def _person(claims: dict[str, Any], now: datetime) -> VerifiedPerson:
    expires = claims["exp"]
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        raise IdentityInvalid
    left = expires - now.timestamp()
    if not -LEEWAY.total_seconds() < left <= (LONGEST + LEEWAY).total_seconds():
        raise IdentityInvalid(
            "This identity has ended, or ends in more than an hour. Sign a new token each time the page is loaded."
        )
    email = _text(claims.get("email"), EMAIL_CHARS)
    if email is not None and not EMAIL.fullmatch(email):
        raise IdentityInvalid("The e-mail address in this identity is none. Leave it out or mend it.")
    external_id = _text(claims["sub"], EXTERNAL_ID_CHARS)
    name = _text(claims.get("name"), NAME_CHARS * 10)
    if external_id is None:
        raise IdentityInvalid
    return VerifiedPerson(external_id, name[:NAME_CHARS] if name else None, email)


def _text(value: object, max_chars: int) -> str | None:
    """A claim's text on one line; None for none. Raises `IdentityInvalid`."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > max_chars:
        raise IdentityInvalid
    try:
        return " ".join(check_text(value, max_chars).split()) or None
    except InvalidText as error:
        raise IdentityInvalid from error
