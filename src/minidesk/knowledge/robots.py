"""robots.txt as RFC 9309 says: the longest rule that fits decides, `*` and `$` have their meanings.

The standard library's parser takes the first rule instead of the longest and knows no wildcards.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# What we call ourselves in robots.txt.
PRODUCT = "minidesk"
# RFC 9309 asks for 500 KiB at least; what is behind it is not read (a 100 MB file is somebody's joke).
MAX_BYTES = 512 * 1024
# A file that orders more seconds between two pages would keep 500 pages busy for more than an hour.
MAX_DELAY_SECONDS = 10.0
_MAX_RULES = 2000
_MAX_SITEMAPS = 50


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules for us."""

    rules: Sequence[tuple[bool, str]] = ()  # (allowed, pattern)
    delay: float = 0.0  # seconds between two requests, at most MAX_DELAY_SECONDS
    sitemaps: Sequence[str] = ()  # as written, for every reader of the site

    def allows(self, path: str) -> bool:
        """Whether `path` (with its query) may be read: the longest rule that fits decides, Allow in a tie."""
        best, allowed = -1, True
        for allow, pattern in self.rules:
            length = len(pattern)
            if (length > best or (length == best and allow)) and _fits(pattern, path):
                best, allowed = length, allow
        return allowed


NOTHING = Robots(rules=((False, "/"),))
EVERYTHING = Robots()


def parse_robots(text: str) -> Robots:
    """The rules of the groups that name us, else of those for everybody."""
    groups: dict[str, list[tuple[bool, str]]] = {}
    delays: dict[str, float] = {}
    agents: list[str] = []
    sitemaps: list[str] = []
    in_rules = False
    for line in text.lstrip("\ufeff").splitlines():
        name, colon, value = line.partition("#")[0].partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon:
            continue
        if name == "user-agent":
            agents = [] if in_rules else agents
            in_rules = False
            agents.append(value.lower())
            groups.setdefault(value.lower(), [])
        elif name == "sitemap" and value and len(sitemaps) < _MAX_SITEMAPS:
            sitemaps.append(value)  # belongs to no group
        elif name in ("allow", "disallow", "crawl-delay"):
            in_rules = True
            for agent in agents:
                if name == "crawl-delay":
                    delays[agent] = _seconds(value)
                elif value and len(groups[agent]) < _MAX_RULES:
                    groups[agent].append((name == "allow", value))
    mine = PRODUCT if PRODUCT in groups else "*"
    return Robots(tuple(groups.get(mine, ())), delays.get(mine, 0.0), tuple(sitemaps))


def _seconds(value: str) -> float:
    return min(float(value), MAX_DELAY_SECONDS) if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value) else 0.0


def _fits(pattern: str, path: str) -> bool:
    """Piece after piece, each at its first place: a regular expression of many `.*` would take exponential time."""
    anchored = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    if not rest:
        return not anchored or at == len(path)
    for piece in rest[:-1]:
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    last = rest[-1]
    return path.endswith(last) and len(path) - len(last) >= at if anchored else path.find(last, at) >= 0
