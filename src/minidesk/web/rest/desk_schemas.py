"""What the API takes and gives of conversations, tickets, teams, webhooks and the audit log."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

NEXT = "Send it as `after` for the next page; null on the last one."


class VisitorInfo(BaseModel):
    """Who asks, as far as they said."""

    id: str
    name: str | None
    email: str | None
    verified: bool = Field(description="The website signed who they are.")


class ConversationInfo(BaseModel):
    """One conversation."""

    id: str
    holder: Literal["assistant", "queue", "agent", "closed"]
    visitor: VisitorInfo
    page_url: str | None
    locale: str | None
    rating: int | None
    tickets: list[int] = Field(description="Numbers, the latest last.")
    created_at: datetime
    last_message_at: datetime


class ConversationList(BaseModel):
    """A page of conversations, the latest first."""

    conversations: list[ConversationInfo]
    next: str | None = Field(description=NEXT)


class CitedInfo(BaseModel):
    """What an answer rests on."""

    n: int
    document: str
    title: str
    url: str | None
    quote: str


class MessageInfo(BaseModel):
    """One message. Notes are there only where they were asked for."""

    id: str
    seq: int
    author: Literal["visitor", "assistant", "agent", "system", "note"]
    name: str | None
    text: str
    at: datetime
    outcome: str | None
    helpful: bool | None
    citations: list[CitedInfo]


class Transcript(ConversationInfo):
    """One conversation with what was said."""

    messages: list[MessageInfo]


class TicketInfo(BaseModel):
    """One ticket."""

    number: int
    status: Literal["open", "pending", "solved", "closed"]
    reason: str
    subject: str
    summary: str
    priority: Literal["low", "normal", "high", "urgent"]
    sentiment: Literal["calm", "worried", "angry"]
    tags: list[str]
    team: str | None = Field(description="A team's id.")
    assignee: str | None = Field(description="An agent's id.")
    given: bool = Field(description="The desk itself chose the assignee.")
    conversation: str
    policy: str | None = Field(description="The name of the service-level policy that set its clocks.")
    response_due_at: datetime | None
    next_response_due_at: datetime | None
    resolution_due_at: datetime | None
    responded_at: datetime | None
    solved_at: datetime | None
    created_at: datetime
    updated_at: datetime


class TicketList(BaseModel):
    """A page of tickets, the latest first."""

    tickets: list[TicketInfo]
    next: str | None = Field(description=NEXT)


class TicketBody(BaseModel):
    """What shall change; what is left out stays. Null takes the team or the agent away."""

    status: Literal["open", "pending", "solved", "closed"] | None = None
    priority: Literal["low", "normal", "high", "urgent"] | None = None
    team: str | None = Field(None, max_length=40)
    assignee: str | None = Field(None, max_length=40)
    tags: list[str] = Field(default_factory=list, max_length=10, description="All that it shall have.")


class SayingBody(BaseModel):
    """What an agent says by a program: a reply to the visitor, or a note that only the team reads."""

    agent: str = Field(max_length=40, description="The agent's id; who replies holds the conversation.")
    text: str = Field(max_length=20_000)
    kind: Literal["reply", "note"] = "reply"
    client_id: str | None = Field(
        None, max_length=64, description="Of your own: the same one again is not said a second time."
    )


class TeamBody(BaseModel):
    """A team."""

    name: str = Field(max_length=320)
    description: str = Field("", max_length=6000, description="Tickets are compared with it.")
    members: list[str] = Field(default_factory=list, max_length=200, description="Ids of agents.")
    giving: Literal["taken", "given"] | None = Field(
        None, description="Agents take its tickets, or each is given to one who has room; null leaves it."
    )
    claim_minutes: int | None = Field(
        None, ge=1, le=1440, description="Then what was given goes to the next one; null leaves it."
    )


class TeamInfo(BaseModel):
    """A team, with how many of its tickets are not done."""

    id: str
    name: str
    description: str
    members: list[str]
    waiting: int
    giving: Literal["taken", "given"]
    claim_minutes: int


class TeamList(BaseModel):
    """All teams; the first takes what no other is for."""

    teams: list[TeamInfo]


class WebhookBody(BaseModel):
    """A webhook."""

    url: str = Field(max_length=1000)
    events: list[str] = Field(max_length=20)


class WebhookChange(BaseModel):
    """What shall change; what is left out stays."""

    events: list[str] | None = Field(None, max_length=20)
    on: bool | None = None


class WebhookInfo(BaseModel):
    """A webhook, without its secret."""

    id: str
    url: str
    events: list[str]
    state: Literal["on", "off", "gone", "failing"]
    last_ok_at: datetime | None
    created_at: datetime


class NewWebhook(WebhookInfo):
    """A webhook that was just made."""

    secret: str = Field(description="Shown this once: what deliveries are signed with.")


class WebhookList(BaseModel):
    """All webhooks."""

    webhooks: list[WebhookInfo]


class TryInfo(BaseModel):
    """One try to deliver."""

    at: datetime
    status: int | None = Field(description="Of the answer; null where there was none.")
    ms: int
    error: str = Field(description="A word for what went wrong; empty where nothing did.")


class DeliveryInfo(BaseModel):
    """An event on its way to a webhook."""

    id: str = Field(description="The header `webhook-id`.")
    event: str
    state: Literal["waiting", "delivered", "failed"]
    next_at: datetime | None = Field(description="Of one that waits: when it is tried.")
    created_at: datetime
    tries: list[TryInfo] = Field(description="The latest first.")


class DeliveryList(BaseModel):
    """The latest deliveries."""

    deliveries: list[DeliveryInfo]


class DeliveryAgain(BaseModel):
    """What is sent once more."""

    id: str


class AuditInfo(BaseModel):
    """Who changed what."""

    id: int
    at: datetime
    actor: dict[str, str] = Field(description="kind (agent, key, command), id and name.")
    address: str
    action: str
    target: dict[str, str] = Field(description="id and name.")
    changes: dict[str, Any] = Field(
        description="Field: [before, after]; null where only that it changed is kept."
    )


class AuditList(BaseModel):
    """A page of the log, the latest first."""

    entries: list[AuditInfo]
    next: str | None = Field(description=NEXT)
