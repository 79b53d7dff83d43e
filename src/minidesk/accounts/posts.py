"""Who can be given tickets in a site: who is at its console, who is away, how much each of them takes, and what they know."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from minidesk.accounts.audit import Actor, differences, record
from minidesk.accounts.people import list_people
from minidesk.db import Database, Tx
from minidesk.db.models import Agent, Membership, Post
from minidesk.errors import Invalid, NotFound
from minidesk.live import QUEUE, Hub
from minidesk.text.normalise import check_text

# An open page is written down this often, and counts so long: a laptop that was closed says nothing.
SEEN_EVERY, PRESENT = timedelta(minutes=1), timedelta(minutes=3)
MOST_OPEN_MAX = 999
WORDS_MAX, WORD_CHARS = 30, 40
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Work:
    """What somebody takes. `most_open`: tickets at one time, None: no limit; no languages: all of them.

    `skills` are words of tags and topics: such tickets are theirs first.
    """

    most_open: int | None = None
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody of a site. `here`: a page of its console is open. `given_at`: when they were given a ticket last.

    `acted_at`: when they came, came back, took or answered something, or wrote at a reply last.
    """

    id: str
    name: str
    here: bool
    away: bool
    acted_at: datetime | None
    given_at: datetime | None
    work: Work

    @property
    def free(self) -> bool:
        """Whether tickets are given to them now."""
        return self.here and not self.away


async def list_workers(tx: Tx, site_id: str, now: datetime) -> list[Worker]:
    """Everybody who may answer in the site, by name; without those who are suspended."""
    rows = await tx.execute(
        select(Agent.id, Agent.name, Agent.away_at, Post)
        .outerjoin(Membership, (Membership.agent_id == Agent.id) & (Membership.site_id == site_id))
        .outerjoin(Post, (Post.agent_id == Agent.id) & (Post.site_id == site_id))
        .where(Agent.disabled_at.is_(None), or_(Membership.id.is_not(None), Agent.operator.is_(True)))
        .order_by(Agent.name, Agent.id)
        .execution_options(populate_existing=True)
    )
    return [_worker(id, name, away_at, post, now) for id, name, away_at, post in rows]


async def seen_here(db: Database, hub: Hub, site_id: str, agent_id: str, now: datetime) -> None:
    """A page of the site is open in front of this agent. Written at most once a minute, whoever says it how often."""
    mine = Post.site_id == site_id, Post.agent_id == agent_id
    async with db.read() as tx:
        last = await tx.scalar(select(Post.seen_at).where(*mine))
    if last is not None and now - last < SEEN_EVERY:
        return
    async with db.write() as tx:
        await _put(tx, site_id, agent_id)
        came = update(Post).where(*mine, or_(Post.seen_at.is_(None), Post.seen_at <= now - PRESENT))
        if (await tx.execute(came.values(acted_at=now).returning(Post.agent_id))).one_or_none():
            tx.after_commit(lambda: hub.wake(QUEUE))
        await tx.execute(update(Post).where(*mine).values(seen_at=now))


async def left(tx: Tx, hub: Hub, agent_id: str) -> None:
    """The agent signed out: nothing more is given to them."""
    await tx.execute(update(Post).where(Post.agent_id == agent_id).values(seen_at=None))
    tx.after_commit(lambda: hub.wake(QUEUE))


async def set_away(tx: Tx, hub: Hub, agent_id: str, away: bool, now: datetime) -> None:
    """Switch by hand whether this agent is given tickets, in every site. The same again changes nothing."""
    before = Agent.away_at.is_(None) if away else Agent.away_at.is_not(None)
    changed = await tx.execute(
        update(Agent)
        .where(Agent.id == agent_id, before)
        .values(away_at=now if away else None)
        .returning(Agent.id)
    )
    if changed.one_or_none() is None:
        return
    if not away:
        await tx.execute(update(Post).where(Post.agent_id == agent_id).values(acted_at=now))
    tx.after_commit(lambda: hub.wake(QUEUE))


