"""What an agent does in a conversation: says something, takes it over, moves its ticket."""

import secrets
from collections.abc import Mapping, Sequence
from typing import get_args

from starlette.datastructures import FormData, UploadFile

from minidesk.accounts import AgentIdentity
from minidesk.conversations import access_conversation_as_agent, keep_wording
from minidesk.db import Tx
from minidesk.errors import AlreadyAssigned, Conflict, Invalid, NotFound
from minidesk.text.locale import load_texts
from minidesk.text.normalise import check_text, whole_number
from minidesk.tickets import Priority, active_ticket, check_filled, check_seen, note_mentions, ticket_of
from minidesk.web.console.attachment_routes import files_in, store
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import field
from minidesk.web.console.ticket_acts import CLIENT_ID_CHARS, Act, TicketActs
from minidesk.web.console.view import spoken

# A person may write more than a visitor: a whole explanation with its steps.
AGENT_TEXT_CHARS = 20_000
# Suggestions, rewritings and translations: each costs money where a model is asked.
HELPS_A_MINUTE = 20
# They come by themselves with each ticket that is opened: as many as somebody can leaf through.
SUGGESTIONS_A_MINUTE = 40


class Acts:
    """What an agent does in a conversation that they may see. Each raises what the room below raises."""

    def __init__(self, deps: ConsoleDeps) -> None:
        self._deps = deps
        self.more = TicketActs(deps, self._ticket_to_answer, load_texts())

    def by_name(self) -> Mapping[str, Act]:
        """Each under the last part of its address."""
        return {
            "say": self.say,
            "take-over": self.take_over,
            "hand-back": self.hand_back,
            "wait": self.wait,
            "solve": self.solve,
            "reopen": self.reopen,
            "ticket": self.change_ticket,
            "tag": self.add_tag,
            "untag": self.remove_tag,
            "translate": self.translate,
            **self.more.by_name(),
        }

    async def say(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """A note, or a reply to the visitor; a reply to a conversation that no person holds takes it over."""
        text = check_text(field(form, "text"), AGENT_TEXT_CHARS)
        if not text:
            raise Invalid("Write something first.", code="text_missing")
        client_id = field(form, "client_id")[:CLIENT_ID_CHARS] or secrets.token_hex(16)
        files = files_in(form)
        if field(form, "kind") == "note":
            if files:
                raise Invalid("A note cannot carry files. Send them with a reply.", code="note_with_files")
            await self._note(agent, conversation_id, text, client_id)
            return
        check_filled(text)
        original = check_text(field(form, "original"), AGENT_TEXT_CHARS)
        await self._check_alone(agent, conversation_id, form)
        if field(form, "macro"):
            if files:
                raise Invalid("A macro cannot carry files. Send them by themselves.", code="macro_with_files")
            await self.more.run(agent, conversation_id, form, text=text)
            self._deps.here.sent(conversation_id, agent.agent_id)
            return
        stored = await self._stored(
            agent, conversation_id, files
        )  # first: a file that is refused takes nothing over
        ticket_id = await self._ticket_to_answer(agent, conversation_id, client_id)
        if ticket_id is None:
            return
        async with self._deps.db.write() as tx:
            if (seen := whole_number(field(form, "seen"))) is not None:
                await check_seen(tx, conversation_id, agent.agent_id, seen)
            posted = await self._deps.tickets.reply(
                tx, ticket_id, agent_id=agent.agent_id, text=text, client_id=client_id, attachments=stored
            )
            if original and posted.created and original != text:
                now = self._deps.clock()
                await keep_wording(tx, posted.message.id, "original", "", original, now)
        self._deps.here.sent(conversation_id, agent.agent_id)

    async def translate(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """A message of the visitor's in the language that this page speaks, kept beside it for the team."""
        assist, message_id = self._deps.assist, field(form, "message")
        if assist is None or not assist.writes or not message_id.replace("_", "").isalnum():
            raise NotFound
        self._deps.limiter.charge("assist", agent.agent_id, limit=HELPS_A_MINUTE, seconds=60)
        await assist.translate_message(conversation_id, message_id, spoken())

    async def _note(self, agent: AgentIdentity, conversation_id: str, text: str, client_id: str) -> None:
        async with self._deps.db.write() as tx:
            posted = await self._deps.conversations.post_note(
                tx, conversation_id, agent_id=agent.agent_id, text=text, client_id=client_id
            )
            if posted.created:
                row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
                await note_mentions(
                    tx, row, message_id=posted.message.id, author_id=agent.agent_id, text=text,
                    now=self._deps.clock(),
                )  # fmt: skip

    async def _check_alone(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """Raises Conflict while somebody else writes, unless the agent was asked and sends anyway.

        Whose conversation another agent holds is refused by its holder's name, whoever writes.
        """
        if field(form, "anyway") == "yes":
            return
        async with self._deps.db.read() as tx:
            row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
        if row.holder == "agent" and row.holder_agent_id != agent.agent_id:
            return
        others = self._deps.here.others(conversation_id, agent.agent_id, self._deps.clock())
        writing = next((each.name for each in others if each.writing), None)
        if writing is not None:
            raise Conflict(f"{writing} is writing. Send anyway?", code="someone_writes")

    async def _stored(
        self, agent: AgentIdentity, conversation_id: str, files: Sequence[UploadFile]
    ) -> list[str]:
        if not files:
            return []
        async with self._deps.db.read() as tx:
            site_id = (await access_conversation_as_agent(tx, agent.agent_id, conversation_id)).site_id
        return await store(self._deps, files, site_id=site_id, agent_id=agent.agent_id)

    async def take_over(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The agent holds the conversation; a ticket is opened where there is none.

        A colleague's, where the page said whose it is: of two who press at once on what nobody has, one is still refused.
        """
        seen = field(form, "from")
        if seen and seen != agent.agent_id:
            async with self._deps.db.write() as tx:
                row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
                ticket = await active_ticket(tx, conversation_id)
                if ticket is not None and row.holder == "agent" and row.holder_agent_id == seen:
                    await self._deps.tickets.assign(tx, ticket.id, agent.agent_id)
                    return
        await self._deps.handoff.hand_off(conversation_id, "agent_request", agent_id=agent.agent_id)

    async def hand_back(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The assistant answers again. What another agent holds is theirs to give back."""
        async with self._deps.db.write() as tx:
            row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            if row.holder == "agent" and row.holder_agent_id != agent.agent_id:
                raise AlreadyAssigned("Another agent is on this conversation. Take it over from them first.")
            await self._deps.tickets.hand_back(tx, conversation_id)

    async def solve(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The ticket is solved; what the visitor writes next is the assistant's again."""
        async with self._deps.db.write() as tx:
            ticket = await active_ticket(tx, conversation_id)
            if ticket is None:
                raise Conflict("There is no open ticket here. Reload to see how it stands.", code="no_ticket")
            await self._deps.tickets.set_status(tx, ticket.id, "solved")

    async def wait(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The ticket waits for the visitor: out of the way until they write again."""
        async with self._deps.db.write() as tx:
            ticket = await active_ticket(tx, conversation_id)
            if ticket is None:
                raise Conflict("There is no open ticket here. Reload to see how it stands.", code="no_ticket")
            await self._deps.tickets.set_status(tx, ticket.id, "pending")

    async def reopen(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """A solved ticket waits for a person again."""
        async with self._deps.db.write() as tx:
            await self._reopened(tx, conversation_id)

    async def change_ticket(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """Another team, priority or assignee."""
        priority = field(form, "priority")
        async with self._deps.db.write() as tx:
            ticket = await active_ticket(tx, conversation_id)
            if ticket is None:
                raise Conflict("This ticket is not open any more. Reopen it first.", code="ticket_not_open")
            await self._deps.tickets.set_team(tx, ticket.id, field(form, "team") or None)
            if "assignee" in form:
                await self._deps.tickets.assign(tx, ticket.id, field(form, "assignee") or None)
            if priority and priority not in get_args(Priority):
                raise Invalid("A priority is low, normal, high or urgent.", code="invalid_priority")
            if priority:
                await self._deps.tickets.set_priority(tx, ticket.id, priority)  # type: ignore[arg-type]  # checked above

    async def add_tag(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The conversation's latest ticket wears one tag more."""
        async with self._deps.db.write() as tx:
            ticket_id = await _tagged_ticket(tx, conversation_id)
            await self._deps.tickets.add_tag(tx, ticket_id, agent.agent_id, field(form, "tag"))

    async def remove_tag(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """And one less."""
        async with self._deps.db.write() as tx:
            ticket_id = await _tagged_ticket(tx, conversation_id)
            await self._deps.tickets.remove_tag(tx, ticket_id, agent.agent_id, field(form, "tag"))

    async def _ticket_to_answer(
        self, agent: AgentIdentity, conversation_id: str, client_id: str
    ) -> str | None:
        """The open ticket; a solved one is opened again, and where there is none, taking over opens one.

        None where the agent's answer is there already: a second press, or a browser that sends once more, must not open
        again what the first one solved.
        """
        async with self._deps.db.write() as tx:
            said = await self._deps.conversations.agent_posted(
                tx, conversation_id, agent_id=agent.agent_id, client_id=client_id
            )
            if said is not None:
                return None
            ticket = await active_ticket(tx, conversation_id)
            if ticket is not None:
                return ticket.id
            last = await ticket_of(tx, conversation_id)
            if last is not None and last.status == "solved":
                return await self._reopened(tx, conversation_id)
        opened = await self._deps.handoff.hand_off(conversation_id, "agent_request", agent_id=agent.agent_id)
        return opened.id

    async def _reopened(self, tx: Tx, conversation_id: str) -> str:
        last = await ticket_of(tx, conversation_id)
        if last is None:
            raise Conflict(
                "There is no ticket here. Take the conversation over to open one.", code="no_ticket"
            )
        await self._deps.tickets.set_status(tx, last.id, "open")
        return last.id


async def _tagged_ticket(tx: Tx, conversation_id: str) -> str:
    ticket = await ticket_of(tx, conversation_id)
    if ticket is None:
        raise Conflict(
            "There is no ticket here to tag. Take the conversation over to open one.", code="no_ticket"
        )
    return ticket.id
