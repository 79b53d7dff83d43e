"""BM25 with stems, codes and typo tolerance, on tantivy: one folder a site.

Chunks and whole pages are two indexes. In one, each would be an empty text in the other's statistics: pages counted
as four times as long as the average, and the BM25 of product help's pages found less (nDCG@10 .719; .744 apart).

Texts of other languages than English stand in fields of their own, cut and stemmed by their own rules (languages.py).
A question is read once for each language that an index holds: nobody says in which it is meant to be found.

An index is a projection that can be thrown away. How far it has followed (its revision) stands in a document
of the same commit, so that a process killed at any moment leaves index and revision in agreement.
One process writes; any number may read.
"""

import math
import shutil
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from minidesk.errors import IndexUnavailable
from minidesk.fulltext.languages import LANGUAGES, own_language, parts_of, words_in
from minidesk.fulltext.terms import Term, given_analyzer, query_terms, stem_analyzer, whole_analyzer
from minidesk.text.plain_forms import plain_forms

if TYPE_CHECKING:
    import tantivy

# The least that tantivy takes. More only helps when millions of documents come at once.
WRITER_BYTES = 15_000_000
# Part of the folder's name: another schema or analysis is another index, built beside the old one.
FORMAT = 3
# A site's two indexes, below its folder.
_PARTS = ("texts", "pages")
# BM25's k1 in tantivy is 1.2: a term counts at most k1 + 1 times its inverse document frequency.
MOST_PER_TERM = 2.2
# A code such as AB-1234 found whole is worth more than its parts, which stand in other codes as well.
CODE_BOOST = 1.0
# A word one edit away counts nearly as a word found in one text would: a guess must not beat a match.
FUZZY_SHARE = 0.8
# The same for a part of a compound that occurs nowhere: "Kasse" where "Krankenkasse" is asked for.
PART_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class TextDoc:
    """What is indexed of a chunk (or of any text with an id)."""

    id: str
    group: str  # what `within` filters by: the document's id
    title: str
    heading: str
    question: str  # and further phrasings, a line each
    body: str
    language: str | None = None  # as documents name it; None: not known, taken for English


@dataclass(frozen=True, slots=True)
class TextPage:
    """The whole text of a group: a question's words may be spread over a document's chunks."""

    group: str
    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class TextHit:
    """An id and how well its words fit.

    `score` is BM25. `share` is the part of what the question's words could reach at most, 0 to 1: comparable
    between questions, which a BM25 score is not.
    """

    id: str
    score: float
    share: float


@dataclass(frozen=True, slots=True)
class TextResult:
    """The best texts for a question, best first, and the best groups as wholes (ids are groups)."""

    hits: list[TextHit]
    pages: list[TextHit]


@dataclass(slots=True)
class _Open:
    """An index of this process, and the state of its files when it was last read."""

    index: "tantivy.Index"
    seen: tuple[int, ...] = ()  # of meta.json: a commit puts a new file in its place
    revision: int = -1
    languages: tuple[str, ...] = ()  # of its texts, besides English