async def set_work(
    tx: Tx, hub: Hub, site_id: str, agent_id: str, work: Work, *, now: datetime, actor: Actor
) -> None:
    """How much somebody of the site takes, and what they know. Raises `NotFound` and `Invalid`."""
    person = next((each for each in await list_people(tx, site_id) if each.id == agent_id), None)
    if person is None:
        raise NotFound
    checked = check_work(work)
    await _put(tx, site_id, agent_id)
    row = await tx.get_one(Post, (site_id, agent_id), with_for_update=True, populate_existing=True)
    before = _work_of(row)
    row.most_open, row.languages, row.skills = checked.most_open, [*checked.languages], [*checked.skills]
    if changes := differences(_shown(before), _shown(checked)):
        await record(
            tx, now, actor, "people.work_changed", site_id=site_id, target_id=agent_id,
            target_name=person.name, changes=changes,
        )  # fmt: skip
    tx.after_commit(lambda: hub.wake(QUEUE))


async def acted(tx: Tx, site_id: str, agent_id: str, now: datetime) -> None:
    """The agent works: what they did not come for may be theirs again."""
    mine = Post.site_id == site_id, Post.agent_id == agent_id
    await tx.execute(update(Post).where(*mine).values(acted_at=now))


async def acted_since(tx: Tx, site_id: str, agent_id: str, since: datetime) -> bool:
    """Whether the agent is known to have worked after `since`."""
    mine = Post.site_id == site_id, Post.agent_id == agent_id
    return await tx.scalar(select(Post.agent_id).where(*mine, Post.acted_at > since)) is not None


async def was_given(tx: Tx, site_id: str, agent_id: str, now: datetime) -> None:
    """The agent was given a ticket: the next one goes to somebody else who has as many."""
    await _put(tx, site_id, agent_id)
    mine = Post.site_id == site_id, Post.agent_id == agent_id
    await tx.execute(update(Post).where(*mine).values(given_at=now))


def check_work(work: Work) -> Work:
    """As it is stored: codes and words cleaned, each once. Raises `Invalid`."""
    if work.most_open is not None and not 1 <= work.most_open <= MOST_OPEN_MAX:
        raise Invalid(
            f"Somebody takes 1 to {MOST_OPEN_MAX} tickets at one time. Leave the field empty for any number.",
            code="most_open_invalid",
        )
    languages = [raw.strip().lower().replace("_", "-").partition("-")[0] for raw in work.languages]
    if any(not _LANGUAGE.fullmatch(each) for each in languages) or len(languages) > WORDS_MAX:
        raise Invalid("Write languages by their codes, such as de, en, fr.", code="languages_invalid")
    skills = [" ".join(check_text(raw, WORD_CHARS * 4).split()) for raw in work.skills]
    if any(not 0 < len(each) <= WORD_CHARS for each in skills) or len(skills) > WORDS_MAX:
        raise Invalid(
            f"Write up to {WORDS_MAX} words of tags and topics, each of up to {WORD_CHARS} characters.",
            code="skills_invalid",
        )
    folded = {each.casefold(): each for each in reversed(skills)}
    return Work(
        work.most_open,
        tuple(dict.fromkeys(languages)),
        tuple(each for each in dict.fromkeys(skills) if folded[each.casefold()] == each),
    )


def _worker(id: str, name: str, away_at: datetime | None, post: Post | None, now: datetime) -> Worker:
    if post is None:  # they have never been at this console
        return Worker(id, name, False, away_at is not None, None, None, Work())
    here = post.seen_at is not None and post.seen_at > now - PRESENT
    return Worker(id, name, here, away_at is not None, post.acted_at, post.given_at, _work_of(post))


def _work_of(row: Post) -> Work:
    return Work(row.most_open, tuple(row.languages), tuple(row.skills))


def _shown(work: Work) -> dict[str, object]:
    """As the audit log keeps it."""
    return {
        "most_open": work.most_open,
        "languages": ", ".join(work.languages),
        "skills": ", ".join(work.skills),
    }


async def _put(tx: Tx, site_id: str, agent_id: str) -> None:
    """The row, where it is missing. Two of an agent's pages may ask at once."""
    insert = sqlite.insert if tx.get_bind().dialect.name == "sqlite" else postgresql.insert
    empty: Sequence[str] = []
    row = insert(Post).values(site_id=site_id, agent_id=agent_id, languages=empty, skills=empty)
    await tx.execute(row.on_conflict_do_nothing(index_elements=["site_id", "agent_id"]))
