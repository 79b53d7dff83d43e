"""Complete sentences out of a stream of deltas, each with the whitespace and list mark before it."""

import re
from collections.abc import Callable

from minidesk.text.words import sentences

_LINE_END = re.compile(r"\n")


class SentenceStream:
    """Feed deltas, get sentences as soon as nothing that follows can change them.

    A sentence is complete when text follows it after whitespace, or its line has ended. What is left at the end is
    a half sentence unless it has its closing mark. `ends`: whether a text ends a sentence, whatever may follow.
    """

    def __init__(self, ends: Callable[[str], bool] = lambda _: False) -> None:
        self._ends = ends
        self._buffer = ""
        self.lost = False  # `rest` left something out

    def feed(self, delta: str) -> list[str]:
        """Sentences completed by this delta."""
        self._buffer += delta
        if not re.search(r"[.!?…:\n]", self._buffer) or _open_mark(self._buffer):
            return []
        spans = sentences(self._buffer)
        done: list[str] = []
        cut = 0
        for position, span in enumerate(spans):
            followed = position + 1 < len(spans)
            ended = "\n" in self._buffer[span.end :]
            if not (followed or ended):
                break
            done += _lines(self._buffer[cut : span.end])
            cut = span.end
        self._buffer = self._buffer[cut:]
        if self._ends(self._buffer) and _closed(self._buffer):
            done += _lines(self._buffer)
            self._buffer = ""
        return done

    def rest(self, *, whole: bool) -> list[str]:
        """What is left at the end of the stream; without its closing mark only where `whole` vouches for a list item."""
        left, self._buffer = self._buffer, ""
        kept = []
        for line in _lines(left):
            closed = re.search(r"[.!?…][\"'”’)\]*_]*(?:\s*\[\^?\d+\])*\s*$", line)
            item = re.match(r"\s*(?:[-*•]|\d+[.)])\s+\S", line)
            if closed or (whole and item):
                kept.append(line)
            else:
                self.lost = True
        return kept


def _closed(text: str) -> bool:
    """Whether its last mark closes it: that of "approx." does not."""
    return sentences(f"{text} A")[-1].text == "A"


def _open_mark(text: str) -> bool:
    """A bracket is still open at the end: `[1` or `![alt](http…` must not be cut in two."""
    tail = text[-400:]
    return bool(re.search(r"!?\[[^\]\n]{0,200}$|\]\([^)\n]{0,300}$|【[^】\n]{0,60}$", tail))


def _lines(text: str) -> list[str]:
    """A stretch of sentences cut at its line ends, joining whitespace kept in front."""
    pieces: list[str] = []
    start = 0
    for match in _LINE_END.finditer(text):
        if text[start : match.start()].strip():
            pieces.append(text[start : match.start()])
            start = match.start()
    if text[start:].strip():
        pieces.append(text[start:])
    return pieces
