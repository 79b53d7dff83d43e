"""Rules of single languages, from the data files in `rules/`: read at their first use, not at import.

A language is a file of its own; every message is held against all of them, since a site's visitors write in more
than one language and short messages ("hi", "agent") do not tell which. `any.toml` is of none: "lol", "test", a thumb.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from minidesk.text.language import language_of
from minidesk.text.words import stem_in


@dataclass(frozen=True, slots=True)
class Rules:
    """One language's patterns for tidied text (lower case, single spaces, no punctuation but hyphens and apostrophes)."""

    language: str  # the file's name: de
    folded: bool  # its patterns have no accents, as many people type it
    asking: tuple[re.Pattern[str], ...]  # requests for a person
    not_asking: tuple[re.Pattern[str], ...]  # what looks like one and is not
    bare: re.Pattern[str] | None  # a whole message that only names a person
    anger: tuple[re.Pattern[str], ...]
    not_anger: tuple[re.Pattern[str], ...]
    fuzzy: frozenset[str]  # words whose near misses are mended
    real: frozenset[str]  # words near to those, which are meant as they stand
    chat: Mapping[str, str]  # how people shorten words, and what they mean
    smalltalk: tuple[tuple[re.Pattern[str], str], ...]  # with the key of its line behind `ask.`
    # Instructions of owners that cannot work, by kind; what makes one harmless; and those that nothing does.
    guidance: Mapping[str, re.Pattern[str]]
    guidance_unless: re.Pattern[str] | None
    guidance_aside: re.Pattern[str] | None  # where such a word makes nothing harmless
    guidance_always: Mapping[str, re.Pattern[str]]
    # Of languages that the code itself does not know: the proof's small words, what is asked, and how one leans on what.
    proof: "ProofWords | None"
    asks: "AskWords | None"
    followup: "FollowUpWords | None"
    answers: "AnswerWords | None"
    places: Mapping[str, int]  # "the second one" among choices, from 0; -1 is the last

    def fold(self, text: str) -> str:
        """`text` in lower case, as these patterns read it."""
        low = text.lower()
        if not self.folded:
            return low
        bare = (c for c in unicodedata.normalize("NFD", low) if unicodedata.category(c) != "Mn")
        return "".join(bare).translate(_STROKES)


# Letters of which no accent can be taken off.
_STROKES = str.maketrans("łıøđ", "liod")


@dataclass(frozen=True, slots=True)
class AskWords:
    """What a question asks for, in a language that `asks.py` has no code for."""

    language: str
    kinds: Mapping[str, re.Pattern[str]]
    stop: frozenset[str]
    generic: frozenset[str]
    generic_stems: frozenset[str]  # of the same words: who lists "finden" need not list "findet"
    compound: re.Pattern[str] | None  # a word that ends in what many words end in: `front`, `head`

    def taken_apart(self, text: str) -> list[str]:
        """The first parts of compounds: of "Nähkurs" a page has "Nähen" and "Kurs", and many more a "Kurs"."""
        if self.compound is None:
            return []
        return [match["front"] for match in self.compound.finditer(text)]


