"""Help with the reply that an agent is writing. Whatever comes of it stands in the field, and nothing is sent."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from fastapi import APIRouter
from sqlalchemy import select
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from minidesk.assist import Assist
from minidesk.conversations import access_conversation_as_agent
from minidesk.db.models import Message
from minidesk.errors import Invalid, MinideskError, NotFound
from minidesk.text.normalise import check_text
from minidesk.tickets import at_work
from minidesk.web.console.contexts import Composer, ConversationPart, Helps
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import checked_form, field, identify
from minidesk.web.console.helps import draft_said, helps_for, helps_json, source_lines
from minidesk.web.console.talk_acts import AGENT_TEXT_CHARS, HELPS_A_MINUTE, SUGGESTIONS_A_MINUTE
from minidesk.web.console.view import HEADERS, View

Page = Callable[..., Awaitable[Response]]


def unanswered(part: ConversationPart) -> str:
    """The visitor's message to which a person owes a reply: the last one, where no agent has written since."""
    said = [each for each in part.entries if each.author in ("visitor", "agent")]
    waits = part.desk is not None and part.desk.active and part.holder in ("queue", "agent")
    return said[-1].id if waits and said and said[-1].author == "visitor" else ""


def add(
    router: APIRouter, deps: ConsoleDeps, view: View, page: Page, written: Callable[[FormData], Composer]
) -> None:
    """Add the route. `page` gives the whole page again, `written` the form as it was filled in."""

    @router.post("/conversations/{conversation_id}/assist")
    async def assist(request: Request, conversation_id: str) -> Response:
        """`assist`: draft, shorter, friendlier, spelling, translate. A page's script gets JSON, a page without one the page."""
        agent, form = await checked_form(deps, request)
        async with deps.db.read() as tx:
            await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            offered = await helps_for(tx, deps.assist, conversation_id, view.t)
        if deps.assist is None or offered is None:
            raise NotFound
        deps.limiter.charge("assist", agent.agent_id, limit=HELPS_A_MINUTE, seconds=60)
        await at_work(deps.db, deps.tickets, conversation_id, agent.agent_id)
        plain = "application/json" not in request.headers.get("accept", "")
        composer = written(form)
        try:
            text, helps = await _help(deps.assist, conversation_id, form, offered)
        except MinideskError as error:
            if not plain:
                raise
            return await page(request, conversation_id, error, form)
        if not plain:
            return JSONResponse(helps_json(text, helps), headers=HEADERS)
        return await page(
            request, conversation_id, composer=replace(composer, kind="reply", text=text, helps=helps)
        )

    @router.get("/conversations/{conversation_id}/suggested")
    async def suggested(request: Request, conversation_id: str, message: str = "") -> Response:
        """The panel's reply to `message`, the visitor's last one; nothing of it where the pages do not answer that."""
        agent = await identify(deps, request)
        async with deps.db.read() as tx:
            await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            last = select(Message.id).where(
                Message.conversation_id == conversation_id, Message.author == "visitor"
            )
            last_id = await tx.scalar(last.order_by(Message.seq.desc()).limit(1))
        if deps.assist is None or last_id is None or last_id != message:
            raise NotFound
        deps.limiter.charge("suggest", agent.agent_id, limit=SUGGESTIONS_A_MINUTE, seconds=60)
        draft = await deps.assist.suggest(conversation_id, last_id)
        helps = Helps(said=draft_said(draft, view.t), sources=source_lines(draft))
        return view.html(
            "parts/suggested.html",
            draft=draft,
            helps=helps,
            message=last_id,
            json=helps_json(draft.text, helps),
        )

    async def _help(
        assist: Assist, conversation_id: str, form: FormData, offered: Helps
    ) -> tuple[str, Helps]:
        wanted = field(form, "assist")
        text = check_text(field(form, "text"), AGENT_TEXT_CHARS)
        if wanted == "draft":
            draft = await assist.draft(conversation_id)
            helps = replace(offered, said=draft_said(draft, view.t), sources=source_lines(draft))
            return f"{text.rstrip()}\n\n{draft.text}".strip(), helps
        if not offered.writes:
            raise NotFound
        if wanted == "translate":
            if offered.language is None:
                raise Invalid(view.t("assist.no_language"), code="invalid_language")
            said = await assist.translate(conversation_id, text, offered.language.id)
            done = view.t("assist.translated", language=offered.language.name)
            return said, replace(offered, said=done, original=field(form, "original") or text)
        said = await assist.reword(conversation_id, text, wanted)
        return said, replace(offered, said=view.t("assist.reworded"), original=field(form, "original"))
