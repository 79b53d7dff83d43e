"""Conversations and tickets below `/api/v1`, and the audit log."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from minidesk.accounts import ABOUT, ApiKeyIdentity, Entry, list_entries
from minidesk.conversations import MessageView, transcript
from minidesk.errors import Invalid
from minidesk.text.normalise import check_text, whole_number
from minidesk.tickets import STATUSES, TicketView
from minidesk.tickets.outside import (
    ConversationRow,
    Saying,
    TicketChange,
    access_site_conversation,
    access_site_ticket,
    change_site_ticket,
    list_site_conversations,
    list_site_tickets,
    say_in_site_ticket,
)
from minidesk.web.body import json_body, takes
from minidesk.web.rest.deps import RestDeps
from minidesk.web.rest.desk_schemas import (
    AuditInfo,
    AuditList,
    CitedInfo,
    ConversationInfo,
    ConversationList,
    MessageInfo,
    SayingBody,
    TicketBody,
    TicketInfo,
    TicketList,
    Transcript,
    VisitorInfo,
)
from minidesk.web.rest.gate import Gate
from minidesk.web.rest.schemas import errors

TEXT_CHARS = 20_000  # of a reply, as in the console
HOLDERS = ("assistant", "queue", "agent", "closed")

After = Annotated[str, Query(max_length=64, description="The `next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200)]


def add(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    """Add the routes."""
    _add_conversations(router, deps, gate)
    _add_tickets(router, deps, gate)
    _add_audit(router, deps, gate)


def _add_conversations(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    reads = Depends(gate.needs("conversations:read"))

    @router.get("/conversations", responses=errors())
    async def list_conversations(
        request: Request,
        key: Annotated[ApiKeyIdentity, reads],
        holder: Annotated[str | None, Query(json_schema_extra={"enum": [*HOLDERS]})] = None,
        after: After = "",
        limit: Limit = 50,
    ) -> ConversationList:
        """The site's conversations, the latest first, a page at a time."""
        _check_filters(request, "holder", "after", "limit")
        _check_word("holder", holder, HOLDERS)
        if after and not after.replace("_", "").isalnum():
            raise Invalid("Send the `next` of the page before as `after`.", code="after_invalid")
        async with deps.db.read() as tx:
            found = await list_site_conversations(
                tx, key.site_id, holder=holder, below=after or None, limit=limit + 1
            )
        more = len(found) > limit
        return ConversationList(
            conversations=[_conversation(row) for row in found[:limit]],
            next=found[limit - 1].id if more else None,
        )

    @router.get("/conversations/{conversation_id}", responses=errors(404))
    async def read_conversation(
        conversation_id: str,
        key: Annotated[ApiKeyIdentity, reads],
        notes: Annotated[bool, Query(description="With the team's notes.")] = False,
    ) -> Transcript:
        """One conversation with all its messages."""
        async with deps.db.read() as tx:
            row = await access_site_conversation(tx, key.site_id, conversation_id)
            said = await transcript(tx, row.id, include_notes=notes)
        return Transcript(**_conversation(row).model_dump(), messages=[_message(message) for message in said])


