"""Two questions in one message: each is looked up by itself, and both are answered."""

import re
from collections.abc import Sequence
from dataclasses import replace

from minidesk.answering.asks import brief, read
from minidesk.answering.followup import leans
from minidesk.answering.outcome import Citation, ProvedSentence
from minidesk.answering.pieces import MAX_WORDS, count

_ASKS = (
    r"how|what|when|where|who|which|why|is|are|do|does|can|could|may|will|would|should|have|has|was|were|must|"
    r"wie|wann|wo|wer|welche[rsnm]?|ist|sind|kann|können|gibt|habt|haben|hat|muss|darf|dürfen|kostet|warum"
)
_AND = re.compile(rf"[,;]?\s+(?:and|und)\s+(?:also\s+|auch\s+)?(?=(?:{_ASKS})\b)|\?\s+(?:(?:and|und)\s+)?(?=(?:{_ASKS})\b)", re.IGNORECASE)  # fmt: skip


def two_questions(message: str) -> tuple[str, str] | None:
    """The two questions of a message that holds just two, each with a thing of its own; None for any other.

    "How much is it and how long does it take?" asks two things about one: the page that tells one tells both.
    """
    if brief(message) != message:
        return None
    parts = [part.strip(" ?!.,") for part in _AND.split(message)]
    if len(parts) != 2 or not re.match(rf"(?:\W|\w+\W+){{0,3}}?(?:{_ASKS})\b", parts[0], re.IGNORECASE):
        return None
    own = [{term.stem for term in read(part).terms if term.weight >= 1.0} for part in parts]
    if not own[0] or not own[1] - own[0] or any(leans(part) for part in parts):
        return None
    return f"{parts[0]}?", f"{parts[1]}?"


def both(first: Sequence[ProvedSentence], second: Sequence[ProvedSentence]) -> list[ProvedSentence]:
    """Two answers as one of at most MAX_WORDS, a paragraph each, their citations numbered through."""
    found: list[ProvedSentence] = []
    known: dict[tuple[str, int, int], Citation] = {}
    for n, answer in enumerate((first, second)):
        words = 0
        for i, sentence in enumerate(answer):
            words += count(sentence.text)
            if i and words > MAX_WORDS // 2:
                break
            numbered = []
            for citation in sentence.citations:
                key = (citation.chunk, citation.start, citation.end)
                known.setdefault(key, replace(citation, n=len(known) + 1))
                numbered.append(known[key])
            text = f"\n\n{sentence.text.lstrip()}" if n and not i else sentence.text
            found.append(ProvedSentence(text, tuple(numbered)))
    return found
