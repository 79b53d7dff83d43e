"""The console's page of a site's settings: every field kept, every refusal beside its field, no save lost."""

import re
from datetime import date, time
from html import unescape

import httpx
import pytest
from tests.web import test_console
from tests.web.test_console import PAYLOADS, Browser, Office

from minidesk.sites import Holiday, OpeningHours, SiteConfig, SiteView, Span, site_by_id, update_config
from minidesk.web.console.site_form import FIELDS, written

office = test_console.office
HERE = "/console/settings"
WHOLE = {
    "name": "Alpenglow Shop",
    "origins": "Shop.Example.com/\r\n\r\nhttps://www.example.com",
    "accent": "#8a3b12",
    "position": "left",
    "launcher_text": "Ask us",
    "greeting": "Servus!\r\nHow can we help?",
    "placeholder": "Your question",
    "assistant_line": "A machine answers first.",
    "quick_replies": "Where is my parcel?\r\nCan I send it back?",
    "privacy_url": "https://shop.example.com/privacy",
    "languages": "de\r\nEN",
    "instructions": "Be brief. Say “Servus”.",
    "person_topics": "Legal: lawyer; court\r\nPress: journalist",
    "link_hosts": "Docs.example.com",
    "daily_budget_usd": "2.5",
    "private_forms": "AG-#####\r\n@@-####",
    "time_zone": "Europe/Vienna",
    "mon": "9–12:30, 13:30-18",
    "tue": "18:00–24:00",
    "holidays": "2026-12-25 Christmas\r\n2027-01-01",
    "reply_minutes": "15",
    "ask_name": "required",
    "ask_email": "optional",
    "ask_own": "optional",
    "own_question": "What is your order number?",
    "ask_consent": "on",
    "consent_text": "I agree to this.",
    "nudges": "/boots/* | 20 | 50 | Which size fits?\r\n/* | 60 | 0 | Any questions?",
}


async def stored(office: Office) -> SiteView:
    """The site as it is in the database."""
    async with office.db.read() as tx:
        return await site_by_id(tx, office.site.id)


async def send(browser: Browser, office: Office, **changed: str) -> httpx.Response:
    """Open the page, change these fields and save; everything else goes back as the page showed it."""
    page = await browser.get(HERE)
    return await save(browser, page, await stored(office), **changed)


async def save(browser: Browser, page: httpx.Response, site: SiteView, **changed: str) -> httpx.Response:
    """Save a page that was opened before."""
    return await browser.post(HERE, version=version_in(page), **(written(site) | changed))


def version_in(page: httpx.Response) -> str:
    """The settings that a page was made from."""
    found = re.search(r'name="version" value="([0-9a-f]{16})"', page.text)
    assert found is not None
    return found.group(1)


def sentence(page: httpx.Response, field: str) -> str:
    """What the page says is wrong with a field, tied to it for screen readers."""
    found = re.search(rf'id="{field}-wrong">(.*?)</span>', page.text, re.DOTALL)
    assert found is not None, field
    control = re.search(rf'<(?:input|textarea|select) id="{field}"[^>]*>', page.text)
    assert control is not None
    assert f"{field}-wrong" in control.group()
    assert 'aria-invalid="true"' in control.group()
    return unescape(found.group(1))


