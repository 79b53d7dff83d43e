"""Ways into the console beside the password: invitations, new passwords, second factors; and where one is signed in."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import default
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx
import pyotp
import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from tests.conftest import FakeClock
from tests.rows import add_team
from tests.web import test_console
from tests.web.test_console import PASSWORD, Browser, Office

from minidesk.accounts import Sealer, grant, list_people, open_sealer
from minidesk.channels import AccountMails
from minidesk.db.models import (
    AccessRule,
    Agent,
    AgentSession,
    AuditEntry,
    DoorStep,
    Invitation,
    PasswordReset,
    RecoveryCode,
    SecondFactor,
    TeamMember,
)
from minidesk.settings import Settings

office = test_console.office
NEW_PASSWORD = "another long password"


def shown(page: httpx.Response, pattern: str) -> str:
    """What a page shows."""
    found = re.search(pattern, page.text)
    assert found is not None, page.text
    return unescape(found.group(1))


def path_of(link: str) -> str:
    """A link as this test's server knows it."""
    return urlsplit(link).path


def link_on(page: httpx.Response) -> str:
    """The link that an administrator copies."""
    return path_of(shown(page, r'readonly value="([^"]+/console/(?:invite|reset)/[^"]+)"'))


async def invite(
    browser: Browser, email: str, role: str = "agent", **more: str | list[str]
) -> httpx.Response:
    """Send the form."""
    await browser.get("/console/people")
    data = {"csrf": browser.csrf, "email": email, "role": role, **more}
    return await browser.client.post("/console/people/invite", data=data, headers={"Origin": browser.base})


async def roles(office: Office, site_id: str) -> dict[str, str | None]:
    """Everybody's role by address, up to the @."""
    async with office.db.read() as tx:
        return {p.email.partition("@")[0]: p.role for p in await list_people(tx, site_id)}


@asynccontextmanager
async def mail_server(office: Office) -> AsyncIterator[list[str]]:
    """Lets the office mail to a server of this test; the texts that came, with their recipients in the first line."""
    came: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        to = ""
        while line := (await reader.readline()).decode().strip():
            if line.upper().startswith("RCPT TO:"):
                to = line[8:].strip("<>")
            if line.upper() == "DATA":
                writer.write(b"354 go on\r\n")
                raw = (await reader.readuntil(b"\r\n.\r\n"))[:-5]
                body = message_from_bytes(raw, policy=default).get_body()
                assert body is not None
                came.append(f"{to}\n{body.get_content()}")
            if line.upper() == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = office.deps.settings.model_copy(
        update={"smtp_url": SecretStr(f"smtp://127.0.0.1:{port}"), "mail_from": "desk@example.com"}
    )
    # The routes hold `deps`; it is frozen for everybody but a test that gives it a mail server.
    object.__setattr__(office.deps, "mails", AccountMails(settings))
    async with server:
        yield came


# ---------------------------------------------------------------- invitations


