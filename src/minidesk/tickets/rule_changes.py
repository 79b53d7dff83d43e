"""Rules changed by somebody: written, and told to the audit log in words that stay readable when teams and people are gone."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select

from minidesk.accounts import Actor, differences, list_people, record
from minidesk.db import Tx
from minidesk.db.models import Team
from minidesk.errors import NotFound
from minidesk.tickets.routing import delete_rule, list_rules, move_rule, put_rule
from minidesk.tickets.rules import Rule

_NAMED = {"team_id": "team", "assignee_id": "assignee", "tell": "tell_webhooks"}


async def save_rule(tx: Tx, site_id: str, rule: Rule, now: datetime, actor: Actor) -> bool:
    """`put_rule`, with what changed in the log; the same again is no change. True if it is new. Raises Invalid."""
    before = await _told(tx, site_id)
    new = await put_rule(tx, site_id, rule, now)
    after = (await _told(tx, site_id))[rule.key]
    # Of a new rule all that it says is new, and stands in the rule; of a changed one only this entry knows it.
    changes = {} if new else differences(before[rule.key], after)
    if new or changes:
        await _record(
            tx, site_id, "created" if new else "changed", rule.key, after["name"], now, actor, changes
        )
    return new


async def remove_rule(tx: Tx, site_id: str, key: str, now: datetime, actor: Actor) -> None:
    """`delete_rule`. Raises NotFound."""
    before = await _told(tx, site_id)
    await delete_rule(tx, site_id, key)
    await _record(tx, site_id, "deleted", key, before[key]["name"], now, actor)


async def shift_rule(tx: Tx, site_id: str, key: str, by: int, now: datetime, actor: Actor) -> None:
    """`move_rule`; at either end nothing changes, and nothing is written down. Raises NotFound."""
    before = await _told(tx, site_id)
    if key not in before:
        raise NotFound
    await move_rule(tx, site_id, key, by)
    changes = differences(before[key], (await _told(tx, site_id))[key])
    if changes:
        await _record(tx, site_id, "changed", key, before[key]["name"], now, actor, changes)


async def _told(tx: Tx, site_id: str) -> dict[str, dict[str, Any]]:
    """All rules by key, each as the log tells it: one value a field, teams and people by name."""
    teams = await tx.execute(select(Team.id, Team.name).where(Team.site_id == site_id))
    people = await list_people(tx, site_id)
    names = {person.id: person.name for person in people} | {team.id: team.name for team in teams}
    found = {}
    for place, rule in enumerate(await list_rules(tx, site_id), 1):
        effect = asdict(rule.effect)
        conditions = [
            f"{each.field} {'is not' if each.negated else 'is'} {' / '.join(names.get(v, v) for v in each.values)}"
            for each in rule.conditions
        ]
        found[rule.key] = {
            "name": rule.name,
            "place": place,
            "enabled": rule.enabled,
            "match": rule.match,
            "conditions": "; ".join(conditions),
        } | {
            _NAMED.get(field, field): names.get(value, value) if isinstance(value, str) else value
            for field, value in effect.items()
        }
    return found


async def _record(
    tx: Tx,
    site_id: str,
    what: str,
    key: str,
    name: str,
    now: datetime,
    actor: Actor,
    changes: Mapping[str, tuple[object, object]] | None = None,
) -> None:
    await record(
        tx, now, actor, f"rules.{what}", site_id=site_id, target_id=key, target_name=name, changes=changes
    )
