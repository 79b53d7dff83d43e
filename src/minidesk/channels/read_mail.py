"""A mail as it came over the network, read: to whom, what was written anew, and its files. All of it is a stranger's.

Only headers that our own mail server or the writer's program set are looked at, and who wrote is not among what is believed:
the token in the address alone says which conversation it belongs to.
"""

import codecs
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from typing import Any

from minidesk.channels.quoted import newly_written
from minidesk.errors import Invalid, TooLarge
from minidesk.text.normalise import remove_invisible, replace_surrogates

MAX_BYTES = 10_000_000
# A mail of people has two or three parts inside each other; one that has forty was made to keep a reader busy.
MAX_NESTED, MAX_PARTS, MAX_DEPTH = 40, 100, 10
# Each line is held against the boundaries of all parts around it. Files of 10 MB come in 140,000 lines.
MAX_LINES = 3_000_000
MAX_HEADERS = 1_000  # of one part; each look for one goes through all of them
MAX_TEXT = 300_000  # characters of text and markup that are read; what a person wrote is long before that
MAX_WORDS = 60_000  # what is left of them without markup, before the old mail is cut off
# A header with parameters is read with each look at one, in time that grows with the square of their number.
MAX_HEADER, MAX_PARAMETERS = 20_000, 100
MAX_ADDRESSES = 40  # headers that name somebody, however many there are
# Smaller pictures inside the text are the logos of signatures; what somebody pastes to show it is larger.
LOGO_BYTES = 10_000
_TO = ("to", "cc", "delivered-to", "x-original-to", "x-envelope-to", "envelope-to", "x-forwarded-to")
_NESTED = re.compile(rb"^content-type:\s*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
# What begins a block, or ends one: the words behind it are on another line.
_BLOCKS = frozenset(["br", "p", "div", "li", "tr", "h1", "h2", "h3", "table", "ul", "ol"])
_CHARSETS = re.compile(
    r"utf[_-]?(?:8|16)|ascii|us-ascii|latin|iso|cp\d|windows|koi8|gb|big5|shift|euc|mac|johab|hz|tis"
)


class _Part(Message):
    """A part whose headers are a stranger's: a parameter that would hold a reader up, or bring it down, is not there."""

    def get_param(
        self, param: str, failobj: Any = None, header: str = "content-type", unquote: bool = True
    ) -> Any:
        """As `Message.get_param`, which everything that asks for a file name, a charset or a boundary goes through."""
        whole = str(self.get(header, ""))
        if len(whole) > MAX_HEADER or whole.count(";") > MAX_PARAMETERS:
            return failobj
        try:
            found = super().get_param(param, failobj, header, unquote)
        except (TypeError, ValueError):  # continuations that do not fit together
            return failobj
        if isinstance(found, tuple):  # RFC 2231: a charset of its own, which is looked up as it is
            charset, language, value = found
            return (
                charset if charset is None or _CHARSETS.match(charset.lower()) else "us-ascii",
                language,
                value,
            )
        return found


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file of a mail, as its writer's program calls it."""

    name: str
    declared: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail. `machine`: the word for why no person wrote it (`auto_reply`, `bounce`), empty where one did."""

    digest: str  # the same for the same mail: SHA-256 of its Message-ID, or of all of it
    addresses: tuple[str, ...]
    machine: str
    text: str
    files: tuple[MailFile, ...]


def read_mail(raw: bytes) -> ReceivedMail:
    """Read it. Raises TooLarge, and Invalid for what is no mail or is nested too deep. CPU work."""
    if len(raw) > MAX_BYTES:
        raise TooLarge(f"This mail is larger than {MAX_BYTES // 1_000_000} MB.")
    nested = len(_NESTED.findall(raw))
    if nested > MAX_NESTED or raw.count(b"\n") * (nested + 1) > MAX_LINES:
        raise Invalid("This mail has too many parts inside each other.", code="mail_too_deep")
    try:
        return _read(raw)
    # Python's own mail parser raises what its inner workings raise. Whoever sent it would only send it again.
    except (
        MessageError,
        RecursionError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        AssertionError,
    ) as error:
        raise Invalid("This is no mail that can be read.", code="mail_unreadable") from error


def _read(raw: bytes) -> ReceivedMail:
    mail = message_from_bytes(raw, _class=_Part)
    leaves = _leaves(mail)
    if not mail.keys():
        raise Invalid("This is no mail: it has no headers.", code="mail_unreadable")
    headers = [str(value)[:MAX_HEADER] for name in _TO for value in mail.get_all(name, [])[:MAX_ADDRESSES]]
    known = _header(mail, "message-id").strip()
    return ReceivedMail(
        digest=hashlib.sha256(known.encode("utf-8", "replace") if known else raw).hexdigest(),
        addresses=tuple(address for _, address in getaddresses(headers) if address),
        machine=_machine(mail),
        text=newly_written(_text(leaves)),
        files=tuple(_files(leaves)),
    )


def _header(mail: Message, name: str) -> str:
    return str(mail.get(name, ""))[:2000]


def _machine(mail: Message) -> str:
    """RFC 3834 and what programs did before it. A person's mail carries none of these."""
    sender = _header(mail, "from").lower()
    kind = mail.get_content_type()
    returned = _header(mail, "return-path").strip()
    if (
        returned == "<>"
        or kind == "multipart/report"
        or re.search(r"\b(?:mailer-daemon|postmaster)@", sender)
    ):
        return "bounce"
    automatic = _header(mail, "auto-submitted").split(";")[0].strip().lower()
    suppress = _header(mail, "x-auto-response-suppress").strip().lower()
    if automatic not in ("", "no") or suppress not in ("", "none"):
        return "auto_reply"
    if _header(mail, "precedence").strip().lower() in ("bulk", "junk", "list", "auto_reply"):
        return "auto_reply"
    if any(
        name in mail
        for name in ("x-autoreply", "x-autorespond", "x-auto-reply", "list-id", "list-unsubscribe")
    ):
        return "auto_reply"
    return ""


def _leaves(mail: Message) -> list[Message]:
    """The parts that hold something, in their order; of alternatives only the best one that we can read."""
    found: list[Message] = []
    waiting: list[tuple[Message, int]] = [(mail, 0)]
    while waiting:
        part, depth = waiting.pop(0)
        if depth > MAX_DEPTH or len(found) > MAX_PARTS or len(part) > MAX_HEADERS:
            raise Invalid("This mail has too many parts inside each other.", code="mail_too_deep")
        split = part.is_multipart() and part.get_content_maintype() == "multipart"
        inside = part.get_payload() if split else None
        if not isinstance(inside, list):
            found.append(part)
            continue
        parts = [each for each in inside if isinstance(each, Message)]
        if part.get_content_type() == "multipart/alternative":
            plain = [
                each for each in parts if each.get_content_type() == "text/plain" and _data(each).strip()
            ]
            parts = plain[:1] or parts[-1:]
        waiting = [(each, depth + 1) for each in parts] + waiting
    return found


def _is_file(part: Message) -> bool:
    named = part.get_filename() is not None
    is_text = part.get_content_type() in ("text/plain", "text/html")
    return part.get_content_disposition() == "attachment" or named or not is_text


def _text(leaves: list[Message]) -> str:
    said: list[str] = []
    room, left = MAX_TEXT, MAX_WORDS
    for part in leaves:
        if _is_file(part):
            continue
        words = _decoded(part)[:room]
        room -= len(words)
        if part.get_content_type() == "text/html":
            words = _of_html(words)
        said.append(words[:left])
        left -= len(said[-1])
    return remove_invisible(replace_surrogates("\n".join(said).replace("\0", "")))


def _data(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _decoded(part: Message) -> str:
    data = _data(part)
    charset = (part.get_content_charset() or "utf-8").lower()
    # Python also knows "zip", "unicode_escape" and other things that are no charset of a mail.
    if not _CHARSETS.match(charset):
        charset = "utf-8"
    try:
        codecs.lookup(charset)
        return data.decode(charset, "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def _files(leaves: list[Message]) -> list[MailFile]:
    found = []
    for part in leaves:
        if not _is_file(part):
            continue
        data = _data(part)
        inside = part.get("content-id") is not None and part.get_content_disposition() != "attachment"
        if inside and part.get_content_maintype() == "image" and len(data) < LOGO_BYTES:
            continue
        found.append(MailFile(_name(part), part.get_content_type(), data))
    return found


def _name(part: Message) -> str:
    raw = part.get_filename() or ""
    try:
        pieces = decode_header(raw[:1000])
        name = "".join(
            piece if isinstance(piece, str) else piece.decode(charset or "ascii", "replace")
            for piece, charset in pieces
        )
    except (MessageError, LookupError, ValueError):
        name = raw
    return replace_surrogates(name.replace("\0", ""))[:255]


def _of_html(markup: str) -> str:
    """The words of an HTML mail, a block a line; quotations as mail programs mark them are left out."""
    from lxml import etree, html

    if not markup.strip():
        return ""
    try:
        root: Any = html.fromstring(re.sub(r"<\?xml[^<>]*>", "", markup))
    except (ValueError, AssertionError, etree.LxmlError):
        return ""
    gone = set(_gone(root)) - {root}
    said: list[str] = []
    # Not `drop_tree` and `text_content`: each drop copies the words behind it once more.
    walk: Any = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        if event == "start" and element in gone:
            walk.skip_subtree()
        elif event == "start":
            said.append(element.text or "")
        elif element is not root:
            if event == "end" and element.tag in _BLOCKS and element not in gone:
                said.append("\n")
            said.append(element.tail or "")
    words = re.sub(r"[ \t\xa0]+", " ", "".join(said))
    return "\n".join(line.strip() for line in words.split("\n"))


def _gone(root: Any) -> Iterable[Any]:
    """What is no words of the writer."""
    yield from root.xpath(
        "//script|//style|//head|//title|//blockquote|//*[contains(@class,'gmail_quote')]|//*[contains(@class,'gmail_signature')]"
        "|//*[contains(@class,'moz-cite-prefix')]|//*[contains(@class,'yahoo_quoted')]|//*[@id='divRplyFwdMsg']|//*[@id='Signature']"
    )
    cut: set[Any] = set()
    for mark in root.xpath("//*[@id='appendonsend']|//*[@id='divRplyFwdMsg']"):
        parent = mark.getparent()
        if parent not in cut:  # all that follow the first mark: those of a second one are among them
            cut.add(parent)
            yield from mark.itersiblings("*")
