"""Which addresses may be asked for at all (T15).

An address is parsed once, here, and what was parsed is what is connected to: two parsers that disagree about the
host are how such rules are passed by. Names are judged by what they resolve to, in `client.py`.
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import httpx

from minidesk.errors import Invalid

# The width of the column that keeps it; what is longer is made by a trap or for a buffer.
URL_CHARS = 1000
PORTS = {"http": 80, "https": 443}

# One sentence for every reason: a different one for a closed port, a private host or a time-out would let anybody
# who may type an address look around in our network.
REFUSED = "This address cannot be read. Give one that opens for everybody on the internet, and try again when it does."
UNPARSABLE = "This is not a web address. Give it whole, such as https://www.example.com/help."

# An explicit list: `ipaddress.is_global` calls 224.0.0.1, 168.63.129.16, fec0::1, 64:ff9b::7f00:1, 2002:7f00:1:: and
# ::7f00:1 global (measured, Python 3.11).
_DENIED_V4 = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # "this host": Linux connects to itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers; 100.100.100.200 is Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own services
        "169.254.0.0/16",  # link-local; 169.254.169.254 is the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocols; 192.0.0.192 is Oracle's metadata
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# All of IPv6 that is given out. What is outside (::1, v4-mapped and -compatible, 64:ff9b::/96 and :1::/48 for NAT64,
# 100::/64, fc00::/7 with fd00:ec2::254, fe80::/10, fec0::/10, ff00::/8) reaches hosts of ours or nobody.
_GIVEN_OUT_V6 = ipaddress.IPv6Network("2000::/3")
_DENIED_V6 = tuple(
    ipaddress.IPv6Network(net)
    for net in (
        "2001::/23",  # protocols, Teredo (an IPv4 address inside) and ORCHID among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_LOOKS_NUMERIC = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)")


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address. `url` is normalised and has no fragment; `host` is in ASCII, without brackets."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def literal(self) -> IPv4Address | IPv6Address | None:
        """The IP address that the host is, if it is none that has to be resolved."""
        return _literal(self.host)


class Allowed:
    """Hosts and ports that may be asked for whatever they are: `host:port` with commas between, from the settings."""

    def __init__(self, listed: str = "") -> None:
        """Raises ValueError for an entry without a port."""
        self._pairs: set[tuple[str, int]] = set()
        for entry in filter(None, (part.strip() for part in listed.split(","))):
            host, _, port = entry.rpartition(":")
            if not host or not port.isdecimal():
                raise ValueError(f"{entry!r} is not host:port")
            self._pairs.add((host.strip("[]").lower(), int(port)))

    def __contains__(self, address: Address) -> bool:
        return (address.host, address.port) in self._pairs


def refused() -> Invalid:
    """The one answer to every address that may not or cannot be read."""
    return Invalid(REFUSED, code="address_not_allowed")


def check_address(raw: str, allowed: Allowed) -> Address:
    """Parse `raw` and check all that can be known without a look-up.

    Raises Invalid: `url_invalid` for what is no address, `address_not_allowed` for one that may not be asked for.
    """
    raw = raw.strip(" ")
    if not raw or len(raw) > URL_CHARS or "\\" in raw or any(ord(c) < 33 or ord(c) == 127 for c in raw):
        raise Invalid(UNPARSABLE, code="url_invalid")
    try:
        url = httpx.URL(raw)
        host = url.raw_host.decode("ascii").lower().removesuffix(".")
        port = url.port or PORTS.get(url.scheme, 0) if url.port != 0 else 0
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise Invalid(UNPARSABLE, code="url_invalid") from error
    if not url.scheme or port > 65535:
        raise Invalid(UNPARSABLE, code="url_invalid")
    if url.scheme not in PORTS:
        raise refused()
    if not (_literal(host) or (len(host) <= 253 and _NAME.fullmatch(host))):
        raise Invalid(UNPARSABLE, code="url_invalid")
    shown = f"[{host}]" if ":" in host else host
    clean = url.copy_with(
        host=shown, port=None if port == PORTS[url.scheme] else port, path=url.path or "/", fragment=None
    )
    address = Address(str(clean), url.scheme, host, port)
    if len(address.url) > URL_CHARS:
        raise Invalid(UNPARSABLE, code="url_invalid")
    # A name and password in it would be kept and shown; a browser would not take them from a link either.
    if url.userinfo or "@" in url.netloc.decode("ascii", "replace"):
        raise refused()
    if address not in allowed:
        _check_public(address)
    return address


def _check_public(address: Address) -> None:
    if address.port not in PORTS.values():
        raise refused()
    literal = address.literal
    # "127.1", "2130706433" and "0x7f000001" are 127.0.0.1 for the resolver: numbers have one form here.
    if literal is None and _LOOKS_NUMERIC.fullmatch(address.host):
        raise refused()
    if literal is not None and not is_public(literal):
        raise refused()


def join_address(base: str, link: str, allowed: Allowed) -> Address | None:
    """Where a link on the page `base` leads; None if it may not be followed or is no address."""
    try:
        return check_address(str(httpx.URL(base).join(link.strip())), allowed)
    except (Invalid, httpx.InvalidURL, UnicodeError, ValueError):
        return None


def all_public(found: Collection[str]) -> bool:
    """True if there are IP addresses and every one is public: one private among them could be the one connected to."""
    literals = [_literal(text) for text in found]
    return bool(literals) and all(literal is not None and is_public(literal) for literal in literals)


def is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Whether the address belongs to somebody on the internet, by the lists above."""
    if isinstance(ip, IPv4Address):
        return not any(ip in net for net in _DENIED_V4)
    return ip in _GIVEN_OUT_V6 and not any(ip in net for net in _DENIED_V6)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    if "%" in host:  # a zone: it names a network card of ours
        return None
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
