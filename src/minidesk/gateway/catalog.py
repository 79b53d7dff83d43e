"""Which models there are: providers and tiers of the settings, completed from the presets and the price table."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

from pydantic import SecretStr

from minidesk.errors import Invalid
from minidesk.gateway.messages import Tier
from minidesk.gateway.presets import PRESETS, taken_at
from minidesk.gateway.prices import Price, PriceTable, load_prices, supports_of
from minidesk.gateway.target import IMAGE_TOKENS, USUAL, Support, Target
from minidesk.settings import ModelSettings, ProviderModel, ProviderSettings, TierSettings

Policy = Literal["first", "cheapest", "fastest", "weighted"]


_HEARS: frozenset[Support] = frozenset({"transcription"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the catalogue. With a `problem` it is not asked."""

    target: Target
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A tier: its models in order, and how the first one is chosen. `weights` has one a target, or is empty."""

    targets: tuple[Target, ...]
    policy: Policy = "first"
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that the settings name."""

    entries: tuple[Entry, ...]
    routes: Mapping[Tier, Route]
    prices: PriceTable
    voice: Route | None = None  # writes down voice notes; no Tier, because it answers nothing

    @property
    def others(self) -> list[Target]:
        """Those that could be asked and stand in no tier."""
        return [e.target for e in self.entries if not e.problem and not self.tiers_of(e.target)]

    def is_voice(self, target: Target) -> bool:
        """Whether it writes down voice notes and does nothing else."""
        return self.tiers_of(target) == ["voice"]

    def tiers_of(self, target: Target) -> list[str]:
        """The tiers that may ask it."""
        routes: dict[str, Route] = {tier: route for tier, route in self.routes.items()}  # noqa: C416 (a dict of Tier is none of str)
        if self.voice is not None:
            routes["voice"] = self.voice
        return [tier for tier, route in routes.items() if target in route.targets]


def read_catalog(settings: ModelSettings, environ: Mapping[str, str]) -> Catalog:
    """The catalogue of these settings. Raises `Invalid` for what cannot be meant: an unknown name, a model without a price."""
    prices = load_prices()
    simple = _simple(settings, prices)
    listed = [
        _entry(provider, model, prices, environ)
        for provider in settings.providers
        for model in provider.models
    ]
    entries = {entry.target.name: entry for entry in [*simple, *listed]}
    routes: dict[Tier, Route] = {}
    for tier in get_args(Tier):
        first = [entry.target for entry in simple] if tier == "mini" else []
        if route := _route(tier, first, settings.tiers.get(tier), entries):
            routes[tier] = route
    return Catalog(tuple(entries.values()), routes, prices, _voice(settings, entries))


def _voice(settings: ModelSettings, entries: Mapping[str, Entry]) -> Route | None:
    """The models that write down voice notes. Raises `Invalid` for one without a price a minute."""
    route = _route("voice", [], settings.tiers.get("voice"), entries)
    for target in route.targets if route else ():
        if target.minute_price is None:
            raise Invalid(
                f"Nobody knows what a minute costs with {target.name}: give it minute_price, or no budget could hold."
            )
    return route


def _route(
    tier: str, first: list[Target], chosen: TierSettings | None, entries: Mapping[str, Entry]
) -> Route | None:
    """`first` (what MINIDESK_MODEL names) in front of what the file lists; models with a problem are left out."""
    if chosen is None:
        return Route(tuple(first)) if first else None
    if chosen.weights and len(chosen.weights) != len(chosen.models):
        raise Invalid(
            f"Tier {tier} has {len(chosen.models)} models but {len(chosen.weights)} weights: give one each."
        )
    for name in chosen.models:
        if name not in entries:
            raise Invalid(
                f"Tier {tier} names {name}, which no provider lists: write it as provider/model, "
                "and the model below [[providers]]."
            )
    weights = chosen.weights or (1.0,) * len(chosen.models)
    usable = [
        (entries[name].target, weight)
        for name, weight in zip(chosen.models, weights, strict=True)
        if not entries[name].problem
    ]
    pairs = [(target, 1.0) for target in first] + usable
    if not pairs:
        return None
    targets, shares = zip(*pairs, strict=True)
    return Route(targets, chosen.policy, shares)


