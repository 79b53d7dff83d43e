"""A gateway that never learns a visitor's private facts: hidden in the request, restored in the stream."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from minidesk.answering.models import Models, closing
from minidesk.answering.outcome import Turn
from minidesk.gateway.messages import USUAL_ORDER, ChatRequest, Finished, Order
from minidesk.text.phones import countries_of
from minidesk.text.redact import Redaction, find_private, id_pattern

# So many digits are a number of the visitor's (an order, a customer, a birthday), and none that a page could lack.
_OWN_NUMBER = 5


@dataclass(frozen=True, slots=True)
class SiteWishes:
    """What a site's owner asks of answers: `instructions` in plain words, and what models must not learn."""

    instructions: str = ""
    name: str = ""
    hide_private: bool = True
    languages: tuple[str, ...] = ()  # our own lines are said in one of these; none: in any that we speak
    private_forms: tuple[str, ...] = ()  # of the site's own numbers, as text.redact.id_pattern reads them
    rules: str = ""  # in the place of the shipped prompt's; empty: the shipped ones
    temperature: float | None = None  # these four: other than usual, where an experiment asks for it
    passages: int | None = None
    large: bool = True
    models: Order = USUAL_ORDER  # asked first
    topics: tuple[str, ...] = ()  # that always go to a person, as answering.topics reads them
    time_zone: str | None = (
        None  # of its opening hours: with its languages it tells whose telephone numbers are dialled
    )
    link_hosts: frozenset[str] = frozenset()  # whose addresses are shown whole, with their query

    def redaction(self, said: Iterable[str], locale: str | None = None) -> Redaction | None:
        """The private facts of what a visitor said; None where there are none, or the site hides none. CPU work.

        `locale`: the conversation's.
        """
        if not self.hide_private:
            return None
        redaction = Redaction.of(said, countries=self._countries(locale), patterns=self._patterns())
        return redaction if redaction.tokens else None

    def quotable(self, word: str | None, said: Iterable[str], locale: str | None = None) -> str | None:
        """A word of the visitor's that our own line may repeat; None where it is part of a private fact, or a number of theirs.

        Whatever the site hides from models: the line is kept, and read by others. CPU work.
        """
        if word is None or sum(char.isdigit() for char in word) >= _OWN_NUMBER:
            return None
        countries, patterns = self._countries(locale), self._patterns()
        private = (
            text[span.start : span.end].lower()
            for text in said
            for span in find_private(text, countries=countries, patterns=patterns)
        )
        return None if any(word.lower() in fact for fact in private) else word

    def _countries(self, locale: str | None) -> tuple[str, ...]:
        return countries_of(locale, self.languages, self.time_zone)

    def _patterns(self) -> list[re.Pattern[str]]:
        return [id_pattern(form) for form in self.private_forms]


NO_WISHES = SiteWishes()


def said_by_visitor(turns: Sequence[Turn], *more: str) -> list[str]:
    """The visitor's own texts."""
    return [turn.text for turn in turns if turn.role == "visitor"] + list(more)


class PrivateModels:
    """`models` with the facts of one conversation hidden from them. To its caller it looks as if nothing had been."""

    def __init__(self, models: Models, redaction: Redaction) -> None:
        self._models = models
        self._redaction = redaction

    @property
    def configured(self) -> bool:
        """Whether there is a model to ask."""
        return self._models.configured

    def stream(self, request: ChatRequest) -> AsyncIterator[str | Finished]:
        """Text deltas with the facts in place, then exactly one Finished; raises ModelError."""
        return self._stream(request)

    async def _stream(self, request: ChatRequest) -> AsyncGenerator[str | Finished, None]:
        hidden = tuple(
            replace(message, content=self._redaction.hide(message.content)) for message in request.messages
        )
        restorer = self._redaction.restorer()
        async with aclosing(closing(self._models.stream(replace(request, messages=hidden)))) as parts:
            async for part in parts:
                text = restorer.end() if isinstance(part, Finished) else restorer.feed(part)
                if text:
                    yield text
                if isinstance(part, Finished):
                    yield part
