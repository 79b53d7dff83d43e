"""The numbers of the Models page as they are read."""

from collections.abc import Sequence
from datetime import datetime

from minidesk.gateway import TargetState
from minidesk.insight.costs import Costs, Request, Speed, Used
from minidesk.sites import SiteConfig, SiteView
from minidesk.sites.large_share import LargeCap, LargeUse
from minidesk.web.console.contexts import Tag, Tone
from minidesk.web.console.models_rows import (
    BudgetRow,
    CostRow,
    Figure,
    LargeForm,
    LargeRow,
    ModelRow,
    RequestRow,
)
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate

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


class Words:
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
        return LargeRow(
            site.name,
            percent(use.large, use.answers),
            self._t("models.large_of", n=count(use.large), m=count(use.answers)),
            f"{100 * cap.share:g} %",
            money(use.spent),
            self._t("models.no_ceiling")
            if cap.daily_usd is None
            else money(round(cap.daily_usd * 1_000_000)),
            use.paid_out(cap) or use.large + 1 > use.most(cap),
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


def large_form(config: SiteConfig, usual: LargeCap, t: Translate) -> LargeForm:
    """The site's own caps."""
    share, daily = config.large_share_max, config.large_daily_budget_usd
    return LargeForm(
        "" if share is None else f"{100 * share:g}",
        "" if daily is None else f"{daily:g}",
        f"{100 * usual.share:g}",
        t("models.no_ceiling") if usual.daily_usd is None else f"{usual.daily_usd:g}",
    )
