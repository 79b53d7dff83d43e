"""What else an agent does with a ticket: put it off, merge it, call it spam, run a macro, say that an answer was wrong."""

import secrets
from collections.abc import Awaitable, Callable, Mapping

from starlette.datastructures import FormData

from minidesk.accounts import AgentIdentity
from minidesk.conversations import access_conversation_as_agent
from minidesk.db import Tx
from minidesk.db.models import Conversation
from minidesk.errors import Conflict, NotFound
from minidesk.live import desk_topic
from minidesk.sites import site_by_id
from minidesk.text.locale import Texts
from minidesk.text.normalise import replace_surrogates
from minidesk.tickets import (
    active_ticket,
    at_work,
    block_writer,
    canned_for,
    correct_answer,
    follow_up,
    mark_spam,
    merge_tickets,
    not_spam,
    propose_article,
    read_mentions,
    run_macro,
    snooze,
    time_of,
    wake,
)
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import field
from minidesk.web.console.view import say

Act = Callable[[AgentIdentity, str, FormData], Awaitable[None]]
CLIENT_ID_CHARS = 64


class TicketActs:
    """Each is for a conversation that the agent may see, and raises what the room below raises."""

    def __init__(
        self,
        deps: ConsoleDeps,
        ticket_to_answer: Callable[[AgentIdentity, str, str], Awaitable[str | None]],
        texts: Texts,
    ) -> None:
        """`ticket_to_answer` opens a ticket where there is none, and gives none to what was said before; `texts` speak to visitors."""
        self._deps = deps
        self._ticket_to_answer = ticket_to_answer
        self._texts = texts

    def by_name(self) -> Mapping[str, Act]:
        """Each under the last part of its address."""
        return {
            "snooze": self.snooze,
            "wake": self.wake,
            "follow-up": self.follow_up,
            "merge": self.merge,
            "spam": self.spam,
            "not-spam": self.not_spam,
            "macro": self.macro,
            "wrong": self.wrong,
            "article": self.article,
            "seen": self.seen,
            "typing": self.typing,
        }

    async def snooze(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """Out of sight until a time or until the visitor writes."""
        async with self._deps.db.write() as tx:
            ticket_id, row = await _open_ticket(tx, conversation_id)
            config = (await site_by_id(tx, row.site_id)).config
            until = time_of(field(form, "until"), field(form, "day"), config, self._deps.clock())
            await snooze(tx, self._deps.tickets, ticket_id, agent.agent_id, until)

    async def wake(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """Back into sight."""
        async with self._deps.db.write() as tx:
            ticket_id, _ = await _open_ticket(tx, conversation_id)
            await wake(tx, self._deps.tickets, ticket_id, agent.agent_id)

    async def follow_up(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """A day to look at it again; without one, none."""
        day = field(form, "day").strip()
        async with self._deps.db.write() as tx:
            ticket_id, row = await _open_ticket(tx, conversation_id)
            config = (await site_by_id(tx, row.site_id)).config
            at = time_of("day", day, config, self._deps.clock()) if day else None
            await follow_up(tx, self._deps.tickets, ticket_id, agent.agent_id, at)

    async def merge(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """Into another ticket of the same visitor."""
        into = field(form, "into")
        if not into or "\0" in into:
            raise Conflict("Choose the ticket to merge this one into.", code="merge_nothing")
        async with self._deps.db.write() as tx:
            ticket_id, row = await _open_ticket(tx, conversation_id)
            await merge_tickets(
                tx,
                self._deps.tickets,
                self._deps.conversations,
                from_id=ticket_id,
                into_id=into,
                agent_id=agent.agent_id,
                line=self._texts.t("handoff.merged", row.locale),
                notes=(say("merge.from"), say("merge.into")),
            )

    async def spam(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """Out of the inbox; with `block`, its writer may not write any more, and all that they wrote goes with it."""
        kinds = [kind for kind in ("visitor", "email") if field(form, f"block_{kind}") == "yes"]
        deps, now = self._deps, self._deps.clock()
        async with deps.db.write() as tx:
            if kinds:
                await block_writer(
                    tx, deps.tickets, deps.conversations, conversation_id, agent.agent_id, kinds, now
                )
            else:
                await mark_spam(tx, deps.tickets, deps.conversations, conversation_id, agent.agent_id, now)

    async def not_spam(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """Into the inbox again."""
        async with self._deps.db.write() as tx:
            await not_spam(tx, conversation_id, agent.agent_id)

    async def macro(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """All that a macro says and does."""
        await self.run(agent, conversation_id, form)

    async def run(
        self, agent: AgentIdentity, conversation_id: str, form: FormData, *, text: str | None = None
    ) -> None:
        """A macro by its id in the form; `text` instead of its own where the agent has edited it."""
        deps = self._deps
        async with deps.db.read() as tx:
            row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            choices = await canned_for(tx, row, agent.agent_id)
        chosen = next((each for each in choices if each.id == field(form, "macro")), None)
        if chosen is None:
            raise NotFound
        said = chosen.filled.text if text is None else text
        client_id = field(form, "client_id")[:CLIENT_ID_CHARS] or secrets.token_hex(16)
        ticket_id = await self._ticket_to_answer(agent, conversation_id, client_id)
        if ticket_id is None:
            return
        async with deps.db.write() as tx:
            await run_macro(
                tx, deps.tickets, ticket_id, agent_id=agent.agent_id, text=said, does=chosen.does,
                client_id=client_id,
            )  # fmt: skip

    async def wrong(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """An answer of the assistant was wrong; what is right waits for an editor."""
        right = replace_surrogates(field(form, "right"))
        async with self._deps.db.write() as tx:
            row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            await correct_answer(tx, row, agent.agent_id, field(form, "message"), right, self._deps.clock())
            # Stored: a page looks again where something is, and the one who pressed must see that it was taken down.
            await self._deps.events.append(tx, row.id, "correction", {"kind": "wrong"}, "agents")

    async def article(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """What solved the ticket waits for an editor, to be written down."""
        async with self._deps.db.write() as tx:
            row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            await propose_article(tx, row, agent.agent_id, self._deps.clock())
            await self._deps.events.append(tx, row.id, "correction", {"kind": "article"}, "agents")

    async def seen(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The notes that name the agent are read."""
        async with self._deps.db.write() as tx:
            if await read_mentions(tx, agent.agent_id, conversation_id, self._deps.clock()):
                row = await tx.get_one(Conversation, conversation_id)
                self._deps.events.wake_after_commit(tx, f"site:{row.site_id}")

    async def typing(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The agent writes a reply; with an empty `text`, no more."""
        if field(form, "writing") == "no":
            self._deps.here.sent(conversation_id, agent.agent_id)
        else:
            self._deps.here.wrote(conversation_id, agent.agent_id, self._deps.clock())
            await at_work(self._deps.db, self._deps.tickets, conversation_id, agent.agent_id)
        self._deps.hub.wake(desk_topic(conversation_id))
        self._deps.hub.wake(f"conversation:{conversation_id}")  # the visitor is shown it too


async def _open_ticket(tx: Tx, conversation_id: str) -> tuple[str, Conversation]:
    ticket = await active_ticket(tx, conversation_id)
    if ticket is None:
        raise Conflict("There is no open ticket here. Reload to see how it stands.", code="no_ticket")
    return ticket.id, await tx.get_one(Conversation, conversation_id)
