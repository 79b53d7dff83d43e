"""Endpoints that many use: where they are, where their key is looked for, and what they are known to take."""

from collections.abc import Mapping
from dataclasses import dataclass

from minidesk.gateway.prices import load_prices
from minidesk.gateway.target import Support


@dataclass(frozen=True, slots=True)
class Preset:
    """An endpoint that many use: its address, and where its key is looked for."""

    base_url: str
    key_env: str = ""
    local: bool = False  # runs on one's own machine: calls cost nothing
    supports: frozenset[Support] = frozenset()  # of the endpoint, whatever the model
    # Of the endpoint, for models whose names begin so.
    also: tuple[tuple[str, frozenset[Support]], ...] = ()

    def takes(self, model: str) -> frozenset[Support]:
        """What it is known to take for this model."""
        more = (supports for start, supports in self.also if model.startswith(start))
        return self.supports.union(*more)


# OpenAI and Mistral document `prompt_cache_key`. Anthropic's models cache what is marked: OpenRouter documents that it
# hands the marks on and reports what was written (`cache_write_tokens`); Anthropic's own OpenAI-compatible endpoint
# documents that it does not cache.
_CACHE_KEY: frozenset[Support] = frozenset({"prompt_cache_key"})
_CACHE_MARKS: frozenset[Support] = frozenset({"cache_control"})

# Addresses as the providers' own documentation or that of well-known clients gives them (read in November 2026).
PRESETS: Mapping[str, Preset] = {
    "openai": Preset("https://api.openai.com/v1", "OPENAI_API_KEY", supports=_CACHE_KEY),
    "openrouter": Preset(
        "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", also=(("anthropic/", _CACHE_MARKS),)
    ),
    "anthropic": Preset("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "gemini": Preset("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "mistral": Preset("https://api.mistral.ai/v1", "MISTRAL_API_KEY", supports=_CACHE_KEY),
    "groq": Preset("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "together": Preset("https://api.together.ai/v1", "TOGETHER_API_KEY"),
    # Not in any documentation that we could read: as several public projects call it.
    "xroute": Preset("https://api.xroute.ai/openai/v1", "XROUTE_API_KEY"),
    "litellm": Preset("http://localhost:4000/v1", "LITELLM_API_KEY"),
    "ollama": Preset("http://localhost:11434/v1", local=True),
    "llamacpp": Preset("http://localhost:8080/v1", local=True),
    "vllm": Preset("http://localhost:8000/v1", local=True),
    "lmstudio": Preset("http://localhost:1234/v1", local=True),
}


def taken_at(base_url: str, model: str) -> frozenset[Support]:
    """What the endpoint at this address is known to take for a model."""
    known = (preset for preset in PRESETS.values() if preset.base_url == base_url.rstrip("/"))
    return frozenset[Support]().union(*(preset.takes(model) for preset in known))


def known_lines() -> list[str]:
    """What minidesk knows by name: providers with their addresses, and the price table with its date."""
    lines = ["Providers, with the variable that holds their key:"]
    for name, preset in PRESETS.items():
        held = preset.key_env or "no key"
        lines.append(f"  {name}  {preset.base_url}  {held}{', calls cost nothing' if preset.local else ''}")
    prices = load_prices()
    lines += ["", f"Models, with the list prices of {prices.date} in US dollars a million tokens:"]
    for name, row in prices.rows.items():
        if row.minute is not None:
            lines.append(f"  {name}  {row.minute:g} a minute of sound")
            continue
        cached = f", {row.cached_input:g} from the cache" if row.cached_input is not None else ""
        room = f"{row.context:,} tokens" if row.context else "context unknown"
        supports = ", ".join(sorted(row.supports))
        lines.append(f"  {name}  {row.input:g} in{cached}, {row.output:g} out  {room}  {supports}")
    return lines
