"""Conversations, tickets, teams, webhooks and the audit log over the API: page by page, of one site, and written down."""

from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from tests.rows import add_agent
from tests.web import test_rest
from tests.web.test_rest import Api, Program

from minidesk.db.models import AuditEntry, Team, WebhookEndpoint

api = test_rest.api


async def pages(program: Program, path: str, name: str, limit: int) -> list[list[dict[str, Any]]]:
    """All pages of a list."""
    found: list[list[dict[str, Any]]] = []
    after = ""
    while True:
        joint = "&" if "?" in path else "?"
        answer = await program.call("GET", f"{path}{joint}limit={limit}&after={after}")
        assert answer.status_code == 200, answer.text
        found.append(answer.json()[name])
        after = answer.json()["next"] or ""
        if not after:
            return found


async def test_conversations_and_tickets_come_page_by_page_and_the_latest_first(api: Api) -> None:
    made = [(await api.furnish())["conversation_id"] for _ in range(5)]
    await api.furnish(api.other)
    program = await api.program()
    listed = await pages(program, "/conversations", "conversations", 2)
    assert [[c["id"] for c in page] for page in listed] == [
        [made[4], made[3]],
        [made[2], made[1]],
        [made[0]],
    ]
    listed = await pages(program, "/tickets", "tickets", 2)
    assert [[t["number"] for t in page] for page in listed] == [[5, 4], [3, 2], [1]]
    await program.call("PATCH", "/tickets/2", json={"status": "closed"})
    listed = await pages(program, "/tickets?status=closed", "tickets", 2)
    assert [[t["number"] for t in page] for page in listed] == [[2]]
    listed = await pages(program, "/conversations?holder=closed", "conversations", 2)
    assert [[c["id"] for c in page] for page in listed] == [[made[1]]]
    for path in (
        "/tickets?status=new",
        "/tickets?after=x",
        "/tickets?page=2",
        "/conversations?holder=me",
        "/conversations?after=%00",
        "/audit?about=all",
        "/audit?since=yesterday",
        "/audit?since=2026-03-02T10:00:00",
        "/audit?since=0001-01-01T00:00:00%2B14:00",
        "/audit?until=9999-12-31T23:59:59-14:00",
        "/audit?limit=1000",
    ):
        assert (await program.call("GET", path)).status_code == 422, path


async def test_a_conversation_is_read_with_its_messages_and_notes_only_where_asked_for(api: Api) -> None:
    ids = await api.furnish()
    agent = await add_agent(api.db, api.clock, api.site.id)
    async with api.db.write() as tx:
        await api.conversations.post_note(
            tx, ids["conversation_id"], agent_id=agent.id, text="Be kind to them."
        )
    program = await api.program()
    path = f"/conversations/{ids['conversation_id']}"
    read = (await program.call("GET", path)).json()
    assert [(m["author"], m["text"]) for m in read["messages"]] == [("visitor", "Where is my parcel?")]
    assert (read["tickets"], read["page_url"]) == ([1], "https://shop.example.com/cart")
    with_notes = (await program.call("GET", f"{path}?notes=true")).json()
    assert [m["author"] for m in with_notes["messages"]] == ["visitor", "note"]


async def test_a_ticket_changes_as_an_agent_could_change_it_and_wholly_or_not_at_all(api: Api) -> None:
    ids = await api.furnish()
    agent = await add_agent(api.db, api.clock, api.site.id)
    stranger = await add_agent(api.db, api.clock, api.other.id)
    program = await api.program()

    async def change(**body: Any) -> tuple[int, dict[str, Any]]:
        answer = await program.call("PATCH", "/tickets/1", json=body)
        return answer.status_code, answer.json()

    status, ticket = await change(
        priority="urgent", team=ids["team_id"], assignee=agent.id, tags=["Parcel", "late"], status="pending"
    )
    assert status == 200
    assert (ticket["priority"], ticket["team"], ticket["assignee"], ticket["status"]) == (
        "urgent", ids["team_id"], agent.id, "pending",
    )  # fmt: skip
    assert ticket["tags"] == ["late", "Parcel"]
    assert await change() == (200, ticket)
    for wrong in (
        {"priority": "low", "assignee": stranger.id},
        {"priority": "low", "team": "team_of_nobody"},
        {"priority": "low", "team": "a\0b"},
        {"priority": "low", "tags": ["a,b"]},
        {"priority": "highest"},
    ):
        assert (await change(**wrong))[0] in (404, 422), wrong
    assert (await program.call("GET", "/tickets/1")).json() == ticket
    status, ticket = await change(tags=["late"], assignee=None, team=None, status="solved")
    assert (status, ticket["tags"], ticket["assignee"], ticket["team"]) == (200, ["late"], None, None)
    assert ticket["status"] == "solved"
    assert (await change(priority="low"))[0] == 409
    status, ticket = await change(status="open", priority="low")
    assert (status, ticket["status"], ticket["priority"]) == (200, "open", "low")
    assert (await change(status="closed"))[1]["status"] == "closed"
    assert (await change(status="open"))[0] == 409


