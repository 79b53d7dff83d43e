"""The Models page as a context: what models did, cost and are doing now. Words and numbers as they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from minidesk.db import Tx
from minidesk.gateway import TargetState
from minidesk.insight.costs import Costs, Request, Speed, Used, by, latest, speeds, told_again, totals, used
from minidesk.sites import SiteConfig, SiteView, list_sites, site_by_id
from minidesk.sites.ceilings import Ceilings
from minidesk.sites.large_share import AT_LEAST_OF, LargeCap, LargeUse, large_use
from minidesk.web.console.contexts import Shell, Tag, Tone, When
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate

PERIODS = {"day": timedelta(hours=24), "month": timedelta(days=30)}
# Words stand in the texts for these; others are shown as they are.
PURPOSES = (
    "answer",
    "rewrite",
    "summary",
    "judge",
    "test",
    "api",
    "transcription",
    "draft",
    "rewrite_reply",
    "translate",
)
OUTCOMES = (
    "ok",
    "aborted",
    "model_bad_key",
    "model_bad_response",
    "model_content_policy",
    "model_context_too_long",
    "model_out_of_credit",
    "model_overloaded",
    "model_rate_limited",
    "model_refused",
    "model_timeout",
    "model_truncated",
    "model_unknown",
    "model_unreachable",
)


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


@dataclass(frozen=True, slots=True)
class ModelsPage:
    """The whole page."""

    shell: Shell
    period: str
    all_sites: bool
    may_see_all: bool
    figures: tuple[Figure, ...]
    models: tuple[ModelRow, ...]
    purposes: tuple[CostRow, ...]
    sites: tuple[CostRow, ...]
    budgets: tuple[BudgetRow, ...]
    large: tuple[LargeRow, ...]
    large_form: LargeForm | None  # None on the page of all sites
    has_large: bool  # a model makes the tier
    requests: tuple[RequestRow, ...]


async def models_page(
    tx: Tx,
    shell: Shell,
    states: Sequence[TargetState],
    ceilings: Ceilings,
    large: LargeCap,
    *,
    period: str,
    all_sites: bool,
    may_see_all: bool,
    now: datetime,
    t: Translate,
    refused: LargeForm | None = None,
) -> ModelsPage:
    """The page for one site, or for all of them. `large` is the cap of sites that have set none."""
    period = period if period in PERIODS else "day"
    site_id, since = None if all_sites else shell.site_id, now - PERIODS[period]
    words = _Words(t)
    whole = await totals(tx, site_id, since)
    sites = await list_sites(tx) if site_id is None else [await site_by_id(tx, site_id)]
    own = [(site.id, site.name, site.config.daily_budget_usd) for site in sites]
    budgets = await used(tx, ceilings, own, now, deployment=may_see_all)
    by_model = await by(tx, "model", site_id, since)
    return ModelsPage(
        shell=shell,
        period=period,
        all_sites=all_sites,
        may_see_all=may_see_all,
        figures=words.figures(whole, await told_again(tx, site_id, since)),
        models=words.models(by_model, await speeds(tx, site_id, since), states),
        purposes=tuple(words.row(c, words.purpose(c.name)) for c in await by(tx, "purpose", site_id, since)),
        sites=tuple(
            words.row(c, c.name or t("models.no_site")) for c in await by(tx, "site", site_id, since)
        ),
        budgets=tuple(map(words.budget, budgets)),
        large=tuple(
            [words.large(site, large.of(site.config), await large_use(tx, site.id, now)) for site in sites]
        ),
        large_form=None if site_id is None else refused or large_form(sites[0].config, large, t),
        has_large=any(state.tier == "large" for state in states),
        requests=tuple(words.request(request, now, all_sites) for request in await latest(tx, site_id)),
    )


def large_form(config: SiteConfig, usual: LargeCap, t: Translate) -> LargeForm:
    """The site's own caps."""
    share, daily = config.large_share_max, config.large_daily_budget_usd
    return LargeForm(
        "" if share is None else f"{100 * share:g}",
        "" if daily is None else f"{daily:g}",
        f"{100 * usual.share:g}",
        t("models.no_ceiling") if usual.daily_usd is None else f"{usual.daily_usd:g}",
    )


