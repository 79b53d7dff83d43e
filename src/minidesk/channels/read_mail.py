"""A mail as it came over the network, read: to whom, what was written anew, and its files. All of it is a stranger's.

Only headers that our own mail server or the writer's program set are looked at, and who wrote is not among what is believed:
the token in the address alone says which conversation it belongs to.
"""

import codecs
import hashlib
import re
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
MAX_TEXT = 300_000  # characters of one part that are read; what a person wrote is long before that
# Smaller pictures inside the text are the logos of signatures; what somebody pastes to show it is larger.
LOGO_BYTES = 10_000
_TO = ("to", "cc", "delivered-to", "x-original-to", "x-envelope-to", "envelope-to", "x-forwarded-to")
_NESTED = re.compile(rb"^content-type:\s*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_CHARSETS = re.compile(
    r"utf[_-]?(?:8|16)|ascii|us-ascii|latin|iso|cp\d|windows|koi8|gb|big5|shift|euc|mac|johab|hz|tis"
)


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
    if len(_NESTED.findall(raw)) > MAX_NESTED:
        raise Invalid("This mail has too many parts inside each other.", code="mail_too_deep")
    try:
        mail = message_from_bytes(raw)
        leaves = _leaves(mail)
    except (MessageError, RecursionError, ValueError, LookupError, AssertionError) as error:
        raise Invalid("This is no mail that can be read.", code="mail_unreadable") from error
    if not mail.keys():
        raise Invalid("This is no mail: it has no headers.", code="mail_unreadable")
    headers = [str(value) for name in _TO for value in mail.get_all(name, [])]
    known = _header(mail, "message-id").strip()
    return ReceivedMail(
        digest=hashlib.sha256(known.encode("utf-8", "replace") if known else raw).hexdigest(),
        addresses=tuple(address for _, address in getaddresses([h[:20_000] for h in headers]) if address),
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
        if depth > MAX_DEPTH or len(found) > MAX_PARTS:
            raise Invalid("This mail has too many parts inside each other.", code="mail_too_deep")
        inside = part.get_payload() if part.get_content_maintype() == "multipart" else None
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
    said = []
    for part in leaves:
        if not _is_file(part):
            words = _decoded(part)[:MAX_TEXT]
            said.append(_of_html(words) if part.get_content_type() == "text/html" else words)
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
    from lxml import html

    if not markup.strip():
        return ""
    try:
        root: Any = html.fromstring(re.sub(r"<\?xml[^>]*>", "", markup))
    except (ValueError, AssertionError, html.etree.LxmlError):
        return ""
    gone: Any = root.xpath(
        "//script|//style|//head|//title|//blockquote|//comment()|//*[contains(@class,'gmail_quote')]|//*[contains(@class,'gmail_signature')]"
        "|//*[contains(@class,'moz-cite-prefix')]|//*[contains(@class,'yahoo_quoted')]|//*[@id='appendonsend']/following-sibling::*"
        "|//*[@id='divRplyFwdMsg']|//*[@id='divRplyFwdMsg']/following-sibling::*|//*[@id='Signature']"
    )
    for element in gone:
        if element.getparent() is not None:
            element.drop_tree()
    for element in root.iter("br", "p", "div", "li", "tr", "h1", "h2", "h3", "table", "ul", "ol"):
        element.tail = "\n" + (element.tail or "")
    words = re.sub(r"[ \t\xa0]+", " ", str(root.text_content()))
    return "\n".join(line.strip() for line in words.split("\n"))
