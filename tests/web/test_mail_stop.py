"""The link at a mail's foot, over real HTTP."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from tests.conftest import FakeClock
from tests.helpers.serving import serving
from tests.rows import add_conversation

from minidesk.db import Database
from minidesk.db.models import Conversation, MailStop, SentMail, new_id
from minidesk.text.locale import load_texts
from minidesk.web.problems import install_error_handlers
from minidesk.web.visitor_api import mail_router


@pytest.fixture
async def client(db: Database, clock: FakeClock) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, or a mail program, without cookies."""
    app = FastAPI()
    app.include_router(mail_router(db, load_texts(), clock))
    install_error_handlers(app)
    async with serving(app) as base, httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as client:
        yield client


async def add_mail(db: Database, clock: FakeClock) -> str:
    """A mail that was sent to a German speaker with an odd name for a site."""
    conversation = await add_conversation(db, clock)
    mail = SentMail(
        id=new_id("eml"),
        site_id=conversation.site_id,
        conversation_id=conversation.id,
        address="ana@example.com",
        up_to_seq=3,
        state="sent",
        problem="",
        created_at=clock(),
    )
    async with db.write() as tx:
        tx.add(mail)
        (await tx.get_one(Conversation, conversation.id)).locale = "de"
    return mail.id


async def test_only_the_button_stops_them(db: Database, clock: FakeClock, client: httpx.AsyncClient) -> None:
    mail_id = await add_mail(db, clock)

    async def stops() -> list[str]:
        async with db.read() as tx:
            return list(await tx.scalars(select(MailStop.address)))

    page = await client.get(f"/mail/stop/{mail_id}")
    assert (page.status_code, await stops()) == (200, [])
    assert "Keine E-Mails mehr von Alpenglow an ana@example.com?" in page.text
    assert f'action="/mail/stop/{mail_id}"' in page.text
    for _ in range(2):
        done = await client.post(f"/mail/stop/{mail_id}", data={"List-Unsubscribe": "One-Click"})
        assert (done.status_code, await stops()) == (200, ["ana@example.com"])
        assert "keine E-Mails mehr" in done.text


@pytest.mark.parametrize("id", ["eml_0", "x" * 500, "%00", "'--"])
async def test_an_unknown_mail(db: Database, clock: FakeClock, client: httpx.AsyncClient, id: str) -> None:
    await add_mail(db, clock)
    for answer in (await client.get(f"/mail/stop/{id}"), await client.post(f"/mail/stop/{id}")):
        assert answer.status_code == 404
    async with db.read() as tx:
        assert (await tx.scalars(select(MailStop.id))).all() == []
