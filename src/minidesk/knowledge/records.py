"""The records that travel through the knowledge room, from a file's bytes to a passage in an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BlockKind = Literal["heading", "paragraph", "item", "table", "code", "faq"]
ChunkKind = Literal["text", "faq", "table"]


@dataclass(frozen=True, slots=True)
class Block:
    """A structural piece of a document: `text` stands at [start, end) of the document's text."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0  # of a heading, from 1; nesting of a list item
    page: int | None = None  # from 1
    header: str | None = None  # of a table: its header row as `a | b`, repeated in each chunk cut from it
    numbered: bool = False  # an item of an ordered list


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a parser makes of a file, or of one row of it."""

    external_id: str | None  # the row's own id, or `#n` to be put behind the path; None: the path itself
    title: str
    text: str  # plain text, Markdown-like where structure matters; offsets count its characters
    blocks: tuple[Block, ...]
    question: str | None = None  # of an FAQ row
    phrasings: tuple[str, ...] = ()  # further ways to ask it
    url: str | None = None
    language: str | None = None
    concealed: int = 0  # passages that no reader sees, left out


@dataclass(frozen=True, slots=True)
class SkippedDocument:
    """A row or file that is no knowledge, with the sentence that says why."""

    external_id: str | None
    title: str
    reason: str
    failed: bool = False  # True: it should have become knowledge but cannot


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """A passage before it has an id. `text` equals the document's text[start:end]."""

    ordinal: int
    kind: ChunkKind
    text: str
    start: int
    end: int
    heading_path: tuple[str, ...] = ()
    question: str | None = None
    phrasings: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as search returns it, with what it scored and why."""

    chunk: str  # the chunk's id
    document: str  # the public document id
    document_id: str
    version_id: str
    title: str
    url: str | None
    heading_path: tuple[str, ...]
    kind: ChunkKind
    question: str | None
    text: str
    start: int  # of `text` in the version's text
    end: int
    page: int | None
    score: float  # fused, 0 to 1; comparable within one search only
    dense: float = 0.0  # cosine of the best of its vectors
    lexical: float = 0.0  # BM25, not normalised
    phrasing: float | None = None  # cosine of the nearest of the questions that it is known to answer
    phrasings: tuple[str, ...] = ()  # these questions, beside `question`


@dataclass(frozen=True, slots=True)
class PassageTokens:
    """What a passage's tokens mean, as stored: `data` is `answering.late`'s own form."""

    text_hash: str  # SHA-256 of the text that was read
    data: bytes


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages, best first, and how sure we are that the first one answers."""

    passages: tuple[Passage, ...]
    score: float  # 0 to 1: that the top passage answers the question
    mode: Literal["hybrid", "text", "dense"] = "hybrid"  # "text": vectors are missing or being rebuilt
    revision: int = 0  # the site's knowledge revision that was searched
    timings_ms: dict[str, float] = field(default_factory=dict)
    # Vectors of the passages' texts, so that they need not be embedded again: by chunk and SHA-256 of a sentence, and by
    # chunk and kind (`text`, `title`); the question's own by "" and its SHA-256. What is missing was not stored.
    vectors: "Mapping[tuple[str, str], NDArray[np.float32]]" = field(
        default_factory=dict, repr=False, compare=False
    )
    # What the site calls words of the question besides: by the word, in lower case (its synonyms).
    alternates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class PageLinks:
    """Where a page leads, as written in it."""

    base: str = ""
    canonical: str = ""
    refresh: str = ""  # the page sends its readers there at once
    links: list[str] = field(default_factory=list)
    widgets: list[tuple[str, str]] = field(default_factory=list)  # chat scripts: (src, data-site)
    noindex: bool = False
    nofollow: bool = False


@dataclass(slots=True)
class Sitemap:
    """Pages, or further sitemaps."""

    pages: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept answer. `sentences` is JSON whose form is the keeper's; `model` wrote it."""

    sentences: Sequence[Any]
    model: str


@dataclass(frozen=True, slots=True)
class Written:
    """An answer to be kept: which passages the model had before it, best first, and which of them it cites."""

    kept: Kept
    shown: Sequence[Passage]
    cited: Sequence[str]  # chunk ids
    revision: int  # of the site's knowledge that was searched
