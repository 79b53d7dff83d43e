"""What a completion is made of: the grounded assistant's sentences, or a tier's own words."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import cast

from minidesk.accounts import ApiKeyIdentity
from minidesk.answering.outcome import Answered, Citation, ProvedSentence, Question, Turn, answer_as_json
from minidesk.ask import wishes_of
from minidesk.errors import Invalid, NotAllowed, NotFound
from minidesk.gateway import ChatMessage, ChatRequest, Tier
from minidesk.sites import site_by_id
from minidesk.text.normalise import check_text
from minidesk.web.openai_api.deps import OpenAIDeps
from minidesk.web.openai_api.protocol import Completion, End, Message

GROUNDED = "minidesk"
TIERS: tuple[Tier, ...] = ("mini", "large")
# The gateway takes answers up to 32 KB; a higher ceiling would only set more of the budget aside.
MOST_TOKENS = 4096
# As many earlier messages as a conversation in the widget gives (reply.py).
HISTORY = 12


def offered(deps: OpenAIDeps, key: ApiKeyIdentity) -> list[str]:
    """The models that this key may use."""
    grounded = [GROUNDED] if "ask" in key.scopes else []
    plain = [tier for tier in TIERS if "models" in key.scopes and deps.gateway.offers(tier)]
    return [*grounded, *plain]


async def pieces_of(
    deps: OpenAIDeps, key: ApiKeyIdentity, asked: Completion
) -> AsyncGenerator[str | End, None]:
    """The completion as text, then its end. Raises `NotAllowed` for a scope that is missing and `NotFound` for other models."""
    if asked.model not in (GROUNDED, *TIERS):
        raise NotFound(
            f"There is no such model here. Ask for {GROUNDED}, mini or large.", code="model_not_found"
        )
    scope = "ask" if asked.model == GROUNDED else "models"
    if scope not in key.scopes:
        raise NotAllowed(f"This key may not do that. Use one with the scope {scope}.", code="scope_missing")
    if asked.model == GROUNDED:
        return await _grounded(deps, key, asked)
    tier = cast("Tier", asked.model)
    if not deps.gateway.offers(tier):
        raise NotFound(
            f"No model is set for the tier {tier}. Ask the operator to set one.", code="model_not_found"
        )
    return _plain(deps, key, asked, tier)


async def _grounded(
    deps: OpenAIDeps, key: ApiKeyIdentity, asked: Completion
) -> AsyncGenerator[str | End, None]:
    """The last message is the question, those before it the history; system messages say nothing here: the site's own instructions do."""
    limit = deps.settings.message_max_chars
    turns = [message for message in asked.messages if message.role in ("user", "assistant")]
    if not turns or turns[-1].role != "user":
        raise Invalid("The last message must be the user's question.")
    text = check_text(turns[-1].plain(), limit)
    if not text:
        raise Invalid("Write a question first.", code="text_missing")
    history = tuple(
        Turn("visitor" if message.role == "user" else "assistant", said)
        for message in turns[-1 - HISTORY : -1]
        if (said := check_text(message.plain()[: 4 * limit], 4 * limit))
    )
    async with deps.db.read() as tx:
        site = await site_by_id(tx, key.site_id)
    question = Question(key.site_id, text, history)
    return _sentences(deps.asker.ask(question, wishes_of(site)))


async def _sentences(
    answering: AsyncGenerator[ProvedSentence | Answered, None],
) -> AsyncGenerator[str | End, None]:
    said = 0
    async with aclosing(answering) as parts:
        async for part in parts:
            if isinstance(part, ProvedSentence):
                said += len(part.text)
                yield part.text + "".join(f" [{citation.n}]" for citation in part.citations)
                continue
            # Of a clarifying question or a handoff nothing was streamed: its line comes whole.
            if rest := part.text[said:]:
                yield rest
            if part.citations:
                yield "\n\n" + "\n".join(_footnote(citation) for citation in part.citations)
            yield End("stop", _usage(part), answer_as_json(part))


def _footnote(citation: Citation) -> str:
    return f"[{citation.n}] {citation.title}" + (f" {citation.url}" if citation.url else "")


def _usage(answered: Answered) -> dict[str, int]:
    """The total is what the models counted; how it splits is not known here, and taken from the answer's length."""
    out = min(len(answered.text) // 4, answered.tokens)
    return _counts(answered.tokens - out, out)


def _counts(tokens_in: int, tokens_out: int) -> dict[str, int]:
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }


async def _plain(
    deps: OpenAIDeps, key: ApiKeyIdentity, asked: Completion, tier: Tier
) -> AsyncGenerator[str | End, None]:
    settings = deps.settings
    ceiling = asked.max_completion_tokens or asked.max_tokens or settings.model_max_tokens
    request = ChatRequest(
        messages=_messages(asked.messages),
        purpose="api",
        max_tokens=min(ceiling, MOST_TOKENS),
        temperature=settings.model_temperature if asked.temperature is None else asked.temperature,
        site_id=key.site_id,
    )
    async with aclosing(deps.gateway.stream(request, tier)) as pieces:
        async for piece in pieces:
            if isinstance(piece, str):
                yield piece
                continue
            usage = _counts(piece.input_tokens, piece.output_tokens)
            yield End(
                piece.finish_reason,
                usage,
                {
                    "model": piece.model,
                    "cost_usd": piece.cost_micros / 1_000_000,
                    "estimated": piece.estimated,
                },
            )


def _messages(messages: Sequence[Message]) -> tuple[ChatMessage, ...]:
    return tuple(
        ChatMessage("system" if message.role == "developer" else message.role, message.plain())
        for message in messages
    )
