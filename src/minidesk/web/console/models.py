"""The Models page as a context: what models did, cost and are doing now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from minidesk.db import Tx
from minidesk.gateway import TargetState
from minidesk.insight.costs import by, latest, speeds, told_again, totals, used
from minidesk.sites import list_sites, site_by_id
from minidesk.sites.ceilings import Ceilings
from minidesk.sites.large_share import LargeCap, large_use
from minidesk.web.console.contexts import Shell
from minidesk.web.console.models_rows import (
    BudgetRow,
    CostRow,
    Figure,
    LargeForm,
    LargeRow,
    ModelRow,
    RequestRow,
)
from minidesk.web.console.models_words import Words, large_form
from minidesk.web.console.view import Translate

PERIODS = {"day": timedelta(hours=24), "month": timedelta(days=30)}


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
    words = Words(t)
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
