"""An agent's picture and a site's logo, and refusals in the agent's language."""

import base64
import io

import httpx
from PIL import Image
from sqlalchemy import select
from tests.helpers.pictures import SVG, picture
from tests.web import test_console
from tests.web.test_console import Browser, Office

from minidesk.db.models import Agent
from minidesk.sites import logo_url, site_by_id

office = test_console.office


async def send(browser: Browser, path: str, name: str, file: tuple[str, bytes, str]) -> httpx.Response:
    """The form with a file."""
    return await browser.client.post(
        path, data={"csrf": browser.csrf}, files={name: file}, headers={"Origin": browser.base}
    )


async def test_a_picture_and_a_logo_are_cut_small_shown_and_removed(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    red = ("me.png", picture(width=300, height=200), "image/png")
    async with office.at_work("mara@example.com") as browser:
        for path, name, page in (
            ("/console/account/picture", "picture", "/console/account"),
            ("/console/settings/logo", "logo", "/console/settings"),
        ):
            await browser.get(page)
            assert (await send(browser, path, name, red)).status_code == 303
            refused = await send(browser, path, name, ("a.svg", SVG, "image/svg+xml"))
            assert refused.status_code == 422
            assert "This picture cannot be read." in refused.text
        async with office.db.read() as tx:
            drawn = await tx.scalar(select(Agent.picture).where(Agent.email == "mara@example.com"))
            site = await site_by_id(tx, office.site.id)
        for kept in (drawn or "", site.config.look.logo):
            assert Image.open(io.BytesIO(base64.b64decode(kept))).size == (108, 108)
        assert f"data:image/webp;base64,{drawn}" in (await browser.get("/console/account")).text
        shown = (await browser.get("/console/settings")).text
        assert f'src="{logo_url(site)}"' in shown
        assert 'data-controller="preview"' in shown
        await browser.post("/console/settings/logo", do="remove")
        await browser.post("/console/account/picture", do="remove")
        async with office.db.read() as tx:
            assert await tx.scalar(select(Agent.picture).where(Agent.email == "mara@example.com")) is None
            assert (await site_by_id(tx, office.site.id)).config.look.logo == ""


async def test_refusals_speak_german_to_a_german_agent(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        browser.client.headers["Accept-Language"] = "de"
        await browser.get("/console/account")
        refused = await browser.post("/console/account/picture")
        assert "Wählen Sie mindestens eine Datei." in refused.text
        missing = await browser.part("/console/conversations/cnv_none/say", kind="note", text="x")
        assert missing.json()["error"]["message"].startswith("Hier ist nichts.")
