"""The link at a mail's foot: its reader wants no more of them."""

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from minidesk.channels import MailedTo, mailed_to, stop_mails
from minidesk.db import Database
from minidesk.text.locale import Texts, direction
from minidesk.web.visitor_api.pages import templates


def mail_router(db: Database, texts: Texts, clock: Callable[[], datetime]) -> APIRouter:
    """`/mail/stop/{id}`. The id is known to the mail's reader alone, and can do nothing but this."""
    router = APIRouter(include_in_schema=False)
    pages = templates()

    @router.get("/mail/stop/{mail_id}")
    async def ask(mail_id: str) -> Response:
        """A button, not the deed: mail programs open links by themselves to look what is behind them."""
        async with db.read() as tx:
            reader = await mailed_to(tx, mail_id)
        return page(reader, mail_id, done=False)

    @router.post("/mail/stop/{mail_id}")
    async def stop(mail_id: str) -> Response:
        """The button, or a mail program's own (RFC 8058)."""
        async with db.write() as tx:
            reader = await stop_mails(tx, mail_id, clock())
        return page(reader, mail_id, done=True)

    def page(reader: MailedTo, mail_id: str, *, done: bool) -> Response:
        locale = texts.choose(reader.locale)
        html = pages.get_template("mail_stop.html").render(
            reader=reader,
            mail_id=mail_id,
            done=done,
            locale=locale,
            direction=direction(locale),
            t=lambda name, **values: texts.t(name, locale, **values),
        )
        return HTMLResponse(html)

    return router
