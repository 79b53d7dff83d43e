"""The console's page of teams: made, described, filled and deleted by administrators; tickets outlive them."""

import re
from collections.abc import Sequence
from html import unescape

import httpx
from sqlalchemy import select
from tests.rows import add_team
from tests.web import test_console
from tests.web.test_console import PAYLOADS, Browser, Office

from minidesk.accounts import list_teams
from minidesk.accounts.teams import TEAMS_MAX, TeamView
from minidesk.db.models import Membership, Team, Ticket, new_id
from minidesk.tickets import Effect, Rule, put_rule

office = test_console.office
HERE = "/console/teams"


async def teams(office: Office) -> list[TeamView]:
    """The site's teams as they are in the database."""
    async with office.db.read() as tx:
        return await list_teams(tx, office.site.id)


async def send(
    browser: Browser, path: str = HERE, member: Sequence[str] = (), **fields: str
) -> httpx.Response:
    """Save a team."""
    data: dict[str, str | Sequence[str]] = {
        "csrf": browser.csrf,
        "name": "Returns",
        "description": "Sending back",
        "member": member,
    }
    return await browser.client.post(path, data=data | fields, headers={"Origin": browser.base})


async def test_a_team_is_made_renamed_described_and_filled(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.site, name="Jonas Weber")
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get(HERE)
        assert "There is no team yet" in page.text
        woken = []
        async with office.deps.hub.subscribe(f"site:{office.site.id}") as inbox:
            made = await send(browser, member=[mara, jonas], name="  Returns   desk ")
            woken.append(await inbox.wait(5))
        assert woken == [True]
        assert made.status_code == 303
        [team] = await teams(office)
        assert made.headers["location"] == f"{HERE}#{team.id}"
        assert (team.name, team.description, team.members) == (
            "Returns desk",
            "Sending back",
            frozenset((mara, jonas)),
        )
        page = await browser.get(HERE)
        assert "takes the rest" in page.text
        assert f'value="{jonas}" checked' in page.text
        changed = await send(browser, f"{HERE}/{team.id}", [jonas], name="Refunds", description="Money back")
        assert changed.status_code == 303
        [team] = await teams(office)
        assert (team.name, team.description, team.members) == ("Refunds", "Money back", frozenset((jonas,)))
        assert (await send(browser, f"{HERE}/{team.id}", description="")).status_code == 303
        [team] = await teams(office)
        assert (team.name, team.description, team.members) == ("Returns", "", frozenset())