async def test_an_invitation_makes_an_agent_with_role_and_teams_once(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    team = await add_team(office.db, office.clock, office.site.id, "Returns")
    async with office.at_work("mara@example.com") as mara, office.browser() as guest:
        made = await invite(mara, "Ben@Example.com", "editor", team=[team.id])
        assert made.status_code == 201
        link = link_on(made)
        async with office.db.read() as tx:
            row = (await tx.scalars(select(Invitation))).one()
        assert link.rsplit("/", 1)[1] not in repr(vars(row))
        listed = await mara.get("/console/people")
        assert "ben@example.com" in listed.text
        assert link not in listed.text
        page = await guest.get(link)
        assert "Mara Lindt invites you to Alpenglow as Editor." in page.text
        assert (await guest.post(link, name="Ben", password="short")).status_code == 422
        joined = await guest.post(link, name="Ben Okafor", password=PASSWORD)
        assert (joined.status_code, joined.headers["location"]) == (303, "/console/inbox")
        assert (await guest.get("/console/inbox")).status_code == 200
        assert (await guest.get(link)).status_code == 404
        async with office.browser() as late:
            await late.get("/console/login")
            assert (await late.post(link, name="Eve", password=PASSWORD)).status_code == 404
        assert "ben@example.com" not in shown(await mara.get("/console/people"), r"(?s)</ul>(.*)$")
    assert await roles(office, office.site.id) == {"mara": "admin", "ben": "editor"}
    async with office.db.read() as tx:
        ben = await tx.scalar(select(Agent.id).where(Agent.email == "ben@example.com"))
        assert (await tx.scalars(select(TeamMember.agent_id))).all() == [ben]
        log = (await tx.execute(select(AuditEntry.action, AuditEntry.actor_name))).all()
    assert [tuple(row) for row in log] == [("people.invited", "Mara Lindt"), ("people.joined", "Ben Okafor")]


async def test_an_invitation_ends_after_seven_days_and_when_it_is_taken_back(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as mara, office.browser() as guest:
        first = link_on(await invite(mara, "ben@example.com"))
        second = link_on(
            await invite(mara, "ben@example.com")
        )  # the same address again: the older link is over
        assert (await guest.get(first)).status_code == 404
        assert (await guest.get(second)).status_code == 200
        page = await mara.get("/console/people")
        path = shown(page, r'action="(/console/people/invitations/[^"]+/revoke)"')
        assert (await mara.post(path)).status_code == 303
        assert (await mara.post(path)).status_code == 404
        assert (await guest.post(second, name="Ben", password=PASSWORD)).status_code == 404
        third = link_on(await invite(mara, "ben@example.com"))
        office.clock.advance(days=7, seconds=1)
        assert (await guest.get(third)).status_code == 404
    assert await roles(office, office.site.id) == {"mara": "admin"}


async def test_who_has_an_account_joins_with_its_password_alone(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    await office.agent("ben@example.com", office.other, "admin", name="Ben Okafor")
    async with office.at_work("mara@example.com") as mara, office.browser() as guest:
        link = link_on(await invite(mara, "ben@example.com", "agent"))
        page = await guest.get(link)
        assert "There is an account with this address." in page.text
        assert (await guest.post(link, password=NEW_PASSWORD)).status_code == 403
        assert await roles(office, office.site.id) == {"mara": "admin"}
        assert (await guest.post(link, password=PASSWORD)).status_code == 303
        assert (await invite(mara, "ben@example.com")).status_code == 409
    assert await roles(office, office.site.id) == {"mara": "admin", "ben": "agent"}
    assert (await roles(office, office.other.id))["ben"] == "admin"


async def test_an_invitation_is_no_way_round_the_limit_of_an_account(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    await office.agent("ben@example.com", office.other, "admin", name="Ben Okafor")
    async with office.at_work("mara@example.com") as mara, office.browser() as guest:
        link = link_on(await invite(mara, "ben@example.com", "agent"))
        for n in range(office.deps.settings.logins_per_5_minutes * 2):  # from many addresses
            office.deps.throttle.check(f"10.0.{n}.1", "ben@example.com")
        await guest.get(link)
        refused = await guest.post(link, password=PASSWORD)
        assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
        office.clock.advance(minutes=16)
        assert (await guest.post(link, password=PASSWORD)).status_code == 303


async def test_nobody_invites_where_they_are_no_administrator(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    await office.agent("ed@example.com", office.site, "editor")
    theirs = await add_team(office.db, office.clock, office.other.id, "Theirs")
    async with office.at_work("ed@example.com") as browser:
        refused = await browser.post("/console/people/invite", email="x@example.com", role="admin")
        assert refused.status_code == 403
    async with office.at_work("mara@example.com") as browser:
        assert (await invite(browser, "x@example.com", site=[office.other.id])).status_code == 404
        assert (await invite(browser, "x@example.com", team=[theirs.id])).status_code == 422
        assert (await invite(browser, "x@example.com", role="owner")).status_code == 422
        assert (await invite(browser, "no address")).status_code == 422
    assert await office.count(Invitation) == 0


@pytest.mark.parametrize("how", ["removed", "made an agent", "suspended"])
async def test_an_invitation_ends_with_the_rights_of_who_made_it(office: Office, how: str) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    gone = await office.agent("gone@example.com", office.site, "admin", name="Gone Soon")
    async with office.at_work("gone@example.com") as browser:
        link = link_on(await invite(browser, "friend@example.com", "admin"))
    async with office.at_work("mara@example.com") as mara, office.browser() as guest:
        assert "friend@example.com" in (await mara.get("/console/people")).text
        assert (await guest.get(link)).status_code == 200
        if how == "removed":
            await mara.post(f"/console/people/{gone}/remove")
        elif how == "made an agent":
            await mara.post(f"/console/people/{gone}/role", role="agent")
        else:
            await office.deps.agents.disable(gone)
        assert (await guest.get(link)).status_code == 404
        assert (await guest.post(link, name="Friend", password=PASSWORD)).status_code == 404
        if how != "suspended":  # who was suspended may come back
            assert "friend@example.com" not in (await mara.get("/console/people")).text
            async with office.db.write() as tx:
                await grant(tx, office.deps.sessions, agent_id=gone, site_id=office.site.id, role="admin")
            assert (await guest.get(link)).status_code == 404
    assert "friend" not in await roles(office, office.site.id)


async def test_every_site_that_an_invitation_opens_sees_it_and_may_take_it_back(office: Office) -> None:
    await office.agent("other@example.com", office.other, "admin")
    mara = await office.agent("mara@example.com", office.site, "admin")
    async with office.db.write() as tx:
        await grant(tx, office.deps.sessions, agent_id=mara, site_id=office.other.id, role="admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.post("/console/site", site=office.site.id)
        link = link_on(await invite(browser, "ben@example.com", "admin", site=[office.other.id]))
    async with office.at_work("other@example.com") as browser, office.browser() as guest:
        page = await browser.get("/console/people")
        assert "ben@example.com" in page.text
        path = shown(page, r'action="(/console/people/invitations/[^"]+/revoke)"')
        assert (await browser.post(path)).status_code == 303
        assert "ben@example.com" not in (await browser.get("/console/people")).text
        assert (await guest.get(link)).status_code == 404
    async with office.db.read() as tx:
        told = select(AuditEntry.site_id).where(AuditEntry.action == "people.invitation_revoked")
        assert set(await tx.scalars(told)) == {office.site.id, office.other.id}


async def test_with_a_mail_server_the_link_goes_to_the_invited_and_to_nobody_else(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with mail_server(office) as came, office.at_work("mara@example.com") as mara:
        made = await invite(mara, "ben@example.com")
        assert made.status_code == 201
        assert "/console/invite/" not in made.text
        assert "A mail with the link went to ben@example.com." in made.text
        (mail,) = came
        assert mail.startswith("ben@example.com\n")
        link = path_of(shown(httpx.Response(200, text=mail), r"(http\S+/console/invite/\S+)"))
        async with office.browser() as guest:
            assert (await guest.get(link)).status_code == 200


# ---------------------------------------------------------------- new passwords


async def test_a_forgotten_password_is_replaced_by_mail_and_every_session_ends(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with (
        mail_server(office) as came,
        office.at_work("mara@example.com") as old,
        office.browser() as browser,
    ):
        await browser.get("/console/reset")
        known = await browser.post("/console/reset", email=" Mara@example.com")
        unknown = await browser.post("/console/reset", email="nobody@example.com")
        await office.deps.mails.settle()
        assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
        (mail,) = came
        assert mail.startswith("mara@example.com\n")
        link = path_of(shown(httpx.Response(200, text=mail), r"(http\S+/console/reset/\S+)"))
        async with office.db.read() as tx:
            row = (await tx.scalars(select(PasswordReset))).one()
        assert link.rsplit("/", 1)[1] not in repr(vars(row))
        assert "mara@example.com" in (await browser.get(link)).text
        assert (await browser.post(link, password="short")).status_code == 422
        done = await browser.post(link, password=NEW_PASSWORD)
        assert done.status_code == 200
        assert "Your new password is saved." in done.text
        assert (await browser.post(link, password=PASSWORD)).status_code == 404
        assert (await old.get("/console/inbox")).status_code == 303
        assert (await browser.sign_in("mara@example.com")).status_code == 403
        assert (await browser.sign_in("mara@example.com", NEW_PASSWORD)).status_code == 303


async def test_a_link_by_mail_lives_for_an_hour_and_asking_is_limited(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with mail_server(office) as came, office.browser() as browser:
        await browser.get("/console/reset")
        for _ in range(5):
            assert (await browser.post("/console/reset", email="mara@example.com")).status_code == 200
            await office.deps.mails.settle()
        over = await browser.post("/console/reset", email="mara@example.com")
        assert over.status_code == 429
        assert int(over.headers["retry-after"]) > 0
        links = [path_of(shown(httpx.Response(200, text=m), r"(http\S+/console/reset/\S+)")) for m in came]
        assert len(links) == 5
        assert [(await browser.get(link)).status_code for link in links] == [404] * 4 + [200]
        office.clock.advance(hours=1, seconds=1)
        assert (await browser.get(links[-1])).status_code == 404
        assert (await browser.post(links[-1], password=NEW_PASSWORD)).status_code == 404


async def test_without_a_mail_server_the_page_says_whom_to_ask_and_an_administrator_makes_the_link(
    office: Office,
) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.site, name="Jonas Weber")
    async with office.browser() as guest, office.at_work("mara@example.com") as mara:
        page = await guest.get("/console/reset")
        assert "This desk sends no mail." in page.text
        here = f"/console/people/{jonas}"
        assert "Jonas Weber" in (await mara.get(here)).text
        made = await mara.post(f"{here}/reset")
        assert made.status_code == 201
        link = link_on(made)
        assert link not in (await mara.get(here)).text
        await guest.get(link)
        assert (await guest.post(link, password=NEW_PASSWORD)).status_code == 200
        assert (await guest.sign_in("jonas@example.com", NEW_PASSWORD)).status_code == 303


@pytest.mark.parametrize("how", ["works elsewhere too", "the maker is gone", "the maker is suspended"])
async def test_a_link_made_by_hand_ends_with_the_right_to_make_it(office: Office, how: str) -> None:
    await office.agent("other@example.com", office.site, "admin")
    mara = await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.site, name="Jonas Weber")
    async with office.at_work("mara@example.com") as browser:
        await browser.get(f"/console/people/{jonas}")
        link = link_on(await browser.post(f"/console/people/{jonas}/reset"))
    async with office.at_work("other@example.com") as other, office.browser() as guest:
        assert (await guest.get(link)).status_code == 200
        if how == "works elsewhere too":
            async with office.db.write() as tx:
                await grant(tx, office.deps.sessions, agent_id=jonas, site_id=office.other.id, role="admin")
        elif how == "the maker is gone":
            await other.get("/console/people")
            await other.post(f"/console/people/{mara}/remove")
        else:
            await office.deps.agents.disable(mara)
        assert (await guest.get(link)).status_code == 404
        assert (await guest.post(link, password=NEW_PASSWORD)).status_code == 404
        assert (await guest.sign_in("jonas@example.com", NEW_PASSWORD)).status_code == 403


async def test_a_link_that_an_operator_made_opens_every_account(office: Office) -> None:
    await office.deps.agents.create(email="root@example.com", name="Root", password=PASSWORD, operator=True)
    jonas = await office.agent("jonas@example.com", office.site, name="Jonas Weber")
    async with office.at_work("root@example.com") as browser:
        await browser.post("/console/site", site=office.site.id)
        await browser.get(f"/console/people/{jonas}")
        link = link_on(await browser.post(f"/console/people/{jonas}/reset"))
    async with office.db.write() as tx:
        await grant(tx, office.deps.sessions, agent_id=jonas, site_id=office.other.id, role="admin")
    async with office.browser() as guest:
        await guest.get(link)
        assert (await guest.post(link, password=NEW_PASSWORD)).status_code == 200


@pytest.mark.parametrize("way", ["password", "invitation"])
async def test_a_password_that_is_changed_while_it_is_checked_opens_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.other, name="Jonas Weber")
    async with office.at_work("mara@example.com") as mara, office.browser() as thief:
        link = link_on(await invite(mara, "jonas@example.com"))
        await thief.get("/console/login")
        check = office.deps.agents.authenticate

        async def slowly(email: str, password: str) -> Any:
            checked = await check(email, password)
            await office.deps.agents.set_password(jonas, NEW_PASSWORD)
            return checked

        monkeypatch.setattr(office.deps.agents, "authenticate", slowly)
        if way == "password":
            await thief.post("/console/login", email="jonas@example.com", password=PASSWORD)
        else:
            await thief.post(link, password=PASSWORD)
        async with office.db.read() as tx:
            theirs = select(AgentSession).where(AgentSession.agent_id == jonas)
            assert (await tx.scalars(theirs)).all() == []
    assert "jonas" not in await roles(office, office.site.id)


async def test_an_administrator_opens_no_account_that_works_elsewhere_too(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    both = await office.agent("both@example.com", office.site, name="Both")
    async with office.db.write() as tx:
        await grant(tx, office.deps.sessions, agent_id=both, site_id=office.other.id, role="agent")
    root = await office.deps.agents.create(
        email="root@example.com", name="Root", password=PASSWORD, operator=True
    )
    stranger = await office.agent("stranger@example.com", office.other)
    own = await office.agent("own@example.com", office.site)
    acts = ("", "/reset", "/factor-off", "/sign-out")
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/people")
        for agent_id, expected in ((both, 403), (root.id, 403), (stranger, 404), ("a%00b", 404)):
            for act in acts:
                path = f"/console/people/{agent_id}{act}"
                answer = await (browser.post(path) if act else browser.get(path))
                assert answer.status_code == expected, path
        assert (await browser.post(f"/console/people/{own}/reset")).status_code == 201
    async with office.at_work("own@example.com") as browser:
        for act in acts:
            path = f"/console/people/{own}{act}"
            assert (await (browser.post(path) if act else browser.get(path))).status_code == 403
    assert await office.count(PasswordReset) == 1
    async with office.at_work("root@example.com") as browser:
        await browser.get("/console/people")
        assert (await browser.post(f"/console/people/{both}/reset")).status_code == 201


# ---------------------------------------------------------------- second factors


class App:
    """An authenticator app on somebody's telephone, set up from what the page shows."""

    def __init__(self, page: httpx.Response, clock: FakeClock) -> None:
        assert 'class="qr"' in page.text
        assert "style=" not in shown(page, r"(?s)(<svg.*?class=\"qr\".*?</svg>)")  # the policy allows none
        self._totp = pyotp.TOTP(shown(page, r'class="mono secret">([A-Z2-7 ]+)<').replace(" ", ""))
        self._clock = clock

    def code(self, steps: int = 0) -> str:
        """What it shows, so many steps of 30 s from now."""
        return self._totp.generate_otp(int(self._clock().timestamp()) // 30 + steps)


async def set_up(office: Office, browser: Browser) -> tuple[App, list[str]]:
    """Switch the second factor on for whoever is signed in; the app and the recovery codes."""
    await browser.get("/console/account")
    assert (await browser.post("/console/account/two-factor", password="wrong password")).status_code == 403
    assert (await browser.post("/console/account/two-factor", password=PASSWORD)).status_code == 303
    app = App(await browser.get("/console/account/two-factor"), office.clock)
    confirm = "/console/account/two-factor/confirm"
    assert (await browser.post(confirm, code="12345")).status_code == 422
    wrong = await browser.post(confirm, code=app.code(2))
    assert wrong.status_code == 403
    assert "set your telephone’s clock" in wrong.text.replace("&#39;", "’")
    assert "recovery code" not in wrong.text, "there are none yet"
    done = await browser.post(confirm, code=app.code())
    assert done.status_code == 201
    codes = re.findall(r"<li>((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})</li>", done.text)
    assert len(codes) == len(set(codes)) == 10
    return app, codes


async def sign_in(browser: Browser, email: str, code: str) -> httpx.Response:
    """Password, then the code."""
    first = await browser.sign_in(email)
    assert (first.status_code, first.headers["location"]) == (303, "/console/login/code")
    assert (await browser.get("/console/inbox")).status_code == 303  # the password alone opens nothing
    assert (await browser.get("/console/login/code")).status_code == 200
    return await browser.post("/console/login/code", code=code)


async def test_with_a_second_factor_the_password_alone_opens_nothing(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.at_work("mara@example.com") as elsewhere, office.at_work("mara@example.com") as browser:
        app, codes = await set_up(office, browser)
        assert (await elsewhere.get("/console/inbox")).status_code == 303  # it came in without
        page = await browser.get("/console/account")
        assert "10 recovery codes are left" in page.text
        assert (await browser.get("/console/account/two-factor")).status_code == 303  # never shown again
    async with office.db.read() as tx:
        stored = (await tx.scalars(select(SecondFactor))).one()
        kept = (await tx.scalars(select(RecoveryCode.code_hash))).all()
    secret = Sealer(bytes(32)).open(stored.sealed, stored.agent_id)
    assert secret not in stored.sealed
    assert not {code.replace("-", "") for code in codes} & set(kept)
    async with office.browser() as browser:
        office.clock.advance(seconds=30)
        assert (await sign_in(browser, "mara@example.com", app.code())).status_code == 303
        assert (await browser.get("/console/inbox")).status_code == 200
    async with office.browser() as browser:  # the very same code: somebody looked over the shoulder
        again = await sign_in(browser, "mara@example.com", app.code())
        assert again.status_code == 403
        assert "was used before" in again.text
        office.clock.advance(seconds=30)
        assert (await browser.post("/console/login/code", code=app.code())).status_code == 303


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_clocks_may_differ_by_one_step(office: Office, steps: int, taken: bool) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.at_work("mara@example.com") as browser:
        app, _ = await set_up(office, browser)
    office.clock.advance(minutes=10)
    async with office.browser() as browser:
        answer = await sign_in(browser, "mara@example.com", app.code(steps))
    assert answer.status_code == (303 if taken else 403)


async def test_a_recovery_code_opens_once_and_new_ones_end_the_old(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.at_work("mara@example.com") as browser:
        _, codes = await set_up(office, browser)
    async with office.browser() as browser:
        assert (await sign_in(browser, "mara@example.com", codes[0].lower())).status_code == 303
        assert "9 recovery codes are left" in (await browser.get("/console/account")).text
        fresh = await browser.post("/console/account/two-factor/codes", password=PASSWORD)
        assert fresh.status_code == 201
        new = shown(fresh, r"<li>((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})</li>")
    async with office.browser() as browser:
        assert (await sign_in(browser, "mara@example.com", codes[0])).status_code == 403
        assert (await browser.post("/console/login/code", code=codes[1])).status_code == 403
        assert (await browser.post("/console/login/code", code=new)).status_code == 303


async def test_guessing_codes_ends_the_sign_in_and_then_the_tries(office: Office) -> None:
    agent_id = await office.agent("mara@example.com", office.site)
    async with office.at_work("mara@example.com") as browser:
        app, _ = await set_up(office, browser)
    office.clock.advance(minutes=20)
    wrong = next(f"{n:06}" for n in range(10) if f"{n:06}" not in [app.code(s) for s in (-1, 0, 1)])
    async with office.browser() as browser:
        for _ in range(2):
            assert (await sign_in(browser, "mara@example.com", wrong)).status_code == 403
            for _ in range(4):
                assert (await browser.post("/console/login/code", code=wrong)).status_code == 403
            over = await browser.post("/console/login/code", code=app.code())
            assert over.status_code == 403
            assert "Begin again" in over.text
        assert (await sign_in(browser, "mara@example.com", app.code())).status_code == 429
        office.clock.advance(minutes=16)
        assert (await sign_in(browser, "mara@example.com", app.code())).status_code == 303
    async with office.db.read() as tx:
        assert (await tx.scalars(select(AgentSession.agent_id))).all() == [agent_id] * 2


async def test_one_code_at_two_doors_at_once_opens_one(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.at_work("mara@example.com") as browser:
        app, _ = await set_up(office, browser)
    office.clock.advance(minutes=1)
    async with office.browser() as one, office.browser() as two:
        for browser in (one, two):
            await browser.sign_in("mara@example.com")
            await browser.get("/console/login/code")
        answers = await asyncio.gather(
            *(browser.post("/console/login/code", code=app.code()) for browser in (one, two))
        )
    assert sorted(answer.status_code for answer in answers) == [303, 403]


async def test_a_half_done_sign_in_is_over_after_ten_minutes_and_in_another_browser(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.at_work("mara@example.com") as browser:
        app, _ = await set_up(office, browser)
    async with office.browser() as browser, office.browser() as other:
        await browser.sign_in("mara@example.com")
        await other.get("/console/login")
        assert "Begin again" in (await other.post("/console/login/code", code=app.code(1))).text
        office.clock.advance(minutes=11)
        assert "Begin again" in (await browser.post("/console/login/code", code=app.code())).text
        assert (await browser.get("/console/inbox")).status_code == 303


@pytest.mark.parametrize("page", ["/console/login/code", "/console/login/enrol"])
async def test_back_at_the_code_page_nobody_runs_in_a_circle(office: Office, page: str) -> None:
    """Signed in, the browser's back button leads there; so does the sign-in after one that took too long."""
    await office.agent("mara@example.com", office.site)
    async with office.at_work("mara@example.com") as inside, office.browser() as outside:
        for browser, end in ((inside, "/console/inbox"), (outside, "/console/login")):
            found = await browser.client.get(page, follow_redirects=True)
            assert (found.status_code, found.url.path) == (200, end)
            assert "next" not in found.url.params


async def test_a_site_that_asks_everybody_signs_out_who_has_none_and_sets_it_up_at_the_door(
    office: Office,
) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    await office.agent("jonas@example.com", office.site, name="Jonas")
    await office.agent("other@example.com", office.other)
    async with (
        office.at_work("mara@example.com") as mara,
        office.at_work("jonas@example.com") as jonas,
        office.at_work("other@example.com") as other,
    ):
        await mara.get("/console/people")
        refused = await mara.post("/console/people/require", second_factor="on")
        assert refused.status_code == 409  # or the first to be locked out is the one who switched it on
        assert "your own second factor first" in refused.text
        await set_up(office, mara)
        assert (await mara.post("/console/people/require", second_factor="on")).status_code == 303
        assert (await jonas.get("/console/inbox")).status_code == 303
        assert (await other.get("/console/inbox")).status_code == 200
        assert (await mara.get("/console/inbox")).status_code == 200
        kept = await mara.post("/console/account/two-factor/off", password=PASSWORD)
        assert kept.status_code == 409
    async with office.browser() as jonas:
        first = await jonas.sign_in("jonas@example.com")
        assert first.headers["location"] == "/console/login/enrol"
        app = App(await jonas.get("/console/login/enrol"), office.clock)
        assert (await jonas.get("/console/inbox")).status_code == 303
        assert (await jonas.get("/console/login/enrol")).status_code == 200
        assert (await jonas.post("/console/login/enrol", code=app.code(3))).status_code == 403
        done = await jonas.post("/console/login/enrol", code=app.code())
        assert done.status_code == 201
        assert done.text.count("<li>") == 10
        assert (await jonas.get("/console/inbox")).status_code == 200
    assert await office.count(DoorStep) == 0


@pytest.mark.parametrize("how", ["by its owner", "by another"])
async def test_a_new_password_ends_what_the_old_one_had_begun(office: Office, how: str) -> None:
    """Else who knew the old one would set up an app of their own, and be in."""
    jonas = await office.agent("jonas@example.com", office.site, name="Jonas")
    async with office.at_work("jonas@example.com") as owner, office.browser() as thief:
        async with office.db.write() as tx:
            tx.add(AccessRule(site_id=office.site.id, second_factor=True))
        assert (await thief.sign_in("jonas@example.com")).headers["location"] == "/console/login/enrol"
        app = App(await thief.get("/console/login/enrol"), office.clock)
        if how == "by its owner":
            await owner.get("/console/account")
            changed = await owner.post("/console/account/password", old=PASSWORD, new=NEW_PASSWORD)
            assert changed.status_code == 303
        else:
            await office.deps.agents.set_password(jonas, NEW_PASSWORD)
        assert await office.count(DoorStep) == 0
        await thief.post("/console/login/enrol", code=app.code())
        assert (await thief.get("/console/inbox")).status_code == 303
    assert await office.count(RecoveryCode) == 0


async def test_an_administrator_takes_a_lost_factor_off_and_its_sessions_end(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.site, name="Jonas Weber")
    async with office.at_work("mara@example.com") as mara, office.at_work("jonas@example.com") as browser:
        await set_up(office, browser)
        assert "It is on." in (await mara.get(f"/console/people/{jonas}")).text
        assert (await mara.post(f"/console/people/{jonas}/factor-off")).status_code == 303
        assert (await browser.get("/console/inbox")).status_code == 303
        assert (await browser.sign_in("jonas@example.com")).headers["location"] == "/console/inbox"
    assert await office.count(RecoveryCode) == 0


async def test_a_new_password_does_not_get_past_the_second_factor(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.at_work("mara@example.com") as browser:
        await set_up(office, browser)
    made = await office.deps.doors.resets.ask("mara@example.com")
    assert made is not None
    async with office.browser() as browser:
        link = f"/console/reset/{made.token}"
        await browser.get(link)
        assert (await browser.post(link, password=NEW_PASSWORD)).status_code == 200
        answer = await browser.sign_in("mara@example.com", NEW_PASSWORD)
        assert answer.headers["location"] == "/console/login/code"


async def test_a_secret_that_was_moved_or_sealed_elsewhere_does_not_open(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site)
    ben = await office.agent("ben@example.com", office.site)
    async with office.at_work("mara@example.com") as browser:
        app, codes = await set_up(office, browser)
    async with (
        office.db.write() as tx
    ):  # as if somebody with the database gave another account a secret they know
        await tx.execute(update(SecondFactor).values(agent_id=ben))
    office.clock.advance(minutes=1)
    async with office.browser() as browser:
        refused = await sign_in(browser, "ben@example.com", app.code())
        assert refused.status_code == 503
        assert "Use a recovery code" in refused.text
    async with office.db.write() as tx:
        await tx.execute(update(SecondFactor).values(agent_id=mara))
    async with office.browser() as browser:
        assert (await sign_in(browser, "mara@example.com", codes[3])).status_code == 303


# ---------------------------------------------------------------- sessions and passwords


async def test_sessions_are_listed_with_device_and_place_and_ended(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site)
    ben = await office.agent("ben@example.com", office.site)
    linux = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    async with office.browser() as lost, office.at_work("mara@example.com") as browser:
        lost.client.headers["User-Agent"] = linux
        await lost.sign_in("mara@example.com")
        async with office.at_work("ben@example.com"):
            page = await browser.get("/console/account")
            assert (
                page.text.count("/console/account/sessions/ses_") == 1
            )  # the other one of hers; not this, not Ben's
            assert "Firefox, Linux" in page.text
            assert "127.0.0.1" in page.text
            async with office.db.read() as tx:
                his = await tx.scalar(select(AgentSession.id).where(AgentSession.agent_id == ben))
            assert (await browser.post(f"/console/account/sessions/{his}/end")).status_code == 404
            assert (await browser.post("/console/account/sessions/a%00b/end")).status_code == 404
        path = shown(page, r'action="(/console/account/sessions/ses_[^"]+/end)"')
        assert (await browser.post(path)).status_code == 303
        assert (await lost.get("/console/inbox")).status_code == 303
        assert (await browser.get("/console/inbox")).status_code == 200
        await lost.sign_in("mara@example.com")
        assert (await browser.post("/console/account/sessions/end-others")).status_code == 303
        assert (await lost.get("/console/inbox")).status_code == 303
    async with office.db.read() as tx:
        held = await tx.scalars(select(AgentSession.agent_id).order_by(AgentSession.created_at))
        assert sorted(held) == sorted([mara, ben])


async def test_an_administrator_ends_a_persons_sessions(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.site, name="Jonas")
    here = f"/console/people/{jonas}"
    async with (
        office.at_work("mara@example.com") as mara,
        office.at_work("jonas@example.com") as one,
        office.at_work("jonas@example.com") as two,
    ):
        page = await mara.get(here)
        (first, second) = re.findall(r'name="session" value="(ses_[^"]+)"', page.text)
        assert (await mara.post(f"{here}/sign-out", session=first)).status_code == 303
        states = sorted([(await b.get("/console/inbox")).status_code for b in (one, two)])
        assert states == [200, 303]
        assert (await mara.post(f"{here}/sign-out", session=first)).status_code == 404
        assert (await mara.post(f"{here}/sign-out")).status_code == 303
        assert [(await b.get("/console/inbox")).status_code for b in (one, two)] == [303, 303]
        assert second not in (await mara.get(here)).text


async def test_who_changes_their_password_stays_and_everybody_else_with_it_goes(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    path = "/console/account/password"
    async with office.at_work("mara@example.com") as lost, office.at_work("mara@example.com") as browser:
        await browser.get("/console/account")
        assert (await browser.post(path, old="wrong password", new=NEW_PASSWORD)).status_code == 403
        assert (await browser.post(path, old=PASSWORD, new="short")).status_code == 422
        assert (await lost.get("/console/inbox")).status_code == 200
        assert (await browser.post(path, old=PASSWORD, new=NEW_PASSWORD)).status_code == 303
        assert (await browser.get("/console/inbox")).status_code == 200
        assert (await lost.get("/console/inbox")).status_code == 303
        await browser.get("/console/account")
        for _ in range(2):
            await browser.post(path, old="wrong password", new=PASSWORD)
        assert (await browser.post(path, old=NEW_PASSWORD, new=PASSWORD)).status_code == 429
    async with office.browser() as browser:
        assert (await browser.sign_in("mara@example.com", NEW_PASSWORD)).status_code == 303


def test_the_key_of_the_data_folder_is_made_once_and_read_by_nobody_else(settings: Settings) -> None:
    sealed = open_sealer(settings).seal("secret words", "agt_1")
    assert open_sealer(settings).open(sealed, "agt_1") == "secret words"
    file = settings.data_dir / "secret.key"
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in settings.data_dir.iterdir()] == ["secret.key"]
    given = settings.model_copy(update={"secret_key": SecretStr("ab" * 32)})
    assert open_sealer(given).open(open_sealer(given).seal("x", "p"), "p") == "x"