class _Words:
    """Numbers as they are read."""

    def __init__(self, t: Translate) -> None:
        self._t = t

    def figures(self, whole: Costs, again: int) -> tuple[Figure, ...]:
        """What stands on top."""
        t = self._t
        return (
            Figure(t("models.calls"), count(whole.calls), t("models.again", n=count(again)) if again else ""),
            Figure(t("models.failed"), percent(whole.failed, whole.calls), t("models.failed_hint")),
            Figure(t("models.cost"), money(whole.cost_micros), self._tokens(whole)),
            Figure(t("models.large"), percent(whole.by_large, whole.answers), t("models.large_hint")),
        )

    def _tokens(self, costs: Costs) -> str:
        shown = self._t("models.tokens", n_in=count(costs.input_tokens), n_out=count(costs.output_tokens))
        if not costs.cached_tokens:
            return shown
        return f"{shown}, {self._t('models.cached', share=percent(costs.cached_tokens, costs.input_tokens))}"

    def row(self, costs: Costs, name: str) -> CostRow:
        """A line of a table."""
        return CostRow(
            name,
            count(costs.calls),
            percent(costs.failed, costs.calls),
            f"{count(costs.input_tokens)} + {count(costs.output_tokens)}",
            money(costs.cost_micros),
            percent(costs.by_large, costs.answers),
        )

    def models(
        self, rows: Sequence[Costs], fast: Sequence[Speed], states: Sequence[TargetState]
    ) -> tuple[ModelRow, ...]:
        """Models that were asked, and those that may be."""
        asked = {costs.name: costs for costs in rows}
        for state in states:
            asked.setdefault(state.model, Costs(state.model, 0, 0, 0, 0, 0, 0, 0, 0))
        speed_of = {speed.model: speed for speed in fast}
        return tuple(self._model(costs, speed_of.get(name), states) for name, costs in asked.items())

    def _model(self, costs: Costs, speed: Speed | None, states: Sequence[TargetState]) -> ModelRow:
        mine = [state for state in states if state.model == costs.name]
        rate = speed.tokens_a_second if speed is not None else None
        return ModelRow(
            self.row(costs, costs.name),
            milliseconds(speed.first_p50_ms) if speed else "–",
            milliseconds(speed.first_p95_ms) if speed else "–",
            "–" if rate is None else f"{rate:.0f}",
            self._state(mine),
            ", ".join(dict.fromkeys(state.tier for state in mine)),
        )

    def _state(self, states: Sequence[TargetState]) -> Tag | None:
        if not states:
            return None
        if any(state.resting for state in states):
            return Tag(self._t("models.state.resting"), "wait")
        worst = max((state.breaker for state in states), key=("closed", "half-open", "open").index)
        tones: dict[str, Tone] = {"closed": "plain", "half-open": "wait", "open": "alarm"}
        return Tag(self._t(f"models.state.{worst}"), tones[worst])

    def budget(self, one: Used) -> BudgetRow:
        """A ceiling with what is used of it."""
        name = one.name or self._t("models.whole_desk")
        spent = one.told_at is not None or (one.ceiling is not None and one.booked >= one.ceiling)
        return BudgetRow(
            self._t(f"models.budget.{one.period}", name=name),
            money(one.booked),
            self._t("models.no_ceiling") if one.ceiling is None else money(one.ceiling),
            None if not one.ceiling else min(one.booked / one.ceiling, 1.0),
            self._t("models.promised", amount=money(one.promised)) if one.promised else "",
            spent,
        )

    def large(self, site: SiteView, cap: LargeCap, use: LargeUse) -> LargeRow:
        """What large did for a site, and how much it may."""
        no_money = cap.daily_usd is not None and use.spent >= cap.daily_usd * 1_000_000
        most = cap.share * max(use.answers - use.large, AT_LEAST_OF)
        return LargeRow(
            site.name,
            percent(use.large, use.answers),
            self._t("models.large_of", n=count(use.large), m=count(use.answers)),
            f"{100 * cap.share:g} %",
            money(use.spent),
            self._t("models.no_ceiling")
            if cap.daily_usd is None
            else money(round(cap.daily_usd * 1_000_000)),
            no_money or use.large + 1 > most,
        )

    def request(self, one: Request, now: datetime, all_sites: bool) -> RequestRow:
        """Who answered, and who was asked before."""
        before = [f"{a.model}: {self.outcome(a.outcome)}" for a in one.attempts[:-1]]
        last = one.attempts[-1]
        return RequestRow(
            when(one.at, now),
            self.purpose(one.purpose),
            one.tier,
            last.model,
            # A conversation of another site than the viewer's would not open.
            None if all_sites else one.conversation_id,
            " → ".join(before),
            Tag(self.outcome(last.outcome), "plain" if one.answered else "alarm"),
            milliseconds(one.first_token_ms) if one.first_token_ms is not None else "–",
            money(one.cost_micros),
        )

    def purpose(self, name: str) -> str:
        """In words."""
        return self._t(f"models.purpose.{name}") if name in PURPOSES else name

    def outcome(self, code: str) -> str:
        """In words."""
        return self._t(f"models.outcome.{code}") if code in OUTCOMES else code


def money(micros: int) -> str:
    """Dollars: cents of a cent below one, cents from one on."""
    dollars = micros / 1_000_000
    if 0 < dollars < 0.0001:
        return "<$0.0001"
    return f"${dollars:,.2f}" if dollars >= 1 or not dollars else f"${dollars:.4f}"


def count(number: int) -> str:
    """1,234 as it is; 12 k and 3.4 M where nobody counts."""
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1000:.0f} k" if number < 1_000_000 else f"{number / 1_000_000:.1f} M"


def percent(part: int, whole: int) -> str:
    """Of a hundred; a dash of nothing."""
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{share:.1f} %" if 0 < share < 10 else f"{share:.0f} %"


def milliseconds(ms: float) -> str:
    """Below a second in milliseconds."""
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"