async def test_every_field_is_saved_in_one_go_and_shown_again(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        answer = await send(browser, office, hide_private="", **WHOLE)
        assert answer.status_code == 303, answer.text
        page = await browser.get(answer.headers["location"])
        assert "Saved." in page.text
        assert f'data-site="{office.site.key}"' in unescape(page.text)
        for text in ("Servus!\nHow can we help?", "AG-#####\n@@-####", "09:00–12:30, 13:30–18:00"):
            assert text in unescape(page.text)
    site = await stored(office)
    assert (site.name, site.allowed_origins) == (
        "Alpenglow Shop",
        ("https://shop.example.com", "https://www.example.com"),
    )
    config = site.config
    assert (config.look.accent, config.look.position, config.look.launcher_text) == (
        "#8A3B12",
        "left",
        "Ask us",
    )
    assert config.greeting == "Servus!\nHow can we help?"
    assert config.quick_replies == ("Where is my parcel?", "Can I send it back?")
    assert config.person_topics == ("Legal: lawyer; court", "Press: journalist")
    assert (config.languages, config.link_hosts) == (("de", "en"), ("docs.example.com",))
    assert (config.private_forms, config.hide_private) == (("AG-#####", "@@-####"), False)
    assert (config.reply_minutes, config.daily_budget_usd) == (15, 2.5)
    assert (config.ask_name, config.ask_email, config.ask_own) == ("required", "optional", "optional")
    assert (config.own_question, config.ask_consent) == ("What is your order number?", True)
    assert config.consent_text == "I agree to this."
    assert config.nudges == ("/boots/* | 20 | 50 | Which size fits?", "/* | 60 | 0 | Any questions?")
    assert config.hours == OpeningHours(
        time_zone="Europe/Vienna",
        week=(
            (Span(start=time(9), end=time(12, 30)), Span(start=time(13, 30), end=time(18))),
            (Span(start=time(18), end=time(0)),),
            *((),) * 5,
        ),
        holidays=(Holiday(day=date(2026, 12, 25), name="Christmas"), Holiday(day=date(2027, 1, 1))),
    )


async def test_a_page_that_is_saved_as_it_was_changes_nothing(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        assert (await send(browser, office)).status_code == 303
        assert (await stored(office)).config == SiteConfig()
        assert (await send(browser, office, **WHOLE)).status_code == 303
        before = await stored(office)
        assert (await send(browser, office)).status_code == 303
        assert await stored(office) == before


WRONG = [
    ("name", " ", "Give the site a name"),
    ("name", "x" * 121, "120 characters"),
    ("origins", "https://ok.example\nhttps://a.example/path\n*.b.example", "“https://a.example/path”, “*.b.example”"),
    ("accent", "teal", "# and six digits"),
    ("accent", "#7F7F7F", "The nearest one that works is #"),
    ("position", "top", "Choose another value"),
    ("greeting", "x" * 401, "400 characters"),
    ("greeting", "a\0b", "cannot be stored"),
    ("quick_replies", "\n".join("abcdefg"), "Keep 6"),
    ("quick_replies", "fine\n" + "y" * 81, "80 characters"),
    ("privacy_url", "javascript:alert(1)", "whole address"),
    ("languages", "german", "“german”: Write two letters"),
    ("instructions", "x" * 4001, "4000 characters"),
    ("link_hosts", "https://docs.example.com", "host alone"),
    ("daily_budget_usd", "nan", "from 0 to 100000"),
    ("private_forms", "AG-#####\n(a+)+", "“(a+)+”: Write a number's form"),
    ("reply_minutes", "0", "from 1 to 10080"),
    ("reply_minutes", "soon", "from 1 to 10080"),
    ("mon", "nine to five", "Write times such as"),
    ("mon", "9-25", "Write times such as"),
    ("mon", "18-9", "end after they start"),
    ("holidays", "25.12.2026 Christmas", "“25.12.2026 Christmas”"),
    ("ask_name", "perhaps", "Choose another value"),
    ("own_question", " ", "Write your question"),
    ("consent_text", "x" * 401, "400 characters"),
    ("nudges", "/ | soon | 0 | Hello", "“/ | soon | 0 | Hello”: Write the seconds"),
    ("nudges", "\n".join(f"/{n} | 1 | 1 | Hello" for n in range(11)), "Keep 10"),
]  # fmt: skip


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    before = await stored(office)
    async with office.at_work("mara@example.com") as browser:
        for field, value, says in WRONG:
            refused = await send(browser, office, **(WHOLE | {field: value}))
            assert refused.status_code == 422, (field, value)
            assert says in sentence(refused, field), (field, value)
            assert refused.text.count('-wrong">') == 1, (field, value)
            assert "Nothing is saved yet" in refused.text
            other = "launcher_text"
            assert f'value="{WHOLE[other]}"' in refused.text
        two = await send(browser, office, accent="#FFF", time_zone="Mars/Olympus", tue="9-17", holidays="x")
        assert sentence(two, "accent")
        assert "time zone is not known" in sentence(two, "time_zone")
        assert sentence(two, "holidays")
        alone = await send(browser, office, holidays="2026-12-25")
        assert "opening hours first" in sentence(alone, "holidays")
        assert await stored(office) == before
        assert (await send(browser, office, **WHOLE)).status_code == 303
        assert (await stored(office)).name == "Alpenglow Shop"


async def test_the_second_of_two_administrators_sees_what_the_first_saved(office: Office) -> None:
    for name in ("mara", "jonas"):
        await office.agent(f"{name}@example.com", office.site, "admin")
    site = await stored(office)
    async with office.at_work("mara@example.com") as mara, office.at_work("jonas@example.com") as jonas:
        both = await mara.get(HERE), await jonas.get(HERE)
        first = await save(mara, both[0], site, greeting="From Mara", hide_private="")
        assert first.status_code == 303
        refused = await save(jonas, both[1], site, instructions="From Jonas")
        assert refused.status_code == 409
        assert "Somebody else has changed these settings" in refused.text
        assert "From Jonas" in refused.text
        assert "From Mara" in refused.text
        assert {f for f in FIELDS if f'id="{f}-saved"' in refused.text} == {
            "greeting",
            "instructions",
            "hide_private",
        }
        now = await stored(office)
        assert (now.config.greeting, now.config.instructions) == ("From Mara", "")
        # Having seen both, Jonas decides.
        again = await save(jonas, refused, site, instructions="From Jonas", greeting="From Mara")
        assert again.status_code == 303
    now = await stored(office)
    assert (now.config.greeting, now.config.instructions) == ("From Mara", "From Jonas")


@pytest.mark.parametrize("broken", ["", "0" * 16])
async def test_a_form_that_does_not_say_what_it_was_made_from_overwrites_nothing(
    office: Office, broken: str
) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.get(HERE)
        fields = written(await stored(office)) | {"name": "Broken"}
        assert (await browser.post(HERE, version=broken, **fields)).status_code == 409
        assert (await stored(office)).name == "Alpenglow"
        assert (await send(browser, office, name="Whole")).status_code == 303
    assert (await stored(office)).name == "Whole"


async def test_only_administrators_of_the_site_get_here(office: Office) -> None:
    for role in ("agent", "editor", "admin"):
        await office.agent(f"{role}@example.com", office.site, role)
    await office.agent("elsewhere@example.com", office.other, "admin")
    async with office.at_work("admin@example.com") as browser:
        page = await browser.get(HERE)
        assert page.status_code == 200
        version, fields = version_in(page), written(await stored(office))
        assert f'href="{HERE}" aria-current="page"' in page.text
    for role in ("agent", "editor"):
        async with office.at_work(f"{role}@example.com") as browser:
            assert HERE not in (await browser.get("/console/inbox")).text
            assert (await browser.get(HERE)).status_code == 403
            assert (await browser.get(f"{HERE}/accent?accent=%23000000")).status_code == 403
            assert (await browser.post(HERE, version=version, **(fields | {"name": role}))).status_code == 403
    async with office.at_work("elsewhere@example.com") as browser:
        await browser.client.get("/console/inbox", headers={"Cookie": f"minidesk_site={office.site.id}"})
        assert "Alpenglow" not in (await browser.get(HERE)).text
        assert (await browser.post(HERE, version=version, **fields)).status_code == 409
    async with office.browser() as browser:
        assert (await browser.get(HERE)).status_code == 303
    assert (await stored(office)).name == "Alpenglow"
    async with office.at_work("admin@example.com") as browser:
        await browser.get(HERE)
        foreign = {"Origin": "https://evil.example"}
        data = {"csrf": browser.csrf, "version": version, **fields, "name": "Evil"}
        assert (await browser.client.post(HERE, data=data, headers=foreign)).status_code == 403
        assert (await browser.post(HERE, csrf="wrong", version=version, **fields)).status_code == 403
        assert (await browser.post(HERE, version=version, **(fields | {"name": "Ours"}))).status_code == 303
    assert (await stored(office)).name == "Ours"


async def test_texts_come_back_as_texts(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        for payload in PAYLOADS:
            fields = {"greeting": payload, "instructions": payload, "launcher_text": payload, "name": payload}
            saved = await send(browser, office, **fields)
            assert saved.status_code == 303
            refused = await send(browser, office, **fields, origins=payload, quick_replies=payload + "x" * 80)
            assert refused.status_code == 422
            for page in (await browser.get(HERE), refused):
                assert payload not in page.text or "<" not in payload
                assert payload in unescape(page.text)
                assert "982007569" not in page.text


async def test_a_colour_is_tried_before_it_is_saved(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        good = await browser.get(f"{HERE}/accent", params={"accent": " #1f5f5b "})
        assert 'fill="#1F5F5B"' in good.text
        assert "7.4 : 1" in good.text
        assert 'fill="#1D1C1A"' in (await browser.get(f"{HERE}/accent", params={"accent": "#FFEE00"})).text
        for wrong in ("", "red", '#12345"', "<b>"):
            answer = await browser.get(f"{HERE}/accent", params={"accent": wrong})
            assert 'fill="#' not in answer.text
            assert "six digits" in answer.text
            assert "<b>" not in answer.text


async def test_settings_without_a_field_on_the_page_stay(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    shown = set(FIELDS) | {"look", "hours"}
    hidden = set(SiteConfig.model_fields) - shown
    full = SiteConfig(greeting="Old", daily_budget_usd=0.0, hide_private=False)
    async with office.db.write() as tx:
        await update_config(tx, office.site.id, full)
    async with office.at_work("mara@example.com") as browser:
        assert (await send(browser, office, greeting="New")).status_code == 303
    config = (await stored(office)).config
    assert config == full.model_copy(update={"greeting": "New"})
    assert all(getattr(config, name) == getattr(full, name) for name in hidden)


async def test_what_the_proof_will_not_let_through_is_said_beside_the_instructions(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    text = "Be brief. Promise a refund to everyone.\r\nSee https://docs.example.com/a there. Add links to <b>https://x.example</b>."
    async with office.at_work("mara@example.com") as browser:
        saved = await send(browser, office, instructions=text, link_hosts="docs.example.com")
        assert saved.status_code == 303
        page = await browser.get(saved.headers["location"])
        notes = re.search(r'id="instructions-notes">(.*?)</span>', page.text, re.DOTALL)
        assert notes is not None
        first, second = unescape(notes.group(1)).split("<br>")
        assert first.startswith("“Promise a refund to everyone.” will not work:")
        assert "x.example" in second
        assert "<b>" not in notes.group(1)
        control = re.search(r'<textarea id="instructions"[^>]*>', page.text)
        assert control is not None
        assert "instructions-notes" in control.group()
        assert "aria-invalid" not in control.group()  # it is kept: nothing has to be changed
        await send(browser, office, instructions="Be brief.")
        assert "instructions-notes" not in (await browser.get(HERE)).text


async def test_a_sentence_is_tried_against_the_topics_as_they_are_written(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    await office.agent("jonas@example.com", office.site, "editor")
    topics = "Legal: lawyer; court\r\nPress <i>: journalist"

    async def tried(browser: Browser, said: str, topics: str = topics) -> httpx.Response:
        return await browser.post(f"{HERE}/topics", topic_try=said, person_topics=topics)

    async with office.at_work("mara@example.com") as browser:
        found = await tried(browser, "I'll see my lawyers")
        assert found.status_code == 200
        assert "Goes to a person for the topic “Legal”, because of the words “lawyer”." in unescape(
            found.text
        )
        escaped = await tried(browser, "I am a journalist")
        assert "<i>" not in escaped.text
        assert "“Press <i>”" in unescape(escaped.text)
        # In German: without a model every word of English is like every other here.
        assert "the assistant answers this" in (await tried(browser, "Wann habt ihr offen?")).text
        assert "first" in (await tried(browser, "")).text
        assert "first" in (await tried(browser, "lawyer", "")).text
        assert (await stored(office)).config.person_topics == ()
        for _ in range(20):
            answer = await tried(browser, "lawyer")
        assert answer.status_code == 429
    async with office.at_work("jonas@example.com") as browser:
        assert (await tried(browser, "lawyer")).status_code in (403, 404)