class FullText:
    """The indexes below one folder. Thread-safe. All methods block for about a millisecond, `apply` for 100."""

    def __init__(self, root: Path) -> None:
        """`root`: the folder that holds a folder a site; it is made when something is first written."""
        self._root = root
        self._open: dict[Path, _Open] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()  # apart, or every question would wait for a rebuild

    def revision(self, site_id: str) -> int:
        """The last revision that `apply` or `rebuild` was told; -1 where there is no index that can be read."""
        try:
            # Killed between two commits, one is ahead: what it has is applied again.
            return min(self._reader(site_id, part).revision for part in _PARTS)
        except IndexUnavailable:
            return -1

    def apply(
        self,
        site_id: str,
        added: Iterable[TextDoc | TextPage],
        removed: Iterable[str],
        revision: int,
        *,
        gone: Iterable[str] = (),
    ) -> None:
        """Add (or replace) texts and pages, remove texts by id and pages by group (`gone`), and store `revision`.

        A commit each for pages and texts; repeating it changes nothing. Raises `IndexUnavailable` where it must be
        rebuilt.
        """
        self._write(site_id, added, removed, gone, revision, afresh=False)

    def rebuild(self, site_id: str, docs: Iterable[TextDoc | TextPage], revision: int) -> None:
        """Replace everything; readers see the old state until the end."""
        self._write(site_id, docs, (), (), revision, afresh=True)

    def search(
        self,
        site_id: str,
        query: str,
        k: int,
        within: Collection[str] | None = None,
        alternates: Mapping[str, Sequence[str]] | None = None,
    ) -> TextResult:
        """The `k` best texts and pages for the words of `query`; `within` keeps to these groups.

        `alternates`: what else a word may be called; the best of them counts, once.

        Raises `IndexUnavailable` where the site's index is missing or cannot be read.
        """
        texts, pages = (self._reader(site_id, part) for part in _PARTS)
        query = plain_forms(query)
        terms = {"": query_terms(query, alternates or {})}
        for language in {*texts.languages, *pages.languages}:
            terms[language] = query_terms(query, alternates or {}, language)
        return TextResult(
            hits=_found(texts, terms, "all", "id", k, within),
            pages=_found(pages, terms, "page", "page_of", k, within),
        )

    def ids(self, site_id: str) -> set[str]:
        """The ids of all texts; pages have none. A second for 100,000. Raises `IndexUnavailable`."""
        import tantivy

        searcher = self._reader(site_id, "texts").index.searcher()
        # Never 0 texts: the document with the revision is one.
        hits = searcher.search(tantivy.Query.all_query(), max(1, searcher.num_docs), count=False).hits
        found = (searcher.doc(at).get_first("id") for _, at in hits)
        return {str(id_) for id_ in found if id_ is not None}

    def close(self) -> None:
        """Let go of all files."""
        with self._lock:
            self._open.clear()

    def _folder(self, site_id: str, part: str) -> Path:
        return self._root / site_id / f"v{FORMAT}" / part

    def _reader(self, site_id: str, part: str) -> _Open:
        """One of the site's indexes, read again if another commit was made by whatever process."""
        folder = self._folder(site_id, part)
        meta = folder / "meta.json"
        try:
            stat = meta.stat()
            state = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            with self._lock:
                opened = self._open.get(folder)
                if opened is None:
                    opened = self._open[folder] = _Open(_open_index(folder, create=False))
                if opened.seen != state:
                    opened.index.reload()
                    opened.revision = _stored_revision(opened.index)
                    opened.languages = _stored_languages(opened.index)
                    opened.seen = state
                return opened
        except (OSError, ValueError) as error:
            with self._lock:
                self._open.pop(folder, None)
            raise IndexUnavailable from error

    def _write(
        self,
        site_id: str,
        added: Iterable[TextDoc | TextPage],
        removed: Iterable[str],
        gone: Iterable[str],
        revision: int,
        *,
        afresh: bool,
    ) -> None:
        with self._writing:
            writers: dict[str, tantivy.IndexWriter] = {}
            try:
                for part in _PARTS:
                    writers[part] = self._writer(site_id, part, afresh=afresh)
                    if afresh:
                        writers[part].delete_all_documents()
                _fill(writers, added, removed, gone, afresh=afresh)
                for writer in writers.values():
                    writer.delete_documents_by_term("meta", "revision")
                    writer.add_document(_revision(revision))
                    writer.commit()
            finally:
                for writer in writers.values():
                    # Frees the writer's lock; what was not committed is dropped.
                    writer.wait_merging_threads()

    def _writer(self, site_id: str, part: str, *, afresh: bool) -> "tantivy.IndexWriter":
        folder = self._folder(site_id, part)
        try:
            index = _open_index(folder, create=True)
            index.reload()
        except (OSError, ValueError):
            if not afresh:
                raise IndexUnavailable from None
            # Damaged: nothing in it is needed, for all of it comes again now.
            with self._lock:
                self._open.pop(folder, None)
            shutil.rmtree(folder, ignore_errors=True)
            index = _open_index(folder, create=True)
        return index.writer(WRITER_BYTES, 1)


