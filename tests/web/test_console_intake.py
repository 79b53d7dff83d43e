"""What a visitor was asked before the first message, in the console."""

from html import unescape

from tests.web import test_console
from tests.web.test_console import Office

from minidesk.conversations import BeforeFirst
from minidesk.sites import Visitors

office = test_console.office
HOSTILE = "<img src=x onerror=alert(1)>"


async def test_an_agent_sees_the_answers_as_not_verified_and_the_consent(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "agent")
    visitors = Visitors(office.deps.clock)
    async with office.db.write() as tx:
        session = await visitors.open_session(tx, office.site.id, None)
        await visitors.introduce(tx, session.visitor_id, name=f"Ana {HOSTILE}", email="ana@example.com")
        row = await office.deps.conversations.start(
            tx,
            site_id=office.site.id,
            visitor_id=session.visitor_id,
            before=BeforeFirst("Which order?", f"20431 {HOSTILE}", "I agree to this."),
        )
        before = await office.deps.conversations.start(
            tx, site_id=office.site.id, visitor_id=session.visitor_id
        )
    async with office.at_work("mara@example.com") as browser:
        raw = (await browser.get(f"/console/conversations/{row.id}")).text
        page = unescape(raw)
        assert HOSTILE not in raw
        assert page.count("not verified") >= 3
        for words in (f"Ana {HOSTILE}", "ana@example.com", "Which order?", f"20431 {HOSTILE}"):
            assert words in page
        given = f"{office.deps.clock():%Y-%m-%d %H:%M} UTC"
        assert f"given {given}: “I agree to this.”" in page
        assert "Consent" not in (await browser.get(f"/console/conversations/{before.id}")).text
