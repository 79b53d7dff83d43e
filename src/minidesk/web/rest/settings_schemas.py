"""What the API takes and gives of a site's settings, and of its figures."""

from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from minidesk.sites import SiteConfig
from minidesk.web.body import schema_of

NOT_HERE = ("logo",)  # sites.changes keeps it out


class SiteSummary(BaseModel):
    """A site, by what its visitors may know."""

    id: str
    key: str = Field(description="The public one of the script tag.")
    name: str
    languages: list[str] = Field(description="That answers are given in; none: any.")
    open: bool = Field(description="People are there now, by the opening hours.")


class SiteList(BaseModel):
    """The sites of a key."""

    sites: list[SiteSummary]


def _settings_schema() -> dict[str, Any]:
    schema = schema_of(SiteConfig)
    for name in NOT_HERE:
        schema["properties"]["look"]["properties"].pop(name)
    return {"properties": schema["properties"], "additionalProperties": False}


class SiteInfo(SiteSummary):
    """A site with its settings."""

    allowed_origins: list[str] = Field(description="Pages that may show its widget; none: the desk's own.")
    settings: dict[str, Any] = Field(json_schema_extra=_settings_schema())
    version: str = Field(description="Changes with the settings; send it back with a change.")


class SiteBody(BaseModel):
    """What shall change; what is left out stays."""

    name: str | None = Field(None, max_length=320)
    allowed_origins: list[str] | None = Field(None, max_length=200, description="All of them.")
    settings: dict[str, Any] = Field(
        default_factory=dict,
        json_schema_extra=_settings_schema(),
        description="Each is replaced whole; of `look` only the parts that are named.",
    )
    version: str | None = Field(None, max_length=64, description="Of the settings as they were read.")


class ReasonCount(BaseModel):
    """How many tickets were opened for one reason."""

    reason: str
    tickets: int


class Span(BaseModel):
    """Days, both included, in the site's time zone."""

    first: date
    last: date
    time_zone: str


class ConversationFigures(BaseModel):
    """Of conversations that a visitor began in these days, without spam."""

    started: int
    answered_by_assistant: int = Field(description="It answered from the pages, and no person was needed.")
    handed_off: int = Field(description="They became a ticket.")


class TicketFigures(BaseModel):
    """Of tickets in these days."""

    opened: int
    by_reason: list[ReasonCount] = Field(description="Of those opened, the most frequent first.")
    solved: int
    open_now: int = Field(description="Open or pending at this moment, whenever they were opened.")


class FirstResponse(BaseModel):
    """From a ticket's opening to a person's first answer, in seconds by the clock on the wall; of first answers in these days."""

    tickets: int
    p50_seconds: float | None = Field(description="Half were answered sooner.")
    p95_seconds: float | None


class Ratings(BaseModel):
    """What visitors said of conversations that began in these days, and of their answers."""

    count: int
    mean: float | None = Field(description="1 to 5.")
    helpful: int = Field(description="Thumbs up for a single answer.")
    not_helpful: int


class Costs(BaseModel):
    """Calls to models in these days."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class InsightInfo(BaseModel):
    """A site's figures over a span of days."""

    days: Span
    conversations: ConversationFigures
    tickets: TicketFigures
    first_response: FirstResponse
    ratings: Ratings
    costs: Costs
