"""Who changed what in a site: for its administrators alone."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import ABOUT, Entry, list_actors, list_entries
from minidesk.text.normalise import whole_number
from minidesk.web.console.contexts import Option, Shell, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import access_viewer
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.times import when
from minidesk.web.console.view import View

HERE = "/console/audit"
SHOWN = 50
ID_CHARS = 40


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A field; both values empty where only that it changed is kept."""

    field: str
    before: str
    after: str
    kept: bool


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A line of the log."""

    at: When
    who: str
    what: str
    target: str
    address: str
    changes: tuple[ChangeRow, ...]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The page with its filters."""

    shell: Shell
    rows: tuple[EntryRow, ...]
    actors: tuple[Option, ...]
    about: tuple[Option, ...]
    since: str
    until: str
    older: str  # the address of the next page; empty on the last one
    filtered: bool


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/audit")
    async def audit_page(
        request: Request, who: str = "", what: str = "", since: str = "", until: str = "", before: str = ""
    ) -> Response:
        viewer = await access_viewer(deps, request, role="admin")
        site_id = viewer.site.site_id
        first, last = _day(since), _day(until, days=1)
        async with deps.db.read() as tx:
            found = await list_entries(
                tx,
                site_id,
                also_operators=viewer.agent.operator,
                actor_id=who[:ID_CHARS].replace("\0", ""),
                about=what if what in ABOUT else "",
                since=first,
                until=last,
                before=whole_number(before, 15),
                limit=SHOWN + 1,
            )
            actors = await list_actors(tx, site_id)
            around = await shell_of(tx, viewer, "site")
        chosen = {"who": who, "what": what, "since": since, "until": until}
        chosen = {name: value for name, value in chosen.items() if value}
        older = urlencode({**chosen, "before": found[SHOWN - 1].id}) if len(found) > SHOWN else ""
        page = AuditPage(
            around,
            tuple(_row(entry) for entry in found[:SHOWN]),
            tuple(Option(id, name, id == who) for id, name in actors if id),
            tuple(Option(word, view.t(f"audit.about.{word}"), word == what) for word in ABOUT),
            since if first else "",
            until if last else "",
            f"{HERE}?{older}" if older else "",
            bool(chosen),
        )
        return view.html("audit.html", page=page)

    def _row(entry: Entry) -> EntryRow:
        actor = entry.actor
        who = view.t("audit.command") if actor.kind == "command" else actor.name
        who = view.t("audit.key", name=actor.name) if actor.kind == "key" else who
        changes = tuple(
            ChangeRow(_field(name), _said(before), _said(after), before is not None or after is not None)
            for name, before, after in entry.changes
        )
        what = view.t(f"audit.{entry.action}")
        return EntryRow(when(entry.at, deps.clock()), who, what, entry.target_name, actor.address, changes)

    def _field(name: str) -> str:
        """A field as its page calls it; what has no such name, such as a key of a newer version, as it is written."""
        for key in (f"audit.field.{name}", f"site.{name}"):
            with suppress(KeyError):
                return view.t(key)
        return name.replace("_", " ")

    def _said(value: object) -> str:
        if isinstance(value, bool):
            return view.t("site.is_on" if value else "site.is_off")
        return view.t("site.nothing") if value in (None, "") else str(value)


def _day(raw: str, days: int = 0) -> datetime | None:
    """The beginning of a day, in UTC as all of the log's times are, or so many after it; None for what is none."""
    try:
        return datetime.combine(date.fromisoformat(raw), datetime.min.time(), UTC) + timedelta(days=days)
    except (ValueError, OverflowError):  # the last day that there is has none after it
        return None
