"""The records that conversations take and give."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Holder = Literal["assistant", "queue", "agent", "closed"]
Author = Literal["visitor", "assistant", "agent", "system", "note"]
FeedbackReason = Literal["off_topic", "incomplete", "wrong", "unclear"]


@dataclass(frozen=True, slots=True)
class BeforeFirst:
    """What a visitor was asked before the first message, and the words that they agreed to."""

    question: str | None = None
    answer: str | None = None
    consent: str | None = None


@dataclass(frozen=True, slots=True)
class CitationDraft:
    """A span of a document version that bears a sentence, before it has a row. `start` and `end` count characters."""

    n: int
    chunk_id: str
    document_id: str
    version_id: str
    document: str  # the public id
    title: str
    url: str | None
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """One proved sentence with the whitespace that joins it to the one before."""

    text: str
    citations: tuple[CitationDraft, ...]


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """How an answer ended and what it cost."""

    outcome: Literal["reply", "clarify", "handoff"]
    kind: str | None = None  # of a clarify, or the reason of a handoff
    text: str = ""  # of an answer that was not written in parts
    citations: tuple[CitationDraft, ...] = ()
    offer_person: bool = False
    choices: tuple[str, ...] = ()
    score: float | None = None
    model: str | None = None
    cost_micros: int = 0
    ms: int | None = None


@dataclass(frozen=True, slots=True)
class AnswerHandle:
    """The right to write one attempt of one answer; it ends when the holder changes or a later attempt begins."""

    conversation_id: str
    message_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class CitationView:
    """A citation as people see it; `sentences` are [start, end) pairs in the message's text."""

    n: int
    document: str
    title: str
    url: str | None
    quote: str
    sentences: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class AttachmentView:
    """A file of a message as people see it. `width` and `height` are a picture's, in pixels; others have none."""

    id: str
    name: str
    type: str
    size: int
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as a transcript shows it. The last fields, from `agent_id` on, are None or 0 in a visitor's transcript (T27)."""

    id: str
    seq: int
    author: Author
    name: str | None  # an agent's first name
    text: str
    at: datetime
    state: str  # streaming | done | interrupted
    attempt: int
    client_id: str | None
    reply_to: str | None
    outcome: str | None
    kind: str | None
    citations: tuple[CitationView, ...] = ()
    offer_person: bool = False
    choices: tuple[str, ...] = ()
    helpful: bool | None = None
    attachments: tuple[AttachmentView, ...] = ()
    agent_id: str | None = None
    score: float | None = None
    model: str | None = None
    cost_micros: int = 0
    ms: int | None = None
    feedback_reason: str | None = None  # a FeedbackReason
    channel: str | None = None  # mail; None: the chat


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that is in the database now; `created` is False if it was there before under its client id."""

    message: MessageView
    created: bool


@dataclass(frozen=True, slots=True)
class ConversationLine:
    """A conversation in a visitor's list."""

    id: str
    holder: Holder
    last_text: str
    last_message_at: datetime
    created_at: datetime = field(compare=False)
