"""Questions that a site's own pages seem to answer: its FAQ entries, headings that ask, titles turned into questions.

No model writes them. Whether the pages really answer is for whoever asks them (insight/first_look.py).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import select

from minidesk.db import Tx
from minidesk.db.models import Chunk, Document

# Passages looked at: a few hundred hold more questions than anybody will ask.
PASSAGES = 2000
QUESTION_CHARS = 160
_ASKS = re.compile(
    r"^(?:how|what|when|where|which|who|why|can|could|do|does|is|are|may|must|should|will|"
    r"wie|was|wann|wo|woher|wohin|welche[rsmn]?|wer|warum|kann|darf|muss|gibt|ist|sind|habt|hat)\b",
    re.IGNORECASE,
)
_HOW_TO = re.compile(r"^how to (?=\w)", re.IGNORECASE)
# Titles of pages that say nothing, or nothing that a visitor would ask.
_EMPTY = re.compile(
    r"^(?:home(?:page)?|index|start(?:seite)?|welcome|willkommen|overview|imprint|impressum|sitemap|search|login|sign in|"
    r"menu|blog|news|contents?|untitled|at a glance|introduction|note|notes|details|quick answer|detailed answer)\b[.:!]*$",
    re.IGNORECASE,
)
_ABOUT = {"en": "What should I know about {title}?", "de": "Was muss ich über {title} wissen?"}


@dataclass(frozen=True, slots=True)
class SampleQuestion:
    """A question and the document (by its public id) that seems to answer it."""

    question: str
    document: str


async def sample_questions(tx: Tx, site_id: str, limit: int) -> list[SampleQuestion]:
    """The likeliest questions first, and no document twice before each has had its turn."""
    statement = (
        select(Chunk.question, Chunk.heading_path, Document.external_id, Document.title, Document.language)
        .join(Document, Document.id == Chunk.document_id)
        .where(
            Chunk.site_id == site_id,
            Document.current_version_id == Chunk.version_id,
            Document.audience == "public",  # a visitor would not be answered from the others
        )
        .order_by(Document.external_id, Chunk.ordinal)
        .limit(PASSAGES)
    )
    ranked: list[tuple[int, SampleQuestion]] = []
    for question, heading, document, title, language in (await tx.execute(statement)).all():
        for rank, text in _asked(question, [str(part) for part in heading], title, language or "en"):
            ranked.append((rank, SampleQuestion(text, document)))
    return _spread(ranked)[:limit]


def _asked(question: str | None, heading: list[str], title: str, language: str) -> Iterator[tuple[int, str]]:
    """Questions of one passage, with how surely it answers them: 0 is best."""
    if question and (text := _as_question(question)):
        yield 0, text
    for part in reversed(heading):
        if text := _as_question(part):
            yield 1, text
    if text := _as_question(title):
        yield 1, text
    elif _tells(title):
        yield 2, _ABOUT.get(language, _ABOUT["en"]).format(title=_inside(title))


def _as_question(text: str) -> str | None:
    """The text as a question, if it is one already."""
    text = " ".join(re.sub(r"\{#[^}]*\}", "", text).split()).rstrip(" :.")
    if not 8 <= len(text) <= QUESTION_CHARS or len(text.split()) < 3:
        return None
    text, turned = _HOW_TO.subn("How do I ", text, count=1)
    if text.endswith("?"):
        return text
    # "What we do" and "Where to find us" begin like questions; only "How to …" can be turned into one safely.
    return f"{text}?" if turned and _ASKS.match(text) else None


def _tells(title: str) -> bool:
    return 4 <= len(title) <= 80 and not _EMPTY.match(title) and len(re.findall(r"[^\W\d_]{3,}", title)) >= 1


def _inside(title: str) -> str:
    """A title in the middle of a sentence: small, unless its first word is a name or an abbreviation."""
    title = " ".join(title.split()).rstrip(" .:!")
    first, _, rest = title.partition(" ")
    plain = first[:1].isupper() and first[1:].islower() and rest.islower()
    return f"{title[0].lower()}{title[1:]}" if plain else title


def _spread(ranked: Iterable[tuple[int, SampleQuestion]]) -> list[SampleQuestion]:
    """Best first; of each document its best one, then its second, and so on; no question twice."""
    turns: dict[str, int] = {}
    seen: set[str] = set()
    ordered: list[tuple[int, int, int, SampleQuestion]] = []
    for n, (rank, one) in enumerate(sorted(ranked, key=lambda item: item[0])):
        if one.question.lower() in seen:
            continue
        seen.add(one.question.lower())
        turn = turns[one.document] = turns.get(one.document, -1) + 1
        ordered.append((turn, rank, n, one))
    return [one for *_, one in sorted(ordered, key=lambda item: item[:3])]
