"""What a question becomes: proved sentences and one of three outcomes, nothing else."""

from dataclasses import dataclass
from typing import Any, Literal

from minidesk.knowledge.records import Passage

ClarifyKind = Literal["choices", "not_found", "smalltalk"]
HandOffReason = Literal[
    "customer_request",
    "missing_knowledge",
    "unsupported_request",
    "policy",
    "angry_customer",
    "model_failure",
    "turn_limit",
]


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the conversation."""

    role: Literal["visitor", "assistant", "agent"]
    text: str
    choices: tuple[str, ...] = ()  # what it offered to tap


@dataclass(frozen=True, slots=True)
class Question:
    """A visitor's message with what is needed to answer it."""

    site_id: str
    text: str
    history: tuple[Turn, ...] = ()
    not_found_before: int = 0  # not-found turns in a row just before this one
    within: frozenset[str] | None = None  # search in these public document ids only (evaluation)
    conversation_id: str | None = None
    message_id: str | None = None
    locale: str | None = None  # the conversation's, such as `de-AT`: our own lines are said in it
    images: tuple[str, ...] = ()  # pictures that came with it, as `data:` addresses


@dataclass(frozen=True, slots=True)
class Citation:
    """A span of a passage that bears a sentence. `start` and `end` count characters of the document version's text."""

    n: int
    chunk: str
    document: str  # the public document id
    document_id: str
    version_id: str
    title: str
    url: str | None
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ProvedSentence:
    """A sentence with the citations that bear it. `text` includes the whitespace that joins it to the one before."""

    text: str
    citations: tuple[Citation, ...]  # never empty, except for lines from the fixed allow-list


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; always with citations."""


@dataclass(frozen=True, slots=True)
class Clarify:
    """No answer, and nothing handed off: one question to tap, "our pages don't say", or a fixed friendly line."""

    kind: ClarifyKind
    choices: tuple[str, ...] = ()
    offer_person: bool = False


@dataclass(frozen=True, slots=True)
class HandOff:
    """A person takes over: a ticket opens."""

    reason: HandOffReason


Outcome = Reply | Clarify | HandOff


@dataclass(slots=True)
class Spent:
    """What models took for one turn, call by call; `model` is the last one asked."""

    model: str | None = None
    tokens: int = 0
    cost_micros: int = 0

    def add(self, model: str | None, tokens: int, cost_micros: int) -> None:
        """One more call, or a few of them."""
        self.model = model or self.model
        self.tokens += tokens
        self.cost_micros += cost_micros


@dataclass(frozen=True, slots=True)
class Answered:
    """The end of a turn: its outcome, its whole text and what it cost."""

    outcome: Outcome
    text: str  # for a Reply: the proved sentences joined, byte for byte
    citations: tuple[Citation, ...]
    score: float  # 0 to 1: that the top passage answers
    passages: tuple[Passage, ...]
    search_query: str  # the question as searched, after a follow-up was rewritten
    model: str | None
    tokens: int
    cost_micros: int
    ms: int


def answer_as_json(answered: Answered) -> dict[str, Any]:
    """The public form of an answer: of `ask --json`, and of the REST API's."""
    outcome = answered.outcome
    name = {Clarify: "clarify", HandOff: "handoff"}.get(type(outcome), "reply")
    return {
        "outcome": name,
        "kind": outcome.kind if isinstance(outcome, Clarify) else None,
        "reason": outcome.reason if isinstance(outcome, HandOff) else None,
        "score": round(answered.score, 4),
        "text": answered.text,
        "citations": [
            {
                "n": c.n,
                "document": c.document,
                "title": c.title,
                "url": c.url,
                "quote": c.quote,
                "start": c.start,
                "end": c.end,
            }
            for c in answered.citations
        ],
        "passages": [
            {"chunk": p.chunk, "document": p.document, "score": round(p.score, 4)} for p in answered.passages
        ],
        "model": answered.model,
        "tokens": answered.tokens,
        "cost_usd": answered.cost_micros / 1_000_000,
        "ms": answered.ms,
    }
