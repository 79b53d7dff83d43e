"""The page of routing rules: a rule is tried on past tickets before it is saved, and only administrators write one."""

from tests.rows import add_team
from tests.web import test_console
from tests.web.test_console import PAYLOADS, Office

from minidesk.accounts import list_entries
from minidesk.db.models import RoutingRule
from minidesk.tickets import Condition, Effect, Rule, list_rules

office = test_console.office
HERE = "/console/rules"


async def rules(office: Office) -> list[Rule]:
    """What is stored."""
    async with office.db.read() as tx:
        return await list_rules(tx, office.site.id)


def seal_in(page: str) -> str:
    """What the form knows of the last trial: the first filled one."""
    return next(part.split('"')[0] for part in page.split('name="tried" value="')[1:] if part[0] != '"')


async def test_a_rule_is_tried_before_it_is_saved_then_moved_and_deleted(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    team = await add_team(office.db, office.clock, office.site.id, "Parcels")
    for words in ("Where is my parcel?", "Where is my voucher?"):
        await office.deps.handoff.hand_off(await office.conversation(office.site, words), "customer_request")
    fields = {
        "name": "Parcels", "topic": "parcel, letter", "not_page": "yes", "page": "/checkout",
        "then_team": team.id, "tags": "parcel, post", "enabled": "yes",
    }  # fmt: skip
    async with office.at_work("mara@example.com") as browser:
        assert "There is no rule yet" in (await browser.get(HERE)).text
        tried = await browser.post(HERE, **fields, do="save")
        assert tried.status_code == 200
        assert "Would have matched 1 of the last 2 tickets" in tried.text
        assert "#1 Where is my parcel?" in tried.text
        assert "then save once more" in tried.text
        assert await rules(office) == []
        changed = await browser.post(
            HERE, **{**fields, "topic": "voucher"}, do="save", tried=seal_in(tried.text)
        )
        assert "#2 Where is my voucher?" in changed.text  # other conditions: tried again
        saved = await browser.post(HERE, **fields, do="save", tried=seal_in(tried.text))
        assert saved.status_code == 303
        [rule] = await rules(office)
        assert saved.headers["location"] == f"{HERE}#{rule.key}"
        assert rule.conditions == (
            Condition("topic", ("parcel", "letter")),
            Condition("page", ("/checkout",), negated=True),
        )
        assert rule.effect == Effect(team_id=team.id, tags=("parcel", "post"))
        page = (await browser.get(HERE)).text
        assert "Topic is parcel or letter and Page is not /checkout → team Parcels; tags parcel, post" in page
        only = await browser.post(f"{HERE}/{rule.key}", **fields, do="try", tried=seal_in(tried.text))
        assert "Would have matched 1" in only.text  # a trial is asked for: it saves nothing
        assert (await browser.post(f"{HERE}/{rule.key}/move", by="down")).status_code == 303
        for path in (f"{HERE}/gone", f"{HERE}/gone/move", f"{HERE}/gone/delete"):
            assert (await browser.post(path, **fields)).status_code == 404
        assert (await browser.post(f"{HERE}/{rule.key}/delete")).status_code == 303
    assert await rules(office) == []


async def test_what_is_refused_keeps_what_was_written_and_cannot_act(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.get(HERE)
        for fields, said in (
            ({"name": "Nothing"}, "Say what the rule does"),
            ({"name": "x", "reply_minutes": "soon"}, "A reply is due in"),
            ({"name": "x", "then_team": "tem_gone"}, "no such team"),
            ({"name": "x", "tags": "a", "mood": "sad"}, "mood cannot be sad"),
            ({"name": "", "tags": "a"}, "Give the rule a name"),
        ):
            refused = await browser.post(HERE, **fields, do="save")
            assert (refused.status_code, said in refused.text) == (422, True), said
        for payload in PAYLOADS:
            answer = await browser.post(HERE, name=payload[:60], page=payload, tags="x", do="save")
            assert answer.status_code == 200
            assert "<" not in payload or payload not in answer.text
    assert await office.count(RoutingRule) == 0


async def test_only_administrators_of_the_site_see_and_write_rules(office: Office) -> None:
    await office.agent("editor@example.com", office.site, "editor")
    await office.agent("else@example.com", office.other, "admin")
    async with office.db.write() as tx:
        tx.add(
            RoutingRule(
                id="rul_1", site_id=office.site.id, key="r1", name="Secret", position=1, enabled=True, match="all",
                conditions=[], effect={"tags": ["x"]}, created_at=office.clock(), updated_at=office.clock(),
            )
        )  # fmt: skip
    for email, page, posted in (("editor@example.com", 403, 403), ("else@example.com", 200, 404)):
        async with office.at_work(email) as browser:
            read = await browser.get(HERE)
            assert (read.status_code, "Secret" in read.text) == (page, False)
            for path in (f"{HERE}/r1", f"{HERE}/r1/move", f"{HERE}/r1/delete"):
                assert (await browser.post(path, name="y", tags="y", do="save")).status_code == posted
    assert [rule.name for rule in await rules(office)] == ["Secret"]


async def test_what_happens_to_a_rule_stands_in_the_log_with_names_that_people_know(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    parcels = await add_team(office.db, office.clock, office.site.id, "Parcels")
    async with office.at_work("mara@example.com") as browser:

        async def save(path: str, **fields: str) -> None:
            tried = await browser.post(path, **fields, enabled="yes", do="try")
            seal = seal_in(tried.text)
            saved = await browser.post(path, **fields, enabled="yes", do="save", tried=seal)
            assert saved.status_code == 303, saved.text

        await save(HERE, name="Late", topic="late", then_team=parcels.id)
        await save(HERE, name="Angry", mood="angry", then_priority="high")
        late, angry = [rule.key for rule in await rules(office)]
        await save(f"{HERE}/{late}", name="Late", topic="late", tags="late")
        await save(f"{HERE}/{late}", name="Late", topic="late", tags="late")  # the same again
        await browser.post(f"{HERE}/{angry}/move", by="up")
        await browser.post(f"{HERE}/{angry}/move", by="up")  # it is the first already
        await browser.post(f"{HERE}/{late}/delete")
        shown = (await browser.get("/console/audit?what=rules")).text
    async with office.db.read() as tx:
        entries = await list_entries(tx, office.site.id, about="rules")
    assert [(e.action, e.target_name) for e in entries] == [
        ("rules.deleted", "Late"),
        ("rules.changed", "Angry"),
        ("rules.changed", "Late"),
        ("rules.created", "Angry"),
        ("rules.created", "Late"),
    ]
    assert entries[1].changes == (("place", 2, 1),)
    assert entries[2].changes == (("tags", "", "late"), ("team", "Parcels", None))
    assert late not in shown
    assert "Place in the order: 2 → 1" in shown
    assert "Team: Parcels → nothing" in shown
