"""How far a site's owner has come on the Start page: address, questions, script, check."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, func, or_, select

from minidesk.db import Tx
from minidesk.db.models import Crawl, Document, FirstSteps, Site, Source
from minidesk.errors import NotFound
from minidesk.jobs import JobQueue
from minidesk.knowledge.installed import Check

QUEUE = "look"
# Reading a page and following it into the indexes takes about this long.
LOOK_AFTER = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    """A question that the site's pages answer, as a visitor would be told."""

    question: str
    answer: str
    document: str  # the public id
    title: str
    url: str | None


@dataclass(frozen=True, slots=True)
class StepsView:
    """What is known of a site's first steps. `begun`: somebody pasted an address or chose to upload."""

    begun: bool
    url: str | None = None
    crawl_id: str | None = None
    questions: tuple[AnsweredQuestion, ...] = ()
    looking: bool = False
    looked: bool = False
    checked_url: str | None = None
    checked_at: datetime | None = None
    check: str | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """What the site's files are at; `reading`: a crawl of the first steps is under way."""

    ready: int
    busy: int
    reading: bool


async def read_steps(tx: Tx, site_id: str) -> StepsView:
    """A site's first steps."""
    row = await tx.get(FirstSteps, site_id)
    if row is None:
        return StepsView(begun=False)
    return StepsView(
        begun=True,
        url=row.url,
        crawl_id=row.crawl_id,
        questions=tuple(AnsweredQuestion(**one) for one in row.questions),
        looking=row.looking,
        looked=row.looked_at is not None,
        checked_url=row.checked_url,
        checked_at=row.checked_at,
        check=row.check_result,
        done=row.done_at is not None,
    )


async def is_starting(tx: Tx, site_id: str) -> bool:
    """Whether the Start page should be offered: begun and not put away, or a site that knows nothing yet."""
    begun = exists().where(FirstSteps.site_id == site_id)
    going_on = exists().where(FirstSteps.site_id == site_id, FirstSteps.done_at.is_(None))
    knows = exists().where(Source.site_id == site_id)
    # In one question: every page of an editor asks it.
    return bool(await tx.scalar(select(or_(going_on, and_(~begun, ~knows)))))


async def progress_of(tx: Tx, site_id: str, crawl_id: str | None) -> Progress:
    """How far the reading has come."""
    ready = await tx.scalar(
        select(func.count()).where(Document.site_id == site_id, Document.current_version_id.is_not(None))
    )
    busy = await tx.scalar(
        select(func.count()).where(Source.site_id == site_id, Source.status.in_(("queued", "processing")))
    )
    status = await tx.scalar(select(Crawl.status).where(Crawl.id == crawl_id, Crawl.site_id == site_id))
    return Progress(int(ready or 0), int(busy or 0), status in ("queued", "running"))


async def begin(
    tx: Tx,
    jobs: JobQueue,
    site_id: str,
    *,
    url: str | None,
    crawl_id: str | None,
    now: datetime,
    run_at: datetime,
) -> None:
    """The address was pasted and its crawl ordered (or uploads chosen: None): look for questions from `run_at` on."""
    if await tx.get(Site, site_id, with_for_update=True) is None:
        raise NotFound
    row = await tx.get(FirstSteps, site_id)
    if row is None:
        row = FirstSteps(site_id=site_id, generation=0, questions=[], created_at=now)
        tx.add(row)
    if crawl_id is not None or row.url is None:
        row.url, row.crawl_id = url, crawl_id
    row.generation += 1
    row.questions, row.looking, row.looked_at, row.done_at = [], True, None, None
    await tx.flush()
    await enqueue_look(tx, jobs, site_id, row.generation, 1, run_at)


async def enqueue_look(
    tx: Tx, jobs: JobQueue, site_id: str, generation: int, turn: int, run_at: datetime
) -> None:
    """A job that looks for questions; the next `turn` comes when pages are still being read."""
    payload = {"site_id": site_id, "generation": generation, "turn": turn}
    key = f"look:{site_id}:{generation}:{turn}"
    await jobs.enqueue(tx, queue=QUEUE, kind="first_look", payload=payload, key=key, run_at=run_at)


async def keep_questions(
    tx: Tx, site_id: str, generation: int, found: Sequence[AnsweredQuestion], *, more: bool, now: datetime
) -> bool:
    """Write what was found; `more`: the search goes on. False if a newer one has begun."""
    row = await tx.get(FirstSteps, site_id, with_for_update=True)
    if row is None or row.generation != generation:
        return False
    row.questions = [asdict(one) for one in found]
    row.looking, row.looked_at = more, now
    return True


async def keep_check(tx: Tx, site_id: str, check: Check, now: datetime) -> None:
    """What a look at a page for the script found."""
    row = await tx.get(FirstSteps, site_id, with_for_update=True)
    if row is None:
        row = FirstSteps(site_id=site_id, generation=1, questions=[], looking=False, created_at=now)
        tx.add(row)
    row.checked_url, row.check_result, row.checked_at = check.url[:1000], check.verdict, now


async def put_away(tx: Tx, site_id: str, now: datetime) -> None:
    """The owner needs the page no more."""
    row = await tx.get(FirstSteps, site_id, with_for_update=True)
    if row is None:
        row = FirstSteps(site_id=site_id, generation=1, questions=[], looking=False, created_at=now)
        tx.add(row)
    row.done_at = now
