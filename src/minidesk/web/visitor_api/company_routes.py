"""Who is on the other side, who of both writes, how long the queue is, and where an answer goes when nobody is there."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from minidesk.accounts import list_workers
from minidesk.channels import check_address
from minidesk.conversations import access_conversation_as_visitor
from minidesk.errors import Conflict
from minidesk.live import desk_topic
from minidesk.sites import VisitorIdentity, is_open, site_by_id
from minidesk.tickets import active_ticket
from minidesk.web.body import json_body, takes
from minidesk.web.visitor_api.deps import VisitorDeps
from minidesk.web.visitor_api.gate import Gate, known
from minidesk.web.visitor_api.queries import agent_picture, may_leave_address, waiting_before
from minidesk.web.visitor_api.saying import CLIENT_ID, say
from minidesk.web.visitor_api.session_routes import MINUTE, Nothing, Ok

# The chat says it every four seconds; two tabs may.
TYPED_A_MINUTE = 40


class Address(BaseModel):
    """A mail address; `client_id` makes it safe to send twice."""

    client_id: str = Field(min_length=1, max_length=64, pattern=CLIENT_ID)
    address: str = Field(max_length=400)


def add_company(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    """The routes."""

    @router.post("/conversations/{id}/typing", status_code=202, openapi_extra=takes(Nothing))
    async def typing(
        request: Request,
        id: str,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        _: Annotated[Nothing, Depends(json_body(Nothing))],
    ) -> Ok:
        """The visitor is writing: agents who look at the conversation are shown it for some seconds."""
        deps.limiter.charge("typing", visitor.visitor_id, limit=TYPED_A_MINUTE, seconds=MINUTE)
        async with deps.db.read() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
        deps.streams.here.visitor_wrote(row.id, deps.clock())
        deps.streams.hub.wake(desk_topic(row.id))
        return {}

    @router.get("/conversations/{id}/place")
    async def place(id: str, visitor: Annotated[VisitorIdentity, Depends(gate.visitor)]) -> Ok:
        """How many others have waited for a person longer; null where the conversation does not wait, or nobody is there.

        "You are next" would be believed by somebody who then sits before a closed desk. `away`: the desk is closed, and
        an address would let the answer reach the visitor.
        """
        async with deps.db.read() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
            hours = (await site_by_id(tx, row.site_id)).config.hours
            now = deps.clock()
            closed = hours is not None and not is_open(hours, now)
            ahead = await waiting_before(tx, row)
            waits = ahead is not None
            if closed or not (waits and any(each.free for each in await list_workers(tx, row.site_id, now))):
                ahead = None
            mails = deps.copies is not None
            return {"ahead": ahead, "away": waits and closed and mails and await may_leave_address(tx, row)}

    @router.post("/conversations/{id}/address", status_code=202, openapi_extra=takes(Address))
    async def leave_address(
        request: Request,
        id: str,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        body: Annotated[Address, Depends(json_body(Address))],
    ) -> Ok:
        """Where the answer goes if the visitor has left by then: said in the conversation, as the answer to our asking."""
        address = check_address(body.address)
        async with deps.db.write() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
            ticket = await active_ticket(tx, row.id, lock=True)
            if ticket is None:
                raise Conflict
            ticket.late_told_at = ticket.late_told_at or deps.clock()
        await say(deps, visitor, gate.address(request), row.id, body.client_id, address)
        return {}

    @router.get("/conversations/{id}/agent")
    async def agent(id: str, visitor: Annotated[VisitorIdentity, Depends(gate.visitor)]) -> Ok:
        """The picture of the agent who has the conversation, as a data: address; null where there is none."""
        async with deps.db.read() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
            return {"picture": await agent_picture(tx, row)}
