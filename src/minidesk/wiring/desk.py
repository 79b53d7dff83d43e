"""A server: answers over Chroma, and the loops that follow, reply and supervise the child."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from minidesk import __version__
from minidesk.accounts import (
    Agents,
    Doors,
    OpenIdConnect,
    Passwords,
    Sealer,
    Sessions,
    SetupCode,
    build_doors,
    open_sealer,
)
from minidesk.ask import Asker
from minidesk.channels import (
    ANSWER_MAIL,
    COPY_MAIL,
    WEBHOOK,
    AnswerMails,
    CopyMails,
    CopyOutbox,
    Deliverer,
    MailOutbox,
    MailServer,
    seal_webhook_secrets,
)
from minidesk.channels import QUEUE as CHANNELS_QUEUE
from minidesk.conversations import Conversations
from minidesk.handoff import Handoff, late_line, next_line
from minidesk.inbound import Inbound
from minidesk.insight.first_look import FirstLook
from minidesk.insight.first_steps import QUEUE as LOOK_QUEUE
from minidesk.insight.metrics import CountedAsker
from minidesk.jobs import Handler, Worker
from minidesk.knowledge.embed import Embedder
from minidesk.knowledge.index import ChromaIndex
from minidesk.knowledge.owner_lock import OwnerLock
from minidesk.knowledge.projection import Follower
from minidesk.knowledge.sources import Sources
from minidesk.knowledge.token_vectors import TokenStore
from minidesk.outbound import Outbound
from minidesk.read_ahead import order_missing
from minidesk.reply import Replier
from minidesk.sites import seal_identity_keys
from minidesk.tickets import Tending, Tickets
from minidesk.wiring.answers import Answers, embed_function, open_answers, open_embedding
from minidesk.wiring.child import CHILD, COMMAND, SERVER, supervise_child
from minidesk.wiring.core import Core
from minidesk.wiring.doors import build_oidc, build_sources, reply_address
from minidesk.wiring.tasks import Loops, end_tasks

# Replies at once in one server. Each waits for a model most of its time; more would only queue behind the embedder.
REPLIES_AT_ONCE = 16
# Webhooks and mails under way at once. One site's ten silent receivers must not keep another's waiting.
SENT_AT_ONCE = 16
# The loops' time to end. Replies have ten seconds of grace (jobs/worker.py); following a large upload may take longer
# and goes on at the next start.
LOOPS_SECONDS = 12.0


@dataclass(frozen=True, slots=True)
class Desk:
    """A server's parts."""

    core: Core
    answers: Answers
    index: ChromaIndex | None
    follower: Follower
    conversations: Conversations
    tickets: Tickets
    tending: Tending
    handoff: Handoff
    sources: Sources
    replies: Worker
    looks: Worker
    channels: Worker
    agents: Agents
    sessions: Sessions
    setup_code: SetupCode
    sealer: Sealer
    doors: Doors
    oidc: OpenIdConnect | None
    loops: Loops

    @property
    def stopping(self) -> asyncio.Event:
        """Set when the server is told to end."""
        return self.loops.stop

    async def check_database(self) -> None:
        """Raises a MinideskError if no row can be read."""
        async with self.core.db.read() as tx:
            await tx.execute(text("SELECT 1"))

    async def read_metrics(self) -> None:
        """Fetch the numbers that are not counted as they happen. Raises a MinideskError as `check_database` does."""
        await self.core.metrics.read(self.core.db, self.answers.gateway.states())

    @asynccontextmanager
    async def running(self, **others: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
        """The loops of the embedded server: following the knowledge, replying, the child with all other jobs, and `others`."""
        stop = self.stopping
        loops: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "knowledge": lambda: self.follower.run(stop),
            "replies": lambda: self.replies.run(stop),
            "looks": lambda: self.looks.run(stop),
            "channels": lambda: self.channels.run(stop),
            "tickets": lambda: self.tending.run(stop),
            "giving": lambda: self.tending.giving.run(self.core.hub, stop),
            "attachments": lambda: self.core.attachments.run(stop),
            "background": lambda: supervise_child(self.core, stop),
            **others,
        }
        tasks = {asyncio.create_task(self.loops.forever(name, loop)) for name, loop in loops.items()}
        try:
            yield
        finally:
            self.stopping.set()
            await end_tasks(tasks, LOOPS_SECONDS)


