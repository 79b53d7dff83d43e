"""Cuts a document into passages along its structure; a passage's text is always a piece of the document's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

from minidesk.knowledge.records import Block, ChunkDraft, ChunkKind, ParsedDocument
from minidesk.text.words import sentences

CountTokens = Callable[[str], int]

# A passage may have this many characters for each of its tokens. Words of a vocabulary are shorter, so it changes no text of
# words; but 60,000 zeros without a space are one token to most models, and whoever reads passages expects some lines.
CHARS_A_TOKEN = 20
# What stands before a passage when it is embedded may be this long: with 200 tokens of passage it still fits MiniLM's 256.
_CONTEXT_CHARS = 160
_HEADING_CHARS = 200
# A paragraph of at most this many characters before a list or table introduces it.
_LEAD_IN_CHARS = 240


def embedding_text(title: str, heading_path: tuple[str, ...], text: str) -> str:
    """What is embedded for a passage: title and headings on a line of their own, then the passage.

    "Up to 2 kg: €4.90" means nothing to a model that does not know it stands under "Shipping costs".
    """
    context = context_text(title, heading_path)[:_CONTEXT_CHARS].rstrip()
    return f"{context}\n{text}" if context else text


def context_text(title: str, heading_path: tuple[str, ...]) -> str:
    """Title and headings as one line: `Shipping costs / Express`."""
    return " / ".join(part for part in (title, *heading_path) if part)


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is not cut any further: a span of the document's text and its cost, in tokens (`_Cutter._tokens`)."""

    start: int
    end: int
    tokens: int
    kind: ChunkKind
    page: int | None
    group: int  # units of one list, table or paragraph share it; chunks rather end between groups


@dataclass(slots=True)
class _Section:
    """The blocks below one heading."""

    path: tuple[str, ...]
    blocks: list[Block]


def chunk_document(doc: ParsedDocument, count_tokens: CountTokens, max_tokens: int) -> list[ChunkDraft]:
    """The passages of `doc`, in order; none has more than `max_tokens` tokens by `count_tokens`, or CHARS_A_TOKEN times
    as many characters.

    Passages never cross a heading. A list stays with the line that introduces it, table rows stay whole, an
    FAQ entry is one passage where it fits. What does not fit is cut between groups, then sentences, then words,
    and only a single word beyond the ceiling is cut inside. Headings stand in `heading_path`, not in the text,
    except one with nothing below it.
    """
    cutter = _Cutter(doc, count_tokens, max_tokens)
    drafts: list[ChunkDraft] = []
    for section in _sections(doc):
        asked = section.path[-1] if section.path and section.path[-1].endswith("?") else None
        for start, end, kind, page in cutter.passages(section.blocks):
            phrasings = doc.phrasings + ((asked,) if asked and asked != doc.question else ())
            drafts.append(
                ChunkDraft(
                    len(drafts),
                    kind,
                    doc.text[start:end],
                    start,
                    end,
                    section.path,
                    doc.question,
                    phrasings,
                    page,
                )
            )
    return drafts


def _sections(doc: ParsedDocument) -> Iterator[_Section]:
    """Runs of blocks that share a heading path."""
    levels: list[tuple[int, str]] = []
    blocks: list[Block] = []
    for block, following in pairwise([*doc.blocks, None]):
        assert block
        if block.kind != "heading":
            blocks.append(block)
            continue
        if blocks:
            yield _Section(tuple(text for _, text in levels), blocks)
            blocks = []
        levels = [entry for entry in levels if entry[0] < block.level]
        if following is None or (following.kind == "heading" and following.level <= block.level):
            yield _Section(tuple(text for _, text in levels), [block])
        levels.append((block.level, doc.text[block.start : block.end][:_HEADING_CHARS]))
    if blocks:
        yield _Section(tuple(text for _, text in levels), blocks)


