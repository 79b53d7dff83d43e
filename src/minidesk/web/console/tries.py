"""A tried question as a context: what would be said to a visitor, why, and what only agents are told."""

from collections.abc import Sequence

from minidesk.answering.outcome import Answered, Clarify, HandOff, ProvedSentence
from minidesk.knowledge.records import Passage as Found
from minidesk.web.console.contexts import Chip, Passage, TryPart
from minidesk.web.console.marks import numbered
from minidesk.web.console.talk_entries import document_href
from minidesk.web.console.ticket_part import reason_words
from minidesk.web.console.view import Translate


def try_part(
    question: str,
    sentences: Sequence[ProvedSentence],
    answered: Answered,
    timings: dict[str, float],
    internal: Sequence[Found],
    t: Translate,
) -> TryPart:
    """An answer with its reasons. `internal`: passages that visitors are not told."""
    outcome, sentence = _outcome(answered, t)
    details = [
        t("try.score", n=f"{answered.score:.2f}"),
        t("talk.seconds", n=f"{answered.ms / 1000:.2f}"),
        answered.model or t("try.no_model"),
    ]
    if answered.tokens:
        details += [
            t("try.tokens", n=answered.tokens),
            t("talk.cents", n=f"{answered.cost_micros / 10_000:.3f}"),
        ]
    chips = tuple(Chip(c.n, c.title, c.quote, document_href(c.document)) for c in answered.citations)
    stages = tuple((name, f"{ms:.1f} ms") for name, ms in timings.items())
    passages = tuple(_passage(p, t) for p in answered.passages)
    ends: dict[int, list[int]] = {}
    length = 0
    for part in sentences:
        length += len(part.text)
        ends[length] = [c.n for c in part.citations]
    hints = {c.n: f"{c.title}: “{c.quote}”" for c in answered.citations}
    body = numbered(answered.text, ends if answered.citations else {}, hints)
    return TryPart(
        question, outcome, sentence, body, chips, tuple(details), passages, stages,
        internal=tuple(_passage(p, t) for p in internal),
    )  # fmt: skip


def _outcome(answered: Answered, t: Translate) -> tuple[str, str]:
    outcome = answered.outcome
    if isinstance(outcome, HandOff):
        return "handoff", t("outcome_text.handoff", reason=reason_words(outcome.reason, t))
    if isinstance(outcome, Clarify):
        return "clarify", t(f"outcome_text.{outcome.kind}")
    return "reply", t("outcome_text.reply")


def _passage(p: Found, t: Translate) -> Passage:
    scores = (
        (t("try.fused"), f"{p.score:.2f}"),
        (t("try.dense"), f"{p.dense:.2f}"),
        (t("try.lexical"), f"{p.lexical:.1f}"),
    )
    return Passage(
        p.chunk, p.heading_path, p.question or "", p.text, p.page, p.title, document_href(p.document), scores
    )
