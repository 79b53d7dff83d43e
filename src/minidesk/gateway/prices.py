"""What models cost and support, as a table with its date."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast, get_args

from minidesk.errors import Invalid
from minidesk.gateway.target import Support


@dataclass(frozen=True, slots=True)
class Price:
    """A row of the price table. US dollars a million tokens."""

    input: float
    output: float
    cached_input: float | None
    context: int | None
    supports: frozenset[Support]
    image_tokens: int | None = None
    minute: float | None = None


@dataclass(frozen=True, slots=True)
class PriceTable:
    """List prices as of `date`."""

    date: str
    rows: Mapping[str, Price]

    def find(self, model: str) -> Price | None:
        """The row of a model, also under a router's name (openai/gpt-4o-mini, anthropic/claude-haiku-4.5) or with a date (gpt-4o-mini-2024-07-18)."""
        name = model.rpartition("/")[2].partition(":")[0]
        while name:
            if row := self.rows.get(name) or self.rows.get(name.replace(".", "-")):
                return row
            head, dash, tail = name.rpartition("-")
            if not dash or not tail.isdigit():  # only a date may be left off: gpt-5-mini is no gpt-5
                return None
            name = head
        return None


def load_prices() -> PriceTable:
    """The table that comes with the package."""
    raw = json.loads(files("minidesk.gateway").joinpath("prices.json").read_text(encoding="utf-8"))
    return PriceTable(raw["date"], {name: _price(row) for name, row in raw["models"].items()})


def _price(row: Mapping[str, Any]) -> Price:
    return Price(
        row["input"],
        row["output"],
        row.get("cached_input"),
        row.get("context"),
        supports_of(row["supports"]),
        row.get("image_tokens"),
        row.get("minute"),
    )


def supports_of(names: Any) -> frozenset[Support]:
    """What a model takes, by these names. Raises `Invalid` for one that is none."""
    unknown = sorted(set(names) - set(get_args(Support)))
    if unknown:
        raise Invalid(
            f"A model cannot support {', '.join(unknown)}: the names are {', '.join(get_args(Support))}."
        )
    return cast("frozenset[Support]", frozenset(names))
