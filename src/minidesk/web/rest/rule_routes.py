"""Routing rules below `/api/v1`: listed in the order in which they are looked at, written by their own ids."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from minidesk.accounts import ApiKeyIdentity, record
from minidesk.db import Tx
from minidesk.tickets import Condition, Effect, Rule, delete_rule, list_rules, put_rule
from minidesk.web.body import json_body, takes
from minidesk.web.rest.deps import RestDeps
from minidesk.web.rest.gate import Gate
from minidesk.web.rest.schemas import ConditionBody, EffectBody, RuleBody, RuleInfo, RuleList, errors

RuleId = Annotated[str, Path(max_length=64, description="Your own id: letters, digits, - and _.")]


def add(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    """Add the routes."""
    reads, writes = Depends(gate.needs("rules:read")), Depends(gate.needs("rules:write"))

    @router.get("/rules", responses=errors())
    async def list_all(key: Annotated[ApiKeyIdentity, reads]) -> RuleList:
        """The site's routing rules, in order. Teams and agents are named by their ids."""
        async with deps.db.read() as tx:
            return RuleList(rules=[_info(rule) for rule in await list_rules(tx, key.site_id)])

    @router.put(
        "/rules/{rule_id}",
        openapi_extra=takes(RuleBody),
        responses={201: {"model": RuleInfo, "description": "It is new, and the last one."}, **errors()},
    )
    async def put(
        rule_id: RuleId,
        response: Response,
        key: Annotated[ApiKeyIdentity, writes],
        body: Annotated[RuleBody, Depends(json_body(RuleBody))],
    ) -> RuleInfo:
        """Write a rule, or replace the one with this id in its place. The same again changes nothing."""
        rule = _rule(rule_id, body)
        async with deps.db.write() as tx:
            before = await list_rules(tx, key.site_id)
            new = await put_rule(tx, key.site_id, rule, deps.clock())
            if await list_rules(tx, key.site_id) != before:
                await _record(tx, key, "created" if new else "changed", rule_id, body.name)
            stored = next(each for each in await list_rules(tx, key.site_id) if each.key == rule_id)
        response.status_code = 201 if new else 200
        return _info(stored)

    @router.delete("/rules/{rule_id}", status_code=204, responses=errors(404))
    async def delete(rule_id: RuleId, key: Annotated[ApiKeyIdentity, writes]) -> None:
        """Remove a rule. Tickets stay where it sent them."""
        async with deps.db.write() as tx:
            await delete_rule(tx, key.site_id, rule_id)
            await _record(tx, key, "deleted", rule_id)

    async def _record(tx: Tx, key: ApiKeyIdentity, what: str, rule_id: str, name: str = "") -> None:
        await record(
            tx, deps.clock(), key.actor, f"rules.{what}", site_id=key.site_id,
            target_id=rule_id, target_name=name or rule_id,
        )  # fmt: skip


def _rule(rule_id: str, body: RuleBody) -> Rule:
    then = body.then
    return Rule(
        rule_id,
        body.name,
        body.match,
        tuple(Condition(each.field, tuple(each.values), each.negated) for each in body.conditions),
        Effect(
            then.team, then.priority, tuple(then.tags), then.assignee, then.reply_minutes, then.tell_webhooks,
            then.stop, then.policy,
        ),
        body.enabled,
    )  # fmt: skip


def _info(rule: Rule) -> RuleInfo:
    effect = rule.effect
    return RuleInfo(
        id=rule.key,
        name=rule.name,
        enabled=rule.enabled,
        match=rule.match,
        conditions=[
            ConditionBody(field=each.field, values=list(each.values), negated=each.negated)
            for each in rule.conditions
        ],
        then=EffectBody(
            team=effect.team_id,
            priority=effect.priority,
            tags=list(effect.tags),
            assignee=effect.assignee_id,
            policy=effect.policy,
            reply_minutes=effect.reply_minutes,
            tell_webhooks=effect.tell,
            stop=effect.stop,
        ),
    )
