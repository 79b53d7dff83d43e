"""A site's figures below `/api/v1`."""

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from minidesk.accounts import ApiKeyIdentity
from minidesk.errors import Invalid
from minidesk.insight.figures import Days, Figures, days_of, figures
from minidesk.sites import site_by_id
from minidesk.web.rest.deps import RestDeps
from minidesk.web.rest.gate import Gate
from minidesk.web.rest.schemas import errors
from minidesk.web.rest.settings_schemas import (
    ConversationFigures,
    Costs,
    FirstResponse,
    InsightInfo,
    Ratings,
    ReasonCount,
    Span,
    TicketFigures,
)

UTC_ZONE = ZoneInfo("UTC")  # of a site that keeps no hours
Day = Annotated[str, Query(max_length=10, description="A day such as 2026-03-02, itself included.")]


def add(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    """Add the route."""

    @router.get("/insight", responses=errors())
    async def read_insight(
        request: Request,
        key: Annotated[ApiKeyIdentity, Depends(gate.needs("insight:read"))],
        first: Day = "",
        last: Day = "",
    ) -> InsightInfo:
        """The site's figures from the day `first` to the day `last`, in its time zone; by default of the last seven days."""
        if not request.query_params.keys() <= {"first", "last"}:
            raise Invalid("Filter by first and last.", code="unknown_filter")
        begin, end = _day(first), _day(last)
        async with deps.db.read() as tx:
            hours = (await site_by_id(tx, key.site_id)).config.hours
            days = days_of(begin, end, UTC_ZONE if hours is None else hours.zone, deps.clock())
            return _info(days, await figures(tx, key.site_id, days))


def _day(raw: str) -> date | None:
    if not raw:
        return None
    try:
        day = date.fromisoformat(raw)
    except ValueError:
        day = date.min
    if day.year < 2000:  # before anything was counted; year 1 has no morning in zones east of Greenwich
        raise Invalid("Write days such as 2026-03-02.", code="days_invalid")
    return day


def _info(days: Days, found: Figures) -> InsightInfo:
    costs = found.costs
    return InsightInfo(
        days=Span(first=days.first, last=days.last, time_zone=days.zone.key),
        conversations=ConversationFigures(
            started=found.conversations, answered_by_assistant=found.answered, handed_off=found.handed_off
        ),
        tickets=TicketFigures(
            opened=found.opened,
            by_reason=[ReasonCount(reason=reason, tickets=n) for reason, n in found.reasons.items()],
            solved=found.solved,
            open_now=found.open_now,
        ),
        first_response=FirstResponse(
            tickets=found.responded,
            p50_seconds=found.response_p50_s,
            p95_seconds=found.response_p95_s,
        ),
        ratings=Ratings(
            count=found.ratings,
            mean=found.rating_mean,
            helpful=found.helpful,
            not_helpful=found.not_helpful,
        ),
        costs=Costs(
            calls=costs.calls,
            input_tokens=costs.input_tokens,
            output_tokens=costs.output_tokens,
            cost_usd=costs.cost_micros / 1_000_000,
        ),
    )
