"""HTTP to a model's server. The only file that names aiohttp.

aiohttp parses in C and hands over what arrived as it arrived: an event of a stream costs a third of what it costs
with httpx, whose connection pool also gets slower with every connection that is open (measured).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import certifi

from minidesk.errors import ModelRefused, ModelUnreachable

# A dead target must leave time for the next one (F9).
CONNECT_S = 3.0


class ConnectionBroken(Exception):
    """It ended before the answer did, or what came was not HTTP."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose head has arrived. `pieces` are the body's bytes as they come; names of headers in any case."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class Wire(Protocol):
    """What the client needs of a network."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> AbstractAsyncContextManager[Opened]:
        """Send, and give the answer. Raises ModelUnreachable, ModelRefused or `ConnectionBroken`, later too."""

    async def close(self) -> None:
        """Give the connections back."""


class HttpWire:
    """The real network."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> AsyncIterator[Opened]:
        """As `Wire` says."""
        session = await self._opened()
        try:
            # A redirect would carry the key to another host.
            response = await session.post(url, data=body, headers=headers, allow_redirects=False)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise ModelUnreachable from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise ConnectionBroken from error
        except ValueError as error:  # a key that cannot stand in a header
            raise ModelRefused from error
        async with response:
            yield Opened(response.status, response.headers, _Pieces(response.content))

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    async def _opened(self) -> aiohttp.ClientSession:
        """At the first call, because a session belongs to the running loop."""
        if self._session is not None:
            return self._session
        async with self._opening:
            if self._session is None:
                # Reading all certificates takes a tenth of a second, in which no visitor's stream would move.
                self._session = _session(await asyncio.to_thread(_trust))
        return self._session


class _Pieces:
    """The body as it arrives, in whatever pieces."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    def __aiter__(self) -> "_Pieces":
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._content.readany()
        except (aiohttp.ClientError, ConnectionError) as error:
            raise ConnectionBroken from error
        if not piece:
            raise StopAsyncIteration
        return piece


def _trust() -> ssl.SSLContext:
    trust = ssl.create_default_context()
    trust.load_verify_locations(certifi.where())  # small images have no certificates of their own
    return trust


def _session(trust: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=trust),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S),
        auto_decompress=False,  # a compressed stream could unpack to hundreds of megabytes (F18)
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "minidesk"},
    )
