"""A conversation read by a model, for the agent who takes over; only what stands in the conversation is believed."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from minidesk.answering.models import Models
from minidesk.answering.outcome import Turn
from minidesk.answering.prompt import summary_prompt
from minidesk.answering.prove import facts_agree
from minidesk.answering.structured import ask_for
from minidesk.gateway.messages import ChatRequest
from minidesk.text.words import content_stems, sentences

# The and the wish's words of tickets.triage together: 60 words with the lines around them.
WORDS = 36
_TOKENS = 220
# Triage must be there within 3 seconds, and reading and writing the rows takes some of it.
SECONDS = 2.5
# So many of a summary's words must be words of the conversation: a summary in other words cannot be checked.
_OWN_WORDS = 0.6
_LETTERS = 20  # a word, at most: what is longer is no summary, and the rules are not made for it


class Reading(BaseModel):
    """What a model reads out of a conversation."""

    summary: str = Field(min_length=1, max_length=600)
    mood: Literal["calm", "worried", "angry"]
    mood_words: str = Field(max_length=300)
    priority: Literal["normal", "high", "urgent"]
    priority_words: str = Field(max_length=300)


async def read_conversation(
    models: Models, turns: Sequence[Turn], *, site_id: str, conversation_id: str, site_name: str = ""
) -> Reading | None:
    """The reading; None where the model failed, was late, or wrote what nobody had said."""
    if not any(turn.role == "visitor" for turn in turns):
        return None
    prompt = summary_prompt(turns, words=WORDS, site_name=site_name)
    request = ChatRequest(
        messages=prompt.messages,
        purpose="summary",
        max_tokens=_TOKENS,
        temperature=0.0,
        site_id=site_id,
        conversation_id=conversation_id,
    )
    found = await ask_for(models, request, Reading, seconds=SECONDS)
    if found.value is None or prompt.marker in found.value.summary:
        return None
    return found.value if await asyncio.to_thread(keeps_to, found.value.summary, turns) else None


def keeps_to(summary: str, turns: Sequence[Turn]) -> bool:
    """Whether each sentence's figures, codes and names stand in the conversation, and most of its words as well. CPU work."""
    if len(summary.split()) > WORDS or len(summary) > _LETTERS * WORDS:
        return False
    said = "\n".join(turn.text for turn in turns)
    there = set(content_stems(said)) | {"visitor", "ask", "want", "assist"}
    for span in sentences(summary):
        stems = set(content_stems(span.text))
        if not facts_agree(span.text, said) or len(stems & there) < _OWN_WORDS * len(stems):
            return False
    return True
