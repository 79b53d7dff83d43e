"""The composer that needs no model: an answer made of spans of the passages, word for word.

It takes the unit that ranks best, whatever it needs to be understood (the lead-in of a list item, the
sentence that "it" points to, the other steps of an instruction), and what else in the same passage
speaks to the question, in the order of the page. Because every word stands in the document, the proof is exact.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minidesk.answering.asks import Ask, fits, stems_of
from minidesk.answering.facts import facts, within
from minidesk.answering.outcome import Citation, ProvedSentence
from minidesk.answering.rank import Ranking, Scored
from minidesk.answering.units import Unit, cut, read_row
from minidesk.knowledge.records import Passage

MAX_WORDS = 80  # what a chat bubble shows without scrolling; more reads like a page, not like an answer
_ENOUGH_WORDS = 60
# Share of the best unit's score from which another unit of its passage is worth a reader's time.
_ALSO = 0.74
# Share from which a unit of another passage says something the visitor may need too, and how many there may be.
_ELSEWHERE = 0.9
_OTHERS = 2
_ALONE = 4  # words; less says little without its page
_HOLDS = 0.75  # coverage from which a unit holds the question's words
_SMALL_TABLE_WORDS = 60

# A sentence that opens like this cannot be understood without the one before.
_LEANS = re.compile(
    r"^(?:it|its|this|that|these|those|they|their|them|he|she|then|there|otherwise|however|but|so|after that|"
    r"in that case|in this case|if not|if so|the same|both|for that|for those|for this|such|instead|also|and|or|here)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the answer: what is shown, and the span of a passage that bears it."""

    passage: int
    start: int
    end: int
    text: str
    joint: str  # whitespace and list mark before it


def extract(ranking: Ranking, passages: Sequence[Passage]) -> tuple[ProvedSentence, ...]:
    """The answer's sentences with their citations; empty where the passages hold nothing at all."""
    if not ranking.scored:
        return ()
    best = ranking.scored[0]
    score = {(s.unit.passage, s.unit.start): s for s in ranking.scored}
    units = cut(passages[best.unit.passage], best.unit.passage)
    best = _answering_steps(ranking, units, best)
    pieces = _listing(ranking.ask, best, units) or _around(ranking.ask, best, units, score)
    other = _elsewhere(ranking, passages, pieces)
    return _cite(_fitting([*pieces, *other]), passages)


def _fitting(pieces: Sequence[Piece]) -> list[Piece]:
    """At most MAX_WORDS words: what comes last goes first; a single sentence longer than that is cut off with a mark."""
    kept: list[Piece] = []
    left = MAX_WORDS
    for piece in pieces:
        words_of = list(re.finditer(r"\S+", piece.text))
        if len(words_of) > left:
            if not kept:
                shown = piece.text[: words_of[left - 1].end()].rstrip(" ,;:") + "…"
                kept.append(Piece(piece.passage, piece.start, piece.end, shown, piece.joint))
            break
        kept.append(piece)
        left -= len(words_of)
    return kept


def _answering_steps(ranking: Ranking, units: list[Unit], best: Scored) -> Scored:
    """For "how do I": steps of the same passage win over the sentence beside them."""
    if ranking.ask.kind != "steps" or best.unit.kind == "step":
        return best
    steps = [s for s in ranking.scored if s.unit.passage == best.unit.passage and s.unit.kind == "step"]
    return steps[0] if steps and len(units) <= 14 else best


# "Which … do you have/accept/offer" asks for the list itself.
_LIST_ASKED = re.compile(r"\b(?:which|wich|what)\b(?: \w+){0,2} (?:\w+s)\b", re.IGNORECASE)


