"""The sample shop's passages as ingestion cuts them, and the nearest of them to a sentence, without a database."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minidesk.knowledge.chunk import chunk_document, embedding_text
from minidesk.knowledge.embed import Embedder
from minidesk.knowledge.parse import parse_file
from minidesk.knowledge.records import ParsedDocument, Passage
from minidesk.settings import Settings

KNOWLEDGE = Path(__file__).parents[2] / "knowledge"
NEAREST = 8  # passages beside a sentence: about as many as a question's search hands to the composer


@dataclass(frozen=True, slots=True)
class SampleShop:
    """All passages with their vectors, shape (passages, dimensions)."""

    passages: tuple[Passage, ...]
    vectors: NDArray[np.float32]

    def of(self, document: str) -> list[Passage]:
        """The passages of one public document id."""
        return [p for p in self.passages if p.document == document]

    def around(self, vector: NDArray[np.float32], document: str, said: str = "") -> list[Passage]:
        """What search would return beside a sentence: the nearest passages, the one that it rests on among them."""
        cosines = self.vectors @ vector
        order = [int(i) for i in np.argsort(-cosines)]
        own = [i for i in order if self.passages[i].document == document]
        own = sorted(own, key=lambda i: flat([said]).strip() not in flat([self.passages[i].text]))[:4]
        rest = [i for i in order if i not in own][: NEAREST - len(own)]
        return [replace(self.passages[i], score=float(cosines[i])) for i in (*own, *rest)]


async def read_sample_shop(embedder: Embedder, settings: Settings) -> SampleShop:
    """Parses, chunks and embeds the sample documents as ingestion does."""
    made: list[Passage] = []
    for path in sorted(KNOWLEDGE.rglob("*")):
        if path.is_dir() or path.name.startswith("questions") or path.name == "simulations.jsonl":
            continue
        name = path.relative_to(KNOWLEDGE).as_posix()
        for document in await parse_file(path, path.name, None, settings):
            if isinstance(document, ParsedDocument):
                made += _passages(document, name, embedder)
    texts = [embedding_text(p.title, p.heading_path, p.text) for p in made]
    return SampleShop(tuple(made), await embedder.documents(texts))


def _passages(document: ParsedDocument, name: str, embedder: Embedder) -> list[Passage]:
    own = document.external_id
    public = name if own is None else f"{name}{own}" if own.startswith("#") else own
    return [
        Passage(
            chunk=f"{public}-{draft.ordinal}", document=public, document_id=public, version_id="v1", title=document.title, url=document.url,
            heading_path=draft.heading_path, kind=draft.kind, question=draft.question, text=draft.text, start=draft.start, end=draft.end,
            page=draft.page, score=0.0, dense=0.0,
        )
        for draft in chunk_document(document, embedder.count_tokens, 220)
    ]  # fmt: skip


def flat(texts: Sequence[str]) -> str:
    """One line without marks, to look for words in."""
    return re.sub(r"[\s*|_]+", " ", " ".join(texts))
