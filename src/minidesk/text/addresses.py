"""Web addresses without what they should not carry: queries of foreign ones (T19), secrets of the visitor's own page (T4)."""

import re
from collections.abc import Collection
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

_ENDED = r"(?=[.,;:!]*(?:[\s<>\"'()\[\]]|$))"
_WITH_QUERY = re.compile(
    r"(?P<address>(?:(?P<scheme>https?)://|(?<![\w.@])(?=www\.))(?P<host>[^\s<>\"'()\[\]/?#]{1,253})[^\s<>\"'()\[\]?#]*)"
    rf"[?#][^\s<>\"'()\[\]]*?{_ENDED}",
    re.IGNORECASE,
)
_MAIL_QUERY = re.compile(rf"(mailto:[^\s<>\"'()\[\]?]{{1,320}})\?[^\s<>\"'()\[\]]*?{_ENDED}", re.IGNORECASE)

# Names under which shops' pages hand on what opens an account or an order, and nothing else.
_SECRET_NAME = re.compile(
    r"token|secret|passw|pwd|passcode|auth|sess|(?:^|[_-])sid$|jwt|otp|nonce|signature|^sig$|api_?key|^key$|^code$|^state$|credential|e-?mail|phone",
    re.IGNORECASE,
)
# Letters and figures mixed without a word in it: made by a machine to be guessed by nobody.
_RANDOM = re.compile(r"(?=[^\d]*\d)(?=[^a-z]*[a-z])[\w.~+/=-]{24,}", re.IGNORECASE)
_WORDS = re.compile(r"[a-z]{3,}(?:[-_][a-z0-9]+)+", re.IGNORECASE)
_HIDDEN = "…"


def without_queries(text: str, hosts: Collection[str]) -> str:
    """`text` with web addresses at other hosts than `hosts` (lower case) cut before "?" and "#", and mail addresses too.

    What stands behind there can carry a visitor's words to whoever owns the host.
    """
    if "?" not in text and "#" not in text:
        return text
    text = _MAIL_QUERY.sub(r"\1", text)
    return _WITH_QUERY.sub(
        lambda found: found[0] if host_of(found["host"]) in hosts else found["address"], text
    )


def host_of(authority: str) -> str:
    """The host of an authority, without whoever stands before "@" and without a port."""
    return authority.rpartition("@")[2].partition(":")[0].lower().rstrip(".")


def without_secrets(url: str) -> str | None:
    """A visitor's page as agents may read it: no password, no values that open an account; None for what is no address.

    Other parameters stay, because rules sort tickets by them.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    path = "/".join(_HIDDEN if _is_secret(each) else each for each in parts.path.split("/"))
    query = "&".join(each for each in parts.query.split("&") if each and not _is_secret_pair(each))
    fragment = "" if "=" in parts.fragment or _is_secret(parts.fragment) else parts.fragment
    return urlunsplit(SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], path, query, fragment))


def _is_secret_pair(pair: str) -> bool:
    name, _, value = pair.partition("=")
    plain = unquote(value)
    return bool(value) and (_SECRET_NAME.search(name) is not None or "@" in plain or _is_secret(plain))


def _is_secret(text: str) -> bool:
    return _RANDOM.fullmatch(text) is not None and _WORDS.match(text) is None
