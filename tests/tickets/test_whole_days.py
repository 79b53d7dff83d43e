"""Whole days of a desk in any order: what was accepted stays, one holds each conversation, nobody's wish for a person is lost.

A visitor with two conversations, late tokens of the assistant, two agents with all that they can press, double clicks,
restarts, a team whose tickets are given out, people who come, write, go and are suspended, and time that passes. What is looked at after each step are the rows and the log, not a model of them.
"""

import asyncio
import itertools
import json
import os
import shutil
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection
from tests.conftest import FakeClock
from tests.desk import Desk, open_desk, part
from tests.rows import add_conversation, add_team

from minidesk.accounts import (
    CLAIM_MINUTES,
    COMMAND,
    PRESENT,
    Agents,
    Passwords,
    Sessions,
    Work,
    seen_here,
    set_away,
    set_work,
)
from minidesk.conversations import AnswerEnd, AnswerHandle
from minidesk.db import Database, Tx
from minidesk.db.models import Block, Team
from minidesk.errors import AlreadyAssigned, Conflict, DatabaseBusy, HolderChanged, Invalid, NotAllowed
from minidesk.tickets import (
    Does,
    Policy,
    TicketView,
    active_ticket,
    at_work,
    block_writer,
    check_not_blocked,
    check_seen,
    mark_spam,
    merge_tickets,
    not_spam,
    put_policy,
    run_macro,
    snooze,
    suspend,
    ticket_of,
    unblock,
    wake,
)
from minidesk.tickets.giving import WRITING_HOLDS

TEXTS = ("Returns?", "My tent is torn", "I want a human", "Order 10492 is late", "Thanks")
TALKS, AGENTS = st.sampled_from((0, 1)), st.sampled_from(("Mara Lindt", "Jonas Weber"))
PRESSES = st.integers(0, 4)  # client ids: a small number, so that they come again
MACROS = (Does(), Does(tags=("torn",), status="solved"), Does(priority="high", status="pending"))


