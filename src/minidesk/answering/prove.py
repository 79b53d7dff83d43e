"""The proof: a sentence is shown only if a span of a passage bears it.

Three kinds of checks, each of which can refuse. *Facts* (`claims.py`): every number, date, time, amount, code, e-mail,
link and name stands in the span (in any written form, `facts.py`), beside the words it stands beside in the sentence.
*Force* (`force.py`): negation, "only", must/may, bounds and opposites agree, and nothing is promised that the company
did not write. *Content*: every word that carries meaning is the span's, or one that says the same (`alike.py`).

A refused sentence costs the visitor one sentence; a wrong one costs them money: in doubt, refuse. Where the page itself
says nearly what was refused, its own words stand in for it (`instead.py`): true by construction, and not lost.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

from minidesk.answering.abroad import agrees_abroad, borne_by_form
from minidesk.answering.alike import LIGHT, alike, opposed
from minidesk.answering.another import Another, asks_another
from minidesk.answering.asks import read
from minidesk.answering.bounds import bounds_agree
from minidesk.answering.claims import PAIRED, facts_agree, in_its_column
from minidesk.answering.crossing import uncrossed
from minidesk.answering.facts import Fact, facts, plain
from minidesk.answering.figures import in_digits, language_of_figures
from minidesk.answering.force import denies, force_agrees
from minidesk.answering.instead import PagesWords
from minidesk.answering.language import of_pages
from minidesk.answering.narrowing import nothing_narrower
from minidesk.answering.outcome import Citation, ProvedSentence
from minidesk.answering.pieces import cite, leans
from minidesk.answering.polarity import Opened, begun, opened, says_so, stays
from minidesk.answering.rank import Embed, Vectors, WordNearness, surface
from minidesk.answering.spans import Span, spans_of
from minidesk.answering.together import leans_rightly, predicate_stands, stands_together
from minidesk.knowledge.records import Passage
from minidesk.text.words import stem, words

__all__ = ["Prover", "facts_agree", "prove"]

# Lines that state nothing and may stand without a citation; anything else must be proved.
ALLOWED_LINES = frozenset(
    {"hi", "hi there", "hello", "hello there", "thanks for asking", "good question", "happy to help", "glad to help",
     "you're welcome", "i hope this helps", "hope this helps", "i hope that helps", "hope that helps",
     "let me know if you need anything else", "let me know if you have any other questions",
     "is there anything else i can help you with", "is there anything else i can help with"}
)  # fmt: skip

# Characters of one sentence. No page is retold in more, and the rules behind were not made for it: whatever a model was
# talked into repeating must not hold up the other visitors.
LONGEST = 600
_CANDIDATES = 8  # spans tried a sentence; the right one was never further down
_MEANING = 0.25  # cosine from which a sentence whose words all agree may mean the same
# Cosine of single words from which one stands for the other, where the passages never use the first one themselves: a
# page that says "boots" and "shoes" means two things, one that says "parcel" only is well told with "package".
_WORD_NEAR = 0.68
_HALF = re.compile(r"[.!?…:][\s\"'”’)\]*_]*$")
# Courtesies in front of a statement; what follows them has to be proved.
_OPENING = re.compile(
    r"^(?:(?:I'm sorry|I am sorry|sorry|unfortunately|don't worry|no worries|sure|certainly|of course|great question|good question|good news|thanks for asking|"
    r"please note that|in short|to answer your question|happy to help)\s*[,:!.–-]*\s+(?:but\s+)?)+",
    re.IGNORECASE,
)
# What a figure's own unit says: "costs" beside €49, "weighs" beside 2 kg.
_SAID_BY = {
    "eur": "cost price",
    "usd": "cost price",
    "gbp": "cost price",
    "chf": "cost price",
    "g": "weigh weight",
    "°c": "temperatur",
}
_ADDRESS = re.compile(r"https?://\S+|www\.\S+|\S+@\S+", re.IGNORECASE)  # facts.py compares them
# The name in an address: help@NAME.example, https://www.NAME.example.
_HOST = re.compile(r"(?:@|://(?:www\.)?|(?<![\w.@-]))([\w-]{3,40})\.[a-z]{2,10}\b(?!\.)")
# What a heading like "What is not covered" says of its items, in whichever of these words.
_WHAT = re.compile(r"\s*(?:what|not)\b", re.IGNORECASE)
_STATES = frozenset(
    stem(w)
    for w in [
        "covered",
        "included",
        "accepted",
        "returned",
        "exchanged",
        "supported",
        "allowed",
        "excluded",
        "refunded",
    ]
)
_PHRASES = tuple(
    (re.compile(rf"\b{phrase}\b", re.IGNORECASE), plainer)
    for phrase, plainer in (
        ("free of charge", "free"),
        ("takes? place", "is"),
        ("change your mind", "think again"),
        (r"wearing(?= (?:an?|the|your|his|her|their)\b)", "in"),
    )
)
# A sentence that says of "them" something, and one that says it with "do" or "too" alone.
_POINTS = re.compile(
    r"(?:it|they|these|those|he|she|sie|er|es)\b(?! (?:is|are) (?:possible|not possible|free)\b)",
    re.IGNORECASE,
)
_ECHOES = re.compile(r"\b(?:do|does|did|is|are|can|will|have|has|too|neither|ebenso|auch)\W*$", re.IGNORECASE)
_BROKEN = re.compile(r"[.!?]\s")  # two sentences
_BARE_CODE = re.compile(r"\W*[A-Z\d]+(?:[-_/.][A-Z\d]+)*\W*")
_NONE_OF = re.compile(r"\bno ([\w-]+) ([\w-]+)", re.IGNORECASE)
# A text's last word and its mark; a word of the pages in small letters, which no name is; a word with more behind its mark.
# Shorter ones than three letters are mostly cut short ("no.", "p.").
_END = re.compile(r"(?<![^\W_])(?<!\d[.,])(\d+|[^\W_]{3,})[.!?][\"”’)\]*]{0,3}$")
_SMALL = re.compile(r"(?<![^\W_])([^\W\d_A-ZÄÖÜ]{3,})(?![^\W_])")
_GOES_ON = re.compile(r"(?<![^\W_])(\d+|[^\W_]{3,})[.,!?](?=[^\W_])")
_PAIRS = (("(", ")"), ("[", "]"), ("«", "»"), ("<", ">"))
_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")


@dataclass(frozen=True, slots=True)
class Said:
    """What is shown of a model's sentence: it, `proved`; the page's words `instead`; or nothing, as it was `told` already
    or is `lost`."""

    how: Literal["proved", "instead", "told", "lost"]
    sentence: ProvedSentence | None = None


class Prover:
    """Proves the sentences of one answer and numbers its citations, consecutively by first use.

    `question`: what is answered, made whole. A "Yes," or "No," stands only where it answers that; without it, never.
    """

    def __init__(
        self, passages: Sequence[Passage], embed: Embed, nearness: WordNearness, question: str = ""
    ) -> None:
        self._question = question
        self._passages = passages
        self._embed = embed
        self._nearness = nearness
        self._reading: asyncio.Task[None] | None = None
        self._beside: asyncio.Task[Vectors] | None = None  # embeds what is compared at the end
        self._numbers: dict[tuple[str, int, int], Citation] = {}
        self._quoted: list[Citation] = []  # the page's words that were shown
        self._before = ""  # the sentence before, as it was said; "" at the start
        self._before_lost = False

    def read_ahead(self) -> "asyncio.Task[None]":
        """Read the passages' words beside the loop while the model has not begun: else its first sentence waits for it."""
        if self._reading is None:
            self._reading = asyncio.create_task(asyncio.to_thread(self._read))
        return self._reading

    def _read(self) -> None:
        for span in self._candidates:
            _ = span.roots, span.roots_around, span.facts  # kept by the span
        _ = self._known, self._closing, self._others

    @cached_property
    def _candidates(self) -> list[Span]:
        return [span for i, p in enumerate(self._passages) for span in spans_of(p, i, self._language)]

    @cached_property
    def _language(self) -> str | None:
        """Of the passages together: what a figure means where it stands alone."""
        return of_pages(self._passages, "")

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(root for span in self._candidates for root in span.words)

    def ends(self, text: str) -> bool:
        """Whether what a model wrote so far ends a sentence, before its next token tells: some 20 ms for who waits.

        Its last word is one of the pages' in small letters, or one with which a sentence of theirs ends, and none of theirs
        goes on behind a full stop ("example.com", "1.50"); no quotation, bracket or emphasis is open, which would go on.
        Never while the pages are still being read.
        """
        if self._reading is None or not self._reading.done():
            return False
        end = _END.search(text)
        return end is not None and end[1] in self._closing and not _is_open(text)

    @cached_property
    def _closing(self) -> frozenset[str]:
        """The pages' words that end a sentence where a full stop follows. Names and figures are cut short elsewhere ("Mr.",
        "4." of "4.50"): only those at an end of theirs."""
        texts = [p.text for p in self._passages]
        going_on = {m[1] for text in texts for m in _GOES_ON.finditer(text)}
        ends = {m[1] for span in self._candidates if (m := _END.search(span.text))}
        return (frozenset(m[1] for text in texts for m in _SMALL.finditer(text)) | ends) - going_on

    @cached_property
    def _owner(self) -> frozenset[str]:
        """The company's name, as its addresses have it."""
        texts = [text for p in self._passages for text in (p.text, p.url or "")]
        hosts = [m.group(1).lower() for text in texts for m in _HOST.finditer(text)]
        return frozenset(part for host in hosts for part in host.split("-"))

    @cached_property
    def _pages(self) -> PagesWords:
        """Read when something is refused: most answers need none of it, and their first sentence must not wait."""
        return PagesWords(self._passages, self._embed)

    async def say(self, text: str) -> Said:
        """`text` (with its joining whitespace) where it is proved; else what the page says in its place. Call it in the
        order of the answer: nothing is said twice."""
        if len(text) > LONGEST:
            return Said("lost")
        said = await self._say(text)
        self._before_lost = said.how == "lost"
        self._before = (said.sentence.text if said.sentence is not None else text).strip()
        return said

    async def _say(self, text: str) -> Said:
        proved = await self.prove(text)
        if proved is not None:
            told = proved.citations and all(_lies_in(each, self._quoted) for each in proved.citations)
            return Said("told") if told else Said("proved", proved)
        bare = strip_marks(text)
        core = _LIST_MARK.sub("", bare).strip()
        piece = await self._pages.nearest(plain(core))
        if piece is None:
            return Said("lost")
        if self._of_another(piece.passage, surface(piece.text).keys()):
            return Said("lost")
        if _lies_in(cite(self._passages[piece.passage], piece.start, piece.end, 0), self._numbers.values()):
            return Said("told")
        citation = self._cite(piece.passage, piece.start, piece.end)
        self._quoted.append(citation)
        joint = bare[: len(bare) - len(bare.lstrip())]
        mark = _LIST_MARK.match(bare)
        before = opened(piece.text)
        said = begun(before.rest) if before.word and not self._stays(before, piece.passage) else piece.text
        shown = ProvedSentence(f"{mark.group() if mark else joint}{said}", (citation,))
        return Said("instead", shown)

    async def prove(self, text: str) -> ProvedSentence | None:
        """`text` (with its joining whitespace) as a proved sentence, or None if no span bears it."""
        if len(text) > LONGEST:
            return None
        bare = strip_marks(text)
        listed = _LIST_MARK.match(bare)
        core = bare[listed.end() :].strip() if listed else bare.strip()
        if not core:
            return None
        if is_allowed(core):
            return ProvedSentence(bare, ())
        if not content_of(core) and not facts(core):
            return None
        if _BARE_CODE.fullmatch(core):
            return None  # a code says nothing
        if not (_HALF.search(core) or (listed and re.search(r"[\w)%]$", core))):
            return None  # cut off: what is missing could turn it round
        before = _in_front(core)
        stated = _OPENING.sub("", re.sub(r"\*+|__|`", "", plain(before.rest)))
        if self._before_lost and _leans_back(stated):
            return None  # what it leans on is not there
        stated = in_digits(stated, language_of_figures(stated) or self._language)
        span = await self._bearing(_usual(stated)) if stated else None
        if span is None:
            return None
        if before.word and not self._stays(before, span.passage):
            at = bare.index(core)
            bare = f"{bare[:at]}{begun(before.rest)}{bare[at + len(core) :]}"
        return ProvedSentence(bare, (self._cite(span.passage, span.start, span.end),))

    def _stays(self, before: Opened, index: int) -> bool:
        """Whether a "Yes," answers what the visitor asked; the statement behind it rests on that passage."""
        passage = self._passages[index]
        heading = passage.heading_path[-1] if passage.heading_path else ""
        asked = passage.question or (heading if heading.rstrip().endswith("?") else "")
        return stays(before, self._question, asked, passage.text, self._language)

    async def _bearing(self, sentence: str) -> Span | None:
        await self.read_ahead()
        said = facts(sentence)
        roots = frozenset(content_of(sentence))
        meant = frozenset(content_of(self._before)) - LIGHT if _POINTS.match(sentence) else frozenset()
        nearest = sorted(self._candidates, key=lambda s: -_likeness(roots, said, s))[:_CANDIDATES]
        await self._embed_beside(sentence, nearest)
        # One after the other: mostly the first one bears it, and the visitor waits.
        for span in nearest:
            if (
                (not meant or self._is_about(span, meant))
                and facts_agree(sentence, span.text, span.around)
                and in_its_column(sentence, span.cells)
                and self._forced(sentence, span)
                and agrees_abroad(sentence, f"{span.lead} {span.text}".strip(), span.around, row=span.row)
                and leans_rightly(roots, span)
                and predicate_stands(sentence, span)
                and uncrossed(sentence, span)
                and says_so(sentence, span.text)
                and await self._words_stand(sentence, span)
                and nothing_narrower(
                    f"{self._before} {sentence}" if meant and span.row else sentence,
                    span,
                    self._owner,
                    self._language,
                )
                and not self._said_otherwise(roots, said, span)
                and not self._of_another(span.passage, roots | frozenset(content_of(self._before)))
                and await self._means(sentence, span)
            ):
                return span
        return None

    async def _embed_beside(self, sentence: str, nearest: Sequence[Span]) -> None:
        """Embed what will most likely be compared at the end while the rules are read: they leave a core to it."""
        texts = [sentence, *(span.text for span in nearest[:1])]

        async def embedded() -> Vectors:
            return await self._embed(texts)

        self._beside = asyncio.create_task(embedded())
        # Who is refused by a rule asks for nothing, and hears of no failure either.
        self._beside.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        await asyncio.sleep(0)  # else it would begin where the rules have ended

    def _said_otherwise(self, roots: frozenset[str], said: Sequence[Fact], span: Span) -> bool:
        """Whether a sentence of the pages has all these words, which `span` has in part only, and another figure.

        "Starter costs $4 with monthly payment": $4 stands in Starter's column, and "with monthly payment Starter costs $6".
        """
        about = frozenset(root for root in roots - LIGHT if not any(c.isdigit() for c in root))
        if len(about) < 2 or about <= span.roots | span.roots_around:
            return False
        for kind, value in {fact.key for fact in said if fact.kind in PAIRED}:
            unit = value.split()[0]
            for other in self._candidates:
                if about <= other.roots and not _BROKEN.search(other.text):
                    same = {v for k, v in other.facts if k == kind and v.split()[0] == unit}
                    if same and value not in same:
                        return True
        return False

    def _of_another(self, index: int, roots: AbstractSet[str]) -> bool:
        """Whether what is said with these words answers another question than the visitor's and does not say so: "On a lead."
        to who asks about horses, where the page was asked about dogs."""
        another = self._others[index]
        return another is not None and not another.named(roots)

    @cached_property
    def _others(self) -> list[Another | None]:
        """For each passage where the visitor's question parts from those that it answers."""
        if not self._question or all(passage.phrasing is None for passage in self._passages):
            return [None] * len(self._passages)
        ask = read(self._question)
        return [asks_another(ask, passage) for passage in self._passages]

    @staticmethod
    def _forced(sentence: str, span: Span) -> bool:
        """As strong as the span; of a row, also as strong as its cells, whose name says how much and nothing of that."""
        if force_agrees(sentence, span.text, span.around, span.lead):
            return True
        cells = span.text.partition("; ")[2]
        return (
            span.row
            and bounds_agree(sentence, span.text)
            and force_agrees(sentence, cells, span.around, span.lead)
        )

    def _is_about(self, span: Span, meant: frozenset[str]) -> bool:
        """Whether the span speaks of what "they" stands for: it names that, or leans on it itself, or goes on where
        the sentence before was proved."""
        if meant & span.roots or (leans(span.text) and meant & span.roots_around):
            return True
        last = next(reversed(self._numbers.values()), None)
        passage = self._passages[span.passage]
        return last is not None and last.chunk == passage.chunk and leans(span.text)

    async def _means(self, sentence: str, span: Span) -> bool:
        """Read alone, else under its headings, the span is near enough to what the sentence means."""
        if self._beside is not None:
            await asyncio.wait([self._beside])  # from now on they are remembered
        for text in (span.text, f"{span.around}: {span.text}"):
            own, other = await self._embed([sentence, text])
            if float(own @ other) >= _MEANING:
                return True
        return False

    async def _words_stand(self, sentence: str, span: Span) -> bool:
        """Every content word of the sentence is a word of the span, light, or says the same as one of the span's."""
        there = span.every | (_STATES if denies(span.lead) or _WHAT.match(span.lead) else frozenset())
        named = {root for fact in facts(sentence) for root in _said_by(fact).split()}
        halves = {
            half for pair in pairwise(words(sentence)) if stem("".join(pair)) in span.every for half in pair
        }
        # Where there is none of a thing, there is none of any kind of it.
        kinds = {
            m[1].lower()
            for m in _NONE_OF.finditer(sentence)
            if re.search(rf"\bno {re.escape(m[2])}\b", span.text, re.IGNORECASE)
        }
        borne = borne_by_form(sentence, span)
        unknown: list[str] = []
        for root, word in surface(_ADDRESS.sub(" ", sentence)).items():
            if (
                root in there
                or root in named
                or _is_light(root, word)
                or alike(root, there)
                or _compound_stands(word, there)
                or root in span.pairs
                or word in halves
                or word in kinds
                or word in borne
            ):
                continue
            if root in self._known or opposed(root, there):
                return False  # the pages use this word for something else
            if "-" in word:
                return False  # half of a compound is always near
            unknown.append(word)
        if not span.row and not stands_together(sentence, span):
            return False
        if not unknown:
            return True
        said = surface(sentence)
        others = [word for root, word in span.words.items() if root not in said]
        if not others:
            return False
        cosines = await self._nearness.matrix(unknown, others)
        return bool((cosines.max(axis=1) >= _WORD_NEAR).all())

    def _cite(self, index: int, start: int, end: int) -> Citation:
        passage = self._passages[index]
        key = (passage.chunk, start, end)
        if key not in self._numbers:
            self._numbers[key] = cite(passage, start, end, len(self._numbers) + 1)
        return self._numbers[key]