@dataclass(frozen=True, slots=True)
class FollowUpWords:
    """How a message leans on the one before it."""

    opener: re.Pattern[str]
    about: re.Pattern[str]
    and_: re.Pattern[str]
    preposition: re.Pattern[str]
    verb: re.Pattern[str]
    leaning: re.Pattern[str]
    not_leaning: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class AnswerWords:
    """How "yes" and "no" stand in front of a sentence, and what tells whether it bears them out; see `polarity.py`.

    `whether` None: only the words in front are known, and they never stay.
    """

    language: str
    yes: re.Pattern[str]
    no: re.Pattern[str]
    soft: re.Pattern[str] | None  # "of course": consent, or mere courtesy
    whether: re.Pattern[str] | None  # a question that is answered with yes or no
    choice: re.Pattern[str]  # "or"
    denial: re.Pattern[str]
    must: re.Pattern[str]
    may: re.Pattern[str]
    unsure: re.Pattern[str]  # "sometimes"
    asked_of: re.Pattern[str]  # the subject of a question; `visitor`: who asks
    said_of: re.Pattern[str]  # the subject of a statement; `visitor`: who is spoken to
    turning: frozenset[str]  # "after", "without": said again as they were asked
    strict: frozenset[str]  # "all", "only": the same
    compares: frozenset[str]  # "than": the words stand in the same order
    carrying: frozenset[str]  # verbs for which others do: "bring my dog" is answered by "dogs are welcome"
    filling: frozenset[str]  # say nothing of what is asked about


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Small words by what they do to a statement; see `narrowing.py`."""

    conditions: frozenset[str]  # "if"
    behind: frozenset[str]  # "for", "under": what they open narrows wherever it stands
    opening: frozenset[str]  # "in", "at": narrows in front of the verb, and where something is denied
    relative: frozenset[str]
    harmless: frozenset[str]  # "because": what they open may go
    joins: frozenset[str]
    verbs: frozenset[str]
    determiners: frozenset[str]
    pronouns: frozenset[str]
    denials: frozenset[str]
    small: frozenset[str]  # words that say nothing by themselves


@dataclass(frozen=True, slots=True)
class SaidByForm:
    """Words that a page need not have where its form says them: a table's row, a price, opening hours."""

    light: frozenset[str]  # articles and auxiliaries: they hold any sentence together
    row: frozenset[str]  # what makes a sentence of a row, or of an answer without a verb
    we: frozenset[str]  # who speaks there
    price: frozenset[str]  # "costs", of what has a price
    price_behind: re.Pattern[str]  # "for", where an amount follows
    hours: frozenset[str]  # "open", of times that stand under ...
    hours_head: re.Pattern[str]  # ... "opening hours"


@dataclass(frozen=True, slots=True)
class ProofWords:
    """Words that turn a sentence round where they come, go or change."""

    alike: Mapping[str, re.Pattern[str]]  # as often in the sentence as on the page, by kind
    bounds: Mapping[str, re.Pattern[str]]  # with the figure behind it as `figure`
    figure: re.Pattern[str]
    opposites: tuple[tuple[str, str], ...]
    conditions: frozenset[str]
    narrowing: Narrowing | None
    said: SaidByForm | None


@lru_cache(maxsize=1)
def rulebook() -> tuple[Rules, ...]:
    """The rules of every language there are, English first: its lines were measured most."""
    folder = resources.files("minidesk.answering") / "rules"
    files = sorted(
        (f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: (f.name != "en.toml", f.name)
    )
    return tuple(
        _read(file.name.removesuffix(".toml"), tomllib.loads(file.read_text(encoding="utf-8")))
        for file in files
    )


def rules_for(text: str, *also: str) -> Rules | None:
    """The rules of the language that `text` is written in, or, where it does not tell, one of `also`; None for English."""
    for one in (text, *also):
        language = language_of(one)
        if language is not None:
            return next((rules for rules in rulebook() if rules.language == language != "en"), None)
    return None


def rules_of(text: str, pages: str | None) -> Rules | None:
    """As `rules_for`; where `text` does not tell its language, that of the pages (`pages`) counts."""
    language = language_of(text) or pages
    return next((rules for rules in rulebook() if rules.language == language != "en"), None)


def _read(language: str, data: dict[str, Any]) -> Rules:
    names: dict[str, str] = data.get("names", {}) | data.get("guidance_names", {})

    def compiled(pattern: str) -> re.Pattern[str]:
        return re.compile(re.sub(r"<([A-Z]+)>", lambda m: names[m[1]], pattern))

    def table(name: str) -> dict[str, re.Pattern[str]]:
        return {key: compiled("|".join(_listed(ways))) for key, ways in data.get(name, {}).items()}

    person, anger = data.get("person", {}), data.get("anger", {})
    return Rules(
        language,
        data.get("folded", False),
        tuple(map(compiled, person.get("asking", ()))),
        tuple(map(compiled, person.get("not_asking", ()))),
        compiled(person["bare"]) if "bare" in person else None,
        tuple(map(compiled, anger.get("angry", ()))),
        tuple(map(compiled, anger.get("not_angry", ()))),
        frozenset(person.get("fuzzy", ())),
        frozenset(person.get("real", "").split()),
        data.get("chat", {}),
        tuple((compiled(one), key) for key, ways in data["smalltalk"].items() for one in _listed(ways)),
        table("guidance"),
        table("guidance_unless").get("words"),
        table("guidance_unless").get("aside"),
        table("guidance_always"),
        _proof_words(data) if "proof" in data else None,
        _ask_words(language, data) if "asks" in data else None,
        _followup_words(data["followup"]) if "followup" in data else None,
        _answer_words(language, data["answers"]) if "answers" in data else None,
        data.get("places", {}),
    )


def _listed(ways: str | list[str]) -> list[str]:
    return [ways] if isinstance(ways, str) else ways


def _ask_words(language: str, data: dict[str, Any]) -> AskWords:
    own = data["asks_words"]
    kinds = {kind: re.compile(pattern) for kind, pattern in data["asks"].items()}
    generic = frozenset(own["generic"].split())
    stems = frozenset(stem_in(word, language) for word in generic)
    heads = "|".join(own.get("heads", "").split())
    compound = (
        re.compile(rf"\b(?P<front>[^\W\d_]{{3,}}?)-?(?P<head>{heads})\b", re.IGNORECASE) if heads else None
    )
    return AskWords(language, kinds, frozenset(own["stop"].split()), generic, stems, compound)


def _followup_words(table: dict[str, str]) -> FollowUpWords:
    found = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in table.items()}
    # Nouns are told by their capital: what looks ahead for one must not take any letter.
    for name in ("leaning", "not_leaning"):
        found[name] = re.compile(table[name].replace("\\b(?:", "\\b(?i:"))
    return FollowUpWords(
        found["opener"],
        found["about"],
        found["and"],
        found["preposition"],
        found["verb"],
        found["leaning"],
        found["not_leaning"],
    )


