"""The console's pages of webhooks: who gets in, the secret that is shown once, the log, and what comes out escaped."""

import re
from html import unescape

import httpx
from sqlalchemy import select
from tests.web import test_console
from tests.web.test_console import Browser, Office

from minidesk.channels import QUEUE
from minidesk.db.models import Job, WebhookDelivery, WebhookEndpoint, WebhookTry

office = test_console.office

URL = "https://hooks.example.com/minidesk"


async def create(browser: Browser, url: str = URL, *events: str, **more: str) -> httpx.Response:
    """Fill the form and press the button."""
    data = {"csrf": browser.csrf, "url": url, "events": list(events or ("ticket.created",))} | more
    return await browser.client.post("/console/webhooks", data=data, headers={"Origin": browser.base})


async def rows(office: Office) -> list[WebhookEndpoint]:
    async with office.db.read() as tx:
        return list(await tx.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id)))


async def test_a_webhook_from_its_first_secret_to_its_end(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        assert '"/console/webhooks"' in (await browser.get("/console/keys")).text
        page = await browser.get("/console/webhooks")
        assert "There is no webhook yet" in page.text
        made = await create(browser, URL, "ticket.created", "rating.given")
        assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
        [row] = await rows(office)
        assert row.events == ["ticket.created", "rating.given"]
        first = office.deps.sealer.open(row.sealed, row.id)
        assert first not in row.sealed
        assert f'value="{first}"' in made.text
        one = f"/console/webhooks/{row.id}"
        for path in ("/console/webhooks", one):
            page = await browser.get(path)
            assert URL in page.text
            assert first not in unescape(page.text)
        rotated = await browser.post(f"{one}/secret")
        [changed] = await rows(office)
        second = office.deps.sealer.open(changed.sealed, row.id)
        assert second != first
        assert f'value="{second}"' in rotated.text
        assert first not in unescape(rotated.text)
        assert "both sign" in rotated.text
        assert (await browser.post(f"{one}/events", events="ticket.solved")).status_code == 303
        assert (await rows(office))[0].events == ["ticket.solved"]
        refused = await browser.post(f"{one}/events")
        assert (refused.status_code, "Choose at least one event" in refused.text) == (422, True)
        assert (await browser.post(f"{one}/off")).status_code == 303
        assert (await browser.post(f"{one}/test")).status_code == 409
        assert (await browser.post(f"{one}/on")).status_code == 303
        assert (await browser.post(f"{one}/delete")).status_code == 303
        assert (await browser.get(one)).status_code == 404
        assert await rows(office) == []


async def test_the_log_and_sending_again(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/webhooks")
        await create(browser)
        [row] = await rows(office)
        one = f"/console/webhooks/{row.id}"
        assert "Nothing was sent yet" in (await browser.get(one)).text
        assert (await browser.post(f"{one}/test")).status_code == 303
        async with office.db.write() as tx:
            job = (await tx.scalars(select(Job).where(Job.queue == QUEUE))).one()
            delivery = (await tx.scalars(select(WebhookDelivery))).one()
            assert job.payload["delivery_id"] == delivery.id
            delivery.state, delivery.next_at = "failed", None
            endpoint = await tx.get_one(WebhookEndpoint, row.id)
            endpoint.failing_since = office.clock()
            tx.add(
                WebhookTry(
                    delivery_id=delivery.id, status=503, ms=41, error="broken", created_at=office.clock()
                )
            )
        page = await browser.get(one)
        for said in (delivery.id, "503", "41 ms", "the receiver failed", "failing since"):
            assert said in page.text
        action = re.search(rf'action="({one}/deliveries/[^"]+/again)"', page.text)
        assert action is not None
        assert (await browser.post(action.group(1))).status_code == 303
        assert ">waiting<" in (await browser.get(one)).text


async def test_what_cannot_be_used_is_said_and_kept_in_the_form(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/webhooks")
        for url in ("http://127.0.0.1:8600/", "https://10.0.0.1/", "javascript:alert(1)", '"><script>x'):
            page = await create(browser, url)
            assert page.status_code == 422
            assert f'value="{url}"' in page.text.replace("&#34;", '"').replace("&gt;", ">").replace(
                "&lt;", "<"
            )
            assert "<script>x" not in page.text
        assert await rows(office) == []
        assert (await create(browser, URL, "everything")).status_code == 422
        assert (await create(browser, csrf="wrong")).status_code == 403
        assert await rows(office) == []


async def test_the_page_says_what_was_switched_off(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/webhooks")
        await create(browser)
        [row] = await rows(office)
        for state, said in (("failing", "for three days"), ("gone", "(410)")):
            async with office.db.write() as tx:
                (await tx.get_one(WebhookEndpoint, row.id)).state = state
            for path in ("/console/webhooks", f"/console/webhooks/{row.id}"):
                assert said in (await browser.get(path)).text


async def test_only_administrators_of_the_site_get_here(office: Office) -> None:
    for role in ("agent", "editor", "admin"):
        await office.agent(f"{role}@example.com", office.site, role)
    await office.agent("elsewhere@example.com", office.other, "admin")
    async with office.at_work("admin@example.com") as browser:
        await browser.get("/console/webhooks")
        await create(browser)
    [row] = await rows(office)
    presses = ("secret", "on", "off", "delete", "test", "deliveries/msg_1/again", "events")
    for role in ("agent", "editor"):
        async with office.at_work(f"{role}@example.com") as browser:
            assert "/console/webhooks" not in (await browser.get("/console/inbox")).text
            for path in ("/console/webhooks", f"/console/webhooks/{row.id}"):
                assert (await browser.get(path)).status_code == 403
            assert (await create(browser)).status_code == 403
            for press in presses:
                answer = await browser.post(f"/console/webhooks/{row.id}/{press}", events="ticket.solved")
                assert answer.status_code == 403
    async with office.at_work("elsewhere@example.com") as browser:
        assert URL not in (await browser.get("/console/webhooks")).text
        assert (await browser.get(f"/console/webhooks/{row.id}")).status_code == 404
        for press in presses:
            answer = await browser.post(f"/console/webhooks/{row.id}/{press}", events="ticket.solved")
            assert answer.status_code == 404
    [same] = await rows(office)
    assert (same.sealed, same.state, same.events) == (row.sealed, "on", ["ticket.created"])


async def test_the_page_says_how_mail_stands(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get("/console/webhooks")
        assert "No mail server is set" in page.text
        assert "MINIDESK_SMTP_URL" in page.text
