"""Is the chat's script in a page of the site? Asked as any reader of the page would, by the one client for such addresses."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from minidesk.errors import DocumentProblem, MinideskError
from minidesk.knowledge.external import url_of
from minidesk.knowledge.pages import charset_of, content_kind
from minidesk.knowledge.parse import ParserPool
from minidesk.outbound import Outbound
from minidesk.settings import Settings

# installed: the tag with this key and from this desk · other_key, other_desk: a tag, but not this one
# missing: the page was read and holds none · refused: an error instead of the page · unreachable: no answer at all
Verdict = Literal["installed", "other_key", "other_desk", "missing", "refused", "unreachable"]
# A person waits for it.
SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Check:
    """What was found at `url` (where it answered in the end)."""

    verdict: Verdict
    url: str


class InstallCheck:
    """Looks at pages. What they hold is read in the parser's child process; use it on one loop and `close` it."""

    def __init__(self, outbound: Outbound, settings: Settings) -> None:
        self._outbound = outbound
        self._settings = settings
        self._parser = ParserPool(settings)

    async def check(self, url: str, site_key: str, desk: str) -> Check:
        """Look for the script of `desk` (its base address) with `site_key`. Raises Invalid for what is no address."""
        address = self._outbound.check(url)
        try:
            answer = await self._outbound.get(
                address.url, limit=self._settings.page_max_bytes, seconds=SECONDS, beginning=True
            )
        except MinideskError:
            return Check("unreachable", address.url)
        declared = answer.headers.get("content-type", "text/html")
        if answer.status != 200 or content_kind(declared) != ".html":
            return Check("refused", answer.url)
        try:
            found = (await self._parser.page_links(answer.body, charset_of(declared))).widgets
        except DocumentProblem:
            return Check("refused", answer.url)
        return Check(_verdict(found, answer.url, site_key, desk), answer.url)

    async def close(self) -> None:
        """End the child."""
        await self._parser.close()


def _verdict(found: list[tuple[str, str]], page: str, site_key: str, desk: str) -> Verdict:
    if not found:
        return "missing"
    ours = [(src, key) for src, key in found if key == site_key]
    if not ours:
        return "other_key"
    scheme = urlsplit(page).scheme
    host = urlsplit(desk).netloc
    # `//desk.example.com/widget.js` takes the page's own scheme.
    sources = (url_of(f"{scheme}:{src}" if src.startswith("//") else src) for src, _ in ours)
    return (
        "installed"
        if any(one is not None and one.netloc == host and one.path.endswith("/widget.js") for one in sources)
        else "other_desk"
    )
