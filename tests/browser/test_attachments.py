"""Files from the chat to the console and back, in the real product: by button, paste and drop."""

import base64
import io
import json
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, FilePayload, Locator, async_playwright, expect

from minidesk.gateway.scripted import Line, ScriptedModel
from tests.browser.conftest import CHROMIUM, QUIET, Server, Widget, person, sign_in
from tests.helpers.pictures import PDF, photograph, picture
from tests.helpers.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# What a browser hands to a page when a person pastes or drops a file.
GIVE = """(target, [kind, name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const given = { bubbles: true, cancelable: true };
  if (kind === "paste") target.dispatchEvent(new ClipboardEvent("paste", { ...given, clipboardData: transfer }));
  else for (const type of ["dragover", "drop"]) target.dispatchEvent(new DragEvent(type, { ...given, dataTransfer: transfer }));
}"""


async def give(target: Locator, kind: str, name: str, type: str, data: bytes) -> None:
    await target.evaluate(GIVE, [kind, name, type, base64.b64encode(data).decode()])


async def test_from_the_chat_to_the_console_and_back(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    await server.start()
    visitor = await person(browser, server.url)
    widget = Widget(visitor.page)
    loaded: list[str] = []
    visitor.page.on("request", lambda asked: loaded.append(asked.url))
    await widget.open(server.url)
    frame = widget.frame
    box, tray, sent = frame.get_by_role("textbox"), frame.locator(".tray"), frame.locator(".own")
    await expect(frame.get_by_role("button", name="Send")).to_be_disabled()
    assert not [url for url in loaded if "/attach-" in url]  # most chats never need it

    # By the button: a large photograph is made smaller before it leaves the browser.
    large = tmp_path / "large.png"
    noise = Image.effect_noise((2400, 1200), 80).convert("RGB")
    noise.save(large)
    await frame.get_by_label("Attach a file").set_input_files([str(large)])
    await expect(tray.get_by_role("listitem")).to_have_count(1)
    await expect(tray.locator("progress")).to_have_count(0)
    # By paste, with a name of the clipboard's making.
    await give(box, "paste", "image.png", "image/png", picture(width=300, height=200))
    await expect(tray.get_by_role("listitem")).to_have_count(2)
    # By drop, anywhere.
    await give(frame.locator(".log"), "drop", "Rechnung März.pdf", "application/pdf", PDF)
    await expect(tray.get_by_role("listitem")).to_have_count(3)
    # What is refused says why, keeps the message from going without it, and can be taken away.
    await give(box, "paste", "page.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    await expect(tray.get_by_role("alert")).to_contain_text("This kind of file is not taken.")
    await expect(frame.get_by_role("button", name="Send")).to_be_disabled()
    await tray.get_by_role("button", name="Remove page.svg").click()
    await expect(tray.locator("progress")).to_have_count(0)
    await box.fill("My order 20431 looks like this, can I talk to someone?")
    await box.press("Enter")
    await expect(sent.get_by_role("button", name="Show large.webp")).to_be_visible()
    # The last thing that happens by itself: from here on nothing moves under a press.
    await expect(frame.get_by_text("Your request has number 7", exact=False)).to_be_visible()
    await expect(frame.get_by_text("Sending")).to_have_count(0)
    await expect(sent.locator(".picture img")).to_have_count(2)
    await expect(tray).to_have_count(0)
    await sent.get_by_role("button", name="Show large.webp").click()
    shown = frame.locator("dialog img")
    await expect(shown).to_have_js_property("naturalWidth", 1600)
    await visitor.page.keyboard.press("Escape")
    await expect(shown).to_have_count(0)
    async with visitor.page.expect_download() as download:
        await sent.get_by_role("button", name="Rechnung März.pdf").click()
    saved = await (await download.value).path()
    assert saved.read_bytes() == PDF

    # The agent sees them, and sends one back.
    agent = await person(browser, server.url)
    await sign_in(agent.page, server)
    await agent.page.goto(f"{server.url}/console/inbox?view=unassigned")
    await agent.page.locator("[data-row]", has_text="looks like this").click()
    pictures = agent.page.locator("#messages .picture img")
    await expect(pictures).to_have_count(2)
    for n in range(2):
        await expect(pictures.nth(n)).to_have_js_property("complete", True)
    await expect(pictures.first).to_have_js_property("naturalWidth", 1600)
    await expect(agent.page.locator("#messages .file")).to_contain_text("Rechnung März.pdf")
    lying = tmp_path / "label.jpg"
    lying.write_bytes(photograph())
    await agent.page.get_by_label("Attach files").set_input_files(str(lying))
    await expect(agent.page.locator("[data-files] span")).to_have_text("label.jpg")
    await agent.page.locator("#say").fill("Please use this label.")
    await agent.page.locator("#say").press("Control+Enter")
    await expect(frame.locator(".from-desk").last).to_contain_text("Please use this label.")
    await expect(frame.get_by_role("button", name="Show label.jpg")).to_be_visible()
    await expect(agent.page.locator("#messages .picture img")).to_have_count(3)
    await expect(agent.page.get_by_label("Attach files")).to_have_value("")

    # A reload shows all of it again, and a picture alone is a message.
    await visitor.page.reload()
    await frame.get_by_role("textbox").wait_for()
    await expect(frame.locator(".picture img")).to_have_count(3)
    await frame.get_by_label("Attach a file").set_input_files(
        {"name": "alone.png", "mimeType": "image/png", "buffer": picture()}
    )
    await expect(frame.get_by_role("button", name="Send")).to_be_enabled()
    await frame.get_by_role("button", name="Send").click()
    await expect(agent.page.locator("#messages .picture img")).to_have_count(4)
    assert not [url for url in loaded if "token" in url]
    assert visitor.complaints == []
    assert agent.complaints == []


async def test_an_upload_that_reaches_nobody_can_be_tried_again(server: Server, browser: Browser) -> None:
    await server.start()
    visitor = await person(browser, server.url)
    widget = Widget(visitor.page)
    await widget.open(server.url)
    frame, tray = widget.frame, widget.frame.locator(".tray")
    await visitor.page.route("**/attachments", lambda route: route.abort())
    out = io.BytesIO()
    Image.new("RGB", (50, 50), "red").save(out, "PNG")
    file = FilePayload(name="<img src=x onerror=alert(1)>.png", mimeType="image/png", buffer=out.getvalue())
    await frame.get_by_label("Attach a file").set_input_files(file)
    await expect(tray.get_by_role("alert")).to_contain_text("Not sent")
    await expect(frame.get_by_role("button", name="Send")).to_be_disabled()
    await visitor.page.unroute("**/attachments")
    await tray.get_by_role("button", name="Try again").click()
    await expect(frame.get_by_role("button", name="Send")).to_be_enabled()
    await frame.get_by_role("button", name="Send").click()
    await expect(frame.get_by_role("button", name="Show _img src=x onerror=alert(1)_.png")).to_be_visible()
    # Files alone are no question: a person looks at them.
    await expect(frame.get_by_text("Your request has number 7", exact=False)).to_be_visible()
    assert visitor.complaints == []


VOICE = """
[[providers]]
name = "twin"
base_url = "{url}/v1"
models = [{{ name = "hears", minute_price = 0.006 }}]

[tiers.voice]
models = ["twin/hears"]
"""


async def test_a_voice_note_is_written_down_and_looked_at_before_it_is_sent(server: Server) -> None:
    words = json.dumps({"text": "How long do I have to send something back?"}).encode()
    model = ScriptedModel([Line(status=503), Line(body=words, content_type="application/json")])
    async with serving(model) as url, async_playwright() as play:
        (server.folder / "minidesk.toml").write_text(VOICE.format(url=url))
        await server.start()
        browser = await play.chromium.launch(
            executable_path=CHROMIUM,
            args=[*QUIET, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        )
        visitor = await person(browser, server.url)
        widget = Widget(visitor.page)
        await widget.open(server.url)
        frame = widget.frame

        async def speak() -> None:
            await frame.get_by_role("button", name="Record a voice note").click()
            await frame.get_by_role("button", name="Done").click()

        # The model is away: one sentence, and nothing of the chat is lost.
        await speak()
        await expect(frame.get_by_role("alert")).to_contain_text("Your voice note could not be written down.")
        await frame.get_by_role("button", name="Discard").click()
        await speak()
        box = frame.get_by_role("textbox")
        await expect(box).to_have_value("How long do I have to send something back?")
        await expect(frame.locator(".own")).to_have_count(0)  # nothing is sent unseen
        await box.press("Enter")
        await expect(frame.locator(".from-desk").last).to_contain_text("30 days")
        assert b"\x1a\x45\xdf\xa3" in model.requests[-1]["form"]  # what the browser recorded
        assert visitor.complaints == []
        await browser.close()
