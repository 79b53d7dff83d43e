"""The rows of the Models page, written out as they are shown."""

from dataclasses import dataclass

from minidesk.web.console.contexts import Tag, When


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name."""

    name: str
    value: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CostRow:
    """A line of a table of costs."""

    name: str
    calls: str
    failed: str
    tokens: str
    cost: str
    large: str = ""  # share of its answers


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model: what it did in the period, and how it stands now (None: no tier asks it any more)."""

    costs: CostRow
    first_p50: str
    first_p95: str
    speed: str
    state: Tag | None
    tiers: str


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A ceiling. `share` is of 1, for the bar."""

    name: str
    used: str
    ceiling: str
    share: float | None
    hint: str
    spent: bool


@dataclass(frozen=True, slots=True)
class LargeRow:
    """What the large tier did for a site, and how much it may."""

    name: str
    share: str
    of: str
    cap: str
    spent: str
    daily: str
    reached: bool


@dataclass(frozen=True, slots=True)
class LargeForm:
    """A site's own caps as they were written; empty: the desk's, which stand beside. `problem` where they cannot be used."""

    share: str
    daily: str
    usual_share: str
    usual_daily: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RequestRow:
    """Who answered what."""

    at: When
    purpose: str
    tier: str
    model: str
    conversation_id: str | None
    chain: str  # what was asked before, and why it did not answer
    outcome: Tag
    first: str
    cost: str
