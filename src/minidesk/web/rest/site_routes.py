"""A site's teams and webhooks below `/api/v1`."""

from typing import Annotated

from fastapi import APIRouter, Depends

from minidesk.accounts import ApiKeyIdentity, TeamView, change_team, create_team, delete_team, list_teams
from minidesk.channels import DeliveryView, EndpointView
from minidesk.db import Tx
from minidesk.errors import Conflict, NotFound
from minidesk.web.body import json_body, takes
from minidesk.web.rest.deps import RestDeps
from minidesk.web.rest.desk_schemas import (
    DeliveryAgain,
    DeliveryInfo,
    DeliveryList,
    NewWebhook,
    TeamBody,
    TeamInfo,
    TeamList,
    TryInfo,
    WebhookBody,
    WebhookChange,
    WebhookInfo,
    WebhookList,
)
from minidesk.web.rest.gate import Gate
from minidesk.web.rest.schemas import errors


def add(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    """Add the routes."""
    _add_teams(router, deps, gate)
    _add_webhooks(router, deps, gate)


def _add_teams(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    reads, writes = Depends(gate.needs("teams:read")), Depends(gate.needs("teams:write"))

    @router.get("/teams", responses=errors())
    async def read_teams(key: Annotated[ApiKeyIdentity, reads]) -> TeamList:
        """The site's teams, the oldest first."""
        async with deps.db.read() as tx:
            return TeamList(teams=[_team(team) for team in await list_teams(tx, key.site_id)])

    @router.post("/teams", status_code=201, openapi_extra=takes(TeamBody), responses=errors(409))
    async def make_team(
        key: Annotated[ApiKeyIdentity, writes], body: Annotated[TeamBody, Depends(json_body(TeamBody))]
    ) -> TeamInfo:
        """Make a team. A name is taken once, so that a repeated request makes no second one."""
        async with deps.db.write() as tx:
            made = await create_team(
                tx, deps.hub, key.site_id, name=body.name, description=body.description,
                members=body.members, now=deps.clock(), actor=key.actor, giving=body.giving,
                claim_minutes=body.claim_minutes,
            )  # fmt: skip
            return await _one_team(tx, key.site_id, made)

    @router.get("/teams/{team_id}", responses=errors(404))
    async def read_team(team_id: str, key: Annotated[ApiKeyIdentity, reads]) -> TeamInfo:
        """One team."""
        async with deps.db.read() as tx:
            return await _one_team(tx, key.site_id, team_id)

    @router.put("/teams/{team_id}", openapi_extra=takes(TeamBody), responses=errors(404, 409))
    async def put_team(
        team_id: str,
        key: Annotated[ApiKeyIdentity, writes],
        body: Annotated[TeamBody, Depends(json_body(TeamBody))],
    ) -> TeamInfo:
        """Replace a team's name, description and members; how its tickets are given out where it is named."""
        async with deps.db.write() as tx:
            await change_team(
                tx, deps.hub, key.site_id, team_id, name=body.name, description=body.description,
                members=body.members, now=deps.clock(), actor=key.actor, giving=body.giving,
                claim_minutes=body.claim_minutes,
            )  # fmt: skip
            return await _one_team(tx, key.site_id, team_id)

    @router.delete("/teams/{team_id}", status_code=204, responses=errors(404))
    async def remove_team(team_id: str, key: Annotated[ApiKeyIdentity, writes]) -> None:
        """Delete a team; its tickets stay, without one."""
        async with deps.db.write() as tx:
            await delete_team(tx, deps.hub, key.site_id, team_id, now=deps.clock(), actor=key.actor)


def _add_webhooks(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    reads, writes = Depends(gate.needs("webhooks:read")), Depends(gate.needs("webhooks:write"))

    @router.get("/webhooks", responses=errors())
    async def read_webhooks(key: Annotated[ApiKeyIdentity, reads]) -> WebhookList:
        """The site's webhooks, without their secrets."""
        async with deps.db.read() as tx:
            found = await deps.endpoints.list_(tx, key.site_id)
        return WebhookList(webhooks=[_webhook(one) for one in found])

    @router.post("/webhooks", status_code=201, openapi_extra=takes(WebhookBody), responses=errors(409))
    async def make_webhook(
        key: Annotated[ApiKeyIdentity, writes],
        body: Annotated[WebhookBody, Depends(json_body(WebhookBody))],
    ) -> NewWebhook:
        """Make a webhook. An address is taken once, so that a repeated request makes no second one."""
        async with deps.db.write() as tx:
            made = await deps.endpoints.add(
                tx, site_id=key.site_id, url=body.url, events=body.events, actor=key.actor
            )
            await tx.flush()
            one = await deps.endpoints.one(tx, key.site_id, made.id)
            if any(e.url == one.url and e.id != one.id for e in await deps.endpoints.list_(tx, key.site_id)):
                raise Conflict("There is a webhook with this address already.", code="webhook_exists")
        return NewWebhook(**_webhook(one).model_dump(), secret=made.secret)

    @router.get("/webhooks/{endpoint_id}", responses=errors(404))
    async def read_webhook(endpoint_id: str, key: Annotated[ApiKeyIdentity, reads]) -> WebhookInfo:
        """One webhook, without its secret."""
        async with deps.db.read() as tx:
            return _webhook(await deps.endpoints.one(tx, key.site_id, endpoint_id))

    @router.get("/webhooks/{endpoint_id}/deliveries", responses=errors(404))
    async def read_deliveries(endpoint_id: str, key: Annotated[ApiKeyIdentity, reads]) -> DeliveryList:
        """What was sent to it lately, the latest first, with each try."""
        async with deps.db.read() as tx:
            one = await deps.endpoints.one(tx, key.site_id, endpoint_id)
            return DeliveryList(deliveries=[_delivery(each) for each in await deps.endpoints.log(tx, one.id)])

    @router.post(
        "/webhooks/{endpoint_id}/deliveries/{delivery_id}/again", status_code=202, responses=errors(404, 409)
    )
    async def send_again(
        endpoint_id: str, delivery_id: str, key: Annotated[ApiKeyIdentity, writes]
    ) -> DeliveryAgain:
        """Send a delivery once more, with the same `webhook-id`: whoever took it before knows it."""
        async with deps.db.write() as tx:
            await deps.endpoints.send_again(tx, key.site_id, endpoint_id, delivery_id)
        return DeliveryAgain(id=delivery_id)

    @router.patch("/webhooks/{endpoint_id}", openapi_extra=takes(WebhookChange), responses=errors(404))
    async def change_webhook(
        endpoint_id: str,
        key: Annotated[ApiKeyIdentity, writes],
        body: Annotated[WebhookChange, Depends(json_body(WebhookChange))],
    ) -> WebhookInfo:
        """Other events, or on and off."""
        async with deps.db.write() as tx:
            if body.events is not None:
                await deps.endpoints.choose(tx, key.site_id, endpoint_id, body.events, actor=key.actor)
            if body.on is not None:
                await deps.endpoints.switch(tx, key.site_id, endpoint_id, on=body.on, actor=key.actor)
            return _webhook(await deps.endpoints.one(tx, key.site_id, endpoint_id))

    @router.delete("/webhooks/{endpoint_id}", status_code=204, responses=errors(404))
    async def remove_webhook(endpoint_id: str, key: Annotated[ApiKeyIdentity, writes]) -> None:
        """Delete a webhook with its log."""
        async with deps.db.write() as tx:
            await deps.endpoints.remove(tx, key.site_id, endpoint_id, actor=key.actor)


async def _one_team(tx: Tx, site_id: str, team_id: str) -> TeamInfo:
    found = next((team for team in await list_teams(tx, site_id) if team.id == team_id), None)
    if found is None:
        raise NotFound
    return _team(found)


def _team(team: TeamView) -> TeamInfo:
    return TeamInfo(
        id=team.id,
        name=team.name,
        description=team.description,
        members=sorted(team.members),
        waiting=team.waiting,
        giving=team.giving,
        claim_minutes=team.claim_minutes,
    )


def _webhook(one: EndpointView) -> WebhookInfo:
    return WebhookInfo(
        id=one.id,
        url=one.url,
        events=list(one.events),
        state=one.state,
        last_ok_at=one.last_ok_at,
        created_at=one.created_at,
    )


def _delivery(one: DeliveryView) -> DeliveryInfo:
    return DeliveryInfo(
        id=one.id,
        event=one.event,
        state=one.state,
        next_at=one.next_at if one.state == "waiting" else None,
        created_at=one.created_at,
        tries=[TryInfo(at=each.at, status=each.status, ms=each.ms, error=each.error) for each in one.tries],
    )
