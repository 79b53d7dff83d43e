"""In which language a site's pages are, and which languages the embedding model reads.

A model that was taught English finds a German page by chance: it knows its words as pieces without meaning. There words
weigh more (fuse.py, confidence.py), and whoever keeps the pages is told which model would read them.
"""

import asyncio
import re
from dataclasses import dataclass, field

from sqlalchemy import func, select

from minidesk.db import Database, Tx
from minidesk.db.models import Chunk, Document
from minidesk.settings import Settings
from minidesk.text.language import language_of

# Reads some fifty languages, the twelve of the chat among them; of the same size as the default one.
ADVISED_MODEL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
# Documents that are looked at: 10 ms. What a site is written in shows in fewer.
_DOCUMENTS = 5_000
# Names of models that were taught English only, without the owner before the slash. Of any other name nothing is said:
# a model that reads a language must not be taken for one that does not.
_ENGLISH_ONLY = re.compile(
    r"""(?:gt-)?all-(?:minilm|mpnet|distilroberta|roberta)-.*
    |(?:paraphrase|multi-qa|msmarco|nli|stsb)-(?:minilm|mpnet|distilbert|distilroberta|albert|bert|roberta|tinybert)-.*
    |e5-(?:small|base|large)(?:-v2)?|gte-(?:small|base|large)|.*-en(?:-v?\d[\d.]*)?
    |snowflake-arctic-embed-(?:xs|s|m|l)|nomic-embed-text-v1(?:\.5)?""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Reads:
    """The languages that a model reads, by their two letters; None: any."""

    languages: frozenset[str] | None = None

    def knows(self, language: str | None) -> bool:
        """Whether a text in it means something to the model; of a language that nobody can tell this is taken for granted."""
        return language is None or self.languages is None or language in self.languages


def languages_read(settings: Settings) -> Reads:
    """What the embedding model reads: as the setting says, else as its name tells."""
    said = settings.embedding_languages.lower()
    if "*" in said:
        return Reads()
    if named := frozenset(re.findall(r"[a-z]{2}", said)):
        return Reads(named)
    name = settings.embedding_model.rstrip("/").rpartition("/")[2].lower()
    return Reads(frozenset({"en"})) if _ENGLISH_ONLY.fullmatch(name) else Reads()


async def main_language(tx: Tx, site_id: str) -> str | None:
    """The language of more than half of the passages that answer; None where there is none such, or it cannot be told."""
    some = (
        select(func.lower(func.substr(Document.language, 1, 2)).label("code"), Document.current_version_id)
        .where(
            Document.site_id == site_id,
            Document.current_version_id.is_not(None),
            Document.language.is_not(None),
        )
        .limit(_DOCUMENTS)
        .subquery()
    )
    query = (
        select(some.c.code, func.count())
        .join(Chunk, Chunk.version_id == some.c.current_version_id)
        .group_by(some.c.code)
    )
    # A table of names and prices has no language; the text around it tells in which it is read.
    told = {str(code): int(count) for code, count in (await tx.execute(query)).all()}
    most = max(told, key=lambda code: (told[code], code), default=None)
    return most if most is not None and 2 * told[most] > sum(told.values()) else None


async def unread_language(tx: Tx, site_id: str, reads: Reads) -> str | None:
    """The language that most of the site's pages are in, where the model does not read it; else None."""
    if reads.languages is None:
        return None
    main = await main_language(tx, site_id)
    return None if reads.knows(main) else main


@dataclass(slots=True)
class SiteLanguages:
    """One process's knowledge of the sites' main languages, read again when a site's knowledge has changed."""

    db: Database
    _known: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    _renewing: dict[str, asyncio.Task[str | None]] = field(default_factory=dict)

    async def of(self, site_id: str, revision: int) -> str | None:
        """The site's main language. `revision`: of its knowledge, as the caller sees it; another than before asks for a new
        look. Only the first is waited for: one document more seldom changes what a site is written in.
        """
        known = self._known.get(site_id)
        if known is not None and known[0] == revision:
            return known[1]
        task = self._renewing.get(site_id)
        if task is None:
            task = self._renewing[site_id] = asyncio.create_task(self._renew(site_id, revision))
        return await asyncio.shield(task) if known is None else known[1]

    async def _renew(self, site_id: str, revision: int) -> str | None:
        try:
            async with self.db.read() as tx:
                found = await main_language(tx, site_id)
            self._known[site_id] = (revision, found)
            return found
        finally:
            del self._renewing[site_id]


def abroad(reads: Reads, question: str, main: str | None) -> bool:
    """Whether the model cannot be trusted between this question and pages in the language `main`."""
    if reads.languages is None:
        return False
    return not (reads.knows(main) and reads.knows(language_of(question)))
