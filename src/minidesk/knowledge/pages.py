"""The names that pages of the web get: as addresses that are compared, and as documents."""

import hashlib
import re
from urllib.parse import unquote, urlsplit

from minidesk.files import clean_path
from minidesk.files.labels import PATH_CHARS

_KINDS = {"text/html": ".html", "application/xhtml+xml": ".html", "application/pdf": ".pdf",
          "text/plain": ".txt", "text/markdown": ".md"}  # fmt: skip
_TRACKING = re.compile(
    r"^(?:utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|_ga|ref_src|phpsessid|sessionid|sid)$", re.IGNORECASE
)
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)


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
