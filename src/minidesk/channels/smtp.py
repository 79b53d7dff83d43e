"""Hands a message to the operator's mail server. The only file that names aiosmtplib."""

import logging
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

log = logging.getLogger(__name__)

PORTS = {"smtp": 25, "starttls": 587, "smtps": 465}
SECONDS = 30.0  # for each step of the dialogue; busy servers let new senders wait on purpose
# What a person reads in the console: the server's own words can name addresses and hosts.
UNREACHABLE, REFUSED = "unreachable", "refused"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a mail was not taken; `again` tells whether a later try can help."""

    word: str
    again: bool


class MailServer:
    """The server behind MINIDESK_SMTP_URL. One connection a mail: they are few."""

    def __init__(self, url: str) -> None:
        """`url`: smtp (encrypted where the server offers it), starttls (always encrypted) or smtps."""
        self._parts = urlsplit(url)

    async def send(self, message: EmailMessage, *, sender: str, to: str) -> Problem | None:
        """None where the server took it. It is handed to `to` alone, whatever its headers say."""
        import aiosmtplib

        parts = self._parts
        try:
            await aiosmtplib.send(
                message.as_bytes(),  # the library would fold headers in its own way
                sender=sender,
                recipients=[to],
                hostname=parts.hostname,
                port=parts.port or PORTS[parts.scheme],
                username=unquote(parts.username) if parts.username else None,
                password=unquote(parts.password) if parts.password else None,
                use_tls=parts.scheme == "smtps",
                start_tls={"starttls": True, "smtps": False}.get(parts.scheme),
                timeout=SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _refused(max(one.code for one in error.recipients))
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error.code)
        except (aiosmtplib.SMTPException, OSError) as error:
            log.warning("the mail server was not reached: %s", type(error).__name__)
            return Problem(UNREACHABLE, again=True)
        return None


def _refused(code: int) -> Problem:
    # 4xx means "not now" (RFC 5321, 4.2.1): greylisting is the usual reason.
    log.warning("the mail server refused a mail with %s", code)
    return Problem(REFUSED, again=code < 500)
