"""From a parsed document to what will be stored of it: passages, and the texts whose vectors they need."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from minidesk.knowledge.chunk import chunk_document, context_text, embedding_text
from minidesk.knowledge.records import ChunkDraft, ParsedDocument
from minidesk.text.plain_forms import plain_forms
from minidesk.text.words import sentences

VectorKind = Literal["text", "title", "phrasing", "sentence"]

# The model cuts off in silence what it cannot read; the passage must not be what is lost.
_CONTEXT_TOKENS = 48
# Vectors of one passage; an entry with more phrasings keeps them as text.
_PHRASINGS = 64
# Two sentences are hardly nearer to a question one by one than together.
_SENTENCES_FROM = 3
# A passage of more is a list of fragments.
_SENTENCES = 32


@dataclass(frozen=True, slots=True)
class VectorText:
    """A text to be embedded for a passage, and the hash under which its vector is found again."""

    kind: VectorKind
    ordinal: int
    text: str
    text_hash: str


@dataclass(frozen=True, slots=True)
class PreparedChunk:
    """A passage with the texts that find it."""

    draft: ChunkDraft
    vectors: tuple[VectorText, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document ready to be embedded and written."""

    external_id: str
    document: ParsedDocument
    url: str | None
    fingerprint: str
    chunks: tuple[PreparedChunk, ...]


def fingerprint(recipe: str, document: ParsedDocument, url: str | None) -> str:
    """Recipe and content in 64 hex digits: equal exactly when nothing about the document's passages can have changed."""
    digest = hashlib.sha256()
    fields: Sequence[object] = (
        document.title,
        document.text,
        document.question,
        document.phrasings,
        url,
        document.language,
        document.blocks,
    )
    for field in fields:
        digest.update(repr(field).encode("utf-8", "replace") + b"\x00")
    return recipe + digest.hexdigest()[: 64 - len(recipe)]


def prepare(
    external_id: str,
    document: ParsedDocument,
    url: str | None,
    mark: str,
    count_tokens: Callable[[str], int],
    max_tokens: int,
) -> Prepared:
    """Cut the document and name every text to embed: the passage under its title, title and headings alone, each phrasing, each sentence."""
    drafts = chunk_document(document, count_tokens, max_tokens)
    chunks = tuple(
        PreparedChunk(draft, vector_texts(document.title, draft, count_tokens)) for draft in drafts
    )
    return Prepared(external_id, document, url, mark, chunks)


def vector_texts(title: str, draft: ChunkDraft, count_tokens: Callable[[str], int]) -> tuple[VectorText, ...]:
    """Every text of a passage that has a vector of its own."""
    phrasings = list(dict.fromkeys(text for text in (draft.question, *draft.phrasings) if text))[:_PHRASINGS]
    found = [_vector("text", 0, _fitting(title, draft, count_tokens))]
    context = context_text(title, draft.heading_path)
    # An FAQ entry's title is its question: one vector is enough.
    if context and context not in phrasings:
        found.append(_vector("title", 0, context))
    found += [_vector("phrasing", index, text) for index, text in enumerate(phrasings)]
    found += [_vector("sentence", index, text) for index, text in enumerate(_sentences(draft))]
    return tuple(found)


def _sentences(draft: ChunkDraft) -> list[str]:
    """The sentences of running text, whose vectors order what was found: one may answer in a passage about much else."""
    if draft.kind != "text":
        return []
    found = [span.text for span in sentences(draft.text)]
    return found[:_SENTENCES] if len(found) >= _SENTENCES_FROM else []


def _fitting(title: str, draft: ChunkDraft, count_tokens: Callable[[str], int]) -> str:
    """The passage with as much of its context as leaves room for all of the passage."""
    last = draft.heading_path[-1:]
    for part, path in ((title, draft.heading_path), (title, last), ("", last)):
        context = embedding_text(part, path, "")
        # No tokenizer makes more tokens than characters, so a short context need not be counted.
        if len(context) <= _CONTEXT_TOKENS or count_tokens(context) <= _CONTEXT_TOKENS:
            return embedding_text(part, path, draft.text)
    return draft.text


def _vector(kind: VectorKind, ordinal: int, text: str) -> VectorText:
    text = plain_forms(text)  # the model's tokenizer knows no full-width letters
    return VectorText(kind, ordinal, text, hashlib.sha256(text.encode("utf-8", "replace")).hexdigest())