class _Cutter:
    """Cuts one document's sections."""

    def __init__(self, doc: ParsedDocument, count_tokens: CountTokens, max_tokens: int) -> None:
        self._text = doc.text
        self._count = count_tokens
        self._frame = count_tokens("")  # start and end marks, which every passage has once
        self._max = max(1, max_tokens - self._frame)
        self._counted: dict[tuple[int, int], int] = {}  # counting is most of what cutting costs

    def passages(self, blocks: list[Block]) -> Iterator[tuple[int, int, ChunkKind, int | None]]:
        """(start, end, kind, page) of each passage."""
        for part in _parts(blocks, self._text):
            start, end = _trimmed(self._text, part[0].start, part[-1].end)
            if self._fits(start, end):  # most sections: counted once, not block by block
                yield start, end, _kind(part), part[0].page
                continue
            units = list(self._units(part))
            for run in self._packed(units):
                yield from self._checked(run)

    def _units(self, blocks: list[Block]) -> Iterator[_Unit]:
        """The part's smallest pieces, cut only as far as the ceiling makes necessary."""
        kind = _kind(blocks)
        group, before = 0, None
        for block in blocks:
            group += not self._introduces(before, block)
            before = block
            for start, end in self._pieces(block):
                yield _Unit(start, end, self._tokens(start, end), kind, block.page, group)

    def _introduces(self, before: Block | None, block: Block) -> bool:
        """True if `block` goes on with what `before` began: a further item, or the list or table behind a short line."""
        if before is None or block.kind not in ("item", "table"):
            return False
        if before.kind == "paragraph":
            return before.end - before.start <= _LEAD_IN_CHARS
        return before.kind == block.kind

    def _pieces(self, block: Block) -> Iterator[tuple[int, int]]:
        if block.kind in ("table", "code"):
            yield from (
                piece for line in _lines(self._text, block.start, block.end) for piece in self._fitting(*line)
            )
        elif self._fits(*_trimmed(self._text, block.start, block.end)):
            yield _trimmed(self._text, block.start, block.end)
        else:
            for span in sentences(self._text[block.start : block.end]):
                yield from self._fitting(block.start + span.start, block.start + span.end)

    def _fitting(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """[start, end), or pieces of it: halved at the space nearest to the middle until each fits."""
        start, end = _trimmed(self._text, start, end)
        if start >= end:
            return
        if self._fits(start, end) or end - start == 1:
            yield start, end
            return
        middle = _middle(self._text, start, end)
        yield from self._fitting(start, middle)
        yield from self._fitting(middle, end)

    def _fits(self, start: int, end: int) -> bool:
        """True if the span is within the ceiling; counts only where its length and its words leave that open."""
        if end - start > self._max * CHARS_A_TOKEN:
            return False  # before it is counted: of a text without an end that takes long, and is done at each halving
        text = self._text[start:end]
        if len(text) <= self._max and text.isascii():
            return True  # no tokenizer makes more tokens than ASCII characters
        # Nor fewer than words. One that did would get shorter passages, never longer ones.
        return len(text.split()) <= self._max and self._tokens(start, end) <= self._max

    def _tokens(self, start: int, end: int) -> int:
        """What the span costs: its tokens, or more where it is too long for them."""
        known = self._counted.get((start, end))
        if known is None:
            counted = self._count(self._text[start:end]) - self._frame
            known = self._counted[start, end] = max(counted, -(-(end - start) // CHARS_A_TOKEN))
        return known

    def _packed(self, units: list[_Unit]) -> Iterator[list[_Unit]]:
        """Neighbours together up to the ceiling, in passages of about the same size: a last one of three words says little."""
        goal = sum(unit.tokens for unit in units) / max(
            1, -(-sum(unit.tokens for unit in units) // self._max)
        )
        run: list[_Unit] = []
        size = 0
        for _, members in groupby(units, key=lambda unit: unit.group):
            group = list(members)
            whole = sum(unit.tokens for unit in group)
            # Between groups is the better place to stop: a list is not torn off its first line while it fits.
            if run and (size >= goal or (size + whole > self._max and whole <= self._max)):
                yield run
                run, size = [], 0
            for unit in group:
                if run and size + unit.tokens > self._max:
                    yield run
                    run, size = [], 0
                run.append(unit)
                size += unit.tokens
        if run:
            yield run

    def _checked(self, run: list[_Unit]) -> Iterator[tuple[int, int, ChunkKind, int | None]]:
        """The passage, halved if together it has more tokens than its pieces had (a model may count them so)."""
        start, end = run[0].start, run[-1].end
        between = end - start - sum(unit.end - unit.start for unit in run)
        # A token for each character between, and one more for each piece, is more than joining them can cost.
        room = sum(unit.tokens for unit in run) + between + len(run) <= self._max
        if len(run) > 1 and not room and not self._fits(start, end):
            half = len(run) // 2
            yield from self._checked(run[:half])
            yield from self._checked(run[half:])
        else:
            yield start, end, run[0].kind, run[0].page


def _parts(blocks: list[Block], text: str) -> Iterator[list[Block]]:
    """Prose and lists apart from tables; a short paragraph before a table goes with it."""
    part: list[Block] = []
    for block in blocks:
        if block.kind == "table":
            lead: list[Block] = []
            if (
                part
                and part[-1].kind == "paragraph"
                and part[-1].end - part[-1].start <= _LEAD_IN_CHARS
                and (len(part) == 1 or text[part[-1].end - 1] == ":")
            ):
                lead = [part.pop()]
            if part:
                yield part
            yield [*lead, block]
            part = []
        else:
            part.append(block)
    if part:
        yield part


def _kind(blocks: list[Block]) -> ChunkKind:
    kinds = {block.kind for block in blocks}
    return "faq" if "faq" in kinds else "table" if "table" in kinds else "text"


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        if stop > start:
            yield start, stop
        start = stop + 1


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _middle(text: str, start: int, end: int) -> int:
    """A place to cut: the space nearest to the middle, else the middle itself."""
    centre = (start + end) // 2
    before = text.rfind(" ", start + 1, centre)
    after = text.find(" ", centre, end - 1)
    spaces = [at for at in (before, after) if start < at < end - 1]
    return min(spaces, key=lambda at: abs(at - centre)) if spaces else max(start + 1, centre)
