"""What the knowledge pages are given: typed, frozen, ready to be shown."""

from dataclasses import dataclass

from minidesk.knowledge.compare import Line
from minidesk.web.console.contexts import CrawlLine, Option, Passage, Shell, Tag, TryPart, When


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A file, entry or page, and what became of it."""

    id: str
    href: str
    name: str
    status: str  # queued | processing | ready | failed | skipped
    word: str
    detail: str  # why it is as it is, else its size
    changed: When
    tags: tuple[Tag, ...]  # what is particular about its documents
    selected: bool
    version: str


@dataclass(frozen=True, slots=True)
class SourceList:
    """The files of a site: also answered alone, for live pages."""

    rows: tuple[SourceRow, ...]
    wanted: str  # what was searched for
    statuses: tuple[Option, ...]
    kinds: tuple[Option, ...]
    query: str  # the filters as they stand in an address
    narrowed: bool  # whether any filter is set
    total: int
    busy: int  # queued or in work
    failed: int
    review: int  # documents that somebody should look at
    before: str = ""  # address of the page before and behind this one
    behind: str = ""


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A document of a file that holds several."""

    id: str
    href: str
    title: str
    status: str
    word: str
    reason: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Life:
    """Who is told of a document, and until when. Days are days of the site's time zone, as forms write them."""

    answers: bool
    tone: str  # of the sentence: plain | wait | alarm
    sentence: str
    may_publish: bool
    may_unpublish: bool
    last_day: str
    review_day: str
    zone: str
    versions: int
    versions_href: str
    version: str


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """A document of a file, with its passages as they were cut."""

    id: str  # internal
    external_id: str
    title: str
    url: str | None
    life: Life
    passages: tuple[Passage, ...]
    total: int  # passages; not all may be shown


@dataclass(frozen=True, slots=True)
class SourcePart:
    """One file: how it is doing, its documents, and the one that is shown. Also answered alone, for live pages."""

    row: SourceRow
    part_href: str
    kind: str
    size: str
    reason: str
    tally: str  # how many documents, and what became of each
    audience: str  # public | agents
    entry_href: str  # where an FAQ entry is changed
    documents: tuple[DocumentLine, ...]
    more_documents: int
    document: DocumentPart | None


@dataclass(frozen=True, slots=True)
class EntryPart:
    """The form of an FAQ entry, as it was written last."""

    href: str
    back: str
    new: bool
    question: str
    alternates: str  # one a line
    answer: str
    audience: str
    generation: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version in the list. `compare`: address of the page that says what it changed."""

    n: int
    made: When
    how: str
    current: bool
    shown: bool
    compare: str
    restorable: bool


@dataclass(frozen=True, slots=True)
class VersionsPart:
    """The versions of a document, and what changed between two of them."""

    source_href: str
    restore_href: str
    document: str  # public id
    title: str
    crawled: bool
    beside: int  # documents of the file: all of them go back with it
    lines: tuple[VersionLine, ...]
    old: int = 0
    new: int = 0
    summary: str = ""
    changes: tuple[Line, ...] = ()
    more_changes: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class DocsPage:
    """The knowledge pages: the list, and beside it one of a file, an entry's form, versions or a tried question."""

    shell: Shell
    list: SourceList
    max_bytes: int
    crawls: tuple[CrawlLine, ...] = ()
    overlaps: int = 0  # pairs of pages that somebody should look at
    unread: str = ""  # the language of most pages, in words, where the embedding model does not read it
    advised_model: str = ""  # one that does
    source: SourcePart | None = None
    entry: EntryPart | None = None
    versions: VersionsPart | None = None
    tried: TryPart | None = None
    trying: bool = False  # on a phone, where one column is shown at a time: the question instead of the list
    problem: str = ""

    @property
    def opened(self) -> bool:
        """Whether something stands beside the list."""
        return bool(self.source or self.entry or self.versions or self.trying)
