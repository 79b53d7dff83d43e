"""Mails to the people of the console: invitations and links to a new password.

They are not jobs: a job's row would keep the link's token, which is stored nowhere. A mail that is lost when the
process ends is asked for again.
"""

import asyncio
import logging
from collections.abc import Awaitable
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import make_msgid
from urllib.parse import urlsplit

from minidesk.channels.letter import POLICY, is_mailable
from minidesk.channels.smtp import MailServer, Problem
from minidesk.settings import Settings

log = logging.getLogger(__name__)

# An administrator waits for this one, and can copy the link where it took longer.
SECONDS = 10.0
UNMAILABLE, TOO_SLOW = "address", "slow"


class AccountMails:
    """Sends them by the operator's mail server; `configured` says whether there is one."""

    def __init__(self, settings: Settings) -> None:
        self._server = MailServer(settings.smtp_url.get_secret_value()) if settings.mails else None
        self._sender = settings.mail_from
        self._host = urlsplit(settings.base_url).hostname or "localhost"
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def configured(self) -> bool:
        """Whether mail goes out at all."""
        return self._server is not None

    async def send(self, to: str, subject: str, text: str) -> Problem | None:
        """None where the server took it."""
        if self._server is None or not is_mailable(to):
            return Problem(UNMAILABLE, again=False)
        message = EmailMessage(policy=POLICY)
        message["Subject"] = " ".join(subject.split())
        message["From"] = Address(display_name="minidesk", addr_spec=self._sender)
        message["To"] = Address(addr_spec=to)
        message["Message-ID"] = make_msgid(domain=self._host)
        message["Auto-Submitted"] = "auto-generated"  # no out-of-office answers (RFC 3834)
        message.set_content(text)
        try:
            async with asyncio.timeout(SECONDS):
                return await self._server.send(message, sender=self._sender, to=to)
        except TimeoutError:
            return Problem(TOO_SLOW, again=True)

    def later(self, work: Awaitable[None]) -> None:
        """Do it after the answer: how long an answer takes must not tell whether there was somebody to write to."""
        task = asyncio.ensure_future(_reported(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def settle(self) -> None:
        """Wait until nothing is under way."""
        await asyncio.gather(*self._under_way)


async def _reported(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception:  # nobody awaits this task: without a line the mail would be missed by its reader alone
        log.exception("a mail to somebody of the console was not made")
