"""When somebody should answer a ticket, and when its matter should be solved.

Three clocks: until the first answer, until the next one after the visitor has written again, and until the matter is
solved. A ticket keeps the policy that set them as it then was: a policy that is changed later is for later tickets.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import Row

from minidesk.db.models import Ticket
from minidesk.sites import SiteConfig, after_open_minutes
from minidesk.tickets.records import Due
from minidesk.tickets.rows import ACTIVE

# A visitor who was promised a person leaves after about this long; a site sets its own in `reply_minutes`.
DEFAULT_RESPONSE_MINUTES = 30

Counts = Literal["opening_hours", "calendar"]
COUNTS: tuple[Counts, ...] = get_args(Counts)


@dataclass(frozen=True, slots=True)
class Policy:
    """How soon a site wants to answer and to solve, in minutes. None: the first as in the site's settings, the others never.

    `counts`: minutes of opening hours, or of any time. `warn_minutes` before a clock runs out the agents are told.
    """

    key: str
    name: str
    first_minutes: int | None = None
    next_minutes: int | None = None
    resolution_minutes: int | None = None
    counts: Counts = "opening_hours"
    warn_minutes: int | None = None
    default: bool = False


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the clocks of a ticket are set to when it is opened."""

    first_due: datetime
    resolution_due: datetime | None = None
    policy: Policy | None = None


def set_clocks(
    config: SiteConfig, policy: Policy | None, now: datetime, first_minutes: int | None = None
) -> Clocks:
    """The clocks of a ticket that is opened now. `first_minutes` of a rule go before the policy's, those before the site's."""
    counts: Counts = policy.counts if policy else "opening_hours"
    first = first_minutes or (policy and policy.first_minutes) or config.reply_minutes
    resolution = policy.resolution_minutes if policy else None
    return Clocks(
        _after(config, counts, now, first or DEFAULT_RESPONSE_MINUTES),
        _after(config, counts, now, resolution) if resolution else None,
        policy,
    )


def start(ticket: Ticket, clocks: Clocks) -> None:
    """Start the clocks of a ticket that is new, or is opened by a new handoff."""
    ticket.response_due_at, ticket.responded_at, ticket.late_told_at = clocks.first_due, None, None
    ticket.next_due_at, ticket.resolution_due_at = None, clocks.resolution_due
    kept = asdict(clocks.policy) if clocks.policy else None
    ticket.policy = kept
    settle(ticket)


def promise_again(ticket: Ticket, first_due: datetime) -> None:
    """The visitor is told once more that a person comes: by then; what the matter has for being solved goes on."""
    ticket.response_due_at, ticket.responded_at, ticket.late_told_at = first_due, None, None
    ticket.next_due_at = None


def rest(ticket: Ticket) -> None:
    """The assistant has the visitor: nobody waits for a person's answer. What the matter has for being solved goes on."""
    ticket.next_due_at = None
    if ticket.responded_at is None:
        ticket.response_due_at = None


def go_on(ticket: Ticket, config: SiteConfig, now: datetime) -> None:
    """A person has the matter again: it has a time for the first answer, where that clock rested."""
    if ticket.response_due_at is None:
        ticket.response_due_at = _first_after(ticket, config, now)


def answered(ticket: Ticket, now: datetime) -> None:
    """An agent answered: nobody waits for the first or the next answer."""
    ticket.responded_at, ticket.next_due_at = ticket.responded_at or now, None


def waits_again(ticket: Ticket, *, queued: bool = False) -> bool:
    """Whether what the visitor has written now starts the clock of the next answer.

    Where nobody has the matter it always does: a place in the queue has a time, whatever the policy promises.
    """
    promised = queued or (ticket.policy or {}).get("next_minutes")
    return bool(promised) and ticket.responded_at is not None and ticket.next_due_at is None


def start_next(ticket: Ticket, config: SiteConfig, now: datetime) -> None:
    """The visitor waits for an answer again: as long as the policy says, else as for the first one."""
    policy = ticket.policy or {}
    minutes = policy.get("next_minutes")
    ticket.next_due_at = (
        _after(config, policy["counts"], now, minutes) if minutes else _first_after(ticket, config, now)
    )


def start_over(ticket: Ticket, config: SiteConfig, now: datetime) -> None:
    """An agent opened a solved ticket again: it gets the time that it had for being solved, and for an answer.

    What stood there before it was solved is past, and its visitor would be told at once that nobody had been free.
    """
    policy = ticket.policy or {}
    if policy.get("resolution_minutes"):
        ticket.resolution_due_at = _after(config, policy["counts"], now, policy["resolution_minutes"])
    if ticket.responded_at is None:
        promise_again(ticket, _first_after(ticket, config, now))
    ticket.next_due_at = None
    if waits_again(ticket):
        start_next(ticket, config, now)


def settle(ticket: Ticket) -> None:
    """Bring `due_at` up to date, the first of the clocks that run. Where it moves, it will be warned of anew."""
    running = [at for _, at in _running(ticket)]
    due = min(running) if running else None
    if due == ticket.due_at:
        return
    warn = (ticket.policy or {}).get("warn_minutes")
    ticket.due_at, ticket.warned_at = due, None
    ticket.warn_at = due - timedelta(minutes=warn) if due and warn else None


def due_of(ticket: Ticket | Row[*tuple[Any, ...]]) -> Due | None:
    """The clock of a ticket, or of as much of its row as a list reads, that runs out first; None where none runs."""
    running = _running(ticket)
    if not running:
        return None
    clock, at = min(running, key=lambda each: each[1])
    return Due(clock, at, ticket.warn_at)


def _running(ticket: Ticket | Row[*tuple[Any, ...]]) -> list[tuple[Any, datetime]]:
    if ticket.status not in ACTIVE:
        return []
    clocks = (
        ("first", None if ticket.responded_at else ticket.response_due_at),
        ("next", ticket.next_due_at),
        ("resolution", ticket.resolution_due_at),
    )
    return [(clock, at) for clock, at in clocks if at is not None]


def _first_after(ticket: Ticket, config: SiteConfig, now: datetime) -> datetime:
    """When a first answer is due that is promised now."""
    policy = ticket.policy or {}
    first = policy.get("first_minutes") or config.reply_minutes or DEFAULT_RESPONSE_MINUTES
    return _after(config, policy.get("counts", "opening_hours"), now, first)


def _after(config: SiteConfig, counts: Counts, start: datetime, minutes: int) -> datetime:
    """So many minutes after `start`: of opening hours where those count, there are some, and they ever come."""
    plain = start + timedelta(minutes=minutes)
    if counts == "calendar" or config.hours is None:
        return plain
    return after_open_minutes(config.hours, start, minutes) or plain
