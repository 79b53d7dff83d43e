"""Addresses that others name: nothing of ours is reached, whatever they write, and nothing they send is too much."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from tests.helpers.serving import speaking

from minidesk.errors import Invalid, MinideskError, TooLarge
from minidesk.outbound import Answer, Outbound
from minidesk.outbound.addresses import REFUSED, all_public
from minidesk.outbound.client import resolve_by_system

PUBLIC = "93.184.215.14"


@dataclass
class Canary:
    """A server on the loopback that must not be reached; it counts who comes."""

    port: int = 0
    hits: int = 0
    heads: list[str] = field(default_factory=list)


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    """Listens on a free port of 127.0.0.1."""
    seen = Canary()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.hits += 1
        seen.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/html\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    yield seen
    server.close()


def resolver(*answers: str) -> Callable[[str, int], asyncio.Future[Sequence[str]]]:
    """Says the same for every name."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return answers

    return resolve  # type: ignore[return-value]  # a coroutine function


# Every way of writing our own machine, or a neighbour, that T15 lists. PORT is the canary's.
INSIDE = [
    "http://127.0.0.1:PORT/", "http://localhost:PORT/", "http://localhost.:PORT/", "http://127.1:PORT/", "http://2130706433:PORT/",
    "http://0x7f000001:PORT/", "http://0x7f.0.0.1:PORT/", "http://0177.0.0.1:PORT/", "http://0:PORT/", "http://0.0.0.0:PORT/",
    "http://127.0.0.1.:PORT/", "http://[::1]:PORT/", "http://[::]:PORT/", "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::127.0.0.1]:PORT/", "http://[64:ff9b::7f00:1]:PORT/", "http://[2002:7f00:1::]:PORT/", "http://[fec0::1]:PORT/",
    "http://[fe80::1%25lo]:PORT/", "http://①②⑦.⓪.⓪.①:PORT/", "http://127。0。0。1:PORT/", "http://ex.example\\@127.0.0.1:PORT/",
    "http://user:word@127.0.0.1:PORT/", "http://127.0.0.1%2f:PORT/", "http://127.0.0.1:PORT\t/", "http://127.0.0.1:PORT/\n",
    "http://ex.example:PORT/", "ftp://127.0.0.1:PORT/", "gopher://127.0.0.1:PORT/", "file:///etc/passwd", "data:text/html,x",
    "//127.0.0.1:PORT/", "http:127.0.0.1:PORT", "http://ex.example:0/", "http://ex.example:65536/", "http://ex.example:22/",
    "http://" + "a" * 8000 + ".example/", "http://a.example/" + "x" * 8000, "", "   ", "no address",
]  # fmt: skip
# The same without a port, where only the address decides (nothing listens on port 80 here, and nobody may find out).
HOSTS = [
    "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0", "[::1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]",
    "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[2002:a00:1::]", "[2001::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[100::1]",
    "224.0.0.1", "168.63.129.16", "169.254.169.254", "100.100.100.200", "192.0.0.192", "10.0.0.1", "172.31.255.255", "192.168.1.1",
    "198.18.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "0.1.2.3",
]  # fmt: skip


@pytest.mark.parametrize("raw", INSIDE)
async def test_no_way_of_writing_it_reaches_us(canary: Canary, raw: str) -> None:
    outbound = Outbound(resolve=resolve_by_system if "ex.example" not in raw else resolver("127.0.0.1"))
    with pytest.raises(Invalid) as refusal:
        await outbound.get(raw.replace("PORT", str(canary.port)))
    assert refusal.value.code in ("address_not_allowed", "url_invalid")
    assert canary.hits == 0


@pytest.mark.parametrize("host", HOSTS)
async def test_every_address_that_is_not_public_is_refused_in_the_same_words(host: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await Outbound().get(f"http://{host}/")
    assert (refusal.value.code, refusal.value.message) == ("address_not_allowed", REFUSED)


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["10.0.0.7", PUBLIC], ["::ffff:127.0.0.1"], [PUBLIC, "fe80::1%lo"], []]
)  # fmt: skip
async def test_one_private_answer_among_public_ones_is_enough(found: list[str]) -> None:
    with pytest.raises(Invalid) as refusal:
        await Outbound(resolve=resolver(*found)).get("http://shop.example/")
    assert refusal.value.code == "address_not_allowed"
    assert not all_public(found)


def test_public_addresses_are_public() -> None:
    assert all_public(
        [PUBLIC, "2606:4700::1111", "2a00:1450:4001::8", "1.1.1.1", "192.30.255.113", "172.32.0.1"]
    )


async def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(canary: Canary) -> None:
    asked = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    answer = await Outbound(f"shop.example:{canary.port}", resolve=rebinding).get(
        f"http://shop.example:{canary.port}/help?x=1#part"
    )
    assert (answer.status, answer.body, asked) == (200, b"hello", ["shop.example"])
    assert f"Host: shop.example:{canary.port}\r\n" in canary.heads[0]
    assert canary.heads[0].startswith("GET /help?x=1 HTTP/1.1\r\n")
    assert answer.url == f"http://shop.example:{canary.port}/help?x=1"


