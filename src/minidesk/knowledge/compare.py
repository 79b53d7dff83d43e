"""What changed between two texts: line by line, and word by word where a line was rewritten."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import islice
from typing import Literal

# Unchanged lines shown beside a change; the others are counted.
_BESIDE = 2
# Lines of each text that are compared; of texts that repeat themselves, for which the time grows with the square.
_LINES, _REPEATING = 30_000, 3_000
# Equal pairs of lines from which on a text counts as repeating itself.
_MEETINGS = 100_000
# Words and marks of two lines that are compared with each other; the time grows with their product.
_WORDS = 250
# Rewritten lines of which words are compared. Beyond it is another text, which is not read word by word.
_PAIRS = 80
# Below this share of common words, marking single words reads worse than two whole lines.
_ALIKE = 0.35
_WORD = re.compile(r"\w+|\s+|[^\w\s]")

LineKind = Literal["same", "added", "removed", "gap"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison. A `gap` stands for `skipped` unchanged ones."""

    kind: LineKind
    parts: tuple[Part, ...] = ()
    skipped: int = 0


@dataclass(slots=True)
class Comparison:
    """The lines that changed, with their neighbours. `cut`: only the beginnings of the two texts were compared."""

    lines: list[Line] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    cut: bool = False


def compare(old: str, new: str) -> Comparison:
    """What became of `old`. Takes up to a second for long texts: not for the event loop."""
    before, after = old.split("\n"), new.split("\n")
    start, end = _common(before, after)
    a, b = before[start : len(before) - end], after[start : len(after) - end]
    most = _most(a, b)
    result = Comparison(cut=max(len(a), len(b)) > most)
    a, b = a[:most], b[:most]
    tail = [] if result.cut else before[len(before) - end :]
    pairs = iter(range(_PAIRS))
    found: list[Line] = [_whole("same", line) for line in before[:start]]
    for tag, i, j, k, m in SequenceMatcher(None, a, b).get_opcodes():
        if tag == "equal":
            found += [_whole("same", line) for line in a[i:j]]
        else:
            result.removed += j - i
            result.added += m - k
            found += _replaced(a[i:j], b[k:m], pairs)
    found += [_whole("same", line) for line in tail]
    result.lines = list(_folded(found))
    return result


def _most(a: Sequence[str], b: Sequence[str]) -> int:
    """How many lines can be compared in about a second."""
    seen = Counter(b[:_LINES])
    return _LINES if sum(seen[line] for line in a[:_LINES]) <= _MEETINGS else _REPEATING


def _common(a: Sequence[str], b: Sequence[str]) -> tuple[int, int]:
    """How many lines at the beginning and at the end are the same: most of a long text, found in no time."""
    least = min(len(a), len(b))
    start = next((n for n in range(least) if a[n] != b[n]), least)
    end = next((n for n in range(least - start) if a[-1 - n] != b[-1 - n]), least - start)
    return start, end


def _replaced(old: Sequence[str], new: Sequence[str], pairs: Iterator[int]) -> list[Line]:
    """Removed lines, then added ones; those that stand in the same place of both are compared word by word."""
    both = len(list(islice(pairs, min(len(old), len(new)))))
    words = [_by_words(before, after) for before, after in zip(old[:both], new[:both], strict=True)]
    removed = [Line("removed", left) for left, _ in words]
    added = [Line("added", right) for _, right in words]
    removed += [_whole("removed", line) for line in old[both:]]
    added += [_whole("added", line) for line in new[both:]]
    return [*removed, *added]


def _by_words(old: str, new: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    a, b = _WORD.findall(old), _WORD.findall(new)
    if max(len(a), len(b)) > _WORDS:
        return (Part(old),), (Part(new),)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.quick_ratio() < _ALIKE or matcher.ratio() < _ALIKE:
        return (Part(old),), (Part(new),)
    left: list[Part] = []
    right: list[Part] = []
    for tag, i, j, k, m in matcher.get_opcodes():
        left += [Part("".join(a[i:j]), tag != "equal")] if j > i else []
        right += [Part("".join(b[k:m]), tag != "equal")] if m > k else []
    return _joined(left), _joined(right)


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Changed words with nothing but a space between them as one piece: three marks in a row read badly."""
    found: list[Part] = []
    for n, part in enumerate(parts):
        between = 0 < n < len(parts) - 1 and part.text.isspace()
        changed = part.changed or (between and parts[n - 1].changed and parts[n + 1].changed)
        if found and found[-1].changed == changed:
            found[-1] = Part(found[-1].text + part.text, changed)
        else:
            found.append(Part(part.text, changed))
    return tuple(found)


def _whole(kind: LineKind, text: str) -> Line:
    return Line(kind, (Part(text),))


def _folded(lines: Sequence[Line]) -> Iterator[Line]:
    """Unchanged lines far from any change are counted instead of shown."""
    changed = [n for n, line in enumerate(lines) if line.kind != "same"]
    shown = {at for n in changed for at in range(n - _BESIDE, n + _BESIDE + 1)}
    hidden = 0
    for n, line in enumerate(lines):
        if n in shown:
            if hidden:
                yield Line("gap", skipped=hidden)
            hidden = 0
            yield line
        else:
            hidden += 1
    if hidden and changed:
        yield Line("gap", skipped=hidden)
