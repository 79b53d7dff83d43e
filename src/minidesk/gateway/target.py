"""One model at one endpoint: where it is, what it costs, and what it understands."""

import math
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

# What a model may understand. Two are about what must *not* be sent: GPT-5 models answer 400 to `max_tokens` and
# to any temperature, and spend their whole ceiling on thinking unless told to think little.
Support = Literal[
    "temperature",  # takes a temperature
    "max_completion_tokens",  # wants the ceiling under this name instead of `max_tokens`
    "minimal_reasoning",  # takes `reasoning_effort: minimal`
    "stream_usage",  # takes `stream_options: {include_usage}`
    "json_schema",  # can be held to a schema
    "prompt_cache_key",  # takes a name under which prompts with the same beginning find the same cache
    "cache_control",  # takes a mark behind what is to be kept in its cache, as Anthropic's models want it
    "images",  # can see
    "transcription",  # writes down what it hears, and does nothing else
]
# What nearly every OpenAI-compatible server takes.
USUAL: frozenset[Support] = frozenset({"temperature", "stream_usage"})

# Of 1024 × 1024 pixels where nobody knows: one a square of 16 pixels, more than any provider's rule but gpt-4o-mini's.
IMAGE_TOKENS = 4096

# What input costs that is put into a cache, beside other input: Anthropic's price for five minutes. Others, which take
# no marks, report none.
CACHE_WRITE = 1.25


@dataclass(frozen=True, slots=True)
class Target:
    """One model at one endpoint. Prices are US dollars a million tokens."""

    model: str
    base_url: str
    api_key: str = field(repr=False)  # a trace or a log line must not hold it
    input_price: float
    output_price: float
    cached_input_price: float | None = None  # of input that the provider had in its cache; None: as any other
    context: int | None = None  # tokens in and out together; None: not known
    supports: frozenset[Support] = USUAL
    image_tokens: int = (
        IMAGE_TOKENS  # what a picture of ours (gateway never sends a larger one) counts for at most
    )
    minute_price: float | None = None  # US dollars a minute of sound
    name: str = ""  # provider/model as written in the settings

    @property
    def provider(self) -> str:
        """The endpoint's host: for the operator's ledger, never for a visitor."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def endpoint(self) -> tuple[str, str]:
        """What a refused key or an empty account is about: every model behind the same address and key."""
        return self.base_url, self.api_key

    @property
    def sees(self) -> bool:
        """Whether it is sent pictures."""
        return "images" in self.supports

    def sound_cost(self, seconds: float) -> int:
        """Millionths of a dollar for so much sound, rounded up."""
        return math.ceil(seconds / 60 * (self.minute_price or 0.0) * 1_000_000 - 1e-9)

    def cost(
        self, input_tokens: int, output_tokens: int, cached_tokens: int = 0, written_tokens: int = 0
    ) -> int:
        """Millionths of a dollar, rounded up so that a call is never free by rounding.

        Of the input `cached_tokens` were read from the provider's cache and `written_tokens` put there.
        """
        cached_price = self.input_price if self.cached_input_price is None else self.cached_input_price
        cached = min(cached_tokens, input_tokens)
        written = min(written_tokens, input_tokens - cached)
        exact = (
            (input_tokens - cached - written) * self.input_price
            + cached * cached_price
            + written * self.input_price * CACHE_WRITE
            + output_tokens * self.output_price
        )
        # Dollars a million tokens are millionths of a dollar a token. A hair is taken off first: 120 × 0.15 + 8 × 0.60
        # is 22.800000000000001 in binary, and 23.000000000000004 would otherwise become 24.
        return int(-(-(exact - 1e-9) // 1)) if exact > 0 else 0
