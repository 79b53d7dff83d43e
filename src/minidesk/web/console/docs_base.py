"""What the routes of the knowledge pages have in common: the page around the part that is shown, and who may change it."""

from dataclasses import dataclass
from datetime import UTC
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from minidesk.db import Tx
from minidesk.errors import MinideskError
from minidesk.knowledge.crawls import list_crawls
from minidesk.knowledge.languages import ADVISED_MODEL, languages_read, unread_language
from minidesk.knowledge.overlaps import count_overlaps
from minidesk.sites import site_by_id
from minidesk.text.normalise import whole_number
from minidesk.web.console.contexts import TryPart
from minidesk.web.console.crawls import crawl_lines
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.docs import source_list, source_part
from minidesk.web.console.docs_contexts import DocsPage, EntryPart, SourcePart, VersionsPart
from minidesk.web.console.docs_queries import KINDS, STATUSES, Filters
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.view import Translate, View

_FIND_CHARS = 200
# Languages that we have names for.
NAMED_LANGUAGES = frozenset("ar de es fr he it ja nl pl pt ru tr zh".split())  # noqa: SIM905 (a list of 13 strings cannot be read)


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the list."""

    source: SourcePart | None = None
    entry: EntryPart | None = None
    versions: VersionsPart | None = None
    tried: TryPart | None = None
    trying: bool = False
    selected: str | None = None  # the list's row


class Docs:
    """Makes the pages, and answers who may change documents."""

    def __init__(self, deps: ConsoleDeps, view: View) -> None:
        self.deps = deps
        self.view = view

    async def editor(self, request: Request) -> tuple[Viewer, FormData]:
        """The form of an agent who may change documents. Raises `NotAllowed`, before anything is stored."""
        return await checked_viewer(self.deps, request, role="editor")

    async def source(self, viewer: Viewer, source_id: str, document: str | None) -> SourcePart:
        """A file with one of its documents. Raises `NotFound`."""
        async with self.deps.db.read() as tx:
            zone = await zone_of(tx, viewer.site.site_id)
            return await source_part(
                tx,
                viewer.site.site_id,
                source_id,
                document,
                now=self.deps.clock(),
                zone=zone,
                t=self.view.t,
            )

    async def page(
        self,
        request: Request,
        beside: Beside = Beside(),
        *,
        viewer: Viewer | None = None,
        problem: MinideskError | None = None,
    ) -> Response:
        """The list, and what stands beside it."""
        deps, t = self.deps, self.view.t
        viewer = viewer or await access_viewer(deps, request)
        site_id, now = viewer.site.site_id, deps.clock()
        async with deps.db.read() as tx:
            rows = await source_list(tx, site_id, filters_of(request), selected=beside.selected, now=now, t=t)
            around = await shell_of(tx, viewer, "docs")
            crawls = crawl_lines(await list_crawls(tx, site_id), now, t)
            overlaps = sum((await count_overlaps(tx, site_id)).values())
            unread = await unread_language(tx, site_id, languages_read(deps.settings))
        page = DocsPage(
            shell=around,
            list=rows,
            max_bytes=deps.settings.document_max_bytes,
            crawls=crawls,
            overlaps=overlaps,
            unread=language_name(unread, t) if unread else "",
            advised_model=ADVISED_MODEL,
            source=beside.source,
            entry=beside.entry,
            versions=beside.versions,
            tried=beside.tried,
            trying=beside.trying or beside.tried is not None,
            problem=problem.message if problem else "",
        )
        return self.view.html("docs.html", status=problem.status if problem else 200, page=page)


def language_name(code: str, t: Translate) -> str:
    """A language in the reader's words; its two letters where we have none."""
    return t(f"docs.language.{code}") if code in NAMED_LANGUAGES else code


def filters_of(request: Request) -> Filters:
    """Which files the address asks for; what makes no sense is left out."""
    query = request.query_params
    wanted = query.get("status", "")
    status = next((known for known in STATUSES if known == wanted), STATUSES[0])
    kind = query.get("kind", "") if query.get("kind") in KINDS else ""
    number = whole_number(query.get("start", ""), 7) or 0
    return Filters(query.get("q", "").strip()[:_FIND_CHARS], status, kind, number)


async def zone_of(tx: Tx, site_id: str) -> ZoneInfo:
    """The time zone in which the site's people read dates: that of its opening hours, else UTC."""
    hours = (await site_by_id(tx, site_id)).config.hours
    return hours.zone if hours else ZoneInfo(str(UTC))