class Days(RuleBasedStateMachine):
    """Two conversations of one visitor. `accepted` is what the visitor was told is stored."""

    template: Path
    numbers = itertools.count()
    looks = 0  # after steps
    handles = Bundle("handles")  # of attempts, also of those that a restart or a takeover has ended
    questions = Bundle("questions")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.accepted: dict[str, tuple[int, str, str]] = {}  # message → talk, client id, text
        self.looked: dict[tuple[str, int], int] = {}  # agent and talk → the last message on their page

    @initialize()
    def begin(self) -> None:
        self.path = self.template.with_name(f"days-{next(self.numbers)}.db")
        shutil.copy(self.template, self.path)
        self.desk: Desk = self.run(self.opened(new=True))
        first = self.desk.conversation
        second = self.run(add_conversation(self.desk.db, self.clock, first.site_id, first.visitor_id))
        self.talks = (first, second)
        policy = Policy("usual", "Usual", 30, 60, 24 * 60, warn_minutes=10, default=True)
        self.run(self.write(lambda tx: put_policy(tx, first.site_id, policy, self.clock())))
        self.agents = {agent.name: agent.id for agent in (self.desk.mara, self.desk.jonas)}
        self.suspended: set[str] = set()
        team = self.run(add_team(self.desk.db, self.clock, first.site_id, "Support"))
        self.team, self.site = team.id, first.site_id
        self.tickets_are_given_out(True)
        self.agents_are_here(tuple(self.agents))
        self.agent_takes_so_many("Mara Lindt", 1)
        self.agent_goes_away_or_is_back("Jonas Weber", True)

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.run(self.desk.db.close())
            for file in self.path.parent.glob(f"{self.path.name}*"):
                file.unlink()
        self.runner.close()

    # ---- how things are done

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def opened(self, *, new: bool) -> Desk:
        return await open_desk(Database(f"sqlite+aiosqlite:///{self.path}"), self.clock, new=new)

    async def write(self, work: Callable[[Tx], Coroutine[Any, Any, Any]]) -> Any:
        while True:
            try:
                async with self.desk.db.write() as tx:
                    return await work(tx)
            except DatabaseBusy:
                continue  # refused before anything was done, and pressed again: the machine may be busy with others

    async def again(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """As `write`, for what makes its own transactions."""
        while True:
            try:
                return await work()
            except DatabaseBusy:
                continue

    def press(self, *works: Callable[[Tx], Coroutine[Any, Any, Any]]) -> list[Any]:
        """Transactions at the same time; the result or the refusal of each."""
        return self.both(*(partial(self.write, work) for work in works))

    def both(self, *works: Callable[[], Coroutine[Any, Any, Any]]) -> list[Any]:
        """Works at the same time. A refusal is one that a person may read; anything else is a fault."""

        async def together() -> list[Any]:
            return await asyncio.gather(*map(self.again, works), return_exceptions=True)

        results: list[Any] = self.run(together())
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, (Conflict, NotAllowed)):
                raise result
        return results

    def id(self, talk: int) -> str:
        return str(self.talks[talk].id)

    async def open_ticket(self, tx: Tx, talk: int) -> str:
        ticket = await active_ticket(tx, self.id(talk))
        if ticket is None:
            raise Conflict("There is no open ticket.", code="no_ticket")
        return ticket.id

    def gone(self, *who: str) -> bool:
        """Whether one of them is suspended: they have no session, and press nothing."""
        return any(self.agents[each] in self.suspended for each in who)

    # ---- the visitor

    @rule(target=questions, talk=TALKS, text=st.sampled_from(TEXTS), press=PRESSES, times=st.integers(1, 2))
    def visitor_says(self, talk: int, text: str, press: int, times: int) -> Any:
        async def say(tx: Tx) -> Any:
            row = self.talks[talk]
            await check_not_blocked(tx, row.site_id, row.visitor_id)
            posted = await self.desk.conversations.post_visitor_message(
                tx, row, client_id=f"v{press}", text=text
            )
            if posted.created:
                await self.desk.tickets.visitor_wrote(tx, posted.message, row.id)
            return posted

        results = self.press(*[say] * times)
        if isinstance(results[0], NotAllowed):
            assert all(isinstance(each, NotAllowed) for each in results)
            return multiple()
        known = {client: id for id, (where, client, _) in self.accepted.items() if where == talk}
        assert sum(each.created for each in results) == (f"v{press}" not in known)
        (id,) = {each.message.id for each in results}
        if f"v{press}" in known:
            assert known[f"v{press}"] == id
            return multiple()
        self.accepted[id] = (talk, f"v{press}", text)
        return id

    @rule(talk=TALKS, times=st.integers(1, 2), at_once=st.booleans())
    def visitor_wants_a_person(self, talk: int, times: int, at_once: bool) -> None:
        """`at_once`: the desk's own loop was quick."""
        before = self.run(self.desk.db.read_at_once(self.holder_of(talk)))
        handed = [
            partial(self.desk.handoff.hand_off, self.id(talk), "customer_request") for _ in range(times)
        ]
        tickets: list[TicketView] = self.both(*handed)
        assert len({ticket.id for ticket in tickets}) == 1
        after = self.run(self.desk.db.read_at_once(self.holder_of(talk)))
        # Whatever it was before: somebody sees it.
        assert [(each.status, each.snoozed_until) for each in tickets] == [("open", None)] * times
        if before not in ("queue", "agent"):
            assert after == "queue"
            said = self.run(self.desk.db.read_at_once(self.last_system_line(talk)))
            assert str(tickets[0].number) in said
        if at_once:
            self.the_queue_is_looked_at(1)

    @rule(talk=TALKS)
    def visitor_says_stop(self, talk: int) -> None:
        self.press(lambda tx: self.desk.conversations.stop(tx, self.id(talk)))

    # ---- the assistant, also with words that come late

    @rule(target=handles, question=questions)
    def assistant_begins(self, question: str) -> Any:
        (result,) = self.press(lambda tx: self.desk.conversations.begin_answer(tx, reply_to=question))
        return multiple() if isinstance(result, HolderChanged) else result

    @rule(handle=handles, n=st.integers(1, 3))
    def assistant_says(self, handle: AnswerHandle, n: int) -> None:
        self.press(lambda tx: self.desk.conversations.append_sentence(tx, handle, part(f" Sentence {n}.", n)))

    @rule(handle=consumes(handles))
    def assistant_ends(self, handle: AnswerHandle) -> None:
        end = AnswerEnd(outcome="reply", text="only this")
        self.press(lambda tx: self.desk.conversations.finish_answer(tx, handle, end))

    # ---- the agents

    @rule(talk=TALKS, who=AGENTS)
    def agent_looks(self, talk: int, who: str) -> None:
        last = self.run(self.desk.db.read_at_once(self.last_seq(talk)))
        self.looked[who, talk] = last

    @rule(talk=TALKS)
    def both_agents_claim(self, talk: int) -> None:
        if self.gone(*self.agents):
            return
        works = [
            partial(self.desk.handoff.hand_off, self.id(talk), "agent_request", agent_id=id)
            for id in self.agents.values()
        ]
        results = self.both(*works)
        refused = [each for each in results if isinstance(each, AlreadyAssigned)]
        assert len(refused) == 1, results
        assert self.run(self.desk.db.read_at_once(self.holder_of(talk))) == "agent"

    @rule(talk=TALKS, who=AGENTS)
    def agent_takes_over(self, talk: int, who: str) -> None:
        if self.gone(who):
            return
        agent_id = self.agents[who]
        self.both(partial(self.desk.handoff.hand_off, self.id(talk), "agent_request", agent_id=agent_id))

    @rule(talk=TALKS, who=AGENTS, press=PRESSES, times=st.integers(1, 2))
    def agent_replies(self, talk: int, who: str, press: int, times: int) -> None:
        """As the console does: to what they have seen, and a double click is one."""
        if self.gone(who):
            return
        seen, client = self.looked.get((who, talk), 0), f"{who[0]}{press}"

        async def reply(tx: Tx) -> Any:
            ticket_id = await self.open_ticket(tx, talk)
            await check_seen(tx, self.id(talk), self.agents[who], seen)
            return await self.desk.tickets.reply(
                tx, ticket_id, agent_id=self.agents[who], text=f"{who} speaks", client_id=client
            )

        results = self.press(*[reply] * times)
        sent = [each for each in results if not isinstance(each, Exception)]
        assert len({each.message.id for each in sent}) <= 1
        assert sum(each.created for each in sent) <= 1
        for each in sent:
            others = self.run(
                self.desk.db.read_at_once(self.others_between(talk, who, seen, each.message.seq))
            )
            assert not (each.created and others), "answered over what another agent had said"

    @rule(
        talk=TALKS,
        who=AGENTS,
        press=PRESSES,
        does=st.sampled_from(MACROS),
        text=st.sampled_from(("", "Sent.")),
    )
    def agent_runs_a_macro_twice(self, talk: int, who: str, press: int, does: Does, text: str) -> None:
        if self.gone(who):
            return

        async def run(tx: Tx) -> None:
            ticket_id = await self.open_ticket(tx, talk)
            await run_macro(
                tx, self.desk.tickets, ticket_id, agent_id=self.agents[who], text=text, does=does,
                client_id=f"m{who[0]}{press}",
            )  # fmt: skip

        self.press(run, run)

    @rule(talk=TALKS, who=AGENTS)
    def agent_writes_a_note(self, talk: int, who: str) -> None:
        if self.gone(who):
            return
        agent_id = self.agents[who]
        self.press(
            lambda tx: self.desk.conversations.post_note(
                tx, self.id(talk), agent_id=agent_id, text="Between us"
            )
        )

    @rule(talk=TALKS)
    def back_to_the_assistant(self, talk: int) -> None:
        self.press(lambda tx: self.desk.tickets.hand_back(tx, self.id(talk)))

    @rule(
        talk=TALKS, status=st.sampled_from(("open", "pending", "solved", "closed")), times=st.integers(1, 2)
    )
    def ticket_moves(self, talk: int, status: Any, times: int) -> None:
        async def move(tx: Tx) -> None:
            ticket = await ticket_of(tx, self.id(talk))
            if ticket is not None:
                await self.desk.tickets.set_status(tx, ticket.id, status)

        self.press(*[move] * times)

    @rule(talk=TALKS, who=st.one_of(st.none(), AGENTS))
    def ticket_is_given(self, talk: int, who: str | None) -> None:
        if who is not None and self.gone(who):
            return

        async def give(tx: Tx) -> None:
            ticket_id = await self.open_ticket(tx, talk)
            await self.desk.tickets.assign(tx, ticket_id, self.agents[who] if who else None)

        self.press(give)

    @rule(talk=TALKS, who=AGENTS, hours=st.sampled_from((None, 3, 30)))
    def ticket_sleeps_or_wakes(self, talk: int, who: str, hours: int | None) -> None:
        if self.gone(who):
            return

        async def put_off(tx: Tx) -> None:
            ticket_id = await self.open_ticket(tx, talk)
            if hours is None:
                await wake(tx, self.desk.tickets, ticket_id, self.agents[who])
            else:
                until = self.clock() + timedelta(hours=hours)
                await snooze(tx, self.desk.tickets, ticket_id, self.agents[who], until)

        self.press(put_off)

    @rule(talk=TALKS, who=AGENTS, crossed=st.booleans())
    def tickets_are_merged(self, talk: int, who: str, crossed: bool) -> None:
        """Crossed: the two agents do it at the same time, in two directions."""
        if self.gone(who):
            return

        def merge(talk: int) -> Callable[[Tx], Coroutine[Any, Any, Any]]:
            async def work(tx: Tx) -> None:
                source, target = await self.open_ticket(tx, talk), await self.open_ticket(tx, 1 - talk)
                await merge_tickets(
                    tx, self.desk.tickets, self.desk.conversations, from_id=source, into_id=target,
                    agent_id=self.agents[who], line="It goes on in your other conversation.",
                )  # fmt: skip

            return work

        results = self.press(merge(talk), *([merge(1 - talk)] if crossed else []))
        assert sum(each is None for each in results) <= 1

    @rule(talk=TALKS, who=AGENTS, what=st.sampled_from(("spam", "block", "again")))
    def spam_or_not(self, talk: int, who: str, what: str) -> None:
        if self.gone(who):
            return

        async def work(tx: Tx) -> None:
            desk, agent_id, now = self.desk, self.agents[who], self.clock()
            if what == "spam":
                await mark_spam(tx, desk.tickets, desk.conversations, self.id(talk), agent_id, now)
            elif what == "block":
                await block_writer(
                    tx, desk.tickets, desk.conversations, self.id(talk), agent_id, ["visitor"], now
                )
            else:
                await not_spam(tx, self.id(talk), agent_id)

        self.press(work)

    @rule()
    def visitors_are_let_in_again(self) -> None:
        async def work(tx: Tx) -> None:
            connection = await tx.connection()
            for row in (await connection.execute(Block.__table__.select())).all():
                await unblock(tx, row.site_id, row.id)

        self.press(work)

    @rule(talk=TALKS, who=AGENTS, minutes=st.integers(0, 5))
    def agent_writes_at_a_reply(self, talk: int, who: str, minutes: int) -> None:
        """In two tabs, whoever has the ticket; a ticket that they were given is theirs for no more than the limit."""
        if self.gone(who):
            return
        self.clock.advance(minutes=minutes)
        before = self.run(self.desk.db.read_at_once(_read))
        write = partial(at_work, self.desk.db, self.desk.tickets, self.id(talk), self.agents[who])
        self.both(write, write)
        after = self.run(self.desk.db.read_at_once(_read))
        for old, new in zip(before["tickets"], after["tickets"], strict=True):
            mine = old["conversation_id"] == self.id(talk) and old["assignee_id"] == self.agents[who]
            if new["given_at"] == old["given_at"]:
                continue
            assert mine
            told = max(
                event["created_at"]
                for event in after["events"]
                if event["conversation_id"] == new["conversation_id"] and event["type"] == "given"
            )
            assert told <= old["given_at"] < new["given_at"]
            most = timedelta(minutes=CLAIM_MINUTES * (WRITING_HOLDS - 1))
            assert _time(new["given_at"]) - _time(told) <= most
        ignored = ("given_at", "updated_at")
        assert [{k: v for k, v in row.items() if k not in ignored} for row in before["tickets"]] == [
            {k: v for k, v in row.items() if k not in ignored} for row in after["tickets"]
        ]

    # ---- who is there, and has room

    @rule(given=st.booleans())
    def tickets_are_given_out(self, given: bool) -> None:
        async def change(tx: Tx) -> None:
            (await tx.get_one(Team, self.team)).giving = "given" if given else "taken"

        self.press(change)

    @rule(who=st.sampled_from((("Mara Lindt",), ("Jonas Weber",), ("Mara Lindt", "Jonas Weber"))))
    def agents_are_here(self, who: tuple[str, ...]) -> None:
        """Their consoles are open, each in two tabs."""
        for each in who:
            if not self.gone(each):
                come = partial(
                    seen_here, self.desk.db, self.desk.hub, self.site, self.agents[each], self.clock()
                )
                self.both(come, come)

    @rule(who=AGENTS, away=st.booleans())
    def agent_goes_away_or_is_back(self, who: str, away: bool) -> None:
        self.press(lambda tx: set_away(tx, self.desk.hub, self.agents[who], away, self.clock()))

    @rule(who=AGENTS, most=st.sampled_from((None, 1, 2)))
    def agent_takes_so_many(self, who: str, most: int | None) -> None:
        if self.gone(who):
            return
        self.press(
            lambda tx: set_work(
                tx, self.desk.hub, self.site, self.agents[who], Work(most), now=self.clock(), actor=COMMAND
            )
        )

    @rule(who=AGENTS, talk=TALKS, claims=st.booleans())
    def agent_is_suspended_or_let_in(self, who: str, talk: int, claims: bool) -> None:
        """`claims`: suspended at the very moment in which they claim; what came too late is found by the next look."""
        id = self.agents[who]
        agents = Agents(self.desk.db, Passwords(), Sessions(self.clock), self.clock)
        if self.gone(who):
            self.suspended.discard(id)
            self.both(partial(agents.disable, id, False))
            return

        async def claim() -> None:
            try:
                await self.desk.handoff.hand_off(self.id(talk), "agent_request", agent_id=id)
            except Invalid as refused:
                if refused.code != "invalid_agent":
                    raise

        suspended = partial(self.write, lambda tx: suspend(tx, self.desk.tickets, agents, id))
        if claims:
            self.both(claim, suspended)
            self.both(self.desk.tending.look)
        else:
            self.both(suspended)
        self.suspended.add(id)

    @rule(times=st.integers(1, 3))
    def the_queue_is_looked_at(self, times: int) -> None:
        before = self.run(self.desk.db.read_at_once(_read))
        self.both(*[self.desk.tending.giving.look] * times)
        self.room_was_used_and_no_more(before)

    # ---- time, and power

    @rule(hours=st.sampled_from((0.1, 5, 40, 24 * 8)))
    def time_passes(self, hours: float) -> None:
        self.clock.advance(hours=hours)
        self.both(self.desk.tending.look, self.desk.tending.look)
        self.room_was_used_and_no_more(None)

    @rule(minutes=st.integers(1, 6), who=st.one_of(st.none(), AGENTS))
    def minutes_pass_at_the_console(self, minutes: int, who: str | None) -> None:
        for _ in range(minutes):
            self.clock.advance(minutes=1)
            self.agents_are_here((who,) if who else tuple(self.agents))
        self.both(self.desk.tending.look)
        self.room_was_used_and_no_more(None)

    @rule()
    def the_desk_starts_again(self) -> None:
        """Handles of before stay: a worker that was slow to die still writes."""
        self.run(self.desk.db.close())
        self.desk = self.run(self.opened(new=False))

    # ---- what is read

    def holder_of(self, talk: int) -> Callable[[Connection], str]:
        sql = f"SELECT holder FROM conversations WHERE id = '{self.id(talk)}'"
        return lambda connection: str(connection.exec_driver_sql(sql).scalar_one())

    def last_seq(self, talk: int) -> Callable[[Connection], int]:
        sql = f"SELECT last_seq FROM conversations WHERE id = '{self.id(talk)}'"
        return lambda connection: int(connection.exec_driver_sql(sql).scalar_one())

    def last_system_line(self, talk: int) -> Callable[[Connection], str]:
        sql = (
            f"SELECT text FROM messages WHERE conversation_id = '{self.id(talk)}' AND author = 'system' "
            "ORDER BY seq DESC LIMIT 1"
        )
        return lambda connection: str(connection.exec_driver_sql(sql).scalar_one())

    def others_between(self, talk: int, who: str, seen: int, own: int) -> Callable[[Connection], int]:
        sql = (
            f"SELECT count(*) FROM messages WHERE conversation_id = '{self.id(talk)}' AND author = 'agent' "
            f"AND agent_id != '{self.agents[who]}' AND seq > {seen} AND seq < {own}"
        )
        return lambda connection: int(connection.exec_driver_sql(sql).scalar_one())

    # ---- what holds after every step

    @invariant()
    def nothing_is_violated(self) -> None:
        if not hasattr(self, "talks"):
            return
        type(self).looks += 1
        rows = self.run(self.desk.db.read_at_once(_read))
        for row in rows["conversations"]:
            of = {name: [r for r in rows[name] if r["conversation_id"] == row["id"]] for name in _OF_TALK}
            self.accepted_is_durable(row, of)
            self.one_holder(row, of)
            self.a_person_is_reached(row, of)
            self.nobody_waits_for_who_is_suspended(row, of)

    def accepted_is_durable(self, row: Any, of: dict[str, Any]) -> None:
        """Point 1: what was accepted is there, once, in the server's order; one answer each."""
        messages, events = of["messages"], of["events"]
        assert [m["seq"] for m in messages] == list(range(1, row["last_seq"] + 1))
        assert [e["n"] for e in events] == list(range(1, row["last_event"] + 1))
        theirs = {m["id"]: (m["client_id"], m["text"]) for m in messages if m["author"] == "visitor"}
        told = {id: (client, text) for id, (talk, client, text) in self.accepted.items()
                if self.id(talk) == row["id"]}  # fmt: skip
        assert theirs == told
        answers = [m["reply_to"] for m in messages if m["author"] == "assistant"]
        assert len(set(answers)) == len(answers)
        assert set(answers) <= set(told)
        ids = [m["client_id"] for m in messages if m["client_id"]]
        assert len(set(ids)) == len(ids)

    def one_holder(self, row: Any, of: dict[str, Any]) -> None:
        """Point 3: the log, replayed, has one holder at each moment, and only who held it spoke."""
        assert (row["holder"] == "agent") == (row["holder_agent_id"] is not None)
        holder, name = "assistant", None
        texts: dict[str, str] = {}
        for event in of["events"]:
            data = json.loads(event["data"])
            if event["type"] == "holder":
                holder, name = data["holder"], data.get("name")
            elif event["type"] in ("answer.start", "answer.part"):
                assert holder == "assistant", f"{event['type']} while {holder} holds it"
                texts[data["message"]] = texts.get(data["message"], "") + data.get("text", "")
                if event["type"] == "answer.start":
                    texts[data["message"]] = ""
            elif event["type"] == "message" and data["author"] == "agent":
                assert (holder, name) == ("agent", data["name"])
            elif event["type"] == "note":
                assert event["audience"] == "agents"
        assert holder == row["holder"]
        for message in of["messages"]:
            if message["state"] == "streaming":
                assert row["holder"] == "assistant"
                assert message["text"] == texts[message["id"]]

    def a_person_is_reached(self, row: Any, of: dict[str, Any]) -> None:
        """Point 8: who waits for a person, or has one, has one open ticket with a time by which somebody answers."""
        active = [t for t in of["tickets"] if t["status"] in ("open", "pending")]
        assert len(active) <= 1
        if row["holder"] in ("queue", "agent"):
            assert len(active) == 1, f"{row['holder']} without a ticket"
            assert active[0]["response_due_at"] is not None
        if row["holder"] == "assistant" and active:
            assert active[0]["next_due_at"] is None
            assert active[0]["responded_at"] or active[0]["response_due_at"] is None
        if row["holder"] == "agent":
            assert active[0]["assignee_id"] == row["holder_agent_id"]
        if row["holder"] == "closed":
            assert not active, "closed over an open ticket"
        for ticket in of["tickets"]:
            first = None if ticket["responded_at"] else ticket["response_due_at"]
            clocks = [at for at in (first, ticket["next_due_at"], ticket["resolution_due_at"]) if at]
            assert ticket["due_at"] == (min(clocks, default=None) if ticket in active else None)
            assert ticket["snoozed_until"] is None or ticket["status"] in ("open", "pending")
            if ticket["merged_into"] is not None:
                assert ticket["status"] == "closed"

    def nobody_waits_for_who_is_suspended(self, row: Any, of: dict[str, Any]) -> None:
        """What they had is in the queue; and what the desk gave, it gave within the limit that there was."""
        assert row["holder_agent_id"] not in self.suspended
        for ticket in of["tickets"]:
            if ticket["status"] in ("open", "pending"):
                assert ticket["assignee_id"] not in self.suspended
            assert ticket["given_at"] is None or ticket["assignee_id"] is not None
        for event in of["events"]:
            if event["type"] == "given":
                why = json.loads(event["data"])["why"]
                assert why["most"] is None or why["open"] <= why["most"]

    def room_was_used_and_no_more(self, before: dict[str, list[Any]] | None) -> None:
        """The desk has just looked: nobody waits whom somebody could take, and who was given one has not too many."""
        rows = self.run(self.desk.db.read_at_once(_read))
        talks = {row["id"]: row for row in rows["conversations"]}
        posts = {row["agent_id"]: row for row in rows["posts"]}
        away = {row["id"] for row in rows["agents"] if row["away_at"] or row["disabled_at"]}
        now = f"{self.clock() - PRESENT:%Y-%m-%d %H:%M:%S.%f}"
        free = {id for id, post in posts.items() if post["seen_at"] and post["seen_at"] > now} - away
        todo = [
            ticket
            for ticket in rows["tickets"]
            if ticket["status"] == "open"
            and ticket["snoozed_until"] is None
            and talks[ticket["conversation_id"]]["holder"] in ("queue", "agent")
        ]
        load = {id: sum(ticket["assignee_id"] == id for ticket in todo) for id in posts}
        room = {id for id in free if posts[id]["most_open"] is None or load[id] < posts[id]["most_open"]}
        passed = {(row["ticket_id"], row["agent_id"]): row["at"] for row in rows["ticket_passes"]}
        [team] = rows["teams"]
        for ticket in todo:
            if talks[ticket["conversation_id"]]["holder"] != "queue":
                assert ticket["given_at"] is None
                continue
            if ticket["given_at"] is not None:
                assert ticket["assignee_id"] in free, "given to who is not there"
            if ticket["assignee_id"] is None and team["giving"] == "given":
                able = {
                    id
                    for id in room
                    if (ticket["id"], id) not in passed or posts[id]["acted_at"] > passed[ticket["id"], id]
                }
                assert not able, "waits though somebody has room"
        if before is not None:
            had = {ticket["id"]: ticket["assignee_id"] for ticket in before["tickets"]}
            for id in {t["assignee_id"] for t in todo if t["assignee_id"] not in (None, had[t["id"]])}:
                assert posts[id]["most_open"] is None or load[id] <= posts[id]["most_open"]


