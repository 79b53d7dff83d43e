"""A question that could be two things: what to offer instead of guessing. No model is asked.

Asked back is only where the question itself is thin ("What does it cost?", "Is it waterproof?", "Delivery?"), where
units of several pages answer it nearly as well as the best one, and where they do not say the same. What names the
choices is what the visitor would look for: the heading or title that holds the question's word, else the title.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from minidesk.answering.asks import FITS, TELLING, Ask, Term, stems_of
from minidesk.answering.facts import facts
from minidesk.answering.followup import leans
from minidesk.answering.rank import Ranking, Scored
from minidesk.knowledge.records import Passage
from minidesk.text.words import words

LABEL_CHARS = 40  # what a button of the narrowest chat shows on one line or two
MOST = 4  # more choices than this are a menu, and whoever reads a menu would rather write
# How far below the best unit (scores run from about 0.5 to 1.8) another one answers nearly as well. A question without
# any word of its own is as near to one page as to the next; one with a word has less room.
_NEAR_WITHOUT, _NEAR_WITH = 0.3, 0.2
_LONGEST = 8  # words; who writes more has said what it is about
_BARE = 3  # words; "Delivery?", "What about returns?": a topic, and nothing asked about it
# "What do I pay if I don't come?" says what it is about.
_IF = re.compile(r"[\s,](?:if|unless|wenn|falls)\s", re.IGNORECASE)
_LIKE = 0.6  # share of common words from which two units say the same


def choices(ranking: Ranking, passages: Sequence[Passage]) -> tuple[str, ...]:
    """2 to 4 names of what the question may mean, the likeliest first; empty where it is clear enough. CPU work."""
    ask = ranking.ask
    own = [term for term in ask.terms if term.weight >= 1.0]
    if ranking.missing or not _thin(ask, own):
        return ()
    near = _near(ranking, passages, own)
    several = len({passages[s.unit.passage].document for s in near}) > 1
    named: dict[str, tuple[Scored, str]] = {}
    documents: set[str] = set()
    for scored in near:
        passage = passages[scored.unit.passage]
        label = _label(passage, own, ask) if several else short((passage.heading_path or ("",))[-1])
        known = several and passage.document in documents
        if not label or known or label.casefold() in named or _says_the_same(ask, scored, named.values()):
            continue
        documents.add(passage.document)
        named[label.casefold()] = (scored, label)
    found = tuple(label for _, label in named.values())[:MOST]
    return found if len(found) >= 2 else ()


def named_by(choice: str, passages: Iterable[Passage]) -> tuple[Passage, ...]:
    """The passages whose title, question or heading the choice names."""
    wanted = choice.casefold()
    return tuple(
        p for p in passages
        if any(short(name).casefold() == wanted for name in (p.title, p.question or "", *p.heading_path))
    )  # fmt: skip


def fitting(ranking: Ranking) -> Ranking:
    """Of a page that was chosen, the units that hold the kind of answer asked for; as it is where none does."""
    told = ranking.ask.kind in TELLING or ranking.ask.kind == "contact"
    right = tuple(s for s in ranking.scored if told and s.kind >= FITS)
    return replace(ranking, scored=right or ranking.scored)


def short(name: str) -> str:
    """A title or heading as a choice: without its number and quotes, at most 40 characters, cut between words."""
    bare = re.sub(r"^\d+(?:\.\d+)*[.)]\s+", "", " ".join(re.sub(r"[“”„«»「」\"]", "", name).split()))
    bare = bare.strip(" :")
    if len(bare) <= LABEL_CHARS:
        return bare
    head = re.split(r": | \(", bare, maxsplit=1)[0]
    if len(head) <= LABEL_CHARS:
        return head
    cut = bare[: LABEL_CHARS - 1]
    return f"{cut.rsplit(' ', 1)[0].rstrip(' ,;:-–')}…"


def _thin(ask: Ask, own: Sequence[Term]) -> bool:
    """Whether the question leaves open what it is about."""
    count = len(words(ask.text))
    if ask.facts or count > _LONGEST or _IF.search(ask.text):
        return False
    if not own:
        return ask.kind in TELLING
    return len(own) == 1 and (leans(ask.text) or (count <= _BARE and len(ask.terms) <= 2))


def _near(ranking: Ranking, passages: Sequence[Passage], own: Sequence[Term]) -> list[Scored]:
    """The best unit of each section that answers nearly as well as the best one, best first."""
    best: dict[tuple[str, tuple[str, ...]], Scored] = {}
    telling = ranking.ask.kind in TELLING
    for scored in ranking.scored:
        passage = passages[scored.unit.passage]
        fits = not telling or scored.kind >= FITS
        if fits and _holds(_all_of(scored, passage), own):
            best.setdefault((passage.document, passage.heading_path), scored)
    held = [s for s in best.values() if _holds(_names_of(passages[s.unit.passage]), own)] if own else []
    # A page that is named after the word is what is meant; where it is the only one, and first, nothing is open.
    if len(held) == 1 and held[0] is next(iter(best.values())):
        return held
    kept = held if len(held) > 1 else list(best.values())
    gap = _NEAR_WITH if own else _NEAR_WITHOUT
    return [s for s in kept if s.score >= kept[0].score - gap]


def _holds(text: str, own: Sequence[Term]) -> bool:
    """True if each of the question's own words, or what pages call it, stands in `text`."""
    stems = stems_of(text)
    return all(term.stem in stems or not stems.isdisjoint(term.alternates) for term in own)


def _names_of(passage: Passage) -> str:
    return " ".join((passage.title, passage.question or "", *passage.heading_path))


def _all_of(scored: Scored, passage: Passage) -> str:
    return f"{_names_of(passage)} {scored.unit.lead_text} {scored.unit.text}"


def _label(passage: Passage, own: Sequence[Term], ask: Ask) -> str:
    """The heading, where it holds the question's word and says more than that; else the title."""
    asked = {term.stem for term in ask.terms}
    for heading in reversed(passage.heading_path):
        if own and _holds(heading, own) and not stems_of(heading) <= asked:
            return short(heading)
    return short(passage.question or passage.title)


def _says_the_same(ask: Ask, scored: Scored, others: Iterable[tuple[Scored, str]]) -> bool:
    """True if one of the others gives the same figures, or nearly the same words: there is nothing to choose."""
    mine, said = _answer(ask, scored)
    for other, _ in others:
        theirs, words_of = _answer(ask, other)
        if mine and mine <= theirs:
            return True
        if len(said & words_of) >= _LIKE * max(1, len(said | words_of)):
            return True
    return False


def _answer(ask: Ask, scored: Scored) -> tuple[set[tuple[str, str]], set[str]]:
    """The figures that answer (empty where none are asked for), and the words."""
    figures = {fact.key for fact in facts(scored.unit.text)} if ask.kind in TELLING else set()
    return figures, stems_of(scored.unit.text)
