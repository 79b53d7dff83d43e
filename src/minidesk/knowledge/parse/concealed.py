"""Text that stands in a page and that no reader sees: in the colour of its ground, beside the screen, too small (T18).

What a page folds away for its readers (menus, answers that open) is another matter: formats leave that out by themselves.
"""

import re
from dataclasses import dataclass

from lxml import html as lxml_html

# Differences of a colour's parts, 0 to 255, that nobody sees; and text of so few points nobody reads.
_ALIKE = 16
_TINY_POINTS = 2.0
_FAR_PIXELS = 900.0
_WHITE = (255, 255, 255)
_NAMED = {
    "white": _WHITE, "black": (0, 0, 0), "red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255),
    "yellow": (255, 255, 0), "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192),
    "ivory": (255, 255, 240), "snow": (255, 250, 250), "whitesmoke": (245, 245, 245),
}  # fmt: skip
_POINTS = {"px": 0.75, "pt": 1.0, "em": 12.0, "rem": 12.0, "%": 0.12, "": 0.75}
_PIXELS = {"px": 1.0, "pt": 1.33, "em": 16.0, "rem": 16.0, "vw": 12.0, "vh": 8.0, "%": 12.0, "": 1.0}
_LENGTH = re.compile(r"(-?\d{1,7}(?:\.\d{1,4})?)\s*(px|pt|r?em|v[wh]|%|)")
_DECLARED = re.compile(r"([a-z-]{2,40})\s*:\s*([^;]{1,200})", re.IGNORECASE)
_RGB = re.compile(
    r"rgba?\(\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*(?:[,/]\s*([\d.]{1,6})%?\s*)?\)"
)
_HEX = re.compile(r"#([0-9a-f]{3,8})\b", re.IGNORECASE)

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Ground:
    """The colour that text stands on, where the page says it; of a page with style sheets we do not know."""

    colour: Colour | None


def remove_concealed(root: lxml_html.HtmlElement) -> int:
    """Take elements that readers cannot see out of the tree, and say how many of them held words."""
    bare = root.find(".//style") is None and root.find(".//link[@rel='stylesheet']") is None
    grounds = {root: _own_ground(root, _Ground(_WHITE if bare else None))}
    doomed: list[lxml_html.HtmlElement] = []
    for element in root.iterdescendants():
        if not isinstance(element.tag, str):
            continue
        parent = element.getparent()
        ground = grounds[element] = _own_ground(element, grounds.get(parent, _Ground(None)))
        style = _style(element)
        if style and _conceals(style, ground):
            doomed.append(element)
    words = 0
    for element in doomed:
        words += bool("".join(element.itertext()).strip())
        # What stands inside another one went with it.
        if element.getparent() is not None:
            element.drop_tree()
    return words


def _style(element: lxml_html.HtmlElement) -> dict[str, str]:
    written = element.get("style", "")
    style = {name.lower(): value.strip().lower() for name, value in _DECLARED.findall(written[:4_000])}
    if element.tag == "font" and element.get("color"):
        style.setdefault("color", element.get("color", "").strip().lower())
    return style


def _own_ground(element: lxml_html.HtmlElement, above: _Ground) -> _Ground:
    style = _style(element)
    said = style.get("background-color") or style.get("background") or element.get("bgcolor", "").lower()
    if not said or said in ("none", "transparent", "inherit", "initial", "unset"):
        # A style sheet may give what has a class its own ground.
        return (
            above
            if said or not element.get("class")
            else _Ground(None if above.colour == _WHITE else above.colour)
        )
    return _Ground(None if "url(" in said or "gradient" in said else colour(said))


def _conceals(style: dict[str, str], ground: _Ground) -> bool:
    ink = style.get("color", "")
    if ink == "transparent" or (ink and ground.colour and alike(colour(ink), ground.colour)):
        return True
    if (
        "font-size" in style
        and (size := _length(style["font-size"], _POINTS)) is not None
        and size <= _TINY_POINTS
    ):
        return True
    away = [style.get("text-indent", "")]
    if style.get("position") in ("absolute", "fixed"):
        away += [style.get(side, "") for side in ("left", "top", "right", "bottom")]
        if re.match(r"rect\(\s*(?:0|1px)", style.get("clip", "")):
            return True
    if (moved := re.search(r"translate[xy]?\(([^)]{1,60})", style.get("transform", ""))) is not None:
        away += moved.group(1).split(",")
    return any((at := _length(one, _PIXELS)) is not None and at <= -_FAR_PIXELS for one in away)


def _length(value: str, units: dict[str, float]) -> float | None:
    found = _LENGTH.match(value.strip())
    return float(found.group(1)) * units[found.group(2)] if found and found.group(2) in units else None


def colour(value: str) -> Colour | None:
    """A colour as CSS writes it; None for what we cannot read, or see through."""
    if (found := _HEX.search(value)) is not None:
        digits = found.group(1)
        if len(digits) in (3, 4):
            digits = "".join(digit * 2 for digit in digits)
        if len(digits) not in (6, 8):
            return None
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    if (found := _RGB.search(value)) is not None:
        return int(found.group(1)), int(found.group(2)), int(found.group(3))
    return next((_NAMED[word] for word in re.findall(r"[a-z]+", value) if word in _NAMED), None)


def alike(one: Colour | None, other: Colour | None) -> bool:
    """Whether nobody could tell them apart; False where either is not known."""
    if one is None or other is None:
        return False
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= _ALIKE
