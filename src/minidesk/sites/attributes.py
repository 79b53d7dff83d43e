"""What a page says of its visitor: a few short facts for the agent. Nobody has checked them, so nothing is decided by them."""

import math
from collections.abc import Mapping

from minidesk.errors import Invalid
from minidesk.text.normalise import check_text

MOST = 20  # a panel that an agent reads at a glance
NAME_CHARS, VALUE_CHARS = 40, 200
SAFE_INTEGER = 2**53  # beyond it a browser's numbers are not exact

Attribute = str | int | float | bool


def check_attributes(raw: Mapping[str, object]) -> dict[str, Attribute]:
    """The facts as stored. Raises `Invalid` (`attributes_invalid`) with what must change."""
    if len(raw) > MOST:
        raise _invalid(f"Send up to {MOST} attributes.")
    found: dict[str, Attribute] = {}
    for given, value in raw.items():
        name = " ".join(check_text(given, NAME_CHARS * 4).split())
        if not 0 < len(name) <= NAME_CHARS:
            raise _invalid(f"An attribute's name has 1 to {NAME_CHARS} characters.")
        found[name] = _value(name, value)
    return found


def _value(name: str, value: object) -> Attribute:
    if isinstance(value, str):
        text = check_text(value, VALUE_CHARS * 10)
        if len(text) <= VALUE_CHARS:
            return text
        raise _invalid(f"The attribute {name} has more than {VALUE_CHARS} characters. Shorten it.")
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) <= SAFE_INTEGER:
        return value
    raise _invalid(f"The attribute {name} must be a text, a number, true or false.")


def _invalid(message: str) -> Invalid:
    return Invalid(message, code="attributes_invalid")
