"""Signing in by another service, against a small one of our own at the network's edge: scripted to be honest, or not."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from sqlalchemy import select
from starlette.responses import JSONResponse, Response
from tests.conftest import FakeClock
from tests.helpers.serving import serving
from tests.web import test_console
from tests.web.test_console import Browser, Office
from tests.web.test_console_doors import invite, link_on, roles, set_up

from minidesk.accounts import OpenIdConnect, Sealer
from minidesk.db.models import Agent, AgentSession, AuditEntry
from minidesk.outbound import Outbound

office = test_console.office
SECRET = "the client's secret"
KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"})

Claims = dict[str, Any]


@dataclass
class Service:
    """The scripted issuer. What it says can be bent before somebody comes."""

    clock: FakeClock
    base: str = ""
    bend: Callable[[Claims], Claims] = lambda claims: claims
    key: RSAKey = field(default_factory=lambda: KEY)
    named: str = ""  # what its description says that it is
    asked: dict[str, dict[str, str]] = field(
        default_factory=dict
    )  # by code: what the sign-in page was opened with

    def authorize(self, url: str) -> str:
        """Somebody signs in on its page, which `url` opened; the address that it sends them back to."""
        parts = urlsplit(url)
        assert url.startswith(f"{self.base}/authorize?")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        code = f"code-{len(self.asked)}"
        self.asked[code] = query
        return f"{query['redirect_uri']}?code={code}&state={query['state']}"

    def app(self) -> FastAPI:
        """Its server."""
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def describe() -> dict[str, str]:
            return {
                "issuer": self.named or self.base,
                "authorization_endpoint": f"{self.base}/authorize",
                "token_endpoint": f"{self.base}/token",
                "jwks_uri": f"{self.base}/keys",
            }

        @app.get("/keys")
        async def keys() -> dict[str, Any]:
            return {"keys": [KEY.as_dict(private=False)]}

        @app.post("/token")
        async def token(request: Request) -> Response:
            form = await request.form()
            query = self.asked.pop(str(form["code"]), None)
            pair = base64.b64encode(
                b"desk:" + SECRET.replace("'", "%27").replace(" ", "%20").encode()
            ).decode()
            verifier = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
            if (
                query is None
                or request.headers["authorization"] != f"Basic {pair}"
                or form["redirect_uri"] != query["redirect_uri"]
                or base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != query["code_challenge"]
            ):
                return JSONResponse({"error": "invalid_grant"}, 400)
            now = int(self.clock().timestamp())
            claims = {
                "iss": self.base, "sub": "1", "aud": "desk", "iat": now, "exp": now + 300,
                "nonce": query["nonce"], "email": "Mara@example.com", "email_verified": True, "name": "Mara L",
            }  # fmt: skip
            signed = jwt.encode({"alg": "RS256", "kid": "one"}, self.bend(claims), self.key)
            return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": signed})

        return app


@pytest.fixture
async def service(office: Office) -> AsyncIterator[Service]:
    """A service that the office signs people in by."""
    service = Service(office.clock)
    async with serving(service.app()) as service.base:
        use(office, service)
        yield service


def use(office: Office, service: Service, **settings: str) -> None:
    """Let the office sign people in by it."""
    allowed = urlsplit(service.base).netloc
    wanted = office.deps.settings.model_copy(
        update={
            "oidc_issuer": service.base,
            "oidc_client_id": "desk",
            "oidc_client_secret": SecretStr(SECRET),
            "oidc_name": "Example Login",
            **settings,
        }
    )
    oidc = OpenIdConnect(
        office.db, wanted, Outbound(allowed), Sealer(bytes(32)), office.deps.agents, office.deps.sessions,
        office.clock,
    )  # fmt: skip
    # The routes hold `deps`; it is frozen for everybody but a test that names a service.
    object.__setattr__(office.deps, "oidc", oidc)


async def go(browser: Browser, service: Service) -> httpx.Response:
    """Press the button, sign in over there, and come back."""
    page = await browser.get("/console/login")
    assert "Sign in with Example Login" in page.text
    away = await browser.get("/console/login/oidc?next=%2Fconsole%2Fdocs")
    assert away.status_code == 303
    return await browser.get(service.authorize(away.headers["location"]))


async def test_who_has_an_account_gets_in_and_where_they_wanted_to(office: Office, service: Service) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.browser() as browser:
        back = await go(browser, service)
        assert (back.status_code, back.headers["location"]) == (303, "/console/docs")
        assert (await browser.get("/console/docs")).status_code == 200
    assert await office.count(Agent) == 1


async def test_a_code_state_or_cookie_of_another_sign_in_opens_nothing(
    office: Office, service: Service
) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.browser() as victim, office.browser() as other:
        away = await other.get("/console/login/oidc")
        link = service.authorize(away.headers["location"])  # somebody else's, sent to the victim
        assert (await victim.get(link)).status_code == 403
        await victim.get("/console/login/oidc")
        assert (await victim.get(link)).status_code == 403
        away = await victim.get("/console/login/oidc")
        late = service.authorize(away.headers["location"])
        office.clock.advance(minutes=11)
        assert (await victim.get(late)).status_code == 403
        away = await victim.get("/console/login/oidc")
        good = service.authorize(away.headers["location"])
        cookies = dict(victim.client.cookies)
        assert (await victim.get(good)).status_code == 303
        other.client.cookies.update(cookies)
        assert (await other.get(good)).status_code == 503  # the very same address again: the code is used up
        assert (await other.get("/console/login/oidc/callback?error=access_denied")).status_code == 403
    assert await office.count(AgentSession) == 1


@pytest.mark.parametrize(
    "bend",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email": None},
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["desk", "another"]},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"exp": None},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_this_sign_in_opens_nothing(
    office: Office, service: Service, bend: Claims
) -> None:
    await office.agent("mara@example.com", office.site)
    service.bend = lambda claims: {k: v for k, v in {**claims, **bend}.items() if v is not None}
    async with office.browser() as browser:
        assert (await go(browser, service)).status_code == 403
    assert await office.count(AgentSession) == 0


async def test_a_token_signed_by_another_or_an_issuer_of_another_name_opens_nothing(
    office: Office, service: Service
) -> None:
    await office.agent("mara@example.com", office.site)
    service.key = OTHER_KEY
    async with office.browser() as browser:
        assert (await go(browser, service)).status_code == 403
        service.key = KEY
        service.named = "https://evil.example"
        refused = await browser.get("/console/login/oidc")
        assert refused.status_code == 503
        assert "sign in with your password" in refused.text
    assert await office.count(AgentSession) == 0


async def test_who_has_no_account_gets_one_only_where_the_settings_give_a_role(
    office: Office, service: Service
) -> None:
    await office.agent("ben@example.com", office.site)
    async with office.browser() as browser:
        refused = await go(browser, service)
        assert refused.status_code == 403
        assert "Ask an administrator to invite you." in refused.text
        use(office, service, oidc_default_role="agent")  # there are two sites: which one is not said
        assert (await go(browser, service)).status_code == 403
        assert await office.count(Agent) == 1
        use(office, service, oidc_default_role="agent", oidc_default_site=office.site.key)
        assert (await go(browser, service)).status_code == 303
        assert "Mara L" in (await browser.get("/console/inbox")).text
    assert await roles(office, office.site.id) == {"ben": "agent", "mara": "agent"}
    async with office.db.read() as tx:
        assert (await tx.scalars(select(AuditEntry.action))).all() == ["people.joined"]


async def test_who_was_invited_gets_in_as_what_they_were_invited(office: Office, service: Service) -> None:
    await office.agent("ada@example.com", office.site, "admin")
    async with office.at_work("ada@example.com") as ada, office.browser() as mara:
        link = link_on(await invite(ada, "mara@example.com", "editor"))
        assert (await go(mara, service)).status_code == 303
        assert (await mara.get("/console/gaps")).status_code == 200
        assert (await mara.get("/console/people")).status_code == 403
        assert (await mara.get(link)).status_code == 404, "an invitation is good for one time"
    assert await roles(office, office.site.id) == {"ada": "admin", "mara": "editor"}
    assert await office.count(Agent) == 2
    async with office.db.read() as tx:
        joined = await tx.scalar(select(AuditEntry).where(AuditEntry.action == "people.joined"))
        assert joined is not None
        assert (joined.actor_name, joined.changes) == ("Mara L", {"role": [None, "editor"]})


async def test_who_works_elsewhere_gets_in_where_they_are_invited(office: Office, service: Service) -> None:
    await office.agent("ada@example.com", office.site, "admin")
    await office.agent("mara@example.com", office.other, "agent")
    async with office.at_work("ada@example.com") as ada, office.browser() as mara:
        await invite(ada, "mara@example.com", "editor")
        assert (await go(mara, service)).status_code == 303
    assert await roles(office, office.site.id) == {"ada": "admin", "mara": "editor"}
    assert await roles(office, office.other.id) == {"mara": "agent"}


@pytest.mark.parametrize("end", ["taken_back", "too_old", "its_maker_left"])
async def test_an_invitation_that_is_over_opens_this_door_neither(
    office: Office, service: Service, end: str
) -> None:
    await office.agent("ada@example.com", office.site, "admin")
    boss = await office.agent("boss@example.com", office.site, "admin")
    async with office.at_work("boss@example.com") as browser:
        await invite(browser, "mara@example.com", "editor")
        if end == "taken_back":
            async with office.db.read() as tx:
                [waiting] = await office.deps.doors.invitations.list_(tx, office.site.id)
            await browser.post(f"/console/people/invitations/{waiting.id}/revoke")
    if end == "too_old":
        office.clock.advance(days=8)
    if end == "its_maker_left":
        async with office.at_work("ada@example.com") as ada:
            await ada.get("/console/people")
            await ada.post(f"/console/people/{boss}/remove")
    async with office.browser() as mara:
        assert (await go(mara, service)).status_code == 403
    assert "mara" not in await roles(office, office.site.id)


async def test_two_first_sign_ins_at_once_make_one_account(
    office: Office, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.agent("ben@example.com", office.other)  # without anybody there is the set-up page
    use(office, service, oidc_default_role="agent", oidc_default_site=office.site.key)
    both, prepare = asyncio.Barrier(2), office.deps.agents.prepare

    async def together(**values: Any) -> Agent:
        row = await prepare(**values)
        await both.wait()
        return row

    monkeypatch.setattr(office.deps.agents, "prepare", together)
    async with office.browser() as one, office.browser() as two, asyncio.timeout(20):
        backs = await asyncio.gather(go(one, service), go(two, service))
        assert [back.status_code for back in backs] == [303, 303]
        assert (await one.get("/console/inbox")).status_code == 200
        assert (await two.get("/console/inbox")).status_code == 200
    assert await roles(office, office.site.id) == {"mara": "agent"}


async def test_a_suspended_agent_and_a_second_factor_stand_before_this_door_too(
    office: Office, service: Service
) -> None:
    mara = await office.agent("mara@example.com", office.site)
    use(office, service, oidc_default_role="admin", oidc_default_site=office.site.key)
    async with office.at_work("mara@example.com") as browser:
        await set_up(office, browser)
    async with office.browser() as browser:
        back = await go(browser, service)
        assert back.headers["location"] == "/console/login/code"
        assert (await browser.get("/console/inbox")).status_code == 303
    await office.deps.agents.disable(mara)
    async with office.browser() as browser:
        assert (await go(browser, service)).status_code == 403


async def test_each_sign_in_form_names_the_service(office: Office, service: Service) -> None:
    mara = await office.agent("mara@example.com", office.site)
    await office.agent("ada@example.com", office.site, "admin")
    async with office.at_work("ada@example.com") as ada, office.browser() as browser:
        link = link_on(await ada.post(f"/console/people/{mara}/reset"))
        await browser.get(link)
        done = await browser.post(link, password="an entirely new password")
        assert "Your new password is saved." in done.text
        assert "Sign in with Example Login" in done.text
    async with office.browser() as browser:
        await browser.get("/console/login")
        over = await browser.post("/console/login/code", code="123456")  # of no sign-in
        assert "Sign in with Example Login" in over.text


async def test_without_a_service_there_is_no_such_door(office: Office) -> None:
    async with office.browser() as browser:
        await office.agent("mara@example.com", office.site)
        assert "/console/login/oidc" not in (await browser.get("/console/login")).text
        assert (await browser.get("/console/login/oidc")).status_code == 404
        assert (await browser.get("/console/login/oidc/callback?code=x&state=y")).status_code == 404