async def prove(sentence: str, passages: Sequence[Passage], embed: Embed) -> ProvedSentence | None:
    """One sentence against the passages; None if nothing bears it."""
    return await Prover(passages, embed, WordNearness(embed)).prove(sentence)


def _lies_in(citation: Citation, others: Iterable[Citation]) -> bool:
    """Whether one of the others quotes all that this one quotes."""
    return any(
        other.chunk == citation.chunk and other.start <= citation.start and citation.end <= other.end
        for other in others
    )


def _in_front(core: str) -> Opened:
    """A "Yes," or "No," in front, behind a courtesy as well: "Good question – yes, …"."""
    before = opened(core)
    if before.word and not before.soft:
        return before
    behind = opened(_OPENING.sub("", core))
    return behind if behind.word and not behind.soft else before


def _is_open(text: str) -> bool:
    """Whether a quotation, a bracket or an emphasis is, so that more belongs to the sentence."""
    return any(text.count(a) != text.count(b) for a, b in _PAIRS) or any(
        len(re.findall(mark, text)) % 2 for mark in ('["„“”]', r"\*\*", r"\*", "_", "`")
    )


def is_allowed(sentence: str) -> bool:
    """True for a greeting or closing phrase of the fixed list."""
    return re.sub(r"[^a-z' ]", "", plain(sentence).lower()).strip() in ALLOWED_LINES


