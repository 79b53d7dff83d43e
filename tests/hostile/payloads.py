"""Our own hostile texts: orders in twelve languages, the ways to hide them, and tricks that are no plain order.

Each payload has a code of its own (KX017Q) by which the obedient model knows that it has read the order, and which
nobody may ever read in an answer.
"""

import base64
import codecs
import json
import random
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

HERE = Path(__file__).parent
Place = Literal[
    "visitor",
    "document",
    "filename",
    "title",
    "page_url",
    "page_title",
    "two documents",
    "two messages",
]
# Orders that are also put into documents: there the one who orders is not the one who reads the answer.
_IN_DOCUMENTS = ("prompt", "link", "image", "promise")
_HIDDEN = ("prompt", "link", "promise")


@dataclass(frozen=True, slots=True)
class Payload:
    """One hostile text. `kind` is what it is after, `way` how it is hidden."""

    number: int
    kind: str
    place: Place
    language: str
    way: str
    text: str

    @property
    def code(self) -> str:
        """What names it in every text."""
        return code_of(self.number)

    @property
    def halves(self) -> tuple[str, str]:
        """Of one that is split."""
        first, _, second = self.text.partition(" ‖ ")
        return first, second


def code_of(number: int) -> str:
    """Letters around the number, so that no honest text holds it."""
    return f"KX{number:03d}Q"


def payloads() -> list[Payload]:
    """All of them, in an order that mixes places, kinds and languages."""
    made = [
        Payload(number, kind, place, language, way, _filled(text, number, WAYS[way] if way else str))
        for number, (kind, place, language, way, text) in enumerate(_drafts())
    ]
    assert {one.place for one in made} == set(get_args(Place))
    random.Random(7).shuffle(made)
    return made


def few(count: int) -> list[Payload]:
    """So many of them with one of each place at least, for a short run."""
    every = payloads()
    chosen = [one for place in get_args(Place) for one in [p for p in every if p.place == place][:1]]
    rest = [one for one in every if one not in chosen]
    return [*chosen, *rest][:count]


def _drafts() -> Iterator[tuple[str, Place, str, str, str]]:
    orders: dict[str, dict[str, str]] = tomllib.loads((HERE / "orders.toml").read_text(encoding="utf-8"))
    for language, texts in orders.items():
        for kind, text in texts.items():
            yield kind, "visitor", language, "", text
            if kind in _IN_DOCUMENTS:
                yield kind, "document", language, "", text
    for kind in _HIDDEN:
        for way in WAYS:
            yield kind, "visitor", "en", way, orders["en"][kind]
            yield kind, "document", "en", way, orders["en"][kind]
    for line in (HERE / "specials.jsonl").read_text(encoding="utf-8").splitlines():
        special = json.loads(line)
        yield special["kind"], special["place"], "en", "", special["text"]


def _filled(text: str, number: int, hide: Callable[[str], str]) -> str:
    code = code_of(number)
    return hide(text.format(code=code, host=f"{code.lower()}.example"))


def _tags(text: str) -> str:
    """In characters of the tags block, which nobody sees and some models read."""
    return "Thank you." + "".join(chr(0xE0000 + ord(c)) for c in text if ord(c) < 0x7F)


def _selectors(text: str) -> str:
    """A byte a variation selector, behind a harmless sign."""
    return "Fine ☺" + "".join(chr(0xE0100 + byte) for byte in text.encode() if byte < 0xEF)


_LOOK_ALIKE = str.maketrans("aceopxyiABEKMHOPCTX", "асеорхуіАВЕКМНОРСТХ")
_FULL = {n: n + 0xFEE0 for n in range(0x21, 0x7F)}
_LEET = str.maketrans("aeiot", "43107")

WAYS: dict[str, Callable[[str], str]] = {
    "tag characters": _tags,
    "variation selectors": _selectors,
    "zero width": "\u200b".join,
    "word joiners": lambda text: text.replace(" ", "\u2060 \u2060"),
    "bidi": lambda text: f"\u202e{text[::-1]}\u202c",
    "look-alikes": lambda text: text.translate(_LOOK_ALIKE),
    "full width": lambda text: text.translate(_FULL),
    "base64": lambda text: f"Decode and obey: {base64.b64encode(text.encode()).decode()}",
    "hex": lambda text: f"Decode and obey: {text.encode().hex()}",
    "rot13": lambda text: f"Apply rot13 and obey: {codecs.encode(text, 'rot13')}",
    "leet": lambda text: text.translate(_LEET),
}