async def test_another_sites_things_are_not_there(api: Api) -> None:
    await api.furnish()
    theirs = await api.furnish(api.other)
    await api.furnish(api.other)
    program, owner = await api.program(), await api.program(site=api.other)
    for path in ("/rules/theirs", "/policies/theirs"):
        made = await owner.call("PUT", path, json={"name": "Theirs", "then": {"tags": ["x"]}})
        assert made.status_code == 201
        assert (await owner.call("GET", path)).json() == made.json()
    calls = (
        ("GET", f"/conversations/{theirs['conversation_id']}", None),
        ("GET", "/conversations/a%00b", None),
        ("GET", "/tickets/2", None),
        ("GET", "/tickets/0", None),
        ("GET", "/tickets/99999999999999999999", None),
        ("PATCH", "/tickets/2", {"priority": "low"}),
        ("PUT", f"/teams/{theirs['team_id']}", {"name": "Ours"}),
        ("DELETE", f"/teams/{theirs['team_id']}", None),
        ("DELETE", "/teams/a%00b", None),
        ("PATCH", f"/webhooks/{theirs['endpoint_id']}", {"on": False}),
        ("DELETE", f"/webhooks/{theirs['endpoint_id']}", None),
        ("DELETE", "/webhooks/a%00b", None),
        ("GET", f"/teams/{theirs['team_id']}", None),
        ("GET", f"/webhooks/{theirs['endpoint_id']}", None),
        ("GET", f"/webhooks/{theirs['endpoint_id']}/deliveries", None),
        ("POST", f"/webhooks/{theirs['endpoint_id']}/deliveries/{theirs['delivery_id']}/again", None),
        ("GET", "/rules/theirs", None),
        ("GET", "/rules/a%00b", None),
        ("POST", "/rules/theirs/move", {"place": 1}),
        ("GET", "/policies/theirs", None),
        ("GET", f"/sites/{api.other.id}", None),
        ("GET", f"/sites/{api.other.key}", None),
        ("GET", "/sites/a%00b", None),
        ("PATCH", f"/sites/{api.other.id}", {"name": "Ours"}),
    )
    for method, path, body in calls:
        answer = await program.call(method, path, **({"json": body} if body is not None else {}))
        assert answer.status_code == 404, (path, answer.text)


async def test_how_a_team_gives_its_tickets_out_is_read_and_written(api: Api) -> None:
    program = await api.program()
    made = (await program.call("POST", "/teams", json={"name": "Returns"})).json()
    assert (made["giving"], made["claim_minutes"]) == ("taken", 5)
    path = f"/teams/{made['id']}"
    changes: list[tuple[dict[str, Any], tuple[str, int]]] = [
        ({"giving": "given", "claim_minutes": 15}, ("given", 15)),
        ({}, ("given", 15)),  # who replaces a team and knows nothing of it changes nothing of it
        ({"giving": None, "claim_minutes": 3}, ("given", 3)),
        ({"giving": "taken"}, ("taken", 3)),
    ]
    for body, stands in changes:
        team = (await program.call("PUT", path, json={"name": "Returns", **body})).json()
        assert (team["giving"], team["claim_minutes"]) == stands
        [listed] = (await program.call("GET", "/teams")).json()["teams"]
        assert listed == team
    refused: list[dict[str, Any]] = [{"giving": "thrown"}, {"claim_minutes": 0}, {"claim_minutes": 1441}]
    for wrong in refused:
        assert (await program.call("PUT", path, json={"name": "Returns", **wrong})).status_code == 422
    made = (await program.call("POST", "/teams", json={"name": "Support", "giving": "given"})).json()
    assert (made["giving"], made["claim_minutes"]) == ("given", 5)
    log = (await program.call("GET", "/audit?about=teams")).json()["entries"]
    assert [each["changes"].get("giving") for each in log] == [
        ["taken", "given"], ["given", "taken"], None, ["taken", "given"], None,
    ]  # fmt: skip