def _add_tickets(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    reads, writes = Depends(gate.needs("tickets:read")), Depends(gate.needs("tickets:write"))

    @router.get("/tickets", responses=errors())
    async def list_tickets(
        request: Request,
        key: Annotated[ApiKeyIdentity, reads],
        status: Annotated[str | None, Query(json_schema_extra={"enum": [*STATUSES]})] = None,
        after: After = "",
        limit: Limit = 50,
    ) -> TicketList:
        """The site's tickets, the latest first, a page at a time."""
        _check_filters(request, "status", "after", "limit")
        _check_word("status", status, STATUSES)
        wanted = next((known for known in STATUSES if known == status), None)
        async with deps.db.read() as tx:
            found = await list_site_tickets(
                tx, key.site_id, status=wanted, below=_number(after), limit=limit + 1
            )
        more = len(found) > limit
        return TicketList(
            tickets=[_ticket(*pair) for pair in found[:limit]],
            next=str(found[limit - 1][0].number) if more else None,
        )

    @router.get("/tickets/{number}", responses=errors(404))
    async def read_ticket(number: int, key: Annotated[ApiKeyIdentity, reads]) -> TicketInfo:
        """One ticket."""
        async with deps.db.read() as tx:
            return _ticket(*await access_site_ticket(tx, key.site_id, number))

    @router.patch("/tickets/{number}", openapi_extra=takes(TicketBody), responses=errors(404, 409))
    async def change_ticket(
        number: int,
        key: Annotated[ApiKeyIdentity, writes],
        body: Annotated[TicketBody, Depends(json_body(TicketBody))],
    ) -> TicketInfo:
        """Change a ticket as an agent could, all of it or nothing. The same again changes nothing."""
        change = TicketChange(
            frozenset(body.model_fields_set), body.status, body.priority, body.team, body.assignee, body.tags
        )
        async with deps.db.write() as tx:
            await change_site_ticket(tx, deps.tickets, key.site_id, number, change, deps.clock())
            return _ticket(*await access_site_ticket(tx, key.site_id, number))

    @router.post(
        "/tickets/{number}/messages",
        status_code=201,
        openapi_extra=takes(SayingBody),
        responses=errors(404, 409),
    )
    async def say(
        number: int,
        key: Annotated[ApiKeyIdentity, writes],
        body: Annotated[SayingBody, Depends(json_body(SayingBody))],
    ) -> MessageInfo:
        """Reply to a ticket's visitor, or leave a note for the team, in an agent's name. A solved ticket is opened first."""
        text = check_text(body.text, TEXT_CHARS)
        if not text:
            raise Invalid("Write something first.", code="text_missing")
        said = Saying(body.agent, text, body.kind == "note", body.client_id)
        async with deps.db.write() as tx:
            posted = await say_in_site_ticket(
                tx, deps.tickets, deps.conversations, key.site_id, number, said, deps.clock()
            )
        return _message(posted.message)


def _add_audit(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    @router.get("/audit", responses=errors())
    async def read_audit(
        request: Request,
        key: Annotated[ApiKeyIdentity, Depends(gate.needs("audit:read"))],
        actor: Annotated[str, Query(max_length=40, description="An actor's id.")] = "",
        about: Annotated[str | None, Query(json_schema_extra={"enum": [*ABOUT]})] = None,
        since: Annotated[str, Query(max_length=40, description="ISO time, with its zone.")] = "",
        until: Annotated[
            str, Query(max_length=40, description="ISO time, with its zone; not included.")
        ] = "",
        after: After = "",
        limit: Limit = 50,
    ) -> AuditList:
        """Who changed what in the site, the latest first, a page at a time."""
        _check_filters(request, "actor", "about", "since", "until", "after", "limit")
        _check_word("about", about, ABOUT)
        async with deps.db.read() as tx:
            found = await list_entries(
                tx,
                key.site_id,
                actor_id=actor.replace("\0", ""),
                about=about or "",
                since=_time(since),
                until=_time(until),
                before=_number(after),
                limit=limit + 1,
            )
        more = len(found) > limit
        return AuditList(
            entries=[_entry(one) for one in found[:limit]], next=str(found[limit - 1].id) if more else None
        )


def _check_filters(request: Request, *known: str) -> None:
    if not request.query_params.keys() <= set(known):
        raise Invalid(f"Filter by {', '.join(known)}.", code="unknown_filter")


def _check_word(name: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise Invalid(f"The filter {name} is one of {', '.join(known)}.", code="unknown_filter")


def _number(after: str) -> int | None:
    if not after:
        return None
    number = whole_number(after)
    if number is None:
        raise Invalid("Send the `next` of the page before as `after`.", code="after_invalid")
    return number


def _time(raw: str) -> datetime | None:
    if not raw:
        return None
    try:
        at = datetime.fromisoformat(raw.replace(" ", "+"))  # a plus sign that was not escaped
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):  # a day that there is here may be none in UTC
        pass
    raise Invalid("Write times such as 2026-03-02T10:00:00Z.", code="time_invalid")


def _conversation(row: ConversationRow) -> ConversationInfo:
    return ConversationInfo(
        id=row.id,
        holder=row.holder,  # type: ignore[arg-type]  # the column holds only these words
        visitor=VisitorInfo(
            id=row.visitor_id, name=row.visitor_name, email=row.visitor_email, verified=row.verified
        ),
        page_url=row.page_url,
        locale=row.locale,
        rating=row.rating,
        tickets=list(row.tickets),
        created_at=row.created_at,
        last_message_at=row.last_message_at,
    )


def _message(view: MessageView) -> MessageInfo:
    return MessageInfo(
        id=view.id,
        seq=view.seq,
        author=view.author,
        name=view.name,
        text=view.text,
        at=view.at,
        outcome=view.outcome,
        helpful=view.helpful,
        citations=[
            CitedInfo(n=c.n, document=c.document, title=c.title, url=c.url, quote=c.quote)
            for c in view.citations
        ],
    )


def _ticket(view: TicketView, tags: tuple[str, ...]) -> TicketInfo:
    return TicketInfo(
        number=view.number,
        status=view.status,
        reason=view.reason,
        subject=view.subject,
        summary=view.summary,
        priority=view.priority,
        sentiment=view.sentiment,
        tags=list(tags),
        team=view.team_id,
        assignee=view.assignee_id,
        given=view.given is not None and view.assignee_id is not None,
        conversation=view.conversation_id,
        policy=view.policy or None,
        response_due_at=view.response_due_at,
        next_response_due_at=view.next_due_at,
        resolution_due_at=view.resolution_due_at,
        responded_at=view.responded_at,
        solved_at=view.solved_at,
        created_at=view.created_at,
        updated_at=view.updated_at,
    )


def _entry(entry: Entry) -> AuditInfo:
    who = entry.actor
    return AuditInfo(
        id=entry.id,
        at=entry.at,
        actor={"kind": who.kind, "id": who.id, "name": who.name},
        address=who.address,
        action=entry.action,
        target={"id": entry.target_id, "name": entry.target_name},
        changes={
            name: None if before is None and after is None else [before, after]
            for name, before, after in entry.changes
        },
    )
