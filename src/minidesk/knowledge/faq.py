"""FAQ entries written in the console. An entry is a file of one JSON line that we write ourselves.

So it goes the way of every other file: stored bytes, a job, versions that can be compared and brought back. Its
question and its other phrasings each get a vector of their own.
"""

import json
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import select

from minidesk.db import Database
from minidesk.db.models import Source
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.files import FileStore
from minidesk.knowledge.sources import Audience, Maker, Sources, SourceState
from minidesk.text.normalise import check_text

QUESTION_CHARS = 500  # what the parser keeps of a phrasing
ANSWER_CHARS = 20_000  # some forty passages: a longer text is a page
ALTERNATES = 60  # with the question just below what has vectors (knowledge/passages.py)
_SLUG_CHARS = 60


@dataclass(frozen=True, slots=True)
class FaqEntry:
    """A question with its answer. `alternates`: other ways to ask it; `generation` tells whether it has changed since."""

    question: str
    answer: str
    alternates: tuple[str, ...] = ()
    audience: Audience = "public"
    generation: int = 0


class FaqEntries:
    """Writes and reads the entries of a site. They are listed and deleted as files are (`Sources`)."""

    def __init__(self, db: Database, sources: Sources, files: FileStore) -> None:
        self._db = db
        self._sources = sources
        self._files = files

    async def create(self, site_id: str, entry: FaqEntry, author: str | None = None) -> SourceState:
        """A new entry. Raises `Invalid` where a field is empty or too long."""
        entry = checked(entry)
        slug = re.sub(r"[^\w]+", "-", entry.question.lower()).strip("-_")[:_SLUG_CHARS].strip("-_")
        # The random part keeps two entries with like questions apart; the words are for whoever reads a list of ids.
        public_id = f"faq/{slug or 'entry'}-{secrets.token_hex(4)}"
        return await self._store(site_id, f"{public_id}.jsonl", public_id, entry, author)

    async def update(
        self, site_id: str, source_id: str, entry: FaqEntry, author: str | None = None
    ) -> SourceState:
        """Replace an entry; until the new text is ready the old one answers.

        Raises `NotFound`, `Invalid`, and `Conflict` where somebody changed it since `entry.generation` was read.
        """
        entry = checked(entry)
        source = await self._source(site_id, source_id)
        if entry.generation != source.generation:
            raise Conflict(
                "Somebody changed this entry while you were writing. Copy what you wrote, open the entry again and put it in."
            )
        return await self._store(site_id, source.path, _public_id(source.path), entry, author)

    async def read(self, site_id: str, source_id: str) -> FaqEntry:
        """The entry as it was written last, whatever became of it. Raises `NotFound`."""
        source = await self._source(site_id, source_id)
        line = json.loads(await self._files.read(source.sha256))
        audience: Audience = "agents" if source.audience == "agents" else "public"
        return FaqEntry(
            line["question"], line["answer"], tuple(line["questions"]), audience, source.generation
        )

    async def _source(self, site_id: str, source_id: str) -> Source:
        async with self._db.read() as tx:
            source = await tx.scalar(
                select(Source).where(Source.id == source_id, Source.site_id == site_id, Source.kind == "faq")
            )
        if source is None:
            raise NotFound
        return source

    async def _store(
        self, site_id: str, path: str, public_id: str, entry: FaqEntry, author: str | None
    ) -> SourceState:
        line = {
            "id": public_id,
            "question": entry.question,
            "answer": entry.answer,
            "questions": list(entry.alternates),
        }
        return await self._sources.store(
            site_id=site_id,
            path=path,
            data=json.dumps(line, ensure_ascii=False).encode(),
            kind="faq",
            audience=entry.audience,
            maker=Maker("entry", author),
        )


def checked(entry: FaqEntry) -> FaqEntry:
    """The entry as it is stored: texts cleaned, no phrasing twice. Raises `Invalid`."""
    question = " ".join(check_text(entry.question, QUESTION_CHARS).split())
    answer = check_text(entry.answer, ANSWER_CHARS)
    if not question:
        raise Invalid("Write the question that this entry answers.", code="question_missing")
    if not answer:
        raise Invalid("Write the answer.", code="answer_missing")
    written = (" ".join(check_text(text, QUESTION_CHARS).split()) for text in entry.alternates)
    alternates = tuple(dict.fromkeys(text for text in written if text and text != question))
    if len(alternates) > ALTERNATES:
        raise Invalid(
            f"An entry can have up to {ALTERNATES} other phrasings. Keep those that differ most.",
            code="too_many_phrasings",
        )
    return FaqEntry(question, answer, alternates, entry.audience, entry.generation)


def _public_id(path: str) -> str:
    return path.removesuffix(".jsonl")