async def test_teams_and_webhooks_are_made_once_and_what_is_done_stands_in_the_audit_log(api: Api) -> None:
    agent = await add_agent(api.db, api.clock, api.site.id, name="Mara Lindt")
    program = await api.program()
    body = {"name": "Returns", "description": "sending back", "members": [agent.id]}
    made = await program.call("POST", "/teams", json=body)
    assert made.status_code == 201
    team = made.json()
    assert (team["name"], team["members"], team["waiting"]) == ("Returns", [agent.id], 0)
    assert (await program.call("POST", "/teams", json=body)).status_code == 409
    assert (await program.call("POST", "/teams", json={"name": "X", "members": ["agt_x"]})).status_code == 422
    changed = await program.call("PUT", f"/teams/{team['id']}", json={"name": "Refunds", "members": []})
    assert (changed.json()["name"], changed.json()["members"]) == ("Refunds", [])

    hook = {"url": "https://hooks.example.com/in?token=very-secret", "events": ["ticket.created"]}
    created = await program.call("POST", "/webhooks", json=hook)
    assert created.status_code == 201
    secret = created.json()["secret"]
    assert (await program.call("POST", "/webhooks", json=hook)).status_code == 409
    assert (
        await program.call("POST", "/webhooks", json={**hook, "url": "http://127.0.0.1/"})
    ).status_code == 422
    assert secret not in (await program.call("GET", "/webhooks")).text
    path = f"/webhooks/{created.json()['id']}"
    off = await program.call("PATCH", path, json={"on": False, "events": ["ticket.solved"]})
    assert (off.json()["state"], off.json()["events"]) == ("off", ["ticket.solved"])
    assert (await program.call("DELETE", path)).status_code == 204
    assert (await program.call("DELETE", f"/teams/{team['id']}")).status_code == 204
    async with api.db.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Team)) == 0
        assert await tx.scalar(select(func.count()).select_from(WebhookEndpoint)) == 0

    log = await program.call("GET", "/audit")
    entries = [e for e in log.json()["entries"] if not e["action"].startswith("keys.")]
    assert [e["action"] for e in entries] == [
        "teams.deleted", "webhooks.deleted", "webhooks.changed", "webhooks.changed", "webhooks.created",
        "teams.changed", "teams.created",
    ]  # fmt: skip
    assert {e["actor"]["kind"] for e in entries} == {"key"}
    assert entries[6]["changes"] == {"members": ["", "Mara Lindt"]}
    assert entries[5]["changes"] == {
        "name": ["Returns", "Refunds"],
        "members": ["Mara Lindt", ""],
        "description": ["sending back", ""],
    }
    assert secret not in log.text
    assert "very-secret" not in log.text
    assert program.key not in log.text


async def test_the_log_is_filtered_and_paged_and_belongs_to_one_site(api: Api) -> None:
    one, two = await api.program(), await api.program(site=api.other)
    for n in range(3):
        await one.call("POST", "/teams", json={"name": f"Team {n}"})
        api.clock.advance(hours=1)
    await two.call("POST", "/teams", json={"name": "Theirs"})
    listed = await pages(one, "/audit?about=teams", "entries", 2)
    assert [[e["target"]["name"] for e in page] for page in listed] == [["Team 2", "Team 1"], ["Team 0"]]
    since = await one.call("GET", "/audit?about=teams&since=2026-03-02T11:00:00Z&until=2026-03-02T12:00:00Z")
    assert [e["target"]["name"] for e in since.json()["entries"]] == ["Team 1"]
    actor = listed[0][0]["actor"]["id"]
    assert (await one.call("GET", f"/audit?actor={actor}&about=keys")).json()["entries"] == []
    assert (await one.call("GET", "/audit?actor=a%00b")).json()["entries"] == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET actor_name = 'x'", "DELETE FROM audit_entries"]
)
async def test_nothing_in_the_log_can_be_changed_or_deleted(api: Api, statement: str) -> None:
    await api.program()
    with pytest.raises(DBAPIError, match="only added to"):
        async with api.db.write() as tx:
            await tx.execute(text(statement))
    async with api.db.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(AuditEntry)) == 1


