"""The visitor's API. Identity comes from the bearer token alone; ids are looked up among that visitor's own (T12)."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field
from starlette.requests import Request

from minidesk.conversations import (
    FeedbackReason,
    access_conversation_as_visitor,
    access_message_as_visitor,
    list_for_visitor,
)
from minidesk.conversations.attachments import MOST
from minidesk.live import EventLog
from minidesk.sites import SiteView, VisitorIdentity, link_hosts, site_by_id
from minidesk.tickets import check_not_blocked
from minidesk.web.body import json_body, takes
from minidesk.web.identity import bearer_token
from minidesk.web.visitor_api import serializers
from minidesk.web.visitor_api.attachment_routes import add_attachments
from minidesk.web.visitor_api.company_routes import add_company
from minidesk.web.visitor_api.deps import VisitorDeps
from minidesk.web.visitor_api.events import Follower, position_of
from minidesk.web.visitor_api.gate import Gate, known
from minidesk.web.visitor_api.intake import Intake, check_asked, take_intake
from minidesk.web.visitor_api.queries import cited_passage, thread
from minidesk.web.visitor_api.saying import CLIENT_ID, charge_conversation, say
from minidesk.web.visitor_api.session_routes import (
    Nothing,
    Ok,
    add_session,
    add_surroundings,
    page_title,
    page_url,
)
from minidesk.web.visitor_api.streams import OpenStream
from minidesk.web.visitor_api.transcript_routes import add_transcripts

PREFIX = "/api/widget/v1"


class NewConversation(BaseModel):
    """Where the visitor is."""

    page_url: str | None = None
    page_title: str | None = None
    locale: str | None = None
    intake: Intake | None = None


class NewMessage(BaseModel):
    """What the visitor says; `client_id` is the browser's own and makes it safe to send twice."""

    client_id: str = Field(min_length=1, max_length=64, pattern=CLIENT_ID)
    text: str
    attachments: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]] = Field([], max_length=MOST)


class Feedback(BaseModel):
    """Whether an answer helped, and if not, why."""

    helpful: bool
    reason: FeedbackReason | None = None


class Rating(BaseModel):
    """One to five."""

    rating: int = Field(ge=1, le=5)


def visitor_router(deps: VisitorDeps) -> APIRouter:
    """All routes below `/api/widget/v1`."""
    gate = Gate(deps)
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(gate.enter)], tags=["widget"])
    add_session(router, deps, gate)
    add_surroundings(router, deps, gate)
    _add_conversations(router, deps, gate)
    _add_talking(router, deps, gate)
    add_attachments(router, deps, gate)
    add_transcripts(router, deps, gate)
    add_company(router, deps, gate)
    _add_judging(router, deps, gate)
    _add_events(router, deps, gate)
    _add_preflight(router, gate)
    return router