def _entry(
    provider: ProviderSettings, model: ProviderModel, prices: PriceTable, environ: Mapping[str, str]
) -> Entry:
    preset = PRESETS.get(provider.name)
    base_url = provider.base_url or (preset.base_url if preset else "")
    if not base_url:
        raise Invalid(
            f"The provider {provider.name} needs a base_url: only {', '.join(PRESETS)} are known by name."
        )
    key_env = provider.key_env if provider.key_env is not None else (preset.key_env if preset else "")
    name = f"{provider.name}/{model.name}"
    target = _priced(model, prices, free=preset is not None and preset.local, name=name)
    key = environ.get(key_env, "") if key_env else ""
    # A proxy on one's own machine often runs without a key; a hosted one never does.
    missing = key_env and not key and base_url.startswith("https:")
    problem = f"no key: set {key_env}" if missing else ""
    supports = (
        target.supports if model.supports is not None else target.supports | taken_at(base_url, model.name)
    )
    return Entry(replace(target, base_url=base_url, api_key=key, name=name, supports=supports), problem)


def _priced(model: ProviderModel, prices: PriceTable, *, free: bool, name: str) -> Target:
    """The model with its price, its own settings before the table's. Raises `Invalid` where neither says what it costs."""
    row = prices.find(model.name)
    if free:
        row = Price(0.0, 0.0, None, row.context if row else None, row.supports if row else USUAL, minute=0.0)
    if row is None and model.minute_price is not None:
        row = Price(0.0, 0.0, None, None, _HEARS)
    own = model.input_price, model.output_price
    input_price = own[0] if own[0] is not None else (row.input if row else None)
    output_price = own[1] if own[1] is not None else (row.output if row else None)
    if input_price is None or output_price is None:
        raise Invalid(
            f"Nobody knows what {name} costs: give it input_price and output_price, or no budget could hold."
        )
    cached = model.cached_input_price
    if cached is None and own[0] is None and row is not None:
        cached = row.cached_input
    return Target(
        model=model.name,
        base_url="",
        api_key="",
        input_price=input_price,
        output_price=output_price,
        cached_input_price=cached,
        context=model.context or (row.context if row else None),
        image_tokens=_image_tokens(model.image_tokens, row),
        minute_price=model.minute_price if model.minute_price is not None else (row.minute if row else None),
        supports=supports_of(model.supports)
        if model.supports is not None
        else (row.supports if row else USUAL),
    )


def _simple(settings: ModelSettings, prices: PriceTable) -> list[Entry]:
    """What MINIDESK_MODEL and MINIDESK_MODEL_FALLBACK name."""
    make = partial(_simple_entry, settings, prices)
    found = []
    if settings.model:
        found.append(make(settings.model, settings.model_base_url, settings.model_api_key))
    if settings.model_fallback:
        elsewhere = settings.model_fallback_base_url
        key = settings.model_fallback_api_key if elsewhere else settings.model_api_key
        found.append(make(settings.model_fallback, elsewhere or settings.model_base_url, key))
    return found


def _simple_entry(
    settings: ModelSettings, prices: PriceTable, model: str, base_url: str, key: SecretStr
) -> Entry:
    """Prices that were set count before the table's; the defaults after it."""
    row = prices.find(model)
    input_price, output_price, cached = settings.model_input_price, settings.model_output_price, None
    if row is not None and not settings.model_fields_set & {"model_input_price", "model_output_price"}:
        input_price, output_price, cached = row.input, row.output, row.cached_input
    target = Target(
        model=model,
        base_url=base_url,
        api_key=key.get_secret_value(),
        input_price=input_price,
        output_price=output_price,
        cached_input_price=cached,
        context=row.context if row else None,
        image_tokens=_image_tokens(None, row),
        supports=(row.supports if row else USUAL) | taken_at(base_url, model),
        name=model,
    )
    return Entry(target)


def _image_tokens(own: int | None, row: Price | None) -> int:
    known = own if own is not None else (row.image_tokens if row else None)
    return IMAGE_TOKENS if known is None else known
