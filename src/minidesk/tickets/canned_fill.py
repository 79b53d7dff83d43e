"""Variables of saved replies: what each stands for is put in its place before anybody sends the text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from minidesk.errors import Invalid

Variable = Literal["visitor.name", "agent.name", "ticket.number", "site.name"]
VARIABLES: tuple[Variable, ...] = get_args(Variable)

BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its variables filled. `missing` had no value and stand in it as they were written."""

    text: str
    missing: tuple[Variable, ...] = ()


def fill(text: str, values: Mapping[Variable, str | None]) -> Filled:
    """`text` with what each variable stands for. What a value says is never read as a variable itself."""
    missing: list[Variable] = []

    def value(found: re.Match[str]) -> str:
        name = found[1].strip()
        if name not in VARIABLES:
            return found[0]
        known = " ".join((values.get(name) or "").replace("{{", "").replace("}}", "").split())
        if not known and name not in missing:
            missing.append(name)
        return known or f"{{{{{name}}}}}"

    return Filled(BRACES.sub(value, text), tuple(missing))


def check_filled(text: str) -> None:
    """Raises Invalid where a variable of ours still stands in what a visitor is about to read."""
    left = [f"{{{{{name}}}}}" for name in named_in(text) if name in VARIABLES]
    if left:
        raise Invalid(
            f"There was no value for {', '.join(dict.fromkeys(left))}. Write something in its place, then send.",
            code="variable_left",
        )


def named_in(text: str) -> list[str]:
    """What stands between double braces, whether it is a variable or not."""
    return [found[1].strip() for found in BRACES.finditer(text)]
