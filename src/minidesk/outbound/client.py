"""GET and POST for addresses that others name: pinned to what was checked, and bounded in time, bytes and redirects (T15, F18)."""

import asyncio
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import httpx

from minidesk.errors import Invalid, TooLarge
from minidesk.outbound.addresses import Address, Allowed, all_public, check_address, join_address, refused

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_BYTES = 10 * 1024 * 1024  # decoded; the longest help page met is 2 MB
MAX_SECONDS = 20.0  # for everything: look-up, redirects and the last byte
MAX_REDIRECTS = 5
CONNECT_SECONDS = 5.0  # for one IP address of a host that has several
IPS_TRIED = 3
# h11 stops at 100 KB by itself; a page's headers have 1 to 4 KB.
MAX_HEADER_BYTES = 32 * 1024
_PIECE = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_TOO_LARGE = "This page is larger than 10 MB. Save what matters as a smaller document and upload that."


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `url` is the address that answered in the end; header names are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    whole: bool = True  # False: only the beginning was asked for


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """The system's resolver, off the event loop. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Outbound:
    """Asks for public addresses, and for those that the settings allow."""

    def __init__(
        self, allow: str = "", *, resolve: Resolve = resolve_by_system, user_agent: str = "minidesk"
    ) -> None:
        """`allow`: `host:port,…`. Raises ValueError where it cannot be read."""
        self.allowed = Allowed(allow)
        self._resolve = resolve
        self._user_agent = user_agent

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made when it is first needed: reading 140 certificates takes 40 ms of a start."""
        return httpx.create_ssl_context(trust_env=False)

    def check(self, raw: str) -> Address:
        """The address, if it may be asked for as far as can be told without a look-up. Raises Invalid."""
        return check_address(raw, self.allowed)

    def join(self, base: str, link: str) -> Address | None:
        """Where a link on the page `base` leads; None if it may not be followed."""
        return join_address(base, link, self.allowed)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int = MAX_BYTES,
        seconds: float = MAX_SECONDS,
        redirects: int = MAX_REDIRECTS,
        beginning: bool = False,
    ) -> Answer:
        """Fetch `url`, following at most `redirects` (with 0, a redirect is the answer).

        `limit` counts decoded bytes; with `beginning`, what is behind it is left out instead of being refused.
        Raises Invalid `url_invalid` or `address_not_allowed` (forbidden, closed, silent, broken: the same words),
        and TooLarge.
        """
        address = self.check(url)
        try:
            async with asyncio.timeout(seconds):
                for _ in range(redirects):
                    answer = await self._hop(address, headers, limit, beginning)
                    if answer.status not in _REDIRECTS or "location" not in answer.headers:
                        return answer
                    following = self.join(address.url, answer.headers["location"])
                    if following is None:
                        raise refused()
                    address = following
                answer = await self._hop(address, headers, limit, beginning)
        except (TimeoutError, OSError, UnicodeError, zlib.error, httpx.HTTPError, httpx.InvalidURL) as error:
            raise refused() from error
        if redirects and answer.status in _REDIRECTS:
            raise refused()
        return answer

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str],
        seconds: float = MAX_SECONDS,
        limit: int = 0,
    ) -> Answer:
        """Send `body`; a redirect is the answer. Of what comes back the status and the headers are read, and `limit` bytes.

        Raises Invalid as `get` does, with the same words for everything that goes wrong, and TooLarge where there is a
        limit and more comes.
        """
        address = self.check(url)
        try:
            async with asyncio.timeout(seconds):
                return await self._hop(address, headers, limit, limit == 0, body)
        except (TimeoutError, OSError, UnicodeError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise refused() from error

    async def _hop(
        self,
        address: Address,
        headers: Mapping[str, str] | None,
        limit: int,
        beginning: bool,
        body: bytes | None = None,
    ) -> Answer:
        unreached: httpx.TransportError | None = None
        for ip in (await self._ips(address))[:IPS_TRIED]:
            try:
                return await self._ask(address, ip, headers, limit, beginning, body)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                unreached = error  # a host with IPv6 asked from a machine without it: its next address may do
        raise refused() from unreached

    async def _ips(self, address: Address) -> Sequence[str]:
        """Where to connect. Resolved once: what is checked here is what is connected to, whatever DNS says next."""
        if address.literal is not None:
            return [address.host]  # checked with the address
        found = await self._resolve(address.host, address.port)
        if not found or (address not in self.allowed and not all_public(found)):
            raise refused()
        return found

    async def _ask(
        self,
        address: Address,
        ip: str,
        headers: Mapping[str, str] | None,
        limit: int,
        beginning: bool,
        sending: bytes | None,
    ) -> Answer:
        shown = httpx.URL(address.url)
        sent = {
            "User-Agent": self._user_agent,
            "Accept-Encoding": "gzip",
            **(headers or {}),
            "Host": shown.netloc.decode("ascii"),
        }
        # A connection of its own: one from a pool could have been made for another name at the same IP address.
        transport = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False)
        clocks = httpx.Timeout(None, connect=CONNECT_SECONDS)  # the rest runs on the total clock
        async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=clocks) as client:
            request = httpx.Request(
                "GET" if sending is None else "POST",
                shown.copy_with(host=f"[{ip}]" if ":" in ip else ip),
                headers=sent,
                content=sending,
                # The name stands in the handshake and is what the certificate is checked against.
                extensions={"sni_hostname": address.host, "timeout": clocks.as_dict()},
            )
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                if sum(len(name) + len(value) for name, value in response.headers.raw) > MAX_HEADER_BYTES:
                    raise refused()
                found = {name.lower(): value for name, value in response.headers.items()}
                if response.status_code in _REDIRECTS or (sending is not None and limit == 0):
                    return Answer(address.url, response.status_code, found, b"")
                body, whole = await _read(response, limit, beginning)
                return Answer(address.url, response.status_code, found, body, whole)
            finally:
                await response.aclose()


async def _read(response: httpx.Response, limit: int, beginning: bool) -> tuple[bytes, bool]:
    """The decoded body. Never more than `limit` and one piece in memory: 291 KB of gzip can be 300 MB (F18)."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise refused()  # we asked for gzip or nothing
    decode = _Gunzip() if "gzip" in coding else None
    body = bytearray()
    async for raw in response.aiter_raw(_PIECE):
        body += decode.some(raw, limit + 1 - len(body)) if decode else raw
        if len(body) > limit:
            if beginning:
                return bytes(body[:limit]), False
            raise TooLarge(_TOO_LARGE, code="page_too_large")
    if decode and not decode.complete:
        raise refused()
    return bytes(body), True


class _Gunzip:
    """gzip, a bounded piece at a time; members behind each other are read as one, as the format says."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._begun = False

    @property
    def complete(self) -> bool:
        """Whether the last member came to its end (a body of no bytes is complete as well)."""
        return self._member.eof or not self._begun

    def some(self, raw: bytes, room: int) -> bytes:
        """Decoded bytes of this piece, at most `room`; the caller stops when that is used up."""
        found = bytearray()
        while raw and len(found) < room:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            self._begun = True
            found += self._member.decompress(raw, room - len(found))
            raw = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        return bytes(found)


def gunzip(data: bytes, limit: int) -> bytes:
    """A gzip file's content, at most `limit` bytes of it. Raises Invalid where it is none."""
    try:
        return _Gunzip().some(data, limit)
    except zlib.error as error:
        raise Invalid("This file is packed in a way that cannot be read.", code="url_invalid") from error
