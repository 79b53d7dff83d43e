"""What a crawl reads of a page and of a sitemap: where they lead, and the name that the page gets as a document.

Both are read as a stream of tags, without a tree: 10 MB of nested elements cost no memory here. The page's text is
read later, in the parsing child.
"""

import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from lxml import etree

from minidesk.files import clean_path
from minidesk.files.labels import PATH_CHARS

# More links than any help page has; a page of 10 MB of them is a trap.
MAX_LINKS = 1000
# What the sitemap protocol allows in one file.
MAX_LOCATIONS = 50_000
# Slower refreshes are for news tickers: the page itself is what one reads.
REFRESH_SECONDS = 10
_FEED = 64 * 1024
_KINDS = {"text/html": ".html", "application/xhtml+xml": ".html", "application/pdf": ".pdf",
          "text/plain": ".txt", "text/markdown": ".md"}  # fmt: skip
_TRACKING = re.compile(
    r"^(?:utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|_ga|ref_src|phpsessid|sessionid|sid)$", re.IGNORECASE
)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)


@dataclass(slots=True)
class PageLinks:
    """Where a page leads, as written in it."""

    base: str = ""
    canonical: str = ""
    refresh: str = ""  # the page sends its readers there at once
    links: list[str] = field(default_factory=list)
    noindex: bool = False
    nofollow: bool = False


@dataclass(slots=True)
class Sitemap:
    """Pages, or further sitemaps."""

    pages: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)


class _Enough(Exception):
    """The rest need not be read."""


class _LinkTarget:
    """lxml calls it for each tag."""

    def __init__(self) -> None:
        self.found = PageLinks()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """A tag opens."""
        found = self.found
        if tag == "a":
            href = attributes.get("href", "").strip()
            if (
                href
                and not href.startswith("#")
                and "nofollow" not in attributes.get("rel", "").lower().split()
            ):
                found.links.append(href)
                if len(found.links) >= MAX_LINKS:
                    raise _Enough
        elif tag == "base":
            found.base = found.base or attributes.get("href", "").strip()
        elif tag == "link" and "canonical" in attributes.get("rel", "").lower().split():
            found.canonical = found.canonical or attributes.get("href", "").strip()
        elif tag == "meta":
            self._meta(attributes)

    def _meta(self, attributes: dict[str, str]) -> None:
        content = attributes.get("content", "")[:4000]
        if attributes.get("http-equiv", "").lower() == "refresh":
            match = re.match(
                r"\s*(\d{1,4})(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?['\"]?([^'\"]+)", content, re.IGNORECASE
            )
            if match and int(match[1]) <= REFRESH_SECONDS:
                self.found.refresh = match[2].strip()
        elif attributes.get("name", "").lower() in ("robots", "minidesk"):
            words = re.split(r"[\s,]+", content.lower())
            self.found.noindex |= "noindex" in words or "none" in words
            self.found.nofollow |= "nofollow" in words or "none" in words

    def close(self) -> PageLinks:
        """The end of the page."""
        return self.found


def read_links(data: bytes, charset: str | None) -> PageLinks:
    """The links of an HTML page. A page that is none of HTML has none."""
    target = _LinkTarget()
    try:
        parser = etree.HTMLParser(target=target, encoding=charset, no_network=True, huge_tree=False)  # type: ignore[arg-type]  # lxml calls what there is
    except LookupError:  # a charset that nobody knows
        parser = etree.HTMLParser(target=target, no_network=True, huge_tree=False)  # type: ignore[arg-type]  # the same
    _feed(parser, data)
    return target.found


class _SitemapTarget:
    """lxml calls it for each tag and text of a sitemap."""

    def __init__(self) -> None:
        self.found = Sitemap()
        self._open: list[str] = []
        self._text: list[str] | None = None

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        """A tag opens; the name's space does not matter."""
        self._open.append(tag.rpartition("}")[2].lower())
        self._text = [] if self._open[-1] == "loc" else None

    def data(self, text: str) -> None:
        """Text between tags."""
        if self._text is not None:
            self._text.append(text)

    def end(self, _tag: str) -> None:
        """A tag closes."""
        name = self._open.pop() if self._open else ""
        parent = self._open[-1] if self._open else ""
        if name == "loc" and self._text is not None:
            address = "".join(self._text).strip()
            (self.found.sitemaps if parent == "sitemap" else self.found.pages).append(address)
            if len(self.found.pages) + len(self.found.sitemaps) >= MAX_LOCATIONS:
                raise _Enough
        self._text = None

    def close(self) -> Sitemap:
        """The end of the file."""
        return self.found


def read_sitemap(data: bytes) -> Sitemap:
    """The addresses in a sitemap, a sitemap index, or a plain list of addresses a line.

    A file that breaks off in the middle gives what stood before.
    """
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = data[: 2048 * MAX_LOCATIONS].decode("utf-8", "replace").splitlines()
        return Sitemap(
            pages=[line.strip() for line in lines if line.strip().startswith("http")][:MAX_LOCATIONS]
        )
    target = _SitemapTarget()
    # No entities: they are how a kilobyte becomes a gigabyte.
    parser = etree.XMLParser(
        target=target,  # type: ignore[arg-type]  # the same
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
    )
    _feed(parser, data)
    return target.found


def _feed(parser: etree.HTMLParser | etree.XMLParser, data: bytes) -> None:
    try:
        for start in range(0, len(data), _FEED):
            parser.feed(data[start : start + _FEED])
        parser.close()
    except (_Enough, etree.LxmlError, ValueError, AssertionError):
        return  # what was found until here counts; a page with no tag at all ends in an AssertionError of lxml


def content_kind(content_type: str) -> str | None:
    """The extension of a page's document; None for what is no page (pictures, programs, style sheets)."""
    return _KINDS.get(content_type.partition(";")[0].strip().lower())


def charset_of(content_type: str) -> str | None:
    """What the header says that the page is written in."""
    match = re.search(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", content_type, re.IGNORECASE)
    return match[1] if match else None


def without_tracking(url: str) -> str:
    """The address without what only says where a reader came from or who they are."""
    url, _, query = _SESSION_IN_PATH.sub("", url).partition("?")
    kept = [part for part in query.split("&") if part and not _TRACKING.match(part.partition("=")[0])]
    return f"{url}?{'&'.join(kept)}" if kept else url


def page_path(url: str, extension: str, taken: bool = False) -> str:
    """A page's path among the documents: host and path, with the extension of what it is.

    A mark of the address is added where the path alone would not tell it from others: a query, a path that had to
    be shortened, or one that another page has already (`taken`).
    """
    parts = urlsplit(url)
    host = parts.netloc.replace(":", "-")
    raw = unquote(parts.path).lstrip("/")
    if not raw or raw.endswith("/"):
        raw += "index"
    if not raw.lower().endswith((extension, ".htm", ".xhtml") if extension == ".html" else extension):
        raw += extension
    whole = f"{host}/{raw}"
    path = clean_path(whole)
    if taken or parts.query or path != whole:
        stem, dot, ending = path.rpartition(".")
        mark = hashlib.sha256(url.partition("://")[2].encode()).hexdigest()[:8]
        path = f"{stem[: PATH_CHARS - 20]}-{mark}{dot}{ending}"
    return path