def strip_marks(text: str) -> str:
    """A model's own citation marks ([1], [^2], 【3†source】), images and invisible joins are never shown."""
    text = re.sub(r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])?", "", text)
    # From the first blank only: tried from each, a page of line feeds would cost its square.
    text = re.sub(r"(?:(?<!\s)\s+)?(?:\[\^?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\](?!\()|【[^】]*】)", "", text)
    return re.sub(r"[\u200b\u2060\ufeff]", "", text)


def content_of(text: str) -> set[str]:
    """Stems of the words that carry meaning."""
    return set(surface(text))


def _leans_back(sentence: str) -> bool:
    """Whether it cannot be understood without the sentence before."""
    return leans(sentence) or bool(_POINTS.match(sentence) or _ECHOES.search(sentence))


def _usual(sentence: str) -> str:
    """Set phrases as pages have them."""
    for phrase, plainer in _PHRASES:
        sentence = phrase.sub(plainer, sentence)
    return sentence


def _is_light(root: str, word: str) -> bool:
    return root in LIGHT or any(c.isdigit() for c in word) or word.endswith("n't")


def _said_by(fact: Fact) -> str:
    return "take last keep kept" if fact.kind == "duration" else _SAID_BY.get(fact.value.split()[0], "")


def _compound_stands(word: str, there: frozenset[str]) -> bool:
    """`PFAS-free` where the page is "free of PFAS": all parts of the compound stand in the span."""
    parts = [part for part in word.split("-") if part]
    return len(parts) > 1 and all(stem(part) in there or stem(part) in LIGHT for part in parts)


def _likeness(roots: frozenset[str], said: Sequence[Fact], span: Span) -> float:
    shared = len(roots & span.roots) + 0.5 * len((roots & span.roots_around) - span.roots)
    length = 0.02 * len(span.roots)
    return shared / (len(roots) or 1) + 0.5 * sum(fact.key in span.facts for fact in said) - length