def _listing(ask: Ask, best: Scored, units: list[Unit]) -> list[Piece]:
    """For "which payment methods …": the first column of the table that stands with the best sentence."""
    rows = [u for u in units if u.kind == "row" and u.cells]
    if (
        ask.kind != "which"
        or best.unit.kind != "sentence"
        or len(rows) < 3
        or not _LIST_ASKED.search(ask.text)
    ):
        return []
    rows = [u for u in rows if u.block == rows[0].block]
    names = ", ".join(u.cells[0][1] for u in rows)
    if _count(names) > _ENOUGH_WORDS - 10:
        return []
    listed = Piece(rows[0].passage, rows[0].start, rows[-1].end, f"{names}.", "")
    return [listed, Piece(best.unit.passage, best.unit.start, best.unit.end, best.unit.text, " ")]


def _around(ask: Ask, best: Scored, units: list[Unit], score: dict[tuple[int, int], Scored]) -> list[Piece]:
    unit = best.unit
    block = [u for u in units if u.block == unit.block]
    if unit.kind == "row":
        chosen = _row_pieces(ask, unit, block, score)
    elif unit.kind == "step":
        chosen = _list_pieces(_fill(block, block.index(unit)), numbered=True)
    elif unit.kind == "item":
        chosen = _item_pieces(ask, best, block, score)
    else:
        return _sentences(best, units, score)
    return _with_sentences(chosen, best, units, score)


def _count(text: str) -> int:
    return len(text.split())


def _fill(block: list[Unit], at: int) -> list[Unit]:
    """The list from its start, or a window around `at` where the whole is too long."""
    low = high = 0
    if sum(_count(u.text) for u in block) <= MAX_WORDS:
        return block
    low = high = at
    total = _count(block[at].text)
    while True:
        grown = False
        for candidate in (high + 1, low - 1):
            if 0 <= candidate < len(block) and total + _count(block[candidate].text) <= MAX_WORDS:
                total += _count(block[candidate].text)
                low, high, grown = min(low, candidate), max(high, candidate), True
        if not grown:
            return block[low : high + 1]


def _list_pieces(items: list[Unit], *, numbered: bool) -> list[Piece]:
    pieces = []
    lead = items[0].lead
    if lead is not None and items[0].lead_text:
        pieces.append(Piece(items[0].passage, lead[0], lead[1], items[0].lead_text, ""))
    for position, unit in enumerate(items, start=1):
        mark = f"{position}. " if numbered else "- "
        pieces.append(Piece(unit.passage, unit.start, unit.end, unit.text, f"\n{mark}"))
    return pieces


def _item_pieces(
    ask: Ask, best: Scored, block: list[Unit], score: dict[tuple[int, int], Scored]
) -> list[Piece]:
    """A whole short list where the question asks for the list; else the items that answer, after their lead-in."""
    unit = best.unit
    whole = sum(_count(u.text) for u in block)
    wants_all = ask.kind in {"which", "steps", None} and best.coverage < 0.6
    chosen = [
        u for u in block
        if u is unit or (wants_all and whole <= _ENOUGH_WORDS) or _worth(score, u) >= 0.9 * best.score
    ]  # fmt: skip
    chosen = _cap(chosen, unit)
    if len(chosen) == 1:
        lead = [Piece(unit.passage, *unit.lead, unit.lead_text, "")] if unit.lead else []
        return [*lead, Piece(unit.passage, unit.start, unit.end, unit.text, " " if lead else "")]
    return _list_pieces(chosen, numbered=False)


def _worth(score: dict[tuple[int, int], Scored], unit: Unit) -> float:
    found = score.get((unit.passage, unit.start))
    return found.score if found else 0.0


def _cap(chosen: list[Unit], best: Unit) -> list[Unit]:
    total = _count(best.text)
    kept = {best.start}
    for unit in chosen:
        if unit is not best and total + _count(unit.text) <= MAX_WORDS - 10:
            total += _count(unit.text)
            kept.add(unit.start)
    return [u for u in chosen if u.start in kept]


