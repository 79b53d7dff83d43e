"""The page of service-level policies, the rules that set one, and how a ticket's clock is told."""

import re

from sqlalchemy import select
from tests.web import test_console
from tests.web.test_console import Office

from minidesk.db.models import AuditEntry, ServicePolicy
from minidesk.tickets import Policy, list_policies, list_rules

office = test_console.office
HERE = "/console/policies"
FIELDS = {"name": "Gold", "first_minutes": "10", "next_minutes": "", "resolution_minutes": "240",
          "counts": "calendar", "warn_minutes": "8"}  # fmt: skip


async def policies(office: Office) -> list[Policy]:
    """What is stored."""
    async with office.db.read() as tx:
        return await list_policies(tx, office.site.id)


async def test_a_policy_is_written_set_by_a_rule_and_told_in_the_queue(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        assert "There is no policy yet" in (await browser.get(HERE)).text
        refused = await browser.post(HERE, **{**FIELDS, "warn_minutes": "soon", "name": "<b>Gold"})
        assert (refused.status_code, "A warning can have 1 to" in refused.text) == (422, True)
        # What was typed is still there to be mended, where it belongs and elsewhere.
        typed = dict(re.findall(r'id="(\w+)-new" name="\w+"[^>]* value="([^"]*)"', refused.text))
        assert typed == {
            "name": "&lt;b&gt;Gold",
            "first_minutes": "10",
            "next_minutes": "",
            "resolution_minutes": "240",
            "warn_minutes": "soon",
        }
        assert await policies(office) == []
        saved = await browser.post(HERE, **FIELDS)
        [gold] = await policies(office)
        assert (saved.status_code, saved.headers["location"]) == (303, f"{HERE}#{gold.key}")
        assert gold == Policy(gold.key, "Gold", 10, None, 240, "calendar", 8)
        assert (
            "first answer in 10 min; solved in 240 min; warning 8 min before"
            in (await browser.get(HERE)).text
        )
        rule = {"name": "Parcels", "topic": "parcel", "policy": gold.key, "enabled": "yes"}
        tried = await browser.post("/console/rules", **rule, do="save")
        seal = next(part for part in re.findall(r'name="tried" value="(\w*)"', tried.text) if part)
        await browser.post("/console/rules", **rule, do="save", tried=seal)
        async with office.db.read() as tx:
            assert [each.effect.policy for each in await list_rules(tx, office.site.id)] == [gold.key]
        assert "service level Gold" in (await browser.get("/console/rules")).text
        conversation = await office.conversation(office.site)
        await office.deps.handoff.hand_off(conversation, "customer_request")
        plain = (await browser.get("/console/inbox")).text
        assert re.search(r'class="tag plain" data-due="[^"]+" data-warn="[^"]+">due 10 min<', plain)
        assert 'data-near="0"' in plain
        office.clock.advance(minutes=3)
        amber = (await browser.get("/console/inbox")).text
        assert re.search(r'class="tag wait"[^>]*>due 7 min<', amber)
        assert 'data-near="1"' in amber
        talk = (await browser.get(f"/console/conversations/{conversation}")).text
        for said in (
            "<dt>Reply due</dt>",
            "in 7 min",
            "<dt>Solve by</dt>",
            "in 4 h",
            "<dt>Service level</dt>",
        ):
            assert said in talk, said
        changed = await browser.post(f"{HERE}/{gold.key}", **{**FIELDS, "name": "Silver", "default": "yes"})
        assert changed.status_code == 303
        assert [(each.name, each.default) for each in await policies(office)] == [("Silver", True)]
        assert (await browser.post(f"{HERE}/gone", **FIELDS)).status_code == 404
        assert (await browser.post(f"{HERE}/gone/delete")).status_code == 404
        assert (await browser.post(f"{HERE}/{gold.key}/delete")).status_code == 303
        assert await policies(office) == []
        log = (await browser.get("/console/audit?about=policies")).text
        assert all(
            said in log for said in ("Service level made", "Service level changed", "Service level deleted")
        )
    async with office.db.read() as tx:
        query = select(AuditEntry).where(AuditEntry.action == "policies.changed")
        assert (await tx.scalars(query)).one().changes == {
            "name": ["Gold", "Silver"],
            "default": [False, True],
        }


async def test_only_administrators_of_the_site_see_and_write_policies(office: Office) -> None:
    await office.agent("editor@example.com", office.site, "editor")
    await office.agent("else@example.com", office.other, "admin")
    async with office.db.write() as tx:
        tx.add(
            ServicePolicy(
                id="pol_1", site_id=office.site.id, key="p1", name="Secret", counts="calendar", is_default=True,
                created_at=office.clock(), updated_at=office.clock(),
            )
        )  # fmt: skip
    for email, page, posted in (("editor@example.com", 403, 403), ("else@example.com", 200, 404)):
        async with office.at_work(email) as browser:
            read = await browser.get(HERE)
            assert (read.status_code, "Secret" in read.text) == (page, False)
            for path in (f"{HERE}/p1", f"{HERE}/p1/delete"):
                assert (await browser.post(path, name="y")).status_code == posted
    assert [each.name for each in await policies(office)] == ["Secret"]
