"""Routing rules below `/api/v1`: listed in the order in which they are looked at, written by their own ids."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from minidesk.accounts import ApiKeyIdentity
from minidesk.db import Tx
from minidesk.errors import NotFound
from minidesk.sites import site_by_id
from minidesk.tickets import (
    Condition,
    Effect,
    Rule,
    check_rule_here,
    list_rules,
    past_tickets,
    remove_rule,
    save_rule,
    shift_rule,
    try_rule,
)
from minidesk.web.body import json_body, takes
from minidesk.web.rest.deps import RestDeps
from minidesk.web.rest.gate import Gate
from minidesk.web.rest.schemas import (
    ConditionBody,
    EffectBody,
    PlaceBody,
    RuleBody,
    RuleInfo,
    RuleList,
    TriedInfo,
    errors,
)

RuleId = Annotated[str, Path(max_length=64, description="Your own id: letters, digits, - and _.")]


def add(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    """Add the routes."""
    reads, writes = Depends(gate.needs("rules:read")), Depends(gate.needs("rules:write"))

    @router.get("/rules", responses=errors())
    async def list_all(key: Annotated[ApiKeyIdentity, reads]) -> RuleList:
        """The site's routing rules, in order. Teams and agents are named by their ids."""
        async with deps.db.read() as tx:
            return RuleList(rules=[_info(rule) for rule in await list_rules(tx, key.site_id)])

    @router.get("/rules/{rule_id}", responses=errors(404))
    async def read(rule_id: RuleId, key: Annotated[ApiKeyIdentity, reads]) -> RuleInfo:
        """One rule."""
        async with deps.db.read() as tx:
            return _info(await _one(tx, key.site_id, rule_id))

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
            new = await save_rule(tx, key.site_id, rule, deps.clock(), key.actor)
            stored = await _one(tx, key.site_id, rule_id)
        response.status_code = 201 if new else 200
        return _info(stored)

    @router.post("/rules/{rule_id}/move", openapi_extra=takes(PlaceBody), responses=errors(404))
    async def move(
        rule_id: RuleId,
        key: Annotated[ApiKeyIdentity, writes],
        body: Annotated[PlaceBody, Depends(json_body(PlaceBody))],
    ) -> RuleList:
        """Put a rule at another place in the order; beyond the last it is the last."""
        async with deps.db.write() as tx:
            keys = [each.key for each in await list_rules(tx, key.site_id)]
            if rule_id not in keys:
                raise NotFound
            by = body.place - 1 - keys.index(rule_id)
            await shift_rule(tx, key.site_id, rule_id, by, deps.clock(), key.actor)
            return RuleList(rules=[_info(rule) for rule in await list_rules(tx, key.site_id)])

    @router.post("/rules/{rule_id}/try", openapi_extra=takes(RuleBody), responses=errors())
    async def try_on_past(
        rule_id: RuleId,
        key: Annotated[ApiKeyIdentity, reads],
        body: Annotated[RuleBody, Depends(json_body(RuleBody))],
    ) -> TriedInfo:
        """For which of the latest tickets the rule would have been, as the console shows it; nothing is saved."""
        async with deps.db.read() as tx:
            rule = await check_rule_here(tx, key.site_id, _rule(rule_id, body))
            config = (await site_by_id(tx, key.site_id)).config
            tried = try_rule(rule, await past_tickets(tx, key.site_id, config))
        return TriedInfo(of=tried.of, tickets=[each.number for each in tried.matched])

    @router.delete("/rules/{rule_id}", status_code=204, responses=errors(404))
    async def delete(rule_id: RuleId, key: Annotated[ApiKeyIdentity, writes]) -> None:
        """Remove a rule. Tickets stay where it sent them."""
        async with deps.db.write() as tx:
            await remove_rule(tx, key.site_id, rule_id, deps.clock(), key.actor)


async def _one(tx: Tx, site_id: str, rule_id: str) -> Rule:
    for each in await list_rules(tx, site_id):
        if each.key == rule_id:
            return each
    raise NotFound


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