@asynccontextmanager
async def open_desk(core: Core, crash_point: Callable[[str], None] = lambda _: None) -> AsyncIterator[Desk]:
    """A server's parts, the indexes' ownership among them. Raises Conflict where another process owns them."""
    clock, db = core.clock, core.db
    async with AsyncExitStack() as stack:
        stack.enter_context(OwnerLock(core.settings.data_dir))
        await take_back_leases(core)
        embedder = await open_embedding(core.settings)
        index = (
            ChromaIndex.from_settings(core.settings, embedder.fingerprint) if embedder is not None else None
        )
        if index is not None:
            stack.callback(index.close)
        answers = await stack.enter_async_context(open_answers(core, embedder, index))
        follower = Follower(db, index, answers.fulltext, core.hub, clock)
        # Checking and opening Chroma takes a second; the rest of the start does not wait for it.
        opening = asyncio.create_task(follower.catch_up())
        opening.add_done_callback(
            lambda task: task.cancelled() or task.exception()
        )  # its loop will report the same
        stack.push_async_callback(end_tasks, [opening], LOOPS_SECONDS)
        sources = build_sources(core, embedder)
        if embedder is not None:  # without a model every file would look as if another one had made it
            await sources.refresh()
            if core.settings.read_ahead_passages:
                await order_missing(db, TokenStore(db, embedder.token_fingerprint), core.jobs, clock)
        await core.files.clean_up()
        await core.attachments.clean_up()
        conversations = Conversations(core.events, core.jobs, clock)
        tickets = Tickets(core.events, conversations, clock)
        handoff = build_handoff(core, conversations, tickets, answers, embedder, crash_point)
        sessions = Sessions(clock)
        agents = Agents(db, Passwords(), sessions, clock)
        sealer = await asyncio.to_thread(open_sealer, core.settings)
        await seal_secrets(core, sealer)
        yield Desk(
            core=core,
            answers=answers,
            index=index,
            follower=follower,
            conversations=conversations,
            tickets=tickets,
            tending=Tending(db, tickets, late_line(core.texts), clock),
            handoff=handoff,
            sources=sources,
            replies=build_replies(core, conversations, answers, handoff, crash_point),
            looks=build_looks(core, answers.asker, follower),
            channels=build_channels(core, sealer),
            agents=agents,
            sessions=sessions,
            setup_code=SetupCode(db, agents, clock),
            sealer=sealer,
            doors=build_doors(db, sealer, agents, sessions, clock),
            oidc=build_oidc(core, sealer, agents, sessions),
            loops=Loops(asyncio.Event()),
        )


def build_handoff(
    core: Core,
    conversations: Conversations,
    tickets: Tickets,
    answers: Answers,
    embedder: Embedder | None,
    crash_point: Callable[[str], None],
) -> Handoff:
    """What brings a conversation to a person."""
    return Handoff(
        core.db,
        conversations,
        tickets,
        embed_function(embedder),
        next_line(core.texts),
        core.clock,
        models=answers.gateway,
        # As questions are read: the model of passages would take 120 MB of a server that only answers.
        fingerprint=None if embedder is None else f"{embedder.fingerprint}-asked",
        crash_point=crash_point,
    )


def build_replies(
    core: Core,
    conversations: Conversations,
    answers: Answers,
    handoff: Handoff,
    crash_point: Callable[[str], None],
) -> Worker:
    """What answers visitors."""
    replier = Replier(
        core.db,
        core.hub,
        conversations,
        CountedAsker(answers.asker, core.metrics),
        handoff,
        pictures=core.attachments.for_model if core.settings.model_images and answers.gateway.sees else None,
        crash_point=crash_point,
    )
    return Worker(
        core.db,
        core.jobs,
        core.hub,
        queue="reply",
        owner=f"{SERVER}-{os.getpid()}",
        handlers={"reply": replier.reply},
        give_up={"reply": replier.give_up},
        concurrency=REPLIES_AT_ONCE,
    )


def build_looks(core: Core, asker: Asker, follower: Follower) -> Worker:
    """What finds questions for a new site's first page, beside the replies."""
    look = FirstLook(core.db, asker, core.jobs, core.hub, core.clock, follower.is_behind)
    return Worker(
        core.db,
        core.jobs,
        core.hub,
        queue=LOOK_QUEUE,
        owner=f"{SERVER}-{os.getpid()}",
        handlers={"first_look": look.run},
        give_up={"first_look": look.give_up},
        concurrency=1,
    )


def build_channels(core: Core, sealer: Sealer) -> Worker:
    """What sends webhooks and mails, beside the replies: it waits for others' servers and needs neither memory nor CPU."""
    settings = core.settings
    outbound = Outbound(settings.outbound_allow, user_agent=f"minidesk/{__version__}")
    deliverer = Deliverer(core.db, core.outbox, outbound, core.clock, sealer)
    handlers: dict[str, Handler] = {WEBHOOK: deliverer.run}
    if settings.mails:
        server = MailServer(settings.smtp_url.get_secret_value())
        handlers[COPY_MAIL] = CopyMails(
            core.db,
            CopyOutbox(core.jobs, core.clock),
            server,
            core.texts,
            sender=settings.mail_from,
            base_url=settings.base_url,
        ).run
        handlers[ANSWER_MAIL] = AnswerMails(
            core.db,
            MailOutbox(core.jobs, core.clock),
            server,
            core.presence,
            core.texts,
            core.clock,
            sender=settings.mail_from,
            base_url=settings.base_url,
            reply_address=reply_address(settings),
        ).run
    return Worker(
        core.db,
        core.jobs,
        core.hub,
        queue=CHANNELS_QUEUE,
        owner=f"{SERVER}-{os.getpid()}",
        handlers=handlers,
        concurrency=SENT_AT_ONCE,
    )


def build_inbound(desk: Desk) -> Inbound | None:
    """What takes mails that come in, where the settings name an address for them."""
    core, address = desk.core, reply_address(desk.core.settings)
    if address is None:
        return None
    return Inbound(
        core.db,
        desk.conversations,
        desk.tickets,
        desk.handoff,
        core.attachments,
        address,
        core.clock,
        max_chars=core.settings.message_max_chars,
    )


async def seal_secrets(core: Core, sealer: Sealer) -> None:
    """Seal what older versions kept as it was; a migration has no key to do it with."""
    async with core.db.write() as tx:
        await seal_identity_keys(tx, sealer)
        await seal_webhook_secrets(tx, sealer)


async def take_back_leases(core: Core) -> None:
    """For the holder of the `OwnerLock`: whoever had these leases is dead, for the lock was free."""
    for owner in (SERVER, CHILD, COMMAND):
        await core.jobs.take_back(core.db, owner)
