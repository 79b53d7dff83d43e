"""The visitor's API. Identity comes from the bearer token alone; ids are looked up among that visitor's own (T12)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field
from starlette.requests import Request

from minidesk.conversations import (
    access_conversation_as_visitor,
    access_message_as_visitor,
    latest_open,
    list_for_visitor,
)
from minidesk.errors import Invalid, NotAuthenticated
from minidesk.live import EventLog
from minidesk.settings import LimitSettings
from minidesk.sites import SiteView, VisitorIdentity, link_hosts, site_by_id
from minidesk.text.normalise import check_text, clean_label, remove_invisible
from minidesk.web.body import json_body, takes
from minidesk.web.identity import bearer_token
from minidesk.web.limits import RateLimiter
from minidesk.web.visitor_api import serializers
from minidesk.web.visitor_api.deps import VisitorDeps
from minidesk.web.visitor_api.events import Follower, position_of
from minidesk.web.visitor_api.gate import SESSIONS_PER_MINUTE, Gate, known
from minidesk.web.visitor_api.queries import cited_passage, thread
from minidesk.web.visitor_api.streams import OpenStream

PREFIX = "/api/widget/v1"
HOUR, MINUTE = 3600, 60


class Nothing(BaseModel):
    """A body that says nothing yet."""


class NewConversation(BaseModel):
    """Where the visitor is."""

    page_url: str | None = None
    page_title: str | None = None
    locale: str | None = None


class NewMessage(BaseModel):
    """What the visitor says; `client_id` is the browser's own and makes it safe to send twice."""

    client_id: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")
    text: str


class Feedback(BaseModel):
    """Whether an answer helped."""

    helpful: bool


class Rating(BaseModel):
    """One to five."""

    rating: int = Field(ge=1, le=5)


Ok = dict[str, Any]


def visitor_router(deps: VisitorDeps) -> APIRouter:
    """All routes below `/api/widget/v1`."""
    gate = Gate(deps)
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(gate.enter)], tags=["widget"])
    _add_session(router, deps, gate)
    _add_conversations(router, deps, gate)
    _add_talking(router, deps, gate)
    _add_judging(router, deps, gate)
    _add_events(router, deps, gate)
    _add_preflight(router, gate)
    return router


def _add_session(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    @router.post("/sites/{key}/session", openapi_extra=takes(Nothing))
    async def open_session(
        request: Request,
        site: Annotated[SiteView, Depends(gate.site)],
        _: Annotated[Nothing, Depends(json_body(Nothing))],
    ) -> Ok:
        """A visitor's session in a site: the one of the bearer token, or a new one."""
        try:
            token: str | None = bearer_token(request)
        except NotAuthenticated:
            token = None  # a first visit, or a token nobody can read: both begin anew
        if token is None:
            deps.limiter.charge("sessions", gate.address(request), limit=SESSIONS_PER_MINUTE, seconds=MINUTE)
        async with deps.db.write() as tx:
            browser = request.headers.get("user-agent", "")
            session = await deps.visitors.open_session(tx, site.id, token, browser=browser)
            conversation = await latest_open(tx, session.visitor_id) if session.resumed else None
        return serializers.session_json(session, conversation)

    @router.get("/config")
    async def config(
        request: Request,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        locale: Annotated[str | None, Query()] = None,
    ) -> Ok:
        """How the widget looks and what it says."""
        async with deps.db.read() as tx:
            site = await site_by_id(tx, visitor.site_id)
        chosen = deps.texts.choose(locale, request.headers.get("accept-language"))
        if site.config.languages and chosen not in site.config.languages:
            chosen = deps.texts.choose(*site.config.languages)
        return serializers.config_json(deps, site, chosen)


def _add_conversations(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    @router.post("/conversations", status_code=201, openapi_extra=takes(NewConversation))
    async def start(
        request: Request,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        body: Annotated[NewConversation, Depends(json_body(NewConversation))],
    ) -> Ok:
        """A new conversation."""
        limit = deps.settings.conversations_per_hour
        deps.limiter.charge("conversations", gate.address(request), limit=limit, seconds=HOUR)
        async with deps.db.write() as tx:
            row = await deps.conversations.start(
                tx,
                site_id=visitor.site_id,
                visitor_id=visitor.visitor_id,
                page_url=_page_url(body.page_url),
                page_title=clean_label(body.page_title, 300, empty="") or None if body.page_title else None,
                locale=_locale(body.locale),
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
        text = check_text(body.text, deps.settings.message_max_chars)
        if not text:
            raise Invalid("Write something first.", code="message_empty")
        once = f"{known(id)}:{body.client_id}"
        _charge_message(deps.limiter, deps.settings, visitor, gate.address(request), once)
        async with deps.db.write() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, id)
            posted = await deps.conversations.post_visitor_message(
                tx, row, client_id=body.client_id, text=text
            )
            hosts = _hosts(await site_by_id(tx, visitor.site_id))
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
            await deps.conversations.set_feedback(tx, message.id, body.helpful)
        return {"helpful": body.helpful}

    @router.get("/messages/{id}/citations/{n}")
    async def citation(
        id: str,
        n: Annotated[int, Path(ge=1, le=9999)],
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
    ) -> Ok:
        """The passage that a citation quotes."""
        async with deps.db.read() as tx:
            passage = await cited_passage(tx, visitor.visitor_id, known(id), n)
        return serializers.passage_json(passage)


def _add_events(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    log = EventLog(deps.streams.hub, deps.clock)

    async def opened(
        id: str, visitor: Annotated[VisitorIdentity, Depends(gate.visitor)]
    ) -> AsyncIterator[tuple[OpenStream, Follower]]:
        """Everything that can be refused is, here, before the response begins; left when it ends."""
        async with deps.db.read() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
            hosts = _hosts(await site_by_id(tx, row.site_id))
        async with deps.streams.open(visitor.visitor_id, row.id) as stream:
            yield stream, Follower(deps.db, log, deps.streams, hosts)

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


def _charge_message(
    limiter: RateLimiter, settings: LimitSettings, visitor: VisitorIdentity, address: str, once: str
) -> None:
    limiter.charge(
        "messages", visitor.visitor_id, limit=settings.messages_per_minute, seconds=MINUTE, once=once
    )
    limiter.charge(
        "messages-address",
        address,
        limit=settings.messages_per_minute_address,
        seconds=MINUTE,
        once=f"{visitor.visitor_id}:{once}",
    )


def _hosts(site: SiteView) -> frozenset[str]:
    return link_hosts(site.allowed_origins, site.config.link_hosts)


def _page_url(raw: str | None) -> str | None:
    """The page's address if it is one; it is shown to agents, so nothing else may stand there."""
    url = remove_invisible(raw or "").strip()[:2000]
    return url if url.lower().startswith(("https://", "http://")) and url.isprintable() else None


def _locale(raw: str | None) -> str | None:
    tag = (raw or "").strip()
    return tag if 0 < len(tag) <= 35 and tag.replace("-", "").isalnum() and tag.isascii() else None
