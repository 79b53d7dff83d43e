"""A mail with answers, as text and as simple HTML.

Every header is set by `EmailMessage` with a policy that refuses line ends in values and addresses that are none, so
nobody's name or address can add a header or a recipient. No words of the visitor stand in it, and an address that
nobody has checked gets a fixed text (T24): who types another person's address can make the desk send them nothing.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from minidesk.text.locale import direction
from minidesk.text.render import render_markdown

Translate = Callable[..., str]

# Longer lines than the usual 78: a link that is folded behind its header's name is not found by every mail program.
# In 7 bits: not every server on the way takes 8.
POLICY = SMTP.clone(max_line_length=300, cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer of an agent; `name` is the first name."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail is made of. `id` is in the link that stops further mails, and in the Message-ID."""

    id: str
    conversation_id: str
    address: str
    site_name: str
    locale: str
    answers: tuple[Said, ...]  # empty: only that there is one
    chat_url: str
    reply_to: str = ""  # where an answer comes back into the conversation; empty: nowhere


def is_mailable(address: str) -> bool:
    """Whether a mail can be addressed so: one plain ASCII address, no name, no list, no line end."""
    if not address.isascii() or not address.isprintable() or any(c in address for c in ' ,;:<>()[]\\"'):
        return False
    try:
        Address(addr_spec=address)
    except (MessageError, ValueError, IndexError):
        return False
    return address.count("@") == 1


def stop_url(base_url: str, mail_id: str) -> str:
    """Where its reader can stop further mails."""
    return f"{base_url}/mail/stop/{mail_id}"


def on_a_line(name: str) -> str:
    """A site's name as headers and sentences take it."""
    return " ".join(name.split())


def begin_message(
    mail_id: str, address: str, site: str, subject: str, sender: str, base_url: str
) -> EmailMessage:
    """The headers that every mail to a visitor has."""
    stop = stop_url(base_url, mail_id)
    message = EmailMessage(policy=POLICY)
    message["Subject"] = subject
    message["From"] = Address(display_name=site, addr_spec=sender)
    message["To"] = Address(addr_spec=address)
    # The same at every try: a server that took it before its answer was lost can tell that it has it.
    message["Message-ID"] = f"<{mail_id}@{urlsplit(base_url).hostname or 'localhost'}>"
    message["Auto-Submitted"] = "auto-generated"  # no out-of-office answers (RFC 3834)
    message["List-Unsubscribe"] = f"<{stop}>"
    if stop.startswith("https:"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058 wants https
    return message


def write_message(
    letter: Letter, sender: str, base_url: str, t: Translate, link_hosts: Collection[str]
) -> EmailMessage:
    """The message, ready to be sent."""
    site = on_a_line(letter.site_name)
    stop = stop_url(base_url, letter.id)
    message = begin_message(letter.id, letter.address, site, t("mail.subject", site=site), sender, base_url)
    if letter.reply_to:
        message["Reply-To"] = Address(addr_spec=letter.reply_to)
    host = urlsplit(base_url).hostname or "localhost"
    message["References"] = f"<{letter.conversation_id}@{host}>"
    message.set_content(_text(letter, stop, t, site))
    message.add_alternative(_html(letter, stop, t, site, link_hosts), subtype="html")
    return message


def _text(letter: Letter, stop: str, t: Translate, site: str) -> str:
    answers = "".join(f"{said.name}:\n{said.text}\n\n" for said in letter.answers)
    return (
        f"{_intro(letter, t, site)}\n\n{answers}"
        f"{t('mail.open')}:\n{letter.chat_url}\n\n-- \n{t('mail.stop')}:\n{stop}\n"
    )


def _intro(letter: Letter, t: Translate, site: str) -> str:
    return t("mail.intro" if letter.answers else "mail.waiting", site=site)


def _html(letter: Letter, stop: str, t: Translate, site: str, link_hosts: Collection[str]) -> str:
    answers = Markup("").join(
        Markup('<p><b dir="auto">{}</b></p><div dir="auto">{}</div>').format(
            said.name,
            Markup(render_markdown(said.text, link_hosts=link_hosts)),  # noqa: S704 (the one renderer's safe HTML)
        )
        for said in letter.answers
    )
    return str(
        Markup(
            '<!doctype html><html lang="{lang}" dir="{dir}"><body style="font-family:sans-serif;line-height:1.5">'
            '<p>{intro}</p>{answers}<p><a href="{chat}">{open}</a></p>'
            '<p style="color:#666;font-size:13px"><a href="{stop}" style="color:#666">{stop_words}</a></p>'
            "</body></html>"
        ).format(
            lang=letter.locale,
            dir=direction(letter.locale),
            intro=escape(_intro(letter, t, site)),
            answers=answers,
            chat=letter.chat_url,
            open=t("mail.open"),
            stop=stop,
            stop_words=t("mail.stop"),
        )
    )