def _time(stored: str) -> datetime:
    return datetime.fromisoformat(stored)


_OF_TALK = ("messages", "events", "tickets")


def _read(connection: Connection) -> dict[str, list[Any]]:
    orders = {"conversations": "id", "messages": "conversation_id, seq", "events": "conversation_id, n",
              "tickets": "number", "posts": "agent_id", "agents": "id", "ticket_passes": "ticket_id",
              "teams": "id"}  # fmt: skip
    return {
        table: [
            dict(row)
            for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY {order}").mappings()
        ]
        for table, order in orders.items()
    }


@pytest.mark.parametrize(
    (
        "part",
        "examples",
        "steps",
        "least",
    ),  # some of hypothesis' runs end early: the steps that were taken count
    [
        pytest.param(0, 55, 50, 2_000, marks=pytest.mark.timeout(600)),
        # Parts of 100,000 steps, so that two cores share them.
        *(
            pytest.param(part, 400, 100, 25_000, marks=[pytest.mark.prove, pytest.mark.timeout(0)])
            for part in range(1, 5)
        ),
    ],
)
def test_whole_days(sqlite_only: Path, part: int, examples: int, steps: int, least: int) -> None:
    class OnACopy(Days):
        template = sqlite_only

    run_state_machine_as_test(
        # Else parts that begin with one seed would all take the same steps.
        seed(int(os.environ.get("MINIDESK_PROVE_SEED", "0")) * 10 + part)(OnACopy) if part else OnACopy,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
    assert OnACopy.looks >= least