async def test_the_list_of_the_settings_names_port_and_host(canary: Canary) -> None:
    outbound = Outbound(f"127.0.0.1:{canary.port}")
    assert (await outbound.get(f"http://127.0.0.1:{canary.port}/")).body == b"hello"
    for other in (
        f"http://127.0.0.1:{canary.port + 1}/",
        f"http://localhost:{canary.port}/",
        "http://127.0.0.1/",
    ):
        with pytest.raises(Invalid):
            await outbound.get(other)
    assert canary.hits == 1
    with pytest.raises(ValueError, match="host:port"):
        Outbound("127.0.0.1")


async def test_closed_forbidden_silent_and_broken_are_told_in_the_same_words(canary: Canary) -> None:
    said = set()
    async with speaking([], then_hang=True) as silent, speaking([b"SSH-2.0-x\r\n"]) as other:
        hosts = [url.removeprefix("http://") for url in (silent, other)]
        outbound = Outbound(f"127.0.0.1:1,{','.join(hosts)}")
        for url in (
            "http://127.0.0.1:1/",
            silent,
            other,
            "http://10.0.0.1/",
            f"http://127.0.0.1:{canary.port}/",
        ):
            with pytest.raises(Invalid) as refusal:
                await outbound.get(url, seconds=0.3)
            said.add((refusal.value.code, refusal.value.message))
    assert said == {("address_not_allowed", REFUSED)}


@asynccontextmanager
async def site(*pieces: bytes, hang: bool = False) -> AsyncIterator[Callable[..., "asyncio.Future[Answer]"]]:
    """A server that says exactly this; gives what asks it."""
    async with speaking(list(pieces), then_hang=hang) as url:
        outbound = Outbound(url.removeprefix("http://"))
        yield lambda **more: outbound.get(url, **more)  # type: ignore[misc]  # an awaitable


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:PORT/", "http://localhost:PORT/", "//127.0.0.1:PORT/x", "http://[::ffff:127.0.0.1]:PORT/",
               "file:///etc/passwd", "http://2130706433:PORT/"]
)  # fmt: skip
async def test_a_redirect_is_checked_like_the_first_address(canary: Canary, target: str) -> None:
    to = target.replace("PORT", str(canary.port)).encode()
    async with site(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + to + b"\r\n\r\n") as get:
        with pytest.raises(Invalid) as refusal:
            await get()
    assert refusal.value.code == "address_not_allowed"
    assert canary.hits == 0


async def test_redirects_come_to_an_end() -> None:
    async with site(b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: /again\r\n\r\n") as get:
        with pytest.raises(Invalid) as refusal:
            await get()
        assert refusal.value.code == "address_not_allowed"
        first = await get(redirects=0)
    assert (first.status, first.headers["location"]) == (301, "/again")


async def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(200_000_000), 9)  # 194 KB
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with site(head, bomb) as get:
        began = time.process_time()
        with pytest.raises(TooLarge) as refusal:
            await get()
        assert time.process_time() - began < 1  # unpacking all of it takes longer
        assert refusal.value.code == "page_too_large"
        some = await get(beginning=True, limit=1000)
    assert (len(some.body), some.whole) == (1000, False)


async def test_packed_pages_are_unpacked_and_broken_ones_refused() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    async with site(head, packed[:7], packed[7:]) as get:
        assert (await get()).body == b"one two"
    for body in (packed[:-9], b"not packed"):
        async with site(head, body) as get:
            with pytest.raises(Invalid):
                await get()
    async with site(head.replace(b"gzip", b"br"), b"xyz") as get:
        with pytest.raises(Invalid):
            await get()


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\n", b"X-Long: " + b"a" * 40_000 + b"\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n" + b"X-One-Of-Many: yes\r\n" * 3000 + b"\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ],
)
async def test_answers_that_are_none(pieces: list[bytes]) -> None:
    async with site(*pieces) as get:
        with pytest.raises(MinideskError) as refusal:
            await get(seconds=5)
    assert refusal.value.code == "address_not_allowed"


async def test_a_slow_drip_ends_with_the_total_clock() -> None:
    async with site(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", b"x", hang=True) as get:
        with pytest.raises(Invalid) as refusal:
            await get(seconds=0.2)
    assert refusal.value.message == REFUSED


async def test_a_body_of_too_many_bytes() -> None:
    async with site(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", b"x" * 2000) as get:
        assert len((await get(limit=2000)).body) == 2000
        with pytest.raises(TooLarge):
            await get(limit=1999)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("HTTPS://Bücher.Example:443/Über?q=ü#teil", "https://xn--bcher-kva.example/%C3%9Cber?q=%C3%BC"),
        ("http://shop.example.:80", "http://shop.example/"),
        ("  https://shop.example/a b", None),
        ("https://shop.example/a/../b/./c", "https://shop.example/b/c"),
        ("https://аррӏе.example/", "https://xn--80ak6aa92e.example/"),
    ],
)
def test_addresses_are_written_in_one_way(raw: str, clean: str | None) -> None:
    if clean is None:
        with pytest.raises(Invalid):
            Outbound().check(raw)
    else:
        assert Outbound().check(raw).url == clean


def test_settings_refuse_a_list_that_cannot_be_read() -> None:
    from pydantic import ValidationError

    from minidesk.settings import load_settings

    assert load_settings(outbound_allow="wiki.local:8080, [::1]:80").outbound_allow
    for wrong in ("wiki.local", "wiki.local:x", "a:1,b"):
        with pytest.raises(ValidationError):
            load_settings(outbound_allow=wrong)