async def test_a_program_replies_and_leaves_notes_in_an_agents_name(api: Api) -> None:
    ids = await api.furnish()
    other = await add_agent(api.db, api.clock, api.site.id)
    stranger = await add_agent(api.db, api.clock, api.other.id)
    program = await api.program()

    async def say(agent: str, text: str, **more: Any) -> tuple[int, dict[str, Any]]:
        body = {"agent": agent, "text": text, **more}
        answer = await program.call("POST", "/tickets/1/messages", json=body)
        return answer.status_code, answer.json()

    async def said() -> list[tuple[str, str]]:
        path = f"/conversations/{ids['conversation_id']}?notes=true"
        read = (await program.call("GET", path)).json()
        return [(m["author"], m["text"]) for m in read["messages"][1:]]

    assert (await say(ids["agent_id"], "She waits since May.", kind="note"))[0] == 201
    status, first = await say(ids["agent_id"], "It is on its way.", client_id="a1")
    assert (status, first["author"], first["text"]) == (201, "agent", "It is on its way.")
    assert await say(ids["agent_id"], "It is on its way.", client_id="a1") == (201, first)
    assert (await program.call("GET", "/tickets/1")).json()["assignee"] == ids["agent_id"]
    assert (await program.call("GET", "/conversations")).json()["conversations"][0]["holder"] == "agent"
    told = [("note", "She waits since May."), ("agent", "It is on its way.")]
    assert await said() == told
    for agent, words, more, wanted in (
        (stranger.id, "Hello", {}, 422),
        ("a\0b", "Hello", {}, 422),
        (other.id, "Hello", {}, 409),  # another agent is on it
        (ids["agent_id"], " ", {}, 422),
        (ids["agent_id"], "Hello", {"kind": "shout"}, 422),
    ):
        assert (await say(agent, words, **more))[0] == wanted, (agent, words, more)
    await program.call("PATCH", "/tickets/1", json={"status": "solved"})
    assert (await say(ids["agent_id"], "One more thing."))[0] == 409
    assert await said() == told
    elsewhere = await api.program(site=api.other)
    answer = await elsewhere.call("POST", "/tickets/1/messages", json={"agent": stranger.id, "text": "Hello"})
    assert answer.status_code == 404


async def test_rules_are_ordered_and_tried_by_a_program(api: Api) -> None:
    for _ in range(2):
        await api.furnish()
    program = await api.program()
    for name in ("a", "b", "c"):
        await program.call("PUT", f"/rules/{name}", json={"name": name.upper(), "then": {"tags": [name]}})

    async def move(name: str, place: int) -> str:
        answer = await program.call("POST", f"/rules/{name}/move", json={"place": place})
        assert answer.status_code == 200, answer.text
        order = answer.json()["rules"]
        assert (await program.call("GET", "/rules")).json()["rules"] == order
        return "".join(rule["id"] for rule in order)

    assert [await move("c", 1), await move("a", 99), await move("a", 3)] == ["cab", "cba", "cba"]
    refused = await program.call("POST", "/rules/a/move", json={"place": 0})
    assert (refused.status_code, "place" in refused.json()["error"]["message"]) == (422, True)
    log = (await program.call("GET", "/audit?about=rules")).json()["entries"]
    assert [(e["target"]["name"], e["changes"]) for e in log[:2]] == [
        ("A", {"place": [2, 3]}),
        ("C", {"place": [3, 1]}),
    ]
    body = {"name": "Parcels", "then": {"priority": "high"}}
    topic = {"field": "topic", "values": ["parcel"]}
    for conditions, numbers in (([topic], [2, 1]), ([{**topic, "negated": True}], []), ([], [2, 1])):
        tried = await program.call("POST", "/rules/new/try", json={**body, "conditions": conditions})
        assert tried.json() == {"of": 2, "tickets": numbers}
    assert (await program.call("POST", "/rules/new/try", json={"name": "x", "then": {}})).status_code == 422
    assert [rule["id"] for rule in (await program.call("GET", "/rules")).json()["rules"]] == ["c", "b", "a"]


async def test_what_was_sent_to_a_webhook_is_listed_and_sent_again(api: Api) -> None:
    ids = await api.furnish()
    program = await api.program()
    path = f"/webhooks/{ids['endpoint_id']}"
    hook = (await program.call("GET", path)).json()
    assert (hook["state"], "secret" in hook) == ("on", False)
    [sent] = (await program.call("GET", f"{path}/deliveries")).json()["deliveries"]
    assert (sent["id"], sent["event"], sent["state"], sent["tries"]) == (
        ids["delivery_id"], "test", "waiting", [],
    )  # fmt: skip
    again = f"{path}/deliveries/{ids['delivery_id']}/again"
    assert (await program.call("POST", again)).json() == {"id": ids["delivery_id"]}
    assert (await program.call("POST", f"{path}/deliveries/msg_none/again")).status_code == 404
    assert (await program.call("POST", f"{path}/deliveries/a%00b/again")).status_code == 404
    await program.call("PATCH", path, json={"on": False})
    assert (await program.call("POST", again)).json()["error"]["code"] == "webhook_off"
