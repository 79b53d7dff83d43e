"""Trying a question: what the assistant would say, without a conversation."""

from collections.abc import Sequence
from contextlib import aclosing

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.answering.outcome import Answered, ProvedSentence, Question
from minidesk.ask import wishes_of
from minidesk.errors import IndexUnavailable, Invalid
from minidesk.knowledge.records import Passage
from minidesk.sites import site_by_id
from minidesk.text.normalise import check_text
from minidesk.web.console.contexts import TryPart
from minidesk.web.console.docs_base import Beside, Docs
from minidesk.web.console.docs_queries import internal_ones
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.tries import try_part

QUESTION_CHARS = 1000
# One agent's tries: each may cost a model call.
TRIES_PER_MINUTE = 20
# Passages looked through for internal ones, and how many of those are shown.
_LOOKED_AT, _INTERNAL = 10, 3


def add(router: APIRouter, docs: Docs) -> None:
    """Add the routes."""
    deps = docs.deps

    @router.get("/docs/try")
    async def try_page(request: Request) -> Response:
        return await docs.page(request, Beside(trying=True))

    @router.post("/docs/try")
    async def try_question(request: Request) -> Response:
        agent, form = await checked_form(deps, request)
        question = check_text(field(form, "question"), QUESTION_CHARS)
        if not question:
            raise Invalid("Write a question first.", code="text_missing")
        deps.limiter.charge("try", agent.agent_id, limit=TRIES_PER_MINUTE, seconds=60)
        viewer = await access_viewer(deps, request)
        return await docs.page(request, Beside(tried=await _try(docs, viewer, question)), viewer=viewer)


async def _try(docs: Docs, viewer: Viewer, text: str) -> TryPart:
    deps, site_id = docs.deps, viewer.site.site_id
    async with deps.db.read() as tx:
        site = await site_by_id(tx, site_id)
    sentences: list[ProvedSentence] = []
    answered: Answered | None = None
    question = Question(site_id, text)
    async with aclosing(deps.asker.ask(question, wishes_of(site))) as parts:
        async for part in parts:
            if isinstance(part, Answered):
                answered = part
            else:
                sentences.append(part)
    assert answered is not None  # the stream always ends with one
    # The asker does not say how long each stage took; the same search once more does.
    search = await deps.searcher.search(site_id, answered.search_query) if answered.passages else None
    internal = await _internal(docs, site_id, answered.search_query)
    return try_part(text, sentences, answered, search.timings_ms if search else {}, internal, docs.view.t)


async def _internal(docs: Docs, site_id: str, query: str) -> Sequence[Passage]:
    """What agents would be shown and visitors are not."""
    try:
        found = await docs.deps.searcher.search(site_id, query, k=_LOOKED_AT, audience="agents")
    except IndexUnavailable:
        return ()  # a site without documents, or one whose indexes are being built
    async with docs.deps.db.read() as tx:
        internal = await internal_ones(tx, [passage.document_id for passage in found.passages])
    return [passage for passage in found.passages if passage.document_id in internal][:_INTERNAL]
