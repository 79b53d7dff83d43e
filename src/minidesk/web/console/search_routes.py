"""Search over the site's conversations and tickets."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from fastapi import APIRouter
from markupsafe import Markup
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import list_people
from minidesk.db import Tx
from minidesk.text.normalise import replace_surrogates
from minidesk.tickets import STATUSES, Filters, Found, Hit, Place, read_words, search_site, site_tags
from minidesk.web.console.contexts import Option, Shell, Tag, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.marks import marked
from minidesk.web.console.queries import list_teams
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate, View

HERE = "/console/search"


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
class SearchPage:
    """The page. `asked`: something was searched for; `older` leads on where more may be found."""

    shell: Shell
    query: str
    choices: tuple[Choice, ...]
    asked: bool
    results: tuple[Result, ...]
    older: str
    conversation: None = None  # the place beside the results is empty until one is opened


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the route."""

    @router.get("/search")
    async def search_page(request: Request) -> Response:
        viewer = await access_viewer(deps, request)
        given, now = request.query_params, deps.clock()
        query = replace_surrogates(given.get("q", "")).strip()[:200]
        words, filters = read_words(query), _filters(given)
        asked = bool(words) or filters != Filters()
        async with deps.db.read() as tx:
            choices = await _choices(tx, viewer, filters, view.t)
            found = (
                await search_site(tx, viewer.site.site_id, words, filters, after=_place(given))
                if asked
                else Found((), None)
            )
            around = await shell_of(tx, viewer, "inbox")
        results = tuple(_result(hit, query, words, now, view.t) for hit in found.hits)
        older = _older(given, found.then) if found.then else ""
        return view.html(
            "search.html",
            page=SearchPage(around, query, choices, asked, results, older),
        )


def _filters(given: QueryParams) -> Filters:
    """What the address asks for; an unknown status is none, an unknown team finds nothing."""
    team, assignee, tag = (replace_surrogates(given.get(key, "")) for key in ("team", "assignee", "tag"))
    status = next((each for each in STATUSES if each == given.get("status")), None)
    return Filters(status, team or None, assignee or None, tag)


def _place(given: QueryParams) -> Place | None:
    """Where to go on; from the start for what is no such place."""
    at, _, conversation_id = replace_surrogates(given.get("after", "")).partition("~")
    try:
        local = datetime.fromisoformat(at)
        time = local.astimezone(UTC)
    except (ValueError, OverflowError):  # a day that there is here may be none in UTC
        return None
    return Place(time, conversation_id) if local.tzinfo and conversation_id else None


def _older(given: QueryParams, then: Place) -> str:
    fields = {key: replace_surrogates(value) for key, value in given.items() if key != "after" and value}
    fields["after"] = f"{then.at.isoformat()}~{then.conversation_id}"
    return f"{HERE}?{urlencode(fields)}"


async def _choices(tx: Tx, viewer: Viewer, filters: Filters, t: Translate) -> tuple[Choice, ...]:
    site_id = viewer.site.site_id
    people = [(person.id, person.name) for person in await list_people(tx, site_id)]
    known: tuple[tuple[str, list[tuple[str, str]], str | None], ...] = (
        ("status", [(str(each), t(f"search.status.{each}")) for each in STATUSES], filters.status),
        ("team", await list_teams(tx, site_id), filters.team_id),
        ("assignee", people, filters.assignee_id),
        ("tag", [(tag, tag) for tag in await site_tags(tx, site_id)], filters.tag),
    )
    return tuple(
        Choice(name, t(f"search.{name}"), tuple(Option(id, label, id == chosen) for id, label in options))
        for name, options, chosen in known
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
