"""How often one person or address may do something (T5).

Windows are counted in this process's memory and written to a small file every few seconds, so that a restart forgives
nobody. The file belongs to one server; servers side by side each count for themselves.
"""

import asyncio
import ipaddress
import json
import logging
import os
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request

from minidesk.errors import TooMany

log = logging.getLogger(__name__)

# More addresses than this at once are an attack on our memory. Forgotten is whoever was quiet longest in the kind that has
# most of them: who opens sessions from ever new addresses must not unlock an account whose password is being guessed.
MAX_KEYS = 50_000
FIVE_MINUTES, FIFTEEN_MINUTES = 300, 900
FLUSH_SECONDS = 5.0  # what a kill -9 forgives
# Larger limits count requests of any kind: a thousand times a window in each file would cost more than they are worth.
KEPT_UP_TO = 200


@dataclass(slots=True)
class _Window:
    """The uses of the last `seconds`, oldest first: when, and under which `once`."""

    seconds: float
    kept: bool
    uses: deque[tuple[float, str | None]] = field(default_factory=deque)


class RateLimiter:
    """Sliding windows. A clock that jumps back forgives; it never locks anybody out (F23)."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._windows: defaultdict[str, OrderedDict[str, _Window]] = defaultdict(OrderedDict)
        self._count = 0
        self._changed = False

    def __len__(self) -> int:
        """How many windows are remembered."""
        return self._count

    def charge(self, what: str, who: str, *, limit: int, seconds: float, once: str | None = None) -> None:
        """Count one use of `what` by `who`. Raises `TooMany` with the wait above `limit` in any `seconds`.

        A use with the same `once` as one in the window is a repeat of it, and free: a client that sends a message
        again after a time-out must not be kept from it.
        """
        now = self._clock().timestamp()
        kind = self._windows[what]
        window = kind.get(who)
        if window is None:
            window = kind[who] = _Window(seconds, limit <= KEPT_UP_TO)
            self._count += 1
        kind.move_to_end(who)
        uses = window.uses
        while uses and not now - seconds < uses[0][0] <= now:
            uses.popleft()
        if once is not None and any(used == once for _, used in uses):
            return
        if len(uses) >= limit:
            raise TooMany(retry_after=uses[0][0] + seconds - now if uses else seconds)
        uses.append((now, once))
        self._changed = self._changed or window.kept
        if self._count > MAX_KEYS:
            max(self._windows.values(), key=len).popitem(last=False)
            self._count -= 1

    def forget(self, what: str, who: str) -> None:
        """Start afresh."""
        if self._windows[what].pop(who, None) is not None:
            self._count -= 1
            self._changed = True

    def refund(self, what: str, who: str) -> None:
        """Take the last use back: it was none of those that are counted."""
        window = self._windows[what].get(who)
        if window is not None and window.uses:
            window.uses.pop()
            self._changed = True

    async def restore(self, path: Path) -> None:
        """Go on counting where the server before stopped."""
        for what, who, seconds, uses in await asyncio.to_thread(_read, path):
            self._count += who not in self._windows[what]
            self._windows[what][who] = _Window(seconds, kept=True, uses=deque(uses))

    async def keep(self, path: Path, stopping: asyncio.Event) -> None:
        """Write down what was counted, every few seconds and at the end."""
        while not stopping.is_set():
            try:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                pass  # time to write
            await self._save(path)
        await self._save(path)

    async def _save(self, path: Path) -> None:
        if not self._changed:
            return
        self._changed = False
        now = self._clock().timestamp()
        # Copied here, in one piece; only the writing leaves the event loop.
        windows = [
            [what, who, window.seconds, uses]
            for what, kind in self._windows.items()
            for who, window in kind.items()
            if window.kept and (uses := [use for use in window.uses if use[0] > now - window.seconds])
        ]
        try:
            await asyncio.to_thread(_write, path, windows)
        except OSError as error:
            self._changed = True  # a full disk: counting goes on, and the next round tries again
            log.warning("the rate limits could not be written down", extra={"reason": error.strerror})


class LoginThrottle:
    """Log-ins an address and an account, so that neither one account nor one password can be tried through."""

    def __init__(self, limiter: RateLimiter, attempts: int) -> None:
        self._limiter = limiter
        self._attempts = attempts

    def check(self, address: str, email: str) -> None:
        """Count an attempt before the password is looked at. Raises `TooMany`."""
        self._limiter.charge("login", address, limit=self._attempts, seconds=FIVE_MINUTES)
        self._limiter.charge(
            "login-account", email.strip().lower()[:254], limit=self._attempts * 2, seconds=FIFTEEN_MINUTES
        )

    def succeeded(self, address: str, email: str) -> None:
        """A right password wipes the account's slate. The address's guesses at others stay: one's own is no way to more."""
        self._limiter.refund("login", address)
        self._limiter.forget("login-account", email.strip().lower()[:254])


def client_address(request: Request, trusted_proxies: Collection[str]) -> str:
    """Who asks: an IPv4 address, or an IPv6 /64, because one household has that many.

    X-Forwarded-For is read from its end, and only as far as the proxies that wrote it are trusted: anybody can
    send the header. `trusted_proxies` holds addresses or networks.
    """
    address = request.client.host if request.client else ""
    hops = [hop.strip() for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
    while hops and _is_trusted(address, trusted_proxies):
        address = hops.pop()
    return _bucket(address)


def _is_trusted(address: str, trusted: Collection[str]) -> bool:
    ip = _parse(address)
    return ip is not None and any(
        ip in network for network in map(_network, trusted) if network.version == ip.version
    )


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def _bucket(address: str) -> str:
    ip = _parse(address)
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip) if ip else "unknown"


def _read(path: Path) -> list[Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return [
            [str(what), str(who), float(seconds), [(float(at), once) for at, once in uses]]
            for what, who, seconds, uses in kept["windows"][-MAX_KEYS:]
        ]
    except FileNotFoundError:
        return []  # the first start
    except (OSError, ValueError, TypeError, KeyError):
        log.warning("the rate limits that were written down cannot be read: counting starts afresh")
        return []


def _write(path: Path, windows: list[Any]) -> None:
    """To a name of its own and then renamed: a file cut short would forgive everybody."""
    draft = path.with_suffix(".part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it names addresses and e-mails
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"windows": windows}, file, separators=(",", ":"))
    draft.replace(path)