def _row_pieces(ask: Ask, unit: Unit, block: list[Unit], score: dict[tuple[int, int], Scored]) -> list[Piece]:
    """The row that is asked for, in the columns that are asked for; a small table whole where no row is named."""
    asked = {t.stem for t in ask.terms}
    names = [u for u in block if u.cells and stems_of(u.cells[0][1]) & asked]
    size = sum(_count(u.text) for u in block)
    keep = _columns(ask, unit, asked)
    if not names and size <= _SMALL_TABLE_WORDS:
        rows = block
        keep = None if len(unit.cells) <= 2 else keep
    elif unit in names or not names:
        tied = [u for u in block if u is not unit and _worth(score, u) >= 0.985 * _worth(score, unit)]
        rows = [u for u in block if u is unit or u in tied][:4]
    else:
        rows = [unit]
    pieces = []
    for row in rows:
        shown = read_row(row.cells, keep) if row.cells else row.text
        joint = "\n- " if len(rows) > 1 else ""
        pieces.append(Piece(row.passage, row.start, row.end, shown if len(rows) > 1 else f"{shown}.", joint))
    return pieces


def _columns(ask: Ask, unit: Unit, asked: set[str]) -> frozenset[int] | None:
    """Columns whose header the question names or whose range its figure falls into ("3 kg": `2–10 kg`), or that
    alone hold the kind of answer asked for; None: all."""
    ranged = frozenset(
        i for i, (head, _) in enumerate(unit.cells) if i and any(within(f, head) for f in ask.facts)
    )
    if ranged:
        return ranged
    named = frozenset(i for i, (head, _) in enumerate(unit.cells) if i and stems_of(head) & asked)
    if named:
        return named
    if ask.kind in {"amount", "measure", "duration", "when"}:
        right = frozenset(
            i for i, (_, value) in enumerate(unit.cells) if i and fits(ask.kind, value, facts(value)) >= 0.9
        )
        if right and len(unit.cells) > 3:
            return right
    return None


def _sentences(best: Scored, units: list[Unit], score: dict[tuple[int, int], Scored]) -> list[Piece]:
    prose = [u for u in units if u.kind in {"sentence", "poster"}]
    at = next(i for i, u in enumerate(prose) if u.start == best.unit.start)
    chosen = {at}
    total = _count(best.unit.text)

    def add(i: int, ceiling: int) -> bool:
        nonlocal total
        if i in chosen or not 0 <= i < len(prose) or total + _count(prose[i].text) > ceiling:
            return False
        chosen.add(i)
        total += _count(prose[i].text)
        return True

    _lean(prose, at, add)
    for i in sorted(range(len(prose)), key=lambda i: -_worth(score, prose[i])):
        if _worth(score, prose[i]) >= _ALSO * best.score and add(i, _ENOUGH_WORDS):
            _lean(prose, i, add)
    # A single short sentence is rarely the whole rule: the one after it has the condition.
    if total < 18:
        add(at + 1, _ENOUGH_WORDS)
    if prose[at].text.endswith(":"):
        following = [u for u in units if u.lead == (prose[at].start, prose[at].end)]
        if following:
            kept = _fill(following, 0)
            return _list_pieces(kept, numbered=following[0].kind == "step")
    return [_prose_piece(prose[i], n) for n, i in enumerate(sorted(chosen))]


def _lean(prose: list[Unit], i: int, add: Callable[[int, int], bool]) -> None:
    while (
        i > 0
        and _LEANS.match(prose[i].text)
        and prose[i - 1].block == prose[i].block
        and add(i - 1, MAX_WORDS)
    ):
        i -= 1


def _prose_piece(unit: Unit, position: int) -> Piece:
    text = unit.text if re.search(r"[.!?…:;]$", unit.text) else f"{unit.text}."
    return Piece(unit.passage, unit.start, unit.end, text, " " if position else "")


def _with_sentences(
    pieces: list[Piece], best: Scored, units: list[Unit], score: dict[tuple[int, int], Scored]
) -> list[Piece]:
    """A row or a list, and the sentences beside it that speak to the question as clearly."""
    total = sum(_count(p.text) for p in pieces)
    after = []
    for unit in units:
        taken = any(p.start <= unit.start < p.end for p in pieces)
        if unit.kind != "sentence" or taken or unit.text.endswith(":") or _LEANS.match(unit.text):
            continue
        if _worth(score, unit) >= 0.85 * best.score and total + _count(unit.text) <= _ENOUGH_WORDS:
            total += _count(unit.text)
            after.append(unit)
    many = len(pieces) > 1
    return pieces + [_prose_piece(u, 1) if n or not many else _opening(u) for n, u in enumerate(after)]


