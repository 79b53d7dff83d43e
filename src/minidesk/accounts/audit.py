"""Who changed what: one row a change, written in the very transaction that makes it, and never touched again.

No secrets, no messages of visitors and no long texts stand in it: of those it says that they changed, not to what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select

from minidesk.db import Tx
from minidesk.db.models import AuditEntry, Membership
from minidesk.text.normalise import replace_surrogates

ActorKind = Literal["agent", "key", "command"]
Change = tuple[object, object]  # before and after

# What there is, by what it is about: the page's filter offers the part before the dot.
ACTIONS = (
    "settings.changed",
    "people.invited",
    "people.invitation_revoked",
    "people.joined",
    "people.role_changed",
    "people.removed",
    "people.suspended",
    "people.let_in",
    "people.work_changed",
    "people.reset_link_made",
    "people.signed_out",
    "people.second_factor_removed",
    "people.second_factor_required",
    "account.password_changed",
    "account.second_factor_on",
    "account.second_factor_off",
    "account.recovery_codes_renewed",
    "teams.created",
    "teams.changed",
    "teams.deleted",
    "rules.created",
    "rules.changed",
    "rules.deleted",
    "policies.created",
    "policies.changed",
    "policies.deleted",
    "webhooks.created",
    "webhooks.changed",
    "webhooks.secret_renewed",
    "webhooks.deleted",
    "keys.created",
    "keys.revoked",
    "keys.identity_created",
    "keys.identity_deleted",
    "documents.deleted",
)
ABOUT = tuple(dict.fromkeys(action.partition(".")[0] for action in ACTIONS))
VALUE_CHARS = 80  # a longer text is a text, not a setting: only that it changed is kept
PAGE = 50


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it, as of now: an entry keeps the name, because people and keys go."""

    kind: ActorKind
    id: str
    name: str
    address: str = ""


# Whoever has a shell on the server: nobody there has said who they are.
COMMAND = Actor("command", "", "command line")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `changes` holds field → (before, after); both None where only the fact is kept."""

    id: int
    at: datetime
    actor: Actor
    action: str
    target_id: str
    target_name: str
    changes: tuple[tuple[str, object, object], ...]


async def record(
    tx: Tx,
    now: datetime,
    actor: Actor,
    action: str,
    *,
    site_id: str | None,
    target_id: str = "",
    target_name: str = "",
    changes: Mapping[str, Change] | None = None,
) -> None:
    """Add an entry to the transaction that makes the change: either both are there or neither is."""
    assert action in ACTIONS, action  # a word that the page has no sentence for
    tx.add(
        AuditEntry(
            site_id=site_id,
            at=now,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name[:120],
            address=actor.address[:64],
            action=action,
            target_id=_plain(target_id)[:500],
            target_name=_plain(target_name)[:200],
            changes={field: _kept(*pair) for field, pair in (changes or {}).items() if pair[0] != pair[1]},
        )
    )


async def record_of_agent(
    tx: Tx, now: datetime, actor: Actor, action: str, *, agent_id: str, agent_name: str
) -> None:
    """An entry about an agent's own account, in every site where the agent works; in none of them for an operator."""
    sites = await tx.scalars(select(Membership.site_id).where(Membership.agent_id == agent_id))
    found: list[str | None] = [*sites]
    for site_id in found or [None]:
        await record(tx, now, actor, action, site_id=site_id, target_id=agent_id, target_name=agent_name)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Change]:
    """The fields that differ."""
    return {
        name: (before.get(name), after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }


async def list_entries(
    tx: Tx,
    site_id: str,
    *,
    also_operators: bool = False,
    actor_id: str = "",
    about: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> list[Entry]:
    """Entries of a site, the latest first. `before` is the id of the last one of the page before.

    `also_operators`: with what is about operators' own accounts, for an operator.
    """
    mine = AuditEntry.site_id == site_id
    query = select(AuditEntry).where(mine | AuditEntry.site_id.is_(None) if also_operators else mine)
    if actor_id:
        query = query.where(AuditEntry.actor_id == actor_id)
    if about:
        query = query.where(AuditEntry.action.startswith(f"{about}.", autoescape=True))
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    if until is not None:
        query = query.where(AuditEntry.at < until)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    rows = await tx.scalars(query.order_by(AuditEntry.id.desc()).limit(limit))
    return [_entry(row) for row in rows]


async def list_actors(tx: Tx, site_id: str) -> list[tuple[str, str]]:
    """(id, name) of all who stand in a site's log, by name; the name they have in their latest entry."""
    rows = await tx.execute(
        select(AuditEntry.actor_id, AuditEntry.actor_name)
        .where(AuditEntry.site_id == site_id)
        .group_by(AuditEntry.actor_id, AuditEntry.actor_name)
    )
    names: dict[str, str] = {row.actor_id: row.actor_name for row in rows}
    return sorted(names.items(), key=lambda pair: pair[1].casefold())


def _entry(row: AuditEntry) -> Entry:
    kind: ActorKind = row.actor_kind  # type: ignore[assignment]  # the column holds only these words
    return Entry(
        row.id,
        row.at,
        Actor(kind, row.actor_id, row.actor_name, row.address),
        row.action,
        row.target_id,
        row.target_name,
        tuple(
            (field, *(pair if isinstance(pair, list) else (None, None)))
            for field, pair in sorted(row.changes.items())
        ),
    )


def _kept(before: object, after: object) -> list[object] | None:
    """The pair as it is stored, or None where a value is too long to be a setting."""
    pair = [_value(before), _value(after)]
    return None if any(isinstance(v, str) and len(v) > VALUE_CHARS for v in pair) else pair


def _value(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return _plain(", ".join(str(item) for item in value))
    return _plain(str(value))


def _plain(text: str) -> str:
    """What a database can hold."""
    return replace_surrogates(text).replace("\0", "")
