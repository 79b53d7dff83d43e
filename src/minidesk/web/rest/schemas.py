"""What the API takes and gives, as its description shows it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

QUERY_CHARS = 1000
TURNS = 20  # of a history; what came before does not change how the last question is read


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(description="Stable; decide by this one.")
    message: str = Field(description="A sentence for people that says what to do next.")
    request_id: str = Field(description="Name it when you ask the operator.")


class ErrorBody(BaseModel):
    """The body of every error."""

    error: ErrorDetail


class DocumentBody(BaseModel):
    """A document as you have it."""

    title: str = Field(max_length=300)
    text: str = Field(description="Plain text or Markdown.")
    url: str | None = Field(None, max_length=2000, description="The page that answers link to.")
    questions: list[str] = Field(
        default_factory=list, max_length=100, description="Ways to ask for this; each one is searched by."
    )
    language: str | None = Field(None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,4})?$")


class SearchBody(BaseModel):
    """What to look for."""

    query: str = Field(min_length=1, max_length=QUERY_CHARS)
    k: int = Field(8, ge=1, le=50, description="How many passages at most.")
    language: str | None = Field(
        None,
        pattern="^[a-z]{2}$",
        description="Only documents in this language, and those that name none.",
    )


class TurnBody(BaseModel):
    """One earlier message."""

    role: Literal["visitor", "assistant", "agent"]
    text: str


class AskBody(BaseModel):
    """A question, with what was said before it."""

    question: str = Field(min_length=1)
    history: list[TurnBody] = Field(default_factory=list, max_length=TURNS, description="Oldest first.")


class Accepted(BaseModel):
    """What became of a PUT."""

    id: str
    status: Literal["queued", "processing", "ready", "failed", "skipped"]
    unchanged: bool = Field(description="The very same content stood there already, and nothing was done.")


class DocumentInfo(BaseModel):
    """One document."""

    id: str
    title: str
    url: str | None
    language: str | None
    status: str = Field(description="queued, processing, ready, unpublished, failed, skipped or retired.")
    answers: bool = Field(
        description="Visitors are told of a version of it now; while a newer one is read, of the older."
    )
    reason: str | None = Field(description="Why it failed or was skipped, and what to do.")
    passages: int
    updated_at: datetime


class DocumentList(BaseModel):
    """A page of documents, by id."""

    documents: list[DocumentInfo]
    next: str | None = Field(description="Send it as `after` for the next page; null on the last one.")
    pending: int = Field(
        description="Files and entries that still wait to be read; each may become documents."
    )


class PassageInfo(BaseModel):
    """One passage."""

    chunk: str
    document: str
    title: str
    url: str | None
    heading_path: list[str]
    page: int | None
    text: str
    score: float = Field(description="0 to 1; comparable within one search only.")


class SearchAnswer(BaseModel):
    """Passages, best first."""

    score: float = Field(description="0 to 1: that the first passage answers the query.")
    mode: Literal["hybrid", "text", "dense"]
    passages: list[PassageInfo]


class CitationInfo(BaseModel):
    """A span of a document that bears a sentence of the answer."""

    n: int
    document: str
    title: str
    url: str | None
    quote: str
    start: int
    end: int


class RankedPassage(BaseModel):
    """A passage that was looked at."""

    chunk: str
    document: str
    score: float


class Answer(BaseModel):
    """The outcome of a question."""

    outcome: Literal["reply", "clarify", "handoff"]
    kind: str | None = Field(description="Of clarify: choices, not_found or smalltalk.")
    reason: str | None = Field(description="Of handoff.")
    score: float = Field(description="0 to 1: that the pages answer this.")
    text: str
    citations: list[CitationInfo]
    passages: list[RankedPassage]
    model: str | None
    tokens: int
    cost_usd: float
    ms: int


class ConditionBody(BaseModel):
    """One thing that a rule looks at: it holds where one of the values fits; negated, where none does."""

    field: Literal[
        "language", "reason", "topic", "mood", "priority", "team", "entity", "page", "attribute", "hours"
    ]
    values: list[str] = Field(max_length=30)
    negated: bool = False


class EffectBody(BaseModel):
    """What a rule decides; what is null or empty is left to the next one, and to likeness."""

    team: str | None = Field(None, max_length=40, description="A team's id.")
    priority: Literal["low", "normal", "high", "urgent"] | None = None
    tags: list[str] = Field(default_factory=list, max_length=10)
    assignee: str | None = Field(None, max_length=40, description="An agent's id.")
    policy: str | None = Field(None, max_length=64, description="A service-level policy's id.")
    reply_minutes: int | None = Field(
        None, description="The first answer is due so soon, whatever the policy says."
    )
    tell_webhooks: bool = Field(False, description="Send rule.matched to the site's webhooks.")
    stop: bool = Field(False, description="No rule after it is looked at.")


class RuleBody(BaseModel):
    """A routing rule."""

    name: str = Field(max_length=320)
    enabled: bool = True
    match: Literal["all", "any"] = Field("all", description="Of the conditions.")
    conditions: list[ConditionBody] = Field(
        default_factory=list, max_length=10, description="Each field once; none: for every ticket."
    )
    then: EffectBody


class RuleInfo(RuleBody):
    """A routing rule, with its id."""

    id: str


class RuleList(BaseModel):
    """All rules, in the order in which they are looked at."""

    rules: list[RuleInfo]


class PlaceBody(BaseModel):
    """Where a rule goes."""

    place: int = Field(ge=1, le=1000, description="1 is looked at first.")


class TriedInfo(BaseModel):
    """What a rule would have done."""

    of: int = Field(description="So many of the latest tickets were looked at.")
    tickets: list[int] = Field(description="Numbers of those that it would have been for, the latest first.")


class PolicyBody(BaseModel):
    """How soon to answer and to solve. Null: the first answer as in the site's settings, the others without a clock."""

    name: str = Field(max_length=320)
    first_response_minutes: int | None = None
    next_response_minutes: int | None = Field(None, description="After the visitor has written again.")
    resolution_minutes: int | None = None
    counts: Literal["opening_hours", "calendar"] = Field("opening_hours", description="Which minutes count.")
    warn_minutes: int | None = Field(None, description="So long before a clock runs out agents are warned.")
    default: bool = Field(False, description="For every ticket for which no rule sets another.")


class PolicyInfo(PolicyBody):
    """A service-level policy, with its id."""

    id: str


class PolicyList(BaseModel):
    """All policies, by name."""

    policies: list[PolicyInfo]


_MEANINGS = {
    401: "No valid key in the header Authorization.",
    403: "The key lacks the scope.",
    404: "Missing, or another site's: the same words.",
    409: "Taken already, or it has changed in the meantime.",
    413: "The body is too large.",
    415: "Neither JSON nor a kind of file that is taken.",
    422: "A value cannot be used.",
    429: "Too many requests with this key; Retry-After says how long to wait.",
    503: "A part is down; try again.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route: these, and those that every route has."""
    return {
        status: {"model": ErrorBody, "description": _MEANINGS[status]}
        for status in sorted({401, 403, 422, 429, 503, *statuses})
    }
