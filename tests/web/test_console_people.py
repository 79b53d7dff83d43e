"""The console's page of people: roles change and people leave, but never the last administrator or one who still answers."""

from sqlalchemy import select, update
from tests.rows import add_team
from tests.web import test_console
from tests.web.test_console import PAYLOADS, Office

from minidesk.accounts import list_people
from minidesk.db.models import TeamMember, Ticket, new_id
from minidesk.tickets import inbox_counts

office = test_console.office
HERE = "/console/people"


async def roles(office: Office) -> dict[str, str | None]:
    """Everybody's role by address, up to the @."""
    async with office.db.read() as tx:
        people = await list_people(tx, office.site.id)
    return {person.email.partition("@")[0]: person.role for person in people}


async def test_a_role_changes_and_the_person_is_signed_out(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.site, name="Jonas Weber")
    async with office.at_work("mara@example.com") as mara, office.at_work("jonas@example.com") as browser:
        assert "Jonas Weber" in (await mara.get(HERE)).text
        assert (await mara.post(f"{HERE}/{jonas}/role", role="owner")).status_code == 422
        assert (await browser.get("/console/inbox")).status_code == 200
        assert (await mara.post(f"{HERE}/{jonas}/role", role="editor")).status_code == 303
        assert (await browser.get("/console/inbox")).status_code == 303
    assert await roles(office) == {"mara": "admin", "jonas": "editor"}


async def test_the_last_administrator_stays(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.site)
    gone = await office.agent("gone@example.com", office.site, "admin")
    await office.deps.agents.disable(gone)
    async with office.at_work("mara@example.com") as browser:
        await browser.get(HERE)
        for path, fields in ((f"{HERE}/{mara}/role", {"role": "agent"}), (f"{HERE}/{mara}/remove", {})):
            refused = await browser.post(path, **fields)
            assert refused.status_code == 409
            assert "last administrator" in refused.text
        assert await roles(office) == {"mara": "admin", "jonas": "agent"}
        assert (await browser.post(f"{HERE}/{jonas}/role", role="admin")).status_code == 303
        assert (await browser.post(f"{HERE}/{mara}/remove")).status_code == 303
    assert await roles(office) == {"jonas": "admin"}


async def test_what_somebody_still_answers_waits_for_another_when_they_leave(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.site)
    team = await add_team(office.db, office.clock, office.site.id, "Returns")
    elsewhere = await add_team(office.db, office.clock, office.other.id, "Theirs")
    async with office.db.write() as tx:
        tx.add_all(TeamMember(id=new_id("tmm"), team_id=t.id, agent_id=jonas) for t in (team, elsewhere))
    conversation = await office.conversation(office.site)
    await office.deps.handoff.hand_off(conversation, "customer_request")
    async with office.db.write() as tx:
        await office.deps.conversations.take_over(tx, conversation, jonas)
    async with office.at_work("mara@example.com") as browser:
        await browser.get(HERE)
        assert (await browser.post(f"{HERE}/{jonas}/remove")).status_code == 303
        assert (await browser.post(f"{HERE}/{jonas}/remove")).status_code == 404
    assert await roles(office) == {"mara": "admin"}
    assert await office.holder(conversation) == ("queue", None)
    async with office.db.read() as tx:
        assert list(await tx.scalars(select(TeamMember.team_id))) == [elsewhere.id]


async def test_what_was_theirs_in_the_queue_is_anybodys_when_they_leave(office: Office) -> None:
    """A rule gave it to them and they never came: nobody else would look at it."""
    mara = await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.site)
    talks = [await office.conversation(site) for site in (office.site, office.site, office.other)]
    tickets = [await office.deps.handoff.hand_off(each, "customer_request") for each in talks]
    async with office.db.write() as tx:
        await tx.execute(update(Ticket).values(assignee_id=jonas))
        await office.deps.tickets.set_status(tx, tickets[1].id, "solved")

    async def held() -> list[str | None]:
        async with office.db.read() as tx:
            found = await tx.execute(select(Ticket.id, Ticket.assignee_id))
            rows = {row.id: row.assignee_id for row in found}
        return [rows[each.id] for each in tickets]

    async with office.at_work("mara@example.com") as browser:
        await browser.get(HERE)
        assert (await browser.post(f"{HERE}/{jonas}/remove")).status_code == 303
        assert await held() == [None, jonas, jonas]
        # What they had solved is nobody's either when it is opened again.
        await browser.get(f"/console/conversations/{talks[1]}")
        assert (await browser.post(f"/console/conversations/{talks[1]}/reopen")).status_code == 303
        assert await held() == [None, None, jonas]
    async with office.db.read() as tx:
        counts = await inbox_counts(tx, site_id=office.site.id, agent_id=mara, now=office.clock())
    assert (counts.unassigned, counts.all) == (2, 2)


async def test_only_administrators_of_the_site_get_here(office: Office) -> None:
    people = {
        role: await office.agent(f"{role}@example.com", office.site, role)
        for role in ("agent", "editor", "admin")
    }
    await office.agent("elsewhere@example.com", office.other, "admin", name=PAYLOADS[1])
    operator = (
        await office.deps.agents.create(
            email="root@example.com", name="Root", password=test_console.PASSWORD, operator=True
        )
    ).id
    target = people["agent"]
    for role in ("agent", "editor"):
        async with office.at_work(f"{role}@example.com") as browser:
            assert (await browser.get(HERE)).status_code == 403
            assert (await browser.post(f"{HERE}/{target}/role", role="admin")).status_code == 403
            assert (await browser.post(f"{HERE}/{target}/remove")).status_code == 403
    async with office.at_work("elsewhere@example.com") as browser:
        page = await browser.get(HERE)
        assert "editor@example.com" not in page.text
        assert PAYLOADS[1] not in page.text
        for one in (target, "a%00b"):
            assert (await browser.post(f"{HERE}/{one}/role", role="admin")).status_code == 404
            assert (await browser.post(f"{HERE}/{one}/remove")).status_code == 404
    async with office.browser() as browser:
        assert (await browser.get(HERE)).status_code == 303
    async with office.at_work("admin@example.com") as browser:
        assert "Operator: may do everything" in (await browser.get(HERE)).text
        assert (await browser.post(f"{HERE}/{operator}/remove")).status_code == 404
        assert (await browser.post(f"{HERE}/{target}/remove", csrf="wrong")).status_code == 403
        assert (await roles(office))["agent"] == "agent"
        assert (await browser.post(f"{HERE}/{target}/role", role="editor")).status_code == 303
    assert (await roles(office))["agent"] == "editor"
