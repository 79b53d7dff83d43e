"""Help with the reply that an agent is writing. Whatever comes of it stands in the field, and nothing is sent."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from minidesk.assist import Assist
from minidesk.conversations import access_conversation_as_agent
from minidesk.errors import Invalid, MinideskError, NotFound
from minidesk.text.normalise import check_text
from minidesk.tickets import at_work
from minidesk.web.console.contexts import Composer, Helps
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import checked_form, field
from minidesk.web.console.helps import draft_said, helps_for, helps_json, source_lines
from minidesk.web.console.talk_acts import AGENT_TEXT_CHARS, HELPS_A_MINUTE
from minidesk.web.console.view import HEADERS, View

Page = Callable[..., Awaitable[Response]]


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
