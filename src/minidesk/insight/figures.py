"""A site's figures over a span of days, out of the rows that the work itself leaves.

Nothing is counted twice: a conversation was answered by the assistant, or handed off, or neither (its visitor got no
answer out of the pages and asked for nobody).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, select
from sqlalchemy.sql import ColumnElement

from minidesk.db import Tx
from minidesk.db.models import Conversation, Message, Ticket
from minidesk.errors import Invalid
from minidesk.insight.costs import Costs, percentile, totals

# A year and a day: a whole year can be compared, and one request reads no more than that.
MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Days:
    """From the start of `first` to the end of `last`, as the days are in `zone`."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        """The first moment, in UTC."""
        return self._start(self.first)

    @property
    def until(self) -> datetime:
        """The first moment that no longer belongs to them, in UTC."""
        return self._start(self.last + timedelta(days=1))

    def _start(self, day: date) -> datetime:
        return datetime.combine(day, time(0), self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened. Times in seconds by the clock on the wall; None where there is nothing to take them of."""

    conversations: int  # begun in these days by a visitor's message, without spam
    answered: int  # of those: the assistant answered from the pages, and no ticket came of it
    handed_off: int  # of those: they became a ticket, whenever
    opened: int  # tickets
    reasons: Mapping[str, int]  # of the opened ones, the most frequent first
    solved: int
    open_now: int
    responded: int  # tickets that got their first answer in these days
    response_p50_s: float | None
    response_p95_s: float | None
    ratings: int  # of the conversations begun in these days
    rating_mean: float | None
    helpful: int  # thumbs of their answers
    not_helpful: int
    costs: Costs


def days_of(first: date | None, last: date | None, zone: ZoneInfo, now: datetime) -> Days:
    """The days asked for; by default the last seven, today among them. Raises `Invalid`."""
    today = now.astimezone(zone).date()
    end = min(today, last or today)  # of tomorrow nothing is known, and year 9999 has no day after it
    begin = end - timedelta(days=6) if first is None else first
    if begin > end:
        raise Invalid("The first day must not come after the last one, nor after today.", code="days_invalid")
    if (end - begin).days >= MOST_DAYS:
        raise Invalid(f"Ask for {MOST_DAYS} days at most.", code="days_invalid")
    return Days(begin, end, zone)


async def figures(tx: Tx, site_id: str, days: Days) -> Figures:
    """All of them for one site."""
    talks = await _of_conversations(tx, site_id, days)
    tickets = await _of_tickets(tx, site_id, days)
    return Figures(
        conversations=talks.count,
        answered=talks.answered,
        handed_off=talks.handed_off,
        opened=sum(tickets.reasons.values()),
        reasons=tickets.reasons,
        solved=tickets.solved,
        open_now=tickets.open_now,
        responded=len(tickets.waited),
        response_p50_s=percentile(tickets.waited, 0.5) if tickets.waited else None,
        response_p95_s=percentile(tickets.waited, 0.95) if tickets.waited else None,
        ratings=talks.ratings,
        rating_mean=talks.rating_mean,
        helpful=talks.helpful,
        not_helpful=talks.not_helpful,
        costs=await totals(tx, site_id, days.since, days.until),
    )


@dataclass(frozen=True, slots=True)
class _Talks:
    """What is counted of conversations."""

    count: int
    answered: int
    handed_off: int
    ratings: int
    rating_mean: float | None
    helpful: int
    not_helpful: int


async def _of_conversations(tx: Tx, site_id: str, days: Days) -> _Talks:
    begun = (
        Conversation.site_id == site_id,
        # Who began later also wrote later: the index knows this one, and the next reads what is left.
        Conversation.last_message_at >= days.since,
        Conversation.created_at >= days.since,
        Conversation.created_at < days.until,
        Conversation.last_seq > 0,
        Conversation.spam_at.is_(None),
    )
    has_ticket = select(Ticket.id).where(Ticket.conversation_id == Conversation.id).exists()
    replied = (
        select(Message.id)
        .where(
            Message.conversation_id == Conversation.id,
            Message.author == "assistant",
            Message.outcome == "reply",
            Message.state == "done",
        )
        .exists()
    )
    count, answered, handed_off, ratings, mean = (
        await tx.execute(
            select(
                func.count(Conversation.id),
                _sum(and_(replied, ~has_ticket)),
                _sum(has_ticket),
                func.count(Conversation.rating),
                func.avg(Conversation.rating),
            ).where(*begun)
        )
    ).one()
    helpful, not_helpful = (
        await tx.execute(
            select(_sum(Message.helpful.is_(True)), _sum(Message.helpful.is_(False)))
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(*begun, Message.helpful.is_not(None))
        )
    ).one()
    return _Talks(
        int(count),
        int(answered),
        int(handed_off),
        int(ratings),
        None if mean is None else round(float(mean), 2),
        int(helpful),
        int(not_helpful),
    )


@dataclass(frozen=True, slots=True)
class _Tickets:
    """What is counted of tickets; `waited`: seconds to the first response, the shortest first."""

    reasons: dict[str, int]
    solved: int
    open_now: int
    waited: list[float]


async def _of_tickets(tx: Tx, site_id: str, days: Days) -> _Tickets:
    since, until = days.since, days.until
    of_site = Ticket.site_id == site_id
    reasons = {
        str(reason): int(count)
        for reason, count in await tx.execute(
            select(Ticket.reason, func.count())
            .where(of_site, Ticket.created_at >= since, Ticket.created_at < until)
            .group_by(Ticket.reason)
            .order_by(func.count().desc(), Ticket.reason)
        )
    }
    solved = select(func.count(Ticket.id)).where(
        of_site, Ticket.solved_at >= since, Ticket.solved_at < until, Ticket.merged_into.is_(None)
    )
    unsolved = select(func.count(Ticket.id)).where(of_site, Ticket.status.in_(("open", "pending")))
    waited = sorted([
        (responded - created).total_seconds()
        for created, responded in await tx.execute(
            select(Ticket.created_at, Ticket.responded_at).where(
                of_site, Ticket.responded_at >= since, Ticket.responded_at < until
            )
        )
        if responded is not None
    ])  # fmt: skip
    return _Tickets(reasons, int(await tx.scalar(solved) or 0), int(await tx.scalar(unsolved) or 0), waited)


def _sum(holds: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((holds, 1), else_=0)), 0)