def _opening(unit: Unit) -> Piece:
    piece = _prose_piece(unit, 1)
    return Piece(piece.passage, piece.start, piece.end, piece.text, "\n\n")


def _elsewhere(ranking: Ranking, passages: Sequence[Passage], pieces: list[Piece]) -> list[Piece]:
    """The best units of other passages, where they come near the best and fit beside it."""
    best = ranking.scored[0]
    total = sum(_count(p.text) for p in pieces)
    said = stems_of(" ".join(p.text for p in pieces))
    many = any("\n" in p.joint for p in pieces)
    found: list[Piece] = []
    # What search put first speaks too, though its best unit lies farther off: search and units err apart. Not beside a
    # unit that holds the question's words: an answer that is sure of itself wants no company.
    ahead = passages[0].score > passages[best.unit.passage].score and best.coverage < _HOLDS
    first = next((s for s in ranking.scored if ahead and s.unit.passage == 0), best)
    near = [other for other in ranking.scored[1:12] if other.score >= _ELSEWHERE * best.score]
    for other in (first, *near):
        unit = other.unit
        if len(found) == _OTHERS:
            break
        new = stems_of(unit.text) - said
        known = {best.unit.passage, *(piece.passage for piece in found)}
        if unit.passage in known or len(new) < 3 or unit.text.endswith(":") or _LEANS.match(unit.text):
            continue
        if _count(unit.text) < _ALONE:
            continue
        piece = _with_lead(unit, passages[unit.passage].text, "\n\n" if many else " ")
        if total + _count(piece.text) <= MAX_WORDS:
            found.append(piece)
            total += _count(piece.text)
            said |= new
    return found


def _with_lead(unit: Unit, text: str, joint: str) -> Piece:
    """A unit that stands alone: a list item with its lead-in, where that stands right before it."""
    shown = unit.text if re.search(r"[.!?…]$", unit.text) else f"{unit.text}."
    if (
        unit.lead
        and unit.lead_text
        and unit.kind != "row"
        and not text[unit.lead[1] : unit.start].strip(" \n-*•")
    ):
        return Piece(unit.passage, unit.lead[0], unit.end, f"{unit.lead_text} {shown}", joint)
    return Piece(unit.passage, unit.start, unit.end, shown, joint)


def _cite(pieces: Sequence[Piece], passages: Sequence[Passage]) -> tuple[ProvedSentence, ...]:
    """Pieces as proved sentences; spans of one passage that touch share one citation, numbered by first use."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        near = groups[-1][-1] if groups else None
        if (
            near is not None
            and near.passage == piece.passage
            and _touch(passages[piece.passage].text, near, piece)
        ):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    proved = []
    for n, group in enumerate(groups, start=1):
        passage = passages[group[0].passage]
        start, end = min(p.start for p in group), max(p.end for p in group)
        citation = cite(passage, start, end, n)
        proved += [ProvedSentence(p.joint + p.text, (citation,)) for p in group]
    if proved:
        proved[0] = ProvedSentence(proved[0].text.lstrip("\n"), proved[0].citations)
    return tuple(proved)


def _touch(text: str, a: Piece, b: Piece) -> bool:
    between = text[min(a.end, b.end) : max(a.start, b.start)]
    return a.start <= b.start and not re.search(r"\w{2}", between)


def cite(passage: Passage, start: int, end: int, n: int) -> Citation:
    """A citation of `passage.text[start:end]`; its offsets count characters of the document version's text."""
    return Citation(
        n=n,
        chunk=passage.chunk,
        document=passage.document,
        document_id=passage.document_id,
        version_id=passage.version_id,
        title=passage.title,
        url=passage.url,
        quote=passage.text[start:end],
        start=passage.start + start,
        end=passage.start + end,
    )
