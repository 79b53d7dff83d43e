"""Search over the site's conversations and tickets, and the searches that an agent has saved."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from fastapi import APIRouter
from markupsafe import Markup
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import list_people
from minidesk.db import Tx
from minidesk.errors import Invalid, MinideskError, NotFound
from minidesk.text.normalise import replace_surrogates
from minidesk.tickets import (
    STATUSES,
    Filters,
    Found,
    Hit,
    Place,
    SavedView,
    delete_saved,
    list_saved,
    read_words,
    rename_saved,
    save_search,
    search_site,
    site_tags,
)
from minidesk.web.console.contexts import Option, Shell, Tag, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import saved_options, shell_of
from minidesk.web.console.marks import marked
from minidesk.web.console.queries import list_teams
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate, View, to

HERE, SAVED = "/console/search", "/console/searches"
FIELDS = ("q", "status", "team", "assignee", "tag")
QUERY_CHARS = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What is searched for."""

    query: str
    filters: Filters

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the query."""
        return read_words(self.query)

    @property
    def something(self) -> bool:
        """Whether anything is."""
        return bool(self.words) or self.filters != Filters()

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """(name, value) of the address's fields that are not empty."""
        of = self.filters
        values = (self.query, of.status or "", of.team_id or "", of.assignee_id or "", of.tag)
        return tuple((name, value) for name, value in zip(FIELDS, values, strict=True) if value)


@dataclass(frozen=True, slots=True)
class Result:
    """A conversation that was found. Its address names the message, which is marked there."""

    href: str
    subject: str
    snippet: Markup
    age: When
    tags: tuple[Tag, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter: a select."""

    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """The form that saves a search, or renames `saved`, the one that is shown. `gone`: filters of it that exist no more."""

    fields: tuple[tuple[str, str], ...]
    saved: SavedView | None = None
    gone: str = ""
    name: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """The page. `asked`: something was searched for; `older` leads on where more may be found."""

    shell: Shell
    query: str
    choices: tuple[Choice, ...]
    asked: bool
    results: tuple[Result, ...]
    older: str
    saved: tuple[Option, ...]
    keep: Keep
    conversation: None = None  # the place beside the results is empty until one is opened


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/search")
    async def search_page(request: Request) -> Response:
        viewer = await access_viewer(deps, request)
        return await _page(deps, view, viewer, _read(request.query_params), request.query_params)

    @router.post("/searches")
    async def save(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request)
        asked = _read({name: field(form, name) for name in FIELDS})
        try:
            saved = await _save(deps, viewer, asked, field(form, "name"), view.t)
        except MinideskError as error:
            return await _page(deps, view, viewer, asked, {}, error=error, name=field(form, "name"))
        return to(f"{SAVED}/{saved}")

    @router.get("/searches/{saved_id}")
    async def saved_page(request: Request, saved_id: str) -> Response:
        viewer = await access_viewer(deps, request)
        saved = await _access_saved(deps, viewer, saved_id)
        return await _page(
            deps, view, viewer, _read(QueryParams(saved.query)), request.query_params, saved=saved
        )

    @router.post("/searches/{saved_id}")
    async def rename(request: Request, saved_id: str) -> Response:
        viewer, form = await checked_viewer(deps, request)
        saved = await _access_saved(deps, viewer, saved_id)
        name = field(form, "name")
        try:
            async with deps.db.write() as tx:
                await rename_saved(tx, viewer.site.site_id, viewer.agent.agent_id, saved_id, name)
        except NotFound:
            raise
        except MinideskError as error:
            asked = _read(QueryParams(saved.query))
            return await _page(deps, view, viewer, asked, {}, saved=saved, error=error, name=name)
        return to(f"{SAVED}/{saved_id}")

    @router.post("/searches/{saved_id}/delete")
    async def remove(request: Request, saved_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request)
        async with deps.db.write() as tx:
            gone = await delete_saved(tx, viewer.site.site_id, viewer.agent.agent_id, saved_id)
        return to(f"{HERE}?{gone.query}")  # what was found stays on the screen


async def _access_saved(deps: ConsoleDeps, viewer: Viewer, saved_id: str) -> SavedView:
    """One of the agent's own in the site that they look at. Raises NotFound."""
    async with deps.db.read() as tx:
        own = await list_saved(tx, viewer.site.site_id, viewer.agent.agent_id)
    saved = next((each for each in own if each.id == saved_id), None)
    if saved is None:
        raise NotFound
    return saved


async def _save(deps: ConsoleDeps, viewer: Viewer, asked: Asked, name: str, t: Translate) -> str:
    """Keep what is searched for, without what the site does not have; its id."""
    site_id = viewer.site.site_id
    async with deps.db.write() as tx:
        asked, _ = _without_gone(asked, await _known(tx, site_id, t))
        asked = replace(asked, query=" ".join(asked.words))
        if not asked.something:
            raise Invalid("Search for something first, then save it.", code="search_empty")
        query = urlencode(asked.fields)
        return await save_search(tx, site_id, viewer.agent.agent_id, name=name, query=query, now=deps.clock())


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    asked: Asked,
    given: Mapping[str, str],
    *,
    saved: SavedView | None = None,
    error: MinideskError | None = None,
    name: str = "",
) -> Response:
    """The page. `given` are the fields of the address; with `error`, the `name` that was refused comes back."""
    site_id, now, gone = viewer.site.site_id, deps.clock(), ""
    async with deps.db.read() as tx:
        known = await _known(tx, site_id, view.t)
        if saved is not None:
            asked, missing = _without_gone(asked, known)
            gone = ", ".join(view.t(f"search.{each}") for each in missing)
        found = Found((), None)
        if asked.something:
            found = await search_site(tx, site_id, asked.words, asked.filters, after=_place(given))
        own = await list_saved(tx, site_id, viewer.agent.agent_id)
        around = await shell_of(tx, viewer, "inbox")
    results = tuple(_result(hit, asked.query, asked.words, now, view.t) for hit in found.hits)
    here = HERE if saved is None else f"{SAVED}/{saved.id}"
    fields = given if error is None else dict(asked.fields)
    older = _older(here, fields, found.then) if found.then else ""
    written = replace_surrogates(name) if error else saved.name if saved else ""
    keep = Keep(asked.fields, saved, gone, written, error.message if error else "")
    page = SearchPage(
        around, asked.query, _choices(known, asked, view.t), asked.something, results, older,
        saved_options(own, saved.id if saved else ""), keep,
    )  # fmt: skip
    return view.html("search.html", status=error.status if error else 200, page=page)


