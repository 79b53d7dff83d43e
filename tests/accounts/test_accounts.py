"""Agents, their sign-ins, their roles, and the first of them."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from tests.conftest import FakeClock
from tests.helpers.passwords import cheap_passwords

from minidesk.accounts import (
    Agents,
    Passwords,
    Sessions,
    SetupCode,
    access_site,
    check_csrf,
    grant,
    list_sites,
    revoke,
)
from minidesk.accounts.sessions import ABSOLUTE, IDLE
from minidesk.db import Database
from minidesk.db.models import Agent, AgentSession
from minidesk.errors import (
    Conflict,
    CsrfFailed,
    Invalid,
    MinideskError,
    NotAllowed,
    NotAuthenticated,
    NotFound,
)
from minidesk.sites import create_site

PASSWORD = "correct horse battery"


@pytest.fixture
def sessions(clock: FakeClock) -> Sessions:
    return Sessions(clock)


@pytest.fixture
def agents(db: Database, sessions: Sessions, clock: FakeClock) -> Agents:
    return Agents(db, cheap_passwords(), sessions, clock)


async def test_a_password_opens_only_its_own_account(agents: Agents) -> None:
    ada = await agents.create(email=" Ada@Example.com ", name="Ada Lovelace", password=PASSWORD)
    await agents.create(email="bob@example.com", name="Bob", password="another password")
    assert (await agents.authenticate("ADA@example.com", PASSWORD)).id == ada.id
    for email, password in (
        ("ada@example.com", "another password"),
        ("nobody@example.com", PASSWORD),
        ("", ""),
        ("a\0b", "x"),
    ):
        with pytest.raises(NotAuthenticated) as refused:
            await agents.authenticate(email, password)
        assert refused.value.code == "wrong_password"
    with pytest.raises(Conflict):
        await agents.create(email="ada@EXAMPLE.com", name="Other", password=PASSWORD)


async def test_hashes_are_argon2id_of_the_recommended_cost(
    db: Database, sessions: Sessions, clock: FakeClock
) -> None:
    await Agents(db, Passwords(), sessions, clock).create(email="a@example.com", name="A", password=PASSWORD)
    async with db.read() as tx:
        stored = await tx.scalar(select(Agent.password_hash))
    assert stored is not None
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("email", "no-at", "email_invalid"),
        ("email", "a@b@c", "email_invalid"),
        ("email", "a b@example.com", "email_invalid"),
        ("email", "a@example.com\r\nBcc: x@y", "email_invalid"),
        ("email", "a" * 300 + "@example.com", "message_too_long"),
        ("password", "short", "password_invalid"),
        ("password", "x" * 201, "password_invalid"),
        ("password", "\ud800" * 12, "password_invalid"),
        ("name", "\u202e", "name_missing"),
        ("name", "a\0b", "invalid_text"),
    ],
)
async def test_values_that_cannot_be_used(agents: Agents, field: str, value: str, code: str) -> None:
    values = {"email": "a@example.com", "name": "A", "password": PASSWORD} | {field: value}
    with pytest.raises(Invalid) as refused:
        await agents.create(**values)  # type: ignore[arg-type]  # a dict of str cannot say that `operator` is not in it
    assert refused.value.code == code


async def test_a_session_slides_and_ends(
    db: Database, agents: Agents, sessions: Sessions, clock: FakeClock
) -> None:
    ada = await agents.create(email="ada@example.com", name="Ada", password=PASSWORD)
    async with db.write() as tx:
        opened = await sessions.open(tx, ada.id)
    started = clock()
    while clock() + IDLE / 2 < started + ABSOLUTE:  # used twice as often as it must be
        assert (await sessions.identify(db, opened.token)).agent_id == ada.id
        clock.advance(seconds=(IDLE / 2).total_seconds())
    clock.now = started + ABSOLUTE
    with pytest.raises(NotAuthenticated):
        await sessions.identify(db, opened.token)
    async with db.write() as tx:
        idle = await sessions.open(tx, ada.id)
    clock.advance(seconds=(IDLE - timedelta(seconds=1)).total_seconds())
    assert (await sessions.identify(db, idle.token)).agent_id == ada.id
    clock.advance(seconds=IDLE.total_seconds())
    with pytest.raises(NotAuthenticated):
        await sessions.identify(db, idle.token)


async def test_the_database_holds_no_token_and_a_login_replaces_the_old_one(
    db: Database, agents: Agents, sessions: Sessions
) -> None:
    ada = await agents.create(email="ada@example.com", name="Ada", password=PASSWORD)
    async with db.write() as tx:
        first = await sessions.open(tx, ada.id)
    async with db.write() as tx:
        second = await sessions.open(tx, ada.id, replaces=first.token)
    assert first.token != second.token
    with pytest.raises(NotAuthenticated):
        await sessions.identify(db, first.token)
    identity = await sessions.identify(db, second.token)
    async with db.read() as tx:
        rows = (await tx.scalars(select(AgentSession))).all()
    assert [second.token in (row.token_hash, row.id, row.csrf_token) for row in rows] == [False]
    check_csrf(identity, second.csrf_token)
    for wrong in (None, "", first.csrf_token, "ä\ud800"):
        with pytest.raises(CsrfFailed):
            check_csrf(identity, wrong)
    async with db.write() as tx:
        await sessions.close(tx, second.token)
    for gone in (second.token, None, "", "x" * 10_000, "\ud800"):
        with pytest.raises(NotAuthenticated):
            await sessions.identify(db, gone)


@pytest.mark.parametrize("event", ["password", "disable", "role", "revoke"])
async def test_what_changes_an_agents_rights_ends_their_sessions(
    db: Database, agents: Agents, sessions: Sessions, clock: FakeClock, event: str
) -> None:
    ada = await agents.create(email="ada@example.com", name="Ada", password=PASSWORD)
    async with db.write() as tx:
        site = await create_site(tx, name="Shop", now=clock())
        await grant(tx, sessions, agent_id=ada.id, site_id=site.id, role="admin")
    async with db.write() as tx:
        opened = await sessions.open(tx, ada.id)
    assert (await sessions.identify(db, opened.token)).agent_id == ada.id
    if event == "password":
        await agents.set_password(ada.id, "a new password")
    elif event == "disable":
        await agents.disable(ada.id)
    else:
        async with db.write() as tx:
            if event == "role":
                await grant(tx, sessions, agent_id=ada.id, site_id=site.id, role="agent")
            else:
                await revoke(tx, sessions, agent_id=ada.id, site_id=site.id)
    with pytest.raises(NotAuthenticated):
        await sessions.identify(db, opened.token)
    if event == "disable":
        with pytest.raises(NotAuthenticated):
            await agents.authenticate("ada@example.com", PASSWORD)
        async with db.read() as tx:
            assert await list_sites(tx, ada.id) == []


async def test_roles_and_foreign_sites(
    db: Database, agents: Agents, sessions: Sessions, clock: FakeClock
) -> None:
    ada = await agents.create(email="ada@example.com", name="Ada", password=PASSWORD)
    root = await agents.create(email="root@example.com", name="Root", password=PASSWORD, operator=True)
    async with db.write() as tx:
        mine = await create_site(tx, name="Mine", now=clock())
        theirs = await create_site(tx, name="Theirs", now=clock())
        await grant(tx, sessions, agent_id=ada.id, site_id=mine.id, role="editor")
        with pytest.raises(NotFound):
            await grant(tx, sessions, agent_id=ada.id, site_id="site_none", role="agent")
    async with db.read() as tx:
        assert (await access_site(tx, ada.id, mine.id, "agent")).role == "editor"
        with pytest.raises(NotAllowed):
            await access_site(tx, ada.id, mine.id, "admin")
        problems: list[MinideskError] = []
        for site_id in (theirs.id, "site_none"):
            with pytest.raises(NotFound) as missing:
                await access_site(tx, ada.id, site_id)
            problems.append(missing.value)
        assert problems[0].message == problems[1].message
        assert [site.name for site in await list_sites(tx, ada.id)] == ["Mine"]
        assert [(s.name, s.role) for s in await list_sites(tx, root.id)] == [
            ("Mine", "admin"),
            ("Theirs", "admin"),
        ]


async def test_the_setup_code_makes_one_operator(db: Database, agents: Agents, clock: FakeClock) -> None:
    setup = SetupCode(db, agents, clock)
    old = await setup.make()
    code = await setup.make()
    assert old is not None
    assert code is not None
    for wrong in (old, "", "0000-0000-0000-0000", "\ud800"):
        with pytest.raises(NotAllowed):
            await setup.use(wrong, email="a@example.com", name="A", password=PASSWORD)
    with pytest.raises(Invalid):
        await setup.use(code, email="a@example.com", name="A", password="short")
    typed = code.lower().replace("-", " ")
    both = await asyncio.gather(
        *(setup.use(typed, email=f"{n}@example.com", name="A", password=PASSWORD) for n in range(2)),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in both) == ["AgentView", "NotFound"]
    assert [agent.operator for agent in await agents.list_all()] == [True]
    assert await setup.make() is None
    assert not await setup.is_open()
