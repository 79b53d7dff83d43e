"""What the events of one stream add up to: text, usage and an end."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from minidesk.errors import ModelBadResponse
from minidesk.gateway.failures import failure_in_band
from minidesk.gateway.sse import EventParser

# An answer longer than this is no answer to a visitor (faults-and-threats, section 0).
ANSWER_LIMIT = 32 * 1024


_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; of the input `cached_tokens` came from its cache, and `written_tokens` went there."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    written_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """The stream is whole, and why the model stopped: stop, length, content_filter, …"""

    finish_reason: str


class Answer:
    """What the events of one stream add up to."""

    def __init__(self) -> None:
        self.complete = False  # `finish_reason` or `[DONE]` was seen
        self.closed = False  # `[DONE]`: nothing after it counts
        self.finish_reason = ""
        self._length = 0

    def read(self, parser: EventParser, raw: bytes) -> Iterator[str | Usage]:
        """What one piece from the network says. Its text goes on in one: each step on the way costs more than the text."""
        said = ""
        rest: list[str | Usage] = []
        try:
            for data in parser.feed(raw):
                for piece in self.event(data):
                    if isinstance(piece, str):
                        said += piece
                    else:
                        rest.append(piece)
                if self.closed:
                    break
        finally:  # also in front of a broken event: what was said before it was said
            if said:
                yield said
        yield from rest

    def event(self, data: str) -> list[str | Usage]:
        """The deltas and usage in one event. Raises ModelBadResponse, or what an error in band stands for."""
        if data.strip() == "[DONE]":
            self.complete = self.closed = True
            return []
        try:
            body = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ModelBadResponse from error
        if not isinstance(body, dict):
            raise ModelBadResponse
        if body.get("error"):
            raise failure_in_band(body["error"])
        return [*self._deltas(body.get("choices")), *_usage(body.get("usage"))]

    def _deltas(self, choices: Any) -> list[str | Usage]:
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return []
        choice = choices[0]
        message = choice.get("delta") or choice.get("message")
        text = message.get("content") if isinstance(message, dict) else None
        if choice.get("finish_reason"):
            self.complete = True
            self.finish_reason = str(choice["finish_reason"])[:40]
        if not isinstance(text, str) or not text:
            return []
        self._length += len(text)
        # Half a surrogate pair, as JSON can write it, would fail at the database's door.
        if self._length > ANSWER_LIMIT or not (text.isascii() or _SURROGATE.search(text) is None):
            raise ModelBadResponse
        return [text]


def _usage(usage: Any) -> list[str | Usage]:
    if not isinstance(usage, dict):
        return []
    counts = (_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
    if counts[0] is None or counts[1] is None:
        return []
    details = usage.get("prompt_tokens_details")
    if not isinstance(details, dict):
        return [Usage(counts[0], counts[1])]
    # The second name is OpenRouter's.
    cached, written = (_count(details.get(name)) or 0 for name in ("cached_tokens", "cache_write_tokens"))
    return [Usage(counts[0], counts[1], cached, written)]


def _count(value: Any) -> int | None:
    """A number of tokens that can be one: what a broken server sends must not become a bill."""
    ours = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10_000_000
    return value if ours else None