_NEVER = r"(?!)"


def _answer_words(language: str, own: dict[str, str]) -> AnswerWords:
    def in_front(name: str) -> re.Pattern[str] | None:
        return re.compile(rf"\W*(?:{own[name]})", re.IGNORECASE) if name in own else None

    def pattern(name: str) -> re.Pattern[str]:
        return re.compile(own.get(name, _NEVER))

    def listed(name: str) -> frozenset[str]:
        return frozenset(own.get(name, "").split())

    never = re.compile(_NEVER)
    return AnswerWords(
        language=language,
        yes=in_front("yes") or never,
        no=in_front("no") or never,
        soft=in_front("soft"),
        whether=re.compile(own["whether"]) if "whether" in own else None,
        choice=pattern("choice"),
        denial=pattern("denial"),
        must=pattern("must"),
        may=pattern("may"),
        unsure=pattern("unsure"),
        asked_of=pattern("asked_of"),
        said_of=pattern("said_of"),
        turning=listed("turning"),
        strict=listed("strict"),
        compares=listed("compares"),
        carrying=listed("carrying"),
        filling=listed("filling"),
    )


def _proof_words(data: dict[str, Any]) -> ProofWords:
    own = data["proof_words"]
    figure = rf"(?:\d[\d.,:]*|{'|'.join(own['numbers'].split())})"
    return ProofWords(
        {kind: re.compile(pattern) for kind, pattern in data["proof"].items()},
        {
            kind: re.compile(rf"\b(?:{pattern})\s+(?:\w+\s+){{0,4}}?(?P<figure>{figure})\b")
            for kind, pattern in data["proof_bounds"].items()
        },
        re.compile(rf"\b{figure}\b"),
        tuple((one, other) for one, _, other in (pair.partition("/") for pair in own["opposites"].split())),
        frozenset(own["conditions"].split()),
        _narrowing(data["proof_narrowing"]) if "proof_narrowing" in data else None,
        _said_by_form(data["proof_said"]) if "proof_said" in data else None,
    )


def _said_by_form(own: dict[str, str]) -> SaidByForm:
    listed = {name: frozenset(own[name].split()) for name in ("light", "row", "we", "price", "hours")}
    return SaidByForm(
        **listed,
        price_behind=re.compile(own["price_behind"], re.IGNORECASE),
        hours_head=re.compile(own["hours_head"], re.IGNORECASE),
    )


def _narrowing(own: dict[str, str]) -> Narrowing:
    return Narrowing(**{name: frozenset(listed.split()) for name, listed in own.items()})
