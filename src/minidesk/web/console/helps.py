"""The help with a reply as contexts: what is offered, the sources of a suggestion, and messages in other languages."""

import hashlib
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import select

from minidesk.assist import Assist, Draft, visitor_language
from minidesk.conversations import Wording, wordings_of
from minidesk.db import Tx
from minidesk.db.models import InboundMail
from minidesk.web.console.contexts import Entry, Helps, Option, SourceLine, WordingLine
from minidesk.web.console.talk_entries import Part, document_href
from minidesk.web.console.view import Translate, spoken


async def helps_for(tx: Tx, assist: Assist | None, conversation_id: str, t: Translate) -> Helps | None:
    """What can be offered in this conversation; None where there is nothing."""
    if assist is None:
        return None
    if not assist.writes:
        return Helps()
    code = await visitor_language(tx, conversation_id)
    language = Option(code, t(f"tongue.{code}")) if code and code != spoken() else None
    return Helps(writes=True, language=language)


def source_lines(draft: Draft) -> tuple[SourceLine, ...]:
    """The pages that bear a suggestion."""
    return tuple(
        SourceLine(s.n, s.title, s.quote, document_href(s.document), s.url, s.internal) for s in draft.sources
    )


def draft_said(draft: Draft, t: Translate) -> str:
    """What came of it, in a sentence."""
    if draft.kind == "none":
        if not draft.question:
            return t("assist.no_question")
        return t("assist.not_found", question=" ".join(draft.question.split())[:160])
    internal = any(source.internal for source in draft.sources)
    return t("assist.internal" if internal else f"assist.{draft.kind}")


def helps_json(text: str, helps: Helps) -> dict[str, Any]:
    """The same for the page's script."""
    return {
        "text": text,
        "said": helps.said,
        "original": helps.original,
        "sources": [asdict(source) for source in helps.sources],
    }


async def with_wordings(tx: Tx, assist: Assist | None, part: Part, t: Translate) -> Part:
    """The conversation with what is known of each message beside its words: translations, originals, files left out."""
    found = await wordings_of(tx, [e.id for e in part.entries if e.author in ("visitor", "agent")])
    left_out = await _left_out(tx, part.id)
    translates = False
    if assist is not None and assist.writes:
        translates = await visitor_language(tx, part.id) != spoken()
    return replace(
        part,
        entries=tuple(
            _with(e, found.get(e.id, ()), left_out.get(e.id, ""), translates, t) for e in part.entries
        ),
    )


def _with(entry: Entry, found: tuple[Wording, ...], left_out: str, translates: bool, t: Translate) -> Entry:
    shown = [w for w in found if w.kind == "original" or w.language == spoken()]
    lines = tuple(
        WordingLine(
            t("assist.original") if w.kind == "original" else t("assist.translation"), w.language, w.text
        )
        for w in shown
    )
    offers = translates and entry.author == "visitor" and bool(entry.body) and not lines
    if not lines and not offers and not left_out:
        return entry
    version = hashlib.sha256(repr((lines, offers, left_out)).encode()).hexdigest()[:6]
    details = (*entry.details, t("talk.left_out", names=left_out)) if left_out else entry.details
    return replace(
        entry, wordings=lines, may_translate=offers, details=details, version=entry.version + version
    )


async def _left_out(tx: Tx, conversation_id: str) -> dict[str, str]:
    rows = await tx.execute(
        select(InboundMail.message_id, InboundMail.left_out).where(
            InboundMail.conversation_id == conversation_id, InboundMail.left_out != ""
        )
    )
    return {message_id: names for message_id, names in rows if message_id}
