"""Who the visitor is, where they are, and how the widget looks to them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from minidesk.conversations import access_conversation_as_visitor, latest_open
from minidesk.db import Tx
from minidesk.errors import NotAuthenticated
from minidesk.sites import (
    SiteView,
    VisitorIdentity,
    VisitorSession,
    check_attributes,
    site_by_id,
    verify_identity,
)
from minidesk.text.addresses import without_secrets
from minidesk.text.normalise import clean_label, remove_invisible
from minidesk.web.body import json_body, takes
from minidesk.web.identity import bearer_token
from minidesk.web.visitor_api import serializers
from minidesk.web.visitor_api.deps import VisitorDeps
from minidesk.web.visitor_api.gate import SESSIONS_PER_MINUTE, Gate, known
from minidesk.web.visitor_api.intake import intake_json
from minidesk.web.visitor_api.locales import later_words, locale_for

MINUTE = 60
Ok = dict[str, Any]


class NewSession(BaseModel):
    """Whom the website says that this is: a token that it signed, or nobody."""

    identity: str | None = Field(None, max_length=8000)


class Nothing(BaseModel):
    """A body that says nothing yet."""


class Context(BaseModel):
    """Where the visitor is now, and what the page says of them."""

    conversation: str | None = None
    page_url: str | None = None
    page_title: str | None = None
    attributes: dict[str, Any] | None = None


def add_session(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    """The session's routes."""

    @router.post("/sites/{key}/session", openapi_extra=takes(NewSession))
    async def open_session(
        request: Request,
        site: Annotated[SiteView, Depends(gate.site)],
        body: Annotated[NewSession, Depends(json_body(NewSession))],
    ) -> Ok:
        """A visitor's session in a site: the one of the bearer token, or a new one; of a person where one is named."""
        try:
            token: str | None = bearer_token(request)
        except NotAuthenticated:
            token = None  # a first visit, or a token nobody can read: both begin anew
        if token is None or body.identity is not None:
            deps.limiter.charge("sessions", gate.address(request), limit=SESSIONS_PER_MINUTE, seconds=MINUTE)
        browser = request.headers.get("user-agent", "")
        async with deps.db.write() as tx:
            session = await _session(tx, site, token, body.identity, browser)
            conversation = await latest_open(tx, session.visitor_id) if session.resumed else None
        return serializers.session_json(session, conversation)

    async def _session(
        tx: Tx, site: SiteView, token: str | None, identity: str | None, browser: str
    ) -> VisitorSession:
        if identity is None:
            return await deps.visitors.open_session(tx, site.id, token, browser=browser)
        person = await verify_identity(
            tx, deps.sealer, site_id=site.id, site_key=site.key, token=identity, now=deps.clock()
        )
        return await deps.visitors.open_verified(tx, site.id, token, person, browser=browser)

    @router.post("/session/end", openapi_extra=takes(Nothing))
    async def end_session(
        request: Request,
        _visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        _: Annotated[Nothing, Depends(json_body(Nothing))],
    ) -> Ok:
        """The person signed out of the website: this browser's token is worth nothing from now on."""
        async with deps.db.write() as tx:
            await deps.visitors.end_session(tx, bearer_token(request))
        return {}


def add_surroundings(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    """The routes of the page around the chat."""

    @router.post("/context", openapi_extra=takes(Context))
    async def keep_context(
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        body: Annotated[Context, Depends(json_body(Context))],
    ) -> Ok:
        """Keep where the visitor is, for the agent who reads along. Told as the page said it: nobody has checked it."""
        attributes = None if body.attributes is None else check_attributes(body.attributes)
        url, title = page_url(body.page_url), page_title(body.page_title)
        async with deps.db.write() as tx:
            if attributes is not None:
                await deps.visitors.keep_attributes(tx, visitor.visitor_id, attributes)
            if body.conversation is not None and url is not None:
                row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(body.conversation))
                await deps.conversations.moved_to(tx, row.id, url, title)
        return {}

    @router.get("/words")
    async def words(
        request: Request,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        locale: Annotated[str | None, Query()] = None,
    ) -> Ok:
        """The words of what the widget loads with the first message."""
        async with deps.db.read() as tx:
            site = await site_by_id(tx, visitor.site_id)
        chosen = locale_for(deps.texts, site, locale, request.headers.get("accept-language"))
        return {"words": later_words(deps.texts, chosen)}

    @router.get("/config")
    async def config(
        request: Request,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        locale: Annotated[str | None, Query()] = None,
        have: Annotated[str | None, Query()] = None,
    ) -> Ok:
        """How the widget looks and what it says; `have` names the language whose words the widget has already."""
        async with deps.db.read() as tx:
            site = await site_by_id(tx, visitor.site_id)
            chosen = locale_for(deps.texts, site, locale, request.headers.get("accept-language"))
            ask = await intake_json(deps, tx, site, visitor.visitor_id, chosen)
        return serializers.config_json(deps, site, chosen, words=have != chosen) | (
            {"ask": ask} if ask else {}
        )


def page_url(raw: str | None) -> str | None:
    """The page's address if it is one; it is shown to agents, so nothing else may stand there, and no secret in it."""
    url = remove_invisible(raw or "").strip()[:2000]
    if not url.lower().startswith(("https://", "http://")) or not url.isprintable():
        return None
    return without_secrets(url)


def page_title(raw: str | None) -> str | None:
    """The page's title on one line."""
    return clean_label(raw, 300, empty="") or None if raw else None
