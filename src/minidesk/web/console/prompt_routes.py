"""What a site's answers are asked for with: the words now, their versions, what each one changed, and the way back."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import record
from minidesk.answering.prompt import Shipped, shipped, version_of, whole
from minidesk.db import Tx
from minidesk.errors import Conflict, Invalid, MinideskError
from minidesk.insight.experiments import answers_by_prompt
from minidesk.knowledge.compare import Comparison, compare
from minidesk.sites import (
    PromptView,
    PromptWords,
    access_prompt,
    list_prompts,
    save_prompt,
    site_by_id,
    words_of,
)
from minidesk.web.console.contexts import Shell, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate, View, to

HERE = "/console/prompts"
# Answers are counted so far back.
COUNTED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class PromptLine:
    """A version in the list."""

    n: int
    made: When
    how: str
    name: str  # as answers name it
    answers: int
    current: bool
    shown: bool


@dataclass(frozen=True, slots=True)
class PromptsPage:
    """The page. `words` are in the form: those of now, or what could not be saved."""

    shell: Shell
    shipped: Shipped
    words: PromptWords
    mark: str
    now: int  # the version in use; 0: what is shipped, alone
    now_name: str  # as answers name it
    lines: tuple[PromptLine, ...]
    old: int
    new: int
    comparison: Comparison | None
    saved: bool
    problem: str = ""


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/prompts")
    async def prompts(request: Request) -> Response:
        viewer = await access_viewer(deps, request, role="admin")
        query = request.query_params
        return await _page(deps, view, viewer, shown=_count(query.get("n", "")), saved="saved" in query)

    @router.post("/prompts")
    async def save(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        words = PromptWords(_plain(field(form, "rules")), _plain(field(form, "instructions")))
        mark = field(form, "mark")
        # Whoever saves the shipped rules as they are wants to follow them: a copy would stay as it is today.
        if words.rules == shipped().rules:
            words = PromptWords("", words.instructions)
        try:
            async with deps.db.write() as tx:
                made = await save_prompt(
                    tx, viewer.site.site_id, words, by=viewer.agent.name, now=deps.clock(), mark=mark
                )
                await _record(tx, deps.clock(), viewer, made)
        except (Invalid, Conflict) as error:
            return await _page(deps, view, viewer, words=words, problem=error, mark=mark)
        return to(f"{HERE}?saved=1")

    @router.post("/prompts/restore")
    async def restore(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        site_id, n = viewer.site.site_id, _count(field(form, "n"))
        async with deps.db.write() as tx:
            words = PromptWords() if n == 0 else (await access_prompt(tx, site_id, n or -1)).words
            made = await save_prompt(tx, site_id, words, by=viewer.agent.name, now=deps.clock(), restored=n)
            await _record(tx, deps.clock(), viewer, made)
        return to(f"{HERE}?saved=1")


async def _record(tx: Tx, now: datetime, viewer: Viewer, made: int | None) -> None:
    """The number of the version only: a prompt's words stand in its own list of versions."""
    if made is not None:
        await record(
            tx, now, viewer.actor, "settings.changed", site_id=viewer.site.site_id,
            changes={"prompt_version": (None, made)},
        )  # fmt: skip


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    *,
    shown: int | None = None,
    words: PromptWords | None = None,
    problem: MinideskError | None = None,
    mark: str | None = None,
    saved: bool = False,
) -> Response:
    """The page with the version `shown`, or the newest. `words` and their `mark` are those that were refused."""
    site_id, now = viewer.site.site_id, deps.clock()
    async with deps.db.read() as tx:
        site = await site_by_id(tx, site_id)
        versions = await list_prompts(tx, site_id)
        answers = await answers_by_prompt(tx, site_id, now - COUNTED)
        around = await shell_of(tx, viewer, "models")
    current = words_of(site.config)
    new = next((one for one in versions if one.n == shown), versions[0] if versions else None)
    old = next((one for one in versions if new is not None and one.n < new.n), None)
    comparison = None
    if new is not None and old is not None:
        comparison = await asyncio.to_thread(compare, _said(old.words), _said(new.words))
    overtaken = isinstance(problem, Conflict)
    page = PromptsPage(
        around,
        shipped(),
        words or current,
        current.mark if mark is None or overtaken else mark,
        0 if current == PromptWords() else next((one.n for one in versions if one.words == current), 0),
        version_of(current.rules, current.instructions),
        tuple(_line(one, current, new, answers, now, view.t) for one in versions),
        old.n if old else 0,
        new.n if new else 0,
        comparison,
        saved,
        problem.message if problem else "",
    )
    return view.html("prompts.html", status=problem.status if problem else 200, page=page)


def _line(
    one: PromptView,
    current: PromptWords,
    shown: PromptView | None,
    answers: dict[str, int],
    now: datetime,
    t: Translate,
) -> PromptLine:
    name = version_of(one.words.rules, one.words.instructions)
    # The shipped part of a name changes with a new release of minidesk; the site's own part tells the version.
    own = name.rpartition("-")[2]
    how = t("prompts.restored", n=one.restored) if one.restored else ""
    if one.restored == 0:
        how = t("prompts.restored_shipped")
    if one.made_by:
        how = t("versions.by", what=how or t("prompts.edited"), who=one.made_by)
    return PromptLine(
        one.n,
        when(one.made_at, now),
        how,
        name,
        sum(count for told, count in answers.items() if told.rpartition("-")[2] == own),
        current=one.words == current,
        shown=one is shown,
    )


def _said(words: PromptWords) -> str:
    return whole(words.rules, words.instructions)


def _plain(text: str) -> str:
    # A browser sends two characters for each end of a line; the limits count one.
    return text.replace("\r\n", "\n").strip()


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 9 else None
