"""A follow-up made whole by a model. What it may not do is add: a figure that nobody said would be searched, and answered."""

import asyncio
import re

from pydantic import BaseModel, Field

from minidesk.answering import followup
from minidesk.answering.models import Models
from minidesk.answering.outcome import Question, Spent
from minidesk.answering.prompt import rewrite_prompt
from minidesk.answering.structured import ask_for
from minidesk.gateway.messages import ChatRequest

_TOKENS = 120  # a question is one sentence; the object around it takes 10
# In front of every answer to a follow-up: a model that needs longer is no help over the rules.
_SECONDS = 5.0


class Whole(BaseModel):
    """The follow-up as it would be asked without the conversation."""

    question: str = Field(min_length=1, max_length=400)


async def made_whole(models: Models, question: Question, spent: Spent) -> str | None:
    """The question as it stands alone; None where the model could not tell, and rules must."""
    by_rules = await asyncio.to_thread(followup.rewrite, question.text, question.history)
    if by_rules == question.text:
        return by_rules
    prompt = rewrite_prompt(question.text, question.history)
    request = ChatRequest(
        messages=prompt.messages,
        purpose="rewrite",
        max_tokens=_TOKENS,
        temperature=0.0,
        site_id=question.site_id,
        conversation_id=question.conversation_id,
        message_id=question.message_id,
    )
    found = await ask_for(models, request, Whole, seconds=_SECONDS)
    spent.add(found.model, found.tokens, found.cost_micros)
    if found.value is None:
        return None
    written = " ".join(found.value.question.split()).strip("\"'“” ")
    return written if written and prompt.marker not in written and not _adds(written, question) else None


def _adds(written: str, question: Question) -> bool:
    """Whether a number or code stands in it that nobody has said."""
    said = {word for turn in question.history for word in _figures(turn.text)} | _figures(question.text)
    return not _figures(written) <= said


def _figures(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[\w.,:-]*\d[\w.,:-]*\w|\d", text)}
