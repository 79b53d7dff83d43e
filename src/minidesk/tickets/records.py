"""The records of a ticket: why it was opened, what was read out of the conversation, and from which words."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Reason = Literal[
    "customer_request",
    "missing_knowledge",
    "unsupported_request",
    "policy",
    "angry_customer",
    "model_failure",
    "turn_limit",
    "agent_request",  # an agent took the conversation from the assistant
]
Status = Literal["open", "pending", "solved", "closed"]
Priority = Literal["low", "normal", "high", "urgent"]
Sentiment = Literal["calm", "worried", "angry"]
EntityKind = Literal["email", "phone", "order", "amount", "date", "product", "country"]
Clock = Literal["first", "next", "resolution"]  # answer, answer, and solved
EvidencePart = Literal["issue", "tried", "wanted", "priority", "sentiment", "team"]

STATUSES: tuple[Status, ...] = ("open", "pending", "solved", "closed")
PRIORITIES: tuple[Priority, ...] = ("low", "normal", "high", "urgent")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words a part of the ticket came from: `text` stands at [start, end) of the message, in characters."""

    part: EvidencePart
    message_id: str
    start: int
    end: int
    text: str
    shown: str = ""  # the summary's words for it, where they are others


@dataclass(frozen=True, slots=True)
class Entity:
    """A fact as the visitor wrote it: `text` stands at [start, end) of the message. `normal` is a common form, if there is one."""

    kind: EntityKind
    message_id: str
    start: int
    end: int
    text: str
    normal: str | None = None


@dataclass(frozen=True, slots=True)
class Triage:
    """What a conversation says, before it is a ticket. Each part has its evidence."""

    subject: str
    summary: str  # at most 60 words
    evidence: tuple[Evidence, ...]
    entities: tuple[Entity, ...]
    sentiment: Sentiment
    priority: Priority
    priority_why: str  # one sentence


@dataclass(frozen=True, slots=True)
class Why:
    """What an earlier ticket has to do with a new one: its number, and whether an agent had sent it to its team."""

    number: int | None = None
    corrected: bool = False
    tags: tuple[str, ...] = ()  # likely ones: tickets like it wear them


@dataclass(frozen=True, slots=True)
class TeamChoice:
    """The team a ticket goes to; `score` (0 to 1, a share of all teams) is None where likeness decided nothing.

    `text`, `fingerprint` and `vector` are kept with the ticket, so that it can teach; None where there is no model.
    """

    team_id: str | None
    score: float | None
    evidence: Evidence | None = None
    why: Why = Why()
    text: str | None = None
    fingerprint: str | None = None
    vector: "NDArray[np.float32] | None" = None


@dataclass(frozen=True, slots=True)
class Due:
    """The clock of a ticket that runs out first. `warn_at`: from then on it is near; None where nobody is warned."""

    clock: Clock
    at: datetime
    warn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """Why the desk gave a ticket to its assignee: they had it before, speak its language, know its words, had least to do.

    `open`: what they had to do then, this one included; `most`: what they take.
    """

    open: int
    most: int | None = None
    before: bool = False
    language: str = ""
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket in full, for agents."""

    id: str
    site_id: str
    conversation_id: str
    number: int
    status: Status
    reason: Reason
    subject: str
    summary: str
    evidence: tuple[Evidence, ...]
    entities: tuple[Entity, ...]
    priority: Priority
    priority_why: str
    sentiment: Sentiment
    team_id: str | None
    team_name: str | None
    team_score: float | None
    assignee_id: str | None
    assignee_name: str | None
    response_due_at: datetime | None
    responded_at: datetime | None
    solved_at: datetime | None
    created_at: datetime
    updated_at: datetime
    routed_by: tuple[str, ...] = ()  # names of the rules that decided something of it
    snoozed_until: datetime | None = None
    follow_up_at: datetime | None = None
    back_at: datetime | None = None
    merged_into: str | None = None
    policy: str = ""  # the name of the service-level policy that set its clocks
    due: Due | None = None
    next_due_at: datetime | None = None
    resolution_due_at: datetime | None = None
    team_corrected: bool = False  # an agent sent it to its team
    learned: Why = Why()
    given: Given | None = None  # None: a person or a rule chose the assignee


@dataclass(frozen=True, slots=True)
class InboxLine:
    """A row of an inbox view: a ticket, or a conversation that the assistant handles and that has none."""

    conversation_id: str
    holder: str
    visitor_name: str | None
    last_text: str
    last_author: str | None
    last_message_at: datetime
    last_agent: str | None = None  # who wrote `last_text`, where an agent did
    ticket_id: str | None = None
    number: int | None = None
    subject: str | None = None
    summary: str = ""
    status: Status | None = None
    priority: Priority | None = None
    sentiment: Sentiment | None = None
    team_id: str | None = None
    team_name: str | None = None
    assignee_id: str | None = None
    assignee_name: str | None = None
    due: Due | None = None
    snoozed_until: datetime | None = None
    follow_up_at: datetime | None = None
    back_at: datetime | None = None
    mentioned: bool = False  # the agent is named in a note that they have not read
    waits_since: datetime | None = None  # in the view of who waits longest


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """How many rows each view has."""

    mine: int
    unassigned: int
    team: int
    all: int
    waiting: int  # for a person's answer
    assistant: int
    snoozed: int
    mentions: int  # conversations with unread ones
    overdue: int  # of `all`: a clock has run out
    near: int  # of the agent's own and of nobody's: a clock that is warned of is near its end, or past it
    solved: int  # and closed
    waiting_for_me: int  # of `waiting`: the agent's own and nobody's