def _fill(
    writers: "Mapping[str, tantivy.IndexWriter]",
    added: Iterable[TextDoc | TextPage],
    removed: Iterable[str],
    gone: Iterable[str],
    *,
    afresh: bool,
) -> None:
    """Take out and put in, each where it belongs. What is added replaces what was there under its id."""
    texts, pages = (writers[part] for part in _PARTS)
    for id_ in removed:
        texts.delete_documents_by_term("id", id_)
    for group in gone:
        pages.delete_documents_by_term("page_of", group)
    for doc in added:
        writer, field, id_ = (
            (texts, "id", doc.id) if isinstance(doc, TextDoc) else (pages, "page_of", doc.group)
        )
        if not afresh:
            writer.delete_documents_by_term(field, id_)
        writer.add_document(_document(doc))


def _revision(n: int) -> "tantivy.Document":
    import tantivy

    return tantivy.Document(meta="revision", revision=n)


def _open_index(folder: Path, *, create: bool) -> "tantivy.Index":
    import tantivy

    if create:
        folder.mkdir(parents=True, exist_ok=True)
        index = tantivy.Index(_schema(), str(folder))
    else:
        index = tantivy.Index.open(str(folder))
    index.register_tokenizer("stems", stem_analyzer())
    index.register_tokenizer("whole", whole_analyzer())
    index.register_tokenizer("given", given_analyzer())
    return index


