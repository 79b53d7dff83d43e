"""A site's service-level policies: written, read for a handoff, and which one a ticket gets."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import delete, func, select, update

from minidesk.db import Tx
from minidesk.db.models import ServicePolicy, new_id
from minidesk.errors import Invalid, NotFound
from minidesk.text.normalise import check_text
from minidesk.tickets.clocks import COUNTS, Policy
from minidesk.tickets.rows import lock_site
from minidesk.tickets.rules import KEY_CHARS, NAME_CHARS, is_key

POLICIES_MAX = 30  # more than anybody keeps apart
ANSWER_MINUTES = (1, 7 * 24 * 60)  # as a site's own
RESOLUTION_MINUTES = (1, 90 * 24 * 60)
WARN_MINUTES = (1, 7 * 24 * 60)


def check_policy(policy: Policy) -> Policy:
    """The policy as it is stored. Raises Invalid."""
    name = " ".join(check_text(policy.name, NAME_CHARS * 4).split())
    if not 0 < len(name) <= NAME_CHARS:
        raise Invalid(f"Give the policy a name of 1 to {NAME_CHARS} characters.", code="policy_name_invalid")
    if not is_key(policy.key):
        raise Invalid(
            f"A policy's id has 1 to {KEY_CHARS} letters, digits, - and _.", code="policy_id_invalid"
        )
    if policy.counts not in COUNTS:
        raise Invalid(f"A policy counts {' or '.join(COUNTS)}.", code="policy_counts_invalid")
    for what, minutes, (least, most) in (
        ("A first answer", policy.first_minutes, ANSWER_MINUTES),
        ("A next answer", policy.next_minutes, ANSWER_MINUTES),
        ("A solution", policy.resolution_minutes, RESOLUTION_MINUTES),
        ("A warning", policy.warn_minutes, WARN_MINUTES),
    ):
        if minutes is not None and not least <= minutes <= most:
            raise Invalid(f"{what} can have {least} to {most} minutes.", code="policy_minutes_invalid")
    return replace(policy, name=name)


async def list_policies(tx: Tx, site_id: str) -> list[Policy]:
    """A site's policies, by name."""
    query = select(ServicePolicy).where(ServicePolicy.site_id == site_id)
    rows = await tx.scalars(query.order_by(ServicePolicy.name, ServicePolicy.id))
    return [
        Policy(
            row.key, row.name, row.first_minutes, row.next_minutes, row.resolution_minutes,
            row.counts, row.warn_minutes, row.is_default,  # type: ignore[arg-type]  # the column holds only Counts' words
        )
        for row in rows
    ]  # fmt: skip


def policy_for(policies: Sequence[Policy], key: str | None) -> Policy | None:
    """The policy that a rule named, else the site's default; None where there is neither."""
    named = next((each for each in policies if key and each.key == key), None)
    return named or next((each for each in policies if each.default), None)


async def put_policy(tx: Tx, site_id: str, policy: Policy, now: datetime) -> bool:
    """Write a policy, or replace the one with its key; True if it is new. A default takes that from the one before. Raises Invalid.

    Tickets that are open keep the clocks that they were given.
    """
    await lock_site(tx, site_id)
    policy = check_policy(policy)
    row = await _row(tx, site_id, policy.key)
    new = row is None
    if row is None:
        count = await tx.scalar(select(func.count()).where(ServicePolicy.site_id == site_id))
        if (count or 0) >= POLICIES_MAX:
            raise Invalid(
                f"A site can have up to {POLICIES_MAX} policies. Delete one first.", code="too_many_policies"
            )
        row = ServicePolicy(id=new_id("pol"), site_id=site_id, created_at=now)
        tx.add(row)
    if policy.default:
        others = update(ServicePolicy).where(ServicePolicy.site_id == site_id, ServicePolicy.id != row.id)
        with tx.no_autoflush:  # the new row is not whole yet
            await tx.execute(others.values(is_default=False).execution_options(synchronize_session=False))
    for column, value in asdict(policy).items():
        setattr(row, "is_default" if column == "default" else column, value)
    row.updated_at = now
    await tx.flush()
    return new


async def delete_policy(tx: Tx, site_id: str, key: str) -> None:
    """Remove a policy; rules that name it no longer set one. Raises NotFound."""
    await lock_site(tx, site_id)
    row = await _row(tx, site_id, key)
    if row is None:
        raise NotFound
    await tx.execute(delete(ServicePolicy).where(ServicePolicy.id == row.id))


async def _row(tx: Tx, site_id: str, key: str) -> ServicePolicy | None:
    if "\0" in key:  # PostgreSQL refuses to look for it
        raise NotFound
    return await tx.scalar(
        select(ServicePolicy)
        .where(ServicePolicy.site_id == site_id, ServicePolicy.key == key)
        .with_for_update()
    )
