"""The versions of a document as a context: who made each, and what it changed."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from minidesk.db.models import Document
from minidesk.knowledge.compare import Comparison
from minidesk.knowledge.versions import VersionView
from minidesk.web.console.docs_contexts import VersionLine, VersionsPart
from minidesk.web.console.docs_queries import SourceLine
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate

# Lines of a comparison on one page; more of them nobody reads.
CHANGES_SHOWN = 1000


def versions_part(
    document: Document,
    source: SourceLine,
    beside: int,
    versions: Sequence[VersionView],
    old: VersionView | None,
    new: VersionView | None,
    comparison: Comparison | None,
    now: datetime,
    t: Translate,
) -> VersionsPart:
    """The list, with what `new` changed in `old`; `beside`: documents of the file, this one included."""
    href = f"/console/docs/{source.id}"

    def line(version: VersionView) -> VersionLine:
        query = urlencode({"document": document.external_id, "n": version.n})
        return VersionLine(
            n=version.n,
            made=when(version.made_at, now),
            how=_how(version, t),
            current=version.current,
            shown=version is new,
            compare=f"{href}/versions?{query}",
            restorable=version.restorable,
        )

    changes = comparison.lines if comparison else []
    return VersionsPart(
        source_href=f"{href}?{urlencode({'document': document.external_id})}",
        restore_href=f"{href}/restore",
        document=document.external_id,
        title=document.title,
        crawled=source.kind == "page",
        beside=beside,
        lines=tuple(map(line, versions)),
        old=old.n if old else 0,
        new=new.n if new else 0,
        summary=_summary(comparison, t),
        changes=tuple(changes[:CHANGES_SHOWN]),
        more_changes=max(0, len(changes) - CHANGES_SHOWN),
        cut=comparison.cut if comparison else False,
    )


def _how(version: VersionView, t: Translate) -> str:
    """What made it, and whose hand it was."""
    if version.origin is None:
        return ""
    if version.origin == "restore" and version.same_as is not None:
        what = t("versions.how.restore_of", n=version.same_as)
    else:
        what = t(f"versions.how.{version.origin}")
    return t("versions.by", what=what, who=version.author) if version.author else what


def _summary(comparison: Comparison | None, t: Translate) -> str:
    if comparison is None:
        return ""
    if not comparison.lines:
        return t("versions.same")
    added = t("versions.lines_added", n=comparison.added)
    return f"{added}, {t('versions.lines_removed', n=comparison.removed)}"