def _schema() -> "tantivy.Schema":
    import tantivy

    builder = tantivy.SchemaBuilder()
    for name in ("id", "page_of"):
        builder.add_text_field(name, stored=True, tokenizer_name="raw", index_option="basic")
    for name in ("group", "meta", "language"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("revision", stored=True)
    # `all`: a chunk with its title, heading and questions. `page`: a whole document. `whole`: as `all`, not stemmed.
    # `own`: in the place of `all` and `page` the stems of a text in another language than English.
    for name, tokenizer in (("all", "stems"), ("page", "stems"), ("own", "given"), ("whole", "whole")):
        builder.add_text_field(name, tokenizer_name=tokenizer, index_option="freq")
    return builder.build()


def _document(doc: TextDoc | TextPage) -> "tantivy.Document":
    import tantivy

    language = own_language(doc.language)
    if isinstance(doc, TextPage):
        text = plain_forms(doc.text)
        if language is None:
            return tantivy.Document(page_of=doc.group, group=doc.group, page=text)
        return tantivy.Document(
            page_of=doc.group, group=doc.group, language=language, own=_stems(text, language)
        )
    everything = plain_forms(
        "\n".join(part for part in (doc.title, doc.heading, doc.question, doc.body) if part)
    )
    if language is None:
        return tantivy.Document(id=doc.id, group=doc.group, all=everything, whole=everything)
    stems = _stems(everything, language)
    return tantivy.Document(id=doc.id, group=doc.group, language=language, own=stems, whole=everything)


def _stems(text: str, language: str) -> str:
    return " ".join(word.stem for word in words_in(text, language))


def _stored_revision(index: "tantivy.Index") -> int:
    import tantivy

    searcher = index.searcher()
    hits = searcher.search(tantivy.Query.term_query(index.schema, "meta", "revision", "basic"), 1).hits
    return int(searcher.doc(hits[0][1])["revision"][0]) if hits else -1


def _stored_languages(index: "tantivy.Index") -> tuple[str, ...]:
    searcher = index.searcher()
    return tuple(language for language in LANGUAGES if searcher.doc_freq("language", language))


def _found(
    opened: _Open,
    terms: Mapping[str, Sequence[Term]],
    field: str,
    key: str,
    k: int,
    within: Collection[str] | None,
) -> list[TextHit]:
    """The best by the question's words (`terms`, by language), `field` being where English is."""
    schema, searcher = opened.index.schema, opened.index.searcher()
    found = _ranked(schema, searcher, terms[""], field, key, k, within, unstemmed=field == "all")
    if not opened.languages:
        return found
    best = {hit.id: hit for hit in found}
    for language in opened.languages:
        for hit in _ranked(
            schema, searcher, terms[language], "own", key, k, within, language, unstemmed=field == "all"
        ):
            if hit.id not in best or hit.share > best[hit.id].share:
                best[hit.id] = hit
    # Scores of two languages' words are not comparable; shares are.
    return sorted(best.values(), key=lambda hit: (-hit.share, hit.id))[:k]


def _ranked(
    schema: "tantivy.Schema",
    searcher: "tantivy.Searcher",
    terms: Sequence[Term],
    field: str,
    key: str,
    k: int,
    within: Collection[str] | None,
    language: str | None = None,
    *,
    unstemmed: bool,
) -> list[TextHit]:
    """The best for `terms` in `field`. Built of terms only: visitors' text never reaches tantivy's query language."""
    import tantivy

    parts: list[tantivy.Query] = []
    most = 0.0
    for term in terms:
        ways = _ways(schema, searcher, field, term)
        if not ways and language is not None:
            ways = _by_part(schema, searcher, field, term, language)
        most += MOST_PER_TERM * max((idf for idf, _ in ways), default=_idf(searcher.num_docs, 0))
        if ways:
            parts.append(_best_of([query for _, query in ways]))
        if unstemmed:
            parts += _unstemmed(schema, searcher, term, known=bool(ways))
    if not parts:
        return []
    query = tantivy.Query.boolean_query([(tantivy.Occur.Should, part) for part in parts])
    only = [] if within is None else [tantivy.Query.term_set_query(schema, "group", sorted(within))]
    if language is not None:
        only.append(tantivy.Query.term_query(schema, "language", language, "basic"))
    if only:
        filters = [tantivy.Query.const_score_query(one, 0.0) for one in only]
        query = tantivy.Query.boolean_query([(tantivy.Occur.Must, one) for one in (query, *filters)])
    hits = searcher.search(query, k, count=False).hits
    return [
        TextHit(searcher.doc(at)[key][0], float(score), min(1.0, float(score) / most)) for score, at in hits
    ]


def _ways(
    schema: "tantivy.Schema", searcher: "tantivy.Searcher", field: str, term: Term
) -> "list[tuple[float, tantivy.Query]]":
    """The term, and what else it may be called, as far as each occurs: how rare it is, and the query for it."""
    import tantivy

    found = []
    for stems in ((term.stem,), *term.others):
        held = [searcher.doc_freq(field, stem) for stem in stems]
        if not held or not all(held):
            continue
        each = [tantivy.Query.term_query(schema, field, stem, "freq") for stem in stems]
        query = each[0]
        if len(each) > 1:
            # All of its words; together they count as one, or a long name would beat a short one.
            every = tantivy.Query.boolean_query([(tantivy.Occur.Must, one) for one in each])
            query = tantivy.Query.boost_query(every, 1 / len(each))
        found.append((max(_idf(searcher.num_docs, number) for number in held), query))
    return found


def _by_part(
    schema: "tantivy.Schema", searcher: "tantivy.Searcher", field: str, term: Term, language: str
) -> "list[tuple[float, tantivy.Query]]":
    """The longest part of a compound that occurs, where the compound itself does not."""
    import tantivy

    for part in parts_of(term.stem, language):
        if held := searcher.doc_freq(field, part):
            query = tantivy.Query.term_query(schema, field, part, "freq")
            return [(_idf(searcher.num_docs, held), tantivy.Query.boost_query(query, PART_SHARE))]
    return []


def _best_of(queries: "Sequence[tantivy.Query]") -> "tantivy.Query":
    """The best of several ways to say one thing counts, and a text that says it in two ways gains nothing."""
    import tantivy

    return queries[0] if len(queries) == 1 else tantivy.Query.disjunction_max_query(list(queries))


def _unstemmed(
    schema: "tantivy.Schema", searcher: "tantivy.Searcher", term: Term, *, known: bool
) -> "list[tantivy.Query]":
    """Codes found whole, and words one edit away from one that occurs nowhere."""
    import tantivy

    parts = []
    if not known and term.fuzzy:
        guess = tantivy.Query.fuzzy_term_query(schema, "whole", term.word, distance=1)
        parts.append(tantivy.Query.boost_query(guess, FUZZY_SHARE * _idf(searcher.num_docs, 1)))
    if term.code and searcher.doc_freq("whole", term.code):
        whole = tantivy.Query.term_query(schema, "whole", term.code, "freq")
        parts.append(tantivy.Query.boost_query(whole, CODE_BOOST))
    return parts


def _idf(documents: int, containing: int) -> float:
    """BM25's inverse document frequency: ln(1 + (N - n + .5) / (n + .5))."""
    return math.log(1 + (max(documents, containing) - containing + 0.5) / (containing + 0.5))
