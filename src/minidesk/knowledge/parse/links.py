"""Where a page of the web and a sitemap lead, read as a stream of tags, without a tree: 10 MB of nested elements cost no
memory. Only the parsing child calls these: what others' servers send must harm nothing but that process.
"""

import re

from lxml import etree

from minidesk.knowledge.records import PageLinks, Sitemap

# More links than any help page has; a page of 10 MB of them is a trap.
MAX_LINKS = 1000
# Chat scripts of one page; the second is a mistake already.
MAX_WIDGETS = 20
# What the sitemap protocol allows in one file.
MAX_LOCATIONS = 50_000
# Slower refreshes are for news tickers: the page itself is what one reads.
REFRESH_SECONDS = 10
_FEED = 64 * 1024


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
            rel = attributes.get("rel", "").lower().split()
            if href and not href.startswith("#") and "nofollow" not in rel and len(found.links) < MAX_LINKS:
                found.links.append(href)
        elif tag == "script":
            if "data-site" in attributes and len(found.widgets) < MAX_WIDGETS:
                found.widgets.append(
                    (attributes.get("src", "")[:1000], attributes["data-site"].strip()[:100])
                )
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