async def test_deleting_leaves_its_tickets_without_a_team(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    gone = await add_team(office.db, office.clock, office.site.id, "Returns", "Anything about parcels")
    office.clock.advance(minutes=1)
    kept = await add_team(office.db, office.clock, office.site.id, "Support")
    conversation = await office.conversation(office.site)
    ticket = await office.deps.handoff.hand_off(conversation, "customer_request")
    async with office.db.write() as tx:
        row = await tx.get_one(Ticket, ticket.id)
        row.team_id, row.team_score = gone.id, 0.9
    async with office.db.write() as tx:
        for team, rule in ((gone, "Parcels"), (kept, "All else")):
            effect = Effect(team_id=team.id, tags=("x",))
            await put_rule(tx, office.site.id, Rule(f"r-{team.id}", rule, effect=effect), office.clock())
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get(HERE)
        assert "Its ticket stays, without a team." in page.text
        asked = unescape(page.text).split("Delete “Returns”?")[1].split("</p>")[0]
        assert "Rules that name it: “Parcels”. They stay, but send nothing there any more." in asked
        assert (await browser.post(f"{HERE}/{gone.id}/delete")).status_code == 303
        rules = (await browser.get("/console/rules")).text
        assert "team (deleted); tags x" in rules
        assert "team Support; tags x" in rules
        assert (await browser.post(f"{HERE}/{gone.id}/delete")).status_code == 404
        assert [team.id for team in await teams(office)] == [kept.id]
        assert (await browser.get(f"/console/conversations/{conversation}")).status_code == 200
    async with office.db.read() as tx:
        row = await tx.get_one(Ticket, ticket.id)
        assert (row.team_id, row.team_score, row.status) == (None, None, "open")


async def test_what_is_refused_keeps_what_was_written_and_changes_nothing(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site, "admin")
    stranger = await office.agent("elsewhere@example.com", office.other, "admin", name="Ines Stranger")
    for name in ("Returns", "Shipping"):
        office.clock.advance(minutes=1)
        await add_team(office.db, office.clock, office.site.id, name)
    before = await teams(office)
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get(HERE)
        assert "Ines Stranger" not in page.text
        path = f"{HERE}/{before[1].id}"
        for fields, status, says in [
            ({"name": " "}, 422, "1 to 80 characters"),
            ({"name": "x" * 81}, 422, "1 to 80 characters"),
            ({"name": "a\0b"}, 422, "cannot be stored"),
            ({"name": "New", "description": "y" * 601}, 422, "601 characters"),
            ({"name": "Returns"}, 409, "“Returns” already"),
            ({"name": "New", "member": stranger}, 422, "does not work in this site"),
        ]:
            for where in (HERE, path):
                refused = await send(
                    browser, where, **({"description": "As written", "member": mara} | fields)
                )
                assert refused.status_code == status, (fields, where)
                assert says in refused.text
                assert "As written" in refused.text or "description" in fields
                assert 'role="alert"' in refused.text
                assert re.search(r'<details class="team" id="[^"]+" open>', refused.text)
        assert await teams(office) == before
        assert (await send(browser, path, [mara], name="Parcels")).status_code == 303
        assert (await teams(office))[1].members == {mara}


async def test_somebody_who_left_the_site_is_in_no_team_after_the_next_save(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site, "admin")
    left = await office.agent("left@example.com", office.site, name="Otto Left")
    async with office.at_work("mara@example.com") as browser:
        await browser.get(HERE)
        assert (await send(browser, member=[mara, left])).status_code == 303
        async with office.db.write() as tx:
            await tx.delete(await tx.scalar(select(Membership).where(Membership.agent_id == left)))
        assert "Otto Left" not in (await browser.get(HERE)).text
        [team] = await teams(office)
        assert (await send(browser, f"{HERE}/{team.id}", [mara, left])).status_code == 422
        assert (await send(browser, f"{HERE}/{team.id}", [mara])).status_code == 303
    assert (await teams(office))[0].members == {mara}


async def test_there_is_a_largest_number_of_teams(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.db.write() as tx:
        tx.add_all(
            Team(id=new_id("team"), site_id=office.site.id, name=f"T{n}", created_at=office.clock())
            for n in range(TEAMS_MAX - 1)
        )
    async with office.at_work("mara@example.com") as browser:
        await browser.get(HERE)
        assert (await send(browser, name="Last")).status_code == 303
        refused = await send(browser, name="One more")
        assert refused.status_code == 422
        assert f"up to {TEAMS_MAX} teams" in refused.text
    assert len(await teams(office)) == TEAMS_MAX


async def test_only_administrators_of_the_site_get_here(office: Office) -> None:
    for role in ("agent", "editor", "admin"):
        await office.agent(f"{role}@example.com", office.site, role)
    await office.agent("elsewhere@example.com", office.other, "admin")
    team = await add_team(office.db, office.clock, office.site.id, "Ours")
    for role in ("agent", "editor"):
        async with office.at_work(f"{role}@example.com") as browser:
            assert (await browser.get(HERE)).status_code == 403
            for path in (HERE, f"{HERE}/{team.id}", f"{HERE}/{team.id}/delete"):
                assert (await send(browser, path)).status_code == 403
    async with office.at_work("elsewhere@example.com") as browser:
        assert "Ours" not in (await browser.get(HERE)).text
        for path in (f"{HERE}/{team.id}", f"{HERE}/{team.id}/delete", f"{HERE}/a%00b", f"{HERE}/x/delete"):
            assert (await send(browser, path)).status_code == 404
    async with office.browser() as browser:
        assert (await browser.get(HERE)).status_code == 303
    async with office.at_work("admin@example.com") as browser:
        await browser.get(HERE)
        assert (await send(browser, csrf="wrong")).status_code == 403
        foreign = {"Origin": "https://evil.example"}
        data = {"csrf": browser.csrf, "name": "Evil"}
        assert (await browser.client.post(HERE, data=data, headers=foreign)).status_code == 403
        assert [one.name for one in await teams(office)] == ["Ours"]
        assert (await send(browser, f"{HERE}/{team.id}")).status_code == 303
    assert [one.name for one in await teams(office)] == ["Returns"]


async def test_names_come_back_as_texts(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin", name=PAYLOADS[1])
    async with office.at_work("mara@example.com") as browser:
        await browser.get(HERE)
        for payload in PAYLOADS:
            assert (await send(browser, name=payload, description=payload)).status_code == 303
        page = await browser.get(HERE)
        for payload in PAYLOADS:
            assert payload not in page.text or "<" not in payload
            assert payload in unescape(page.text)
        assert "982007569" not in page.text
