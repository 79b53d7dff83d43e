"""Service-level policies below `/api/v1`, written by their own ids; rules name them by these."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from minidesk.accounts import ApiKeyIdentity, differences, record
from minidesk.errors import NotFound
from minidesk.tickets import Policy, delete_policy, list_policies, put_policy
from minidesk.web.body import json_body, takes
from minidesk.web.rest.deps import RestDeps
from minidesk.web.rest.gate import Gate
from minidesk.web.rest.schemas import PolicyBody, PolicyInfo, PolicyList, errors

PolicyId = Annotated[str, Path(max_length=64, description="Your own id: letters, digits, - and _.")]


def add(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    """Add the routes."""
    reads, writes = Depends(gate.needs("rules:read")), Depends(gate.needs("rules:write"))

    @router.get("/policies", responses=errors())
    async def list_all(key: Annotated[ApiKeyIdentity, reads]) -> PolicyList:
        """The site's service-level policies, by name."""
        async with deps.db.read() as tx:
            return PolicyList(policies=[_info(each) for each in await list_policies(tx, key.site_id)])

    @router.get("/policies/{policy_id}", responses=errors(404))
    async def read(policy_id: PolicyId, key: Annotated[ApiKeyIdentity, reads]) -> PolicyInfo:
        """One policy."""
        async with deps.db.read() as tx:
            for each in await list_policies(tx, key.site_id):
                if each.key == policy_id:
                    return _info(each)
        raise NotFound

    @router.put(
        "/policies/{policy_id}",
        openapi_extra=takes(PolicyBody),
        responses={201: {"model": PolicyInfo, "description": "It is new."}, **errors()},
    )
    async def put(
        policy_id: PolicyId,
        response: Response,
        key: Annotated[ApiKeyIdentity, writes],
        body: Annotated[PolicyBody, Depends(json_body(PolicyBody))],
    ) -> PolicyInfo:
        """Write a policy, or replace the one with this id. Open tickets keep their clocks. A new default takes that from the one before."""
        policy = Policy(
            policy_id, body.name, body.first_response_minutes, body.next_response_minutes,
            body.resolution_minutes, body.counts, body.warn_minutes, body.default,
        )  # fmt: skip
        async with deps.db.write() as tx:
            before = {each.key: each for each in await list_policies(tx, key.site_id)}
            new = await put_policy(tx, key.site_id, policy, deps.clock())
            stored = next(each for each in await list_policies(tx, key.site_id) if each.key == policy_id)
            if new or stored != before[policy_id]:
                await record(
                    tx, deps.clock(), key.actor, f"policies.{'created' if new else 'changed'}", site_id=key.site_id,
                    target_id=policy_id, target_name=stored.name,
                    changes=None if new else differences(asdict(before[policy_id]), asdict(stored)),
                )  # fmt: skip
        response.status_code = 201 if new else 200
        return _info(stored)

    @router.delete("/policies/{policy_id}", status_code=204, responses=errors(404))
    async def delete(policy_id: PolicyId, key: Annotated[ApiKeyIdentity, writes]) -> None:
        """Remove a policy. Tickets keep the clocks that it set, and rules that name it no longer set one."""
        async with deps.db.write() as tx:
            names = {each.key: each.name for each in await list_policies(tx, key.site_id)}
            await delete_policy(tx, key.site_id, policy_id)
            await record(
                tx, deps.clock(), key.actor, "policies.deleted", site_id=key.site_id,
                target_id=policy_id, target_name=names[policy_id],
            )  # fmt: skip


def _info(policy: Policy) -> PolicyInfo:
    return PolicyInfo(
        id=policy.key,
        name=policy.name,
        first_response_minutes=policy.first_minutes,
        next_response_minutes=policy.next_minutes,
        resolution_minutes=policy.resolution_minutes,
        counts=policy.counts,
        warn_minutes=policy.warn_minutes,
        default=policy.default,
    )