def _add_conversations(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    @router.post("/conversations", status_code=201, openapi_extra=takes(NewConversation))
    async def start(
        request: Request,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        body: Annotated[NewConversation, Depends(json_body(NewConversation))],
    ) -> Ok:
        """A new conversation."""
        charge_conversation(deps, gate.address(request))
        async with deps.db.write() as tx:
            await check_not_blocked(tx, visitor.site_id, visitor.visitor_id)
            site = await site_by_id(tx, visitor.site_id)
            before = await take_intake(deps, tx, site, visitor.visitor_id, body.intake)
            row = await deps.conversations.start(
                tx,
                site_id=visitor.site_id,
                visitor_id=visitor.visitor_id,
                page_url=page_url(body.page_url),
                page_title=page_title(body.page_title),
                locale=_locale(body.locale),
                before=before,
            )
            return {"id": row.id, "holder": row.holder, "last_event": row.last_event}

    @router.get("/conversations")
    async def list_conversations(visitor: Annotated[VisitorIdentity, Depends(gate.visitor)]) -> Ok:
        """The visitor's conversations, the latest first."""
        async with deps.db.read() as tx:
            lines = await list_for_visitor(tx, visitor.visitor_id)
        return {"conversations": [serializers.line_json(line) for line in lines]}

    @router.get("/conversations/{id}")
    async def read_conversation(id: str, visitor: Annotated[VisitorIdentity, Depends(gate.visitor)]) -> Ok:
        """One conversation with its messages."""
        async with deps.db.read() as tx:
            view = await thread(tx, visitor.visitor_id, known(id))
            hosts = _hosts(await site_by_id(tx, view.site_id))
        # Two hundred messages take tens of milliseconds to render; other visitors' streams must not wait for that.
        return await asyncio.to_thread(serializers.thread_json, view, hosts)


def _add_talking(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    @router.post("/conversations/{id}/messages", status_code=202, openapi_extra=takes(NewMessage))
    async def post_message(
        request: Request,
        id: str,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        body: Annotated[NewMessage, Depends(json_body(NewMessage))],
    ) -> Ok:
        """Say something. 202 comes after the commit; the same client id again gives the same answer (F22)."""
        posted, site = await say(
            deps, visitor, gate.address(request), known(id), body.client_id, body.text, body.attachments
        )
        hosts = _hosts(site)
        return {"message": serializers.message_json(posted.message, hosts)}

    @router.post("/conversations/{id}/handoff", status_code=202, openapi_extra=takes(Nothing))
    async def hand_off(
        id: str,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        _: Annotated[Nothing, Depends(json_body(Nothing))],
    ) -> Ok:
        """Ask for a person; once more gives the same ticket."""
        async with deps.db.read() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
            await check_not_blocked(tx, visitor.site_id, visitor.visitor_id)
            await check_asked(deps, tx, await site_by_id(tx, row.site_id), row)
        ticket = await deps.handoff.hand_off(row.id, "customer_request")
        return {"ticket": {"number": ticket.number}}

    @router.post("/conversations/{id}/stop", status_code=202, openapi_extra=takes(Nothing))
    async def stop(
        id: str,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        _: Annotated[Nothing, Depends(json_body(Nothing))],
    ) -> Ok:
        """End the answer in progress where it stands."""
        async with deps.db.write() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
            await deps.conversations.stop(tx, row.id)
        return {}


def _add_judging(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    @router.post("/conversations/{id}/rating", openapi_extra=takes(Rating))
    async def rate(
        id: str,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        body: Annotated[Rating, Depends(json_body(Rating))],
    ) -> Ok:
        """Say how the conversation was."""
        async with deps.db.write() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
            await deps.conversations.rate(tx, row.id, body.rating)
        return {"rating": body.rating}

    @router.post("/messages/{id}/feedback", openapi_extra=takes(Feedback))
    async def feedback(
        id: str,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        body: Annotated[Feedback, Depends(json_body(Feedback))],
    ) -> Ok:
        """Say whether an answer helped."""
        async with deps.db.write() as tx:
            message = await access_message_as_visitor(tx, visitor.visitor_id, known(id))
            await deps.conversations.set_feedback(tx, message.id, body.helpful, body.reason)
        return {"helpful": body.helpful}

    @router.get("/messages/{id}/citations/{n}")
    async def citation(
        id: str,
        n: Annotated[int, Path(ge=1, le=9999)],
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
    ) -> Ok:
        """The passage that a citation quotes."""
        async with deps.db.read() as tx:
            passage = await cited_passage(tx, visitor.visitor_id, known(id), n, deps.clock())
        return serializers.passage_json(passage)


def _add_events(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    log = EventLog(deps.streams.hub, deps.clock)

    async def opened(
        request: Request, id: str, visitor: Annotated[VisitorIdentity, Depends(gate.visitor)]
    ) -> AsyncIterator[tuple[OpenStream, Follower]]:
        """Everything that can be refused is, here, before the response begins; left when it ends."""
        async with deps.db.read() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
            hosts = _hosts(await site_by_id(tx, row.site_id))
        async with deps.streams.open(visitor.visitor_id, row.id, gate.address(request)) as stream:
            check = partial(deps.visitors.resolve, token=bearer_token(request))
            yield stream, Follower(deps.db, log, deps.streams, hosts, deps.clock, check)

    @router.get("/conversations/{id}/events", response_class=EventSourceResponse)
    async def events(
        stream: Annotated[tuple[OpenStream, Follower], Depends(opened)],
        last_event_id: Annotated[str | None, Header()] = None,
        after: Annotated[str | None, Query()] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """What happens in a conversation, from where the listener left off."""
        listener, follower = stream
        async for event in follower.follow(listener, position_of(last_event_id, after)):
            yield event


def _add_preflight(router: APIRouter, gate: Gate) -> None:
    @router.options("/sites/{key}/session", include_in_schema=False)
    async def preflight_session(request: Request, _: Annotated[SiteView, Depends(gate.site)]) -> Response:
        """A page asks whether it may open a session of this very site."""
        gate.allow_preflight(request)
        return Response(status_code=204)

    @router.options("/{path:path}", include_in_schema=False)
    async def preflight(request: Request) -> Response:
        """A page asks what it may send."""
        gate.allow_preflight(request)
        return Response(status_code=204)


def _hosts(site: SiteView) -> frozenset[str]:
    return link_hosts(site.allowed_origins, site.config.link_hosts)


def _locale(raw: str | None) -> str | None:
    tag = (raw or "").strip()
    return tag if 0 < len(tag) <= 35 and tag.replace("-", "").isalnum() and tag.isascii() else None