def _read(given: Mapping[str, str]) -> Asked:
    """What the address or a form asks for; an unknown status is none, an unknown team finds nothing."""
    query = replace_surrogates(given.get("q", "")).strip()[:QUERY_CHARS]
    team, assignee, tag = (replace_surrogates(given.get(key, "")) for key in ("team", "assignee", "tag"))
    status = next((each for each in STATUSES if each == given.get("status")), None)
    return Asked(query, Filters(status, team or None, assignee or None, tag))


def _place(given: Mapping[str, str]) -> Place | None:
    """Where to go on; from the start for what is no such place."""
    at, _, conversation_id = replace_surrogates(given.get("after", "")).partition("~")
    try:
        local = datetime.fromisoformat(at)
        time = local.astimezone(UTC)
    except (ValueError, OverflowError):  # a day that there is here may be none in UTC
        return None
    return Place(time, conversation_id) if local.tzinfo and conversation_id else None


def _older(here: str, given: Mapping[str, str], then: Place) -> str:
    fields = {key: replace_surrogates(value) for key, value in given.items() if key != "after" and value}
    fields["after"] = f"{then.at.isoformat()}~{then.conversation_id}"
    return f"{here}?{urlencode(fields)}"


async def _known(tx: Tx, site_id: str, t: Translate) -> dict[str, list[tuple[str, str]]]:
    """What each filter can be in the site: (value, name)."""
    return {
        "status": [(str(each), t(f"search.status.{each}")) for each in STATUSES],
        "team": await list_teams(tx, site_id),
        "assignee": [(person.id, person.name) for person in await list_people(tx, site_id)],
        "tag": [(tag, tag) for tag in await site_tags(tx, site_id)],
    }


def _without_gone(asked: Asked, known: Mapping[str, list[tuple[str, str]]]) -> tuple[Asked, tuple[str, ...]]:
    """What is asked for without filters that name nothing of the site, and which those were."""
    of = asked.filters
    team = next((id for id, _ in known["team"] if id == of.team_id), None)
    assignee = next((id for id, _ in known["assignee"] if id == of.assignee_id), None)
    tag = next((tag for tag, _ in known["tag"] if tag.casefold() == of.tag.casefold()), "")
    found = (("team", of.team_id, team), ("assignee", of.assignee_id, assignee), ("tag", of.tag, tag))
    gone = tuple(name for name, wanted, there in found if wanted and not there)
    return replace(asked, filters=Filters(of.status, team, assignee, tag)), gone


def _choices(known: Mapping[str, list[tuple[str, str]]], asked: Asked, t: Translate) -> tuple[Choice, ...]:
    chosen = dict(asked.fields)
    return tuple(
        Choice(
            name,
            t(f"search.{name}"),
            tuple(Option(id, label, id == chosen.get(name)) for id, label in options),
        )
        for name, options in known.items()
        if options
    )


def _result(hit: Hit, query: str, words: tuple[str, ...], now: datetime, t: Translate) -> Result:
    fields = {"view": "open" if hit.number else "assistant", "q": query}
    anchor = ""
    if hit.message_id:
        fields["hit"], anchor = hit.message_id, f"#m-{hit.message_id}"
    href = f"/console/conversations/{hit.conversation_id}?{urlencode(fields)}{anchor}"
    subject = f"#{hit.number} {hit.subject}" if hit.number else (hit.visitor_name or t("talk.visitor"))
    words_of_state = [t(f"search.status.{hit.status}") if hit.status else t("search.no_ticket")]
    if hit.assignee_name:
        words_of_state.append(t("row.with", name=hit.assignee_name.split()[0]))
    elif hit.team_name:
        words_of_state.append(hit.team_name)
    tags = tuple(Tag(word) for word in words_of_state)
    return Result(
        href,
        subject,
        marked(Markup.escape(hit.snippet), words),
        when(hit.last_message_at, now),
        tags,
        hit.tags,
    )
