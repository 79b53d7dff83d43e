"""Full text: BM25 over texts, one index a site. Callers import from here; tantivy is loaded when a `FullText` is first used."""

from minidesk.fulltext.index import FullText, TextDoc, TextHit, TextPage, TextResult

__all__ = ["FullText", "TextDoc", "TextHit", "TextPage", "TextResult"]
