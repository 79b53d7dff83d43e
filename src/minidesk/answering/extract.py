"""The composer that needs no model: an answer made of spans of the passages, word for word.

The unit that ranks best comes first, with whatever it needs to be understood: the lead-in of a list item, the
sentence that "it" points to, the other steps of an instruction. What else in its passage speaks to the question
comes behind it. Because every word stands in the document, the proof is exact.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from minidesk.answering.asks import TELLING, Ask, fits, stems_of
from minidesk.answering.facts import facts, within
from minidesk.answering.implied import heads_exceptions, is_address, tells_hours
from minidesk.answering.outcome import ProvedSentence
from minidesk.answering.pieces import (
    MAX_WORDS,
    Piece,
    cited,
    count,
    fitting,
    leans,
    listed,
    opened,
    prose,
    stands_alone,
    with_lead,
)
from minidesk.answering.rank import Ranking, Scored, asked_for, names_row, names_row_now, other_question
from minidesk.answering.units import Unit, cut, read_row
from minidesk.answering.unsaid import denied
from minidesk.knowledge.records import Passage

_ENOUGH_WORDS = 60
# How far below the best unit (scores run from about 0.5 to 1.8) another one of its passage is worth a reader's time...
_ALSO = 0.3
# ...a sentence beside a row or list, an item beside an item, a row that is asked for as much.
_BESIDE, _ITEM, _TIED = 0.15, 0.12, 0.02
# How far a unit of another passage may lie to say something the visitor needs too, and how many there may be; less far
# from one that holds the question's words: an answer that is sure of itself wants no company.
_ELSEWHERE, _ELSEWHERE_SURE = 0.16, 0.06
_OTHERS = 2
# What holds so much less of the question's words is about something else, however near.
_POORER = 0.25
# From this share of its words unsaid a page's question is another one than the visitor's.
_OTHER = 0.5
_SHORT = 18  # words; a single sentence so short is rarely the whole rule: the one after it has the condition
_HOLDS = 0.75  # coverage from which a unit holds the question's words
_SMALL_TABLE_WORDS = 60
_TWO = 2  # columns: the thing and what holds for it
_COMPARED = 4  # rows side by side; more are not read in a chat
_LONG_INSTRUCTION = 14  # units; a passage of more holds several instructions

_Scores = dict[tuple[int, int], Scored]


def extract(ranking: Ranking, passages: Sequence[Passage]) -> tuple[ProvedSentence, ...]:
    """The answer's sentences with their citations; empty where the passages hold nothing at all."""
    if not ranking.scored:
        return ()
    best = ranking.scored[0]
    score = {(s.unit.passage, s.unit.start): s for s in ranking.scored}
    units = cut(passages[best.unit.passage], best.unit.passage)
    best = _answering_steps(ranking, units, best)
    pieces = _listing(ranking.ask, best, units) or _around(ranking.ask, best, units, score, passages)
    if (
        ranking.ask.kind not in {None, "yesno"}
        or other_question(ranking.ask, passages[best.unit.passage]) >= _OTHER
    ):
        # "No." answers the page's question; a visitor who asked another one would take it for theirs.
        pieces = [_without_yes_no(piece) for piece in pieces if not _YES_NO.fullmatch(piece.text)] or pieces
    # Of a trouble each page tells another way out: sentences of several would send the visitor three ways at once.
    other = [] if ranking.ask.trouble else _elsewhere(ranking, passages, pieces)
    return cited(fitting(opened([*pieces, *other])), passages)


def _answering_steps(ranking: Ranking, units: list[Unit], best: Scored) -> Scored:
    """For "how do I": steps of the same passage win over the sentence beside them."""
    if ranking.ask.kind != "steps" or best.unit.kind == "step":
        return best
    steps = [s for s in ranking.scored if s.unit.passage == best.unit.passage and s.unit.kind == "step"]
    return steps[0] if steps and len(units) <= _LONG_INSTRUCTION else best


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
    if count(names) > _ENOUGH_WORDS - 10:
        return []
    return [Piece(rows[0].passage, rows[0].start, rows[-1].end, f"{names}.", ""), prose(best.unit)]


def _around(
    ask: Ask, best: Scored, units: list[Unit], score: _Scores, passages: Sequence[Passage]
) -> list[Piece]:
    unit = best.unit
    block = [u for u in units if u.block == unit.block]
    if unit.kind == "row":
        chosen = (
            _twins(ask, unit, passages, score)
            or _twin_tables(ask, unit, passages)
            or _row_pieces(ask, unit, block, score)
        )
    elif unit.kind == "step":
        chosen = listed(_fill(block, block.index(unit)), numbered=True)
    elif unit.kind == "item":
        chosen = _below_heading(_item_pieces(ask, best, block, score), passages[unit.passage])
    elif places := _places(ask, unit, passages):
        return places
    elif (passages[unit.passage].question is not None or asked_for(passages[unit.passage])) and _whole(units):
        return [prose(u) for u in units]
    else:
        return _sentences(best, units, score)
    return _with_sentences(chosen, best, units, score)


_YES_NO = re.compile(r"(?:yes|no|ja|nein)[.!]?", re.IGNORECASE)
_YES_NO_FIRST = re.compile(r"(?i:yes|no|ja|nein)[.!] +(?=[A-ZÄÖÜ])")


def _without_yes_no(piece: Piece) -> Piece:
    """The piece without a "No." before its sentence."""
    head = _YES_NO_FIRST.match(piece.text)
    return replace(piece, start=piece.start + head.end(), text=piece.text[head.end() :]) if head else piece


def _whole(units: list[Unit]) -> bool:
    """An FAQ's answer is written to be read from its start ("Yes, …"), and given so where it is short."""
    return all(u.kind == "sentence" for u in units) and sum(count(u.text) for u in units) <= _ENOUGH_WORDS


def _fill(block: list[Unit], at: int) -> list[Unit]:
    """The list from its start, or a window around `at` where the whole is too long."""
    if sum(count(u.text) for u in block) <= MAX_WORDS:
        return block
    low = high = at
    total = count(block[at].text)
    while True:
        grown = False
        for candidate in (high + 1, low - 1):
            if 0 <= candidate < len(block) and total + count(block[candidate].text) <= MAX_WORDS:
                total += count(block[candidate].text)
                low, high, grown = min(low, candidate), max(high, candidate), True
        if not grown:
            return block[low : high + 1]


def _item_pieces(ask: Ask, best: Scored, block: list[Unit], score: _Scores) -> list[Piece]:
    """A whole short list where the question asks for the list; else the items that answer, after their lead-in."""
    unit = best.unit
    whole = sum(count(u.text) for u in block)
    wants_all = ask.kind in {"which", "steps", None} and best.coverage < 0.6
    chosen = [
        u for u in block
        if u is unit or (wants_all and whole <= _ENOUGH_WORDS) or _near(score, u, best, _ITEM)
    ]  # fmt: skip
    chosen = _cap(chosen, unit)
    if len(chosen) == 1:
        lead = [Piece(unit.passage, *unit.lead, unit.lead_text, "")] if unit.lead else []
        return [*lead, prose(unit, " " if lead else "")]
    return listed(chosen, numbered=False)


def _near(score: _Scores, unit: Unit, best: Scored, gap: float) -> bool:
    """True if the unit scores less than `gap` below the best one."""
    found = score.get((unit.passage, unit.start))
    return found is not None and found.score >= best.score - gap


def _cap(chosen: list[Unit], best: Unit) -> list[Unit]:
    total = count(best.text)
    kept = {best.start}
    for unit in chosen:
        if unit is not best and total + count(unit.text) <= MAX_WORDS - 10:
            total += count(unit.text)
            kept.add(unit.start)
    return [u for u in chosen if u.start in kept]


def _row_pieces(ask: Ask, unit: Unit, block: list[Unit], score: _Scores) -> list[Piece]:
    """The row that is asked for, in the columns that are asked for; a small table whole where no row is named."""
    asked = {t.stem for t in ask.terms}
    now = [u for u in block if names_row_now(ask, u)]
    names = now or [u for u in block if names_row(ask, u)]
    if now and unit not in now:
        unit = max(now, key=lambda u: _worth(score, u))
    size = sum(count(u.text) for u in block)
    keep = _columns(ask, unit, asked)
    if not names and (size <= _SMALL_TABLE_WORDS or _fit(block, keep)):
        rows = [u for u in block if ask.kind != "which" or not denied(ask, u.text)] or block
        keep = None if len(unit.cells) <= 2 else keep
    elif ask.compares and len(names) > 1:
        rows, keep = names[:_COMPARED], None
    elif unit in names or not names:
        best = score[unit.passage, unit.start]
        rows = [u for u in names or block if u is unit or _near(score, u, best, _TIED)][:4]
    else:
        rows = [unit]
    pieces = []
    for row in rows:
        shown = read_row(row.cells, keep) if row.cells else row.text
        joint = "\n- " if len(rows) > 1 else ""
        pieces.append(Piece(row.passage, row.start, row.end, shown if len(rows) > 1 else f"{shown}.", joint))
    return pieces


def _twins(ask: Ask, unit: Unit, passages: Sequence[Passage], score: _Scores) -> list[Piece]:
    """Rows of the same name below other headings of the page ("Saturday" of each branch), each with its heading, where
    the question names none of them; empty where there is no such row, or only one is meant."""
    page = passages[unit.passage]
    if not (names_row(ask, unit) and page.heading_path):
        return []
    found = {unit.passage: unit}
    for index, passage in enumerate(passages):
        if index in found or passage.document != page.document or passage.heading_path == page.heading_path:
            continue
        named = [u for u in cut(passage, index) if _like_row(ask, unit, u)]
        if named:
            found[index] = max(named, key=lambda u: _worth(score, u))
    asked = {t.stem for t in ask.terms}
    heads = {index: passages[index].heading_path[-1] for index in found if passages[index].heading_path}
    # "The library" names no branch of a library, though one is called "Central library".
    shared = set.intersection(*(stems_of(head) for head in heads.values())) | stems_of(page.title)
    meant = [i for i, head in heads.items() if (stems_of(head) - shared) & asked]
    shown = [u for i, u in found.items() if i in heads and (not meant or i in meant)][:_COMPARED]
    if len(found) == 1 or not shown:
        return []
    joint = "\n- " if len(shown) > 1 else ""
    return [
        Piece(u.passage, u.start, u.end, f"{heads[u.passage]}: {read_row(u.cells, _columns(ask, u, asked))}"
              + ("" if joint else "."), joint)
        for u in sorted(shown, key=lambda u: (u.passage, u.start))
    ]  # fmt: skip


def _branches(ask: Ask, unit: Unit, passages: Sequence[Passage]) -> list[tuple[int, str]]:
    """Passages of the unit's page below headings, with these, in the order of the page; empty where the question names one
    of them, or where the unit stands below none."""
    page = passages[unit.passage]
    if not page.heading_path:
        return []
    found = [
        (index, passage.heading_path[-1])
        for index, passage in enumerate(passages)
        if passage.document == page.document and passage.heading_path
    ]
    asked = {t.stem for t in ask.terms}
    return [] if any(stems_of(head) & asked for _, head in found) else found


def _twin_tables(ask: Ask, unit: Unit, passages: Sequence[Passage]) -> list[Piece]:
    """The tables of the same two columns below other headings of the page ("Opening hours" of each branch), each with its
    heading, where the question names no row; empty where there is one table."""
    columns = [head for head, _ in unit.cells]
    if len(columns) > _TWO or not (ask.kind in TELLING or tells_hours(unit.text)):
        return []
    shown: list[Piece] = []
    for index, head in _branches(ask, unit, passages):
        cells = cut(passages[index], index)
        rows = [u for u in cells if u.kind == "row" and [name for name, _ in u.cells] == columns]
        if any(names_row(ask, row) for row in rows):
            return []
        if rows:
            told = "; ".join(read_row(row.cells, None) for row in rows)
            shown.append(Piece(index, rows[0].start, rows[-1].end, f"{head}: {told}", "\n- "))
    total = sum(count(piece.text) for piece in shown)
    return shown if len(shown) > 1 and total <= MAX_WORDS else []


def _places(ask: Ask, unit: Unit, passages: Sequence[Passage]) -> list[Piece]:
    """The address of each branch of the page, with its heading; empty where there is one alone, or none is asked for."""
    if "address" not in ask.units or not is_address(unit.text):
        return []
    found: list[Piece] = []
    for index, head in _branches(ask, unit, passages):
        told = next((u for u in cut(passages[index], index) if is_address(u.text)), None)
        if told is not None:
            found.append(Piece(index, told.start, told.end, f"{head}: {told.text}", "\n- "))
    return found[:_COMPARED] if len({piece.text for piece in found}) > 1 else []


def _below_heading(pieces: list[Piece], passage: Passage) -> list[Piece]:
    """Items below "Not possible", with it."""
    head = passage.heading_path[-1] if passage.heading_path else ""
    if not pieces or not heads_exceptions(head):
        return pieces
    first, last = pieces[0], pieces[-1]
    lead = Piece(first.passage, first.start, last.end, f"{head}:", "")
    return [lead, *(pieces if first.joint else [replace(first, joint=" "), *pieces[1:]])]


def _like_row(ask: Ask, unit: Unit, other: Unit) -> bool:
    """True if the other is a row of the same columns that the question names too, and says something else."""
    return (
        names_row(ask, other)
        and [head for head, _ in unit.cells] == [head for head, _ in other.cells]
        and unit.text != other.text
    )


def _fit(rows: list[Unit], keep: frozenset[int] | None) -> bool:
    """True if these columns of all rows are no more than a small table."""
    return (
        keep is not None
        and sum(count(read_row(u.cells, keep)) for u in rows if u.cells) <= _SMALL_TABLE_WORDS
    )


def _columns(ask: Ask, unit: Unit, asked: set[str]) -> frozenset[int] | None:
    """Columns whose header the question names or whose range its figure falls into ("3 kg": `2–10 kg`), or that
    alone hold the kind of answer asked for; None: all."""
    ranged = frozenset(
        i for i, (head, _) in enumerate(unit.cells) if i and any(within(f, head) for f in ask.facts)
    )
    if ranged:
        return ranged
    shared = {i: len(stems_of(head) & asked) for i, (head, _) in enumerate(unit.cells) if i}
    if most := max(shared.values(), default=0):
        return frozenset(i for i, n in shared.items() if n == most)  # "half a day" is not the "full day"
    if ask.kind in {"amount", "measure", "duration", "when"}:
        right = frozenset(
            i
            for i, (_, value) in enumerate(unit.cells)
            if i and fits(ask.kind, value, facts(value), units=ask.units) >= 0.9
        )
        if right and len(unit.cells) > 3:
            return right
    return None


def _sentences(best: Scored, units: list[Unit], score: _Scores) -> list[Piece]:
    """The best sentence with those that it leans on; then what else speaks to the question, what follows it first."""
    block = [u for u in units if u.kind in {"sentence", "poster"}]
    at = next(i for i, u in enumerate(block) if u.start == best.unit.start)
    if best.unit.text.endswith(":"):
        following = [u for u in units if u.lead == (best.unit.start, best.unit.end)]
        if following:
            return listed(_fill(following, 0), numbered=following[0].kind == "step")
    runs = [_run(block, at)]
    total = sum(count(block[i].text) for i in runs[0])

    def add(i: int) -> None:
        nonlocal total
        taken = {j for run in runs for j in run}
        run = [j for j in _run(block, i) if j not in taken]
        # One that leans on a sentence already said can only follow right behind it.
        behind = leans(block[run[0]].text) and run[0] - 1 in taken
        words = sum(count(block[j].text) for j in run)
        if total + words > _ENOUGH_WORDS:
            return
        if behind:
            host = next(held for held in runs if run[0] - 1 in held)
            if host[-1] != run[0] - 1:
                return
            host.extend(run)
        else:
            runs.append(run)
        total += words

    for i in sorted(range(len(block)), key=lambda i: -_worth(score, block[i])):
        unsaid = not any(i in run for run in runs)
        if unsaid and not block[i].text.endswith(":") and _near(score, block[i], best, _ALSO):
            add(i)
    if total < _SHORT and at + 1 < len(block) and not any(at + 1 in run for run in runs):
        add(at + 1)
    core, *rest = runs
    rest.sort(key=lambda run: (run[0] < core[0], run[0]))
    return [prose(block[i]) for run in (core, *rest) for i in run]


def _worth(score: _Scores, unit: Unit) -> float:
    found = score.get((unit.passage, unit.start))
    return found.score if found else 0.0


def _run(block: list[Unit], at: int) -> list[int]:
    """The sentence and, before it, those that it leans on, as far as they stand in the same paragraph and fit."""
    low = at
    total = count(block[at].text)
    while low > 0 and leans(block[low].text) and block[low - 1].block == block[low].block:
        total += count(block[low - 1].text)
        if total > _ENOUGH_WORDS:
            break
        low -= 1
    return list(range(low, at + 1))


def _with_sentences(pieces: list[Piece], best: Scored, units: list[Unit], score: _Scores) -> list[Piece]:
    """A row or a list, and the sentences beside it that speak to the question as clearly."""
    total = sum(count(p.text) for p in pieces)
    after = []
    for unit in units:
        taken = any(p.start <= unit.start < p.end for p in pieces)
        if unit.kind != "sentence" or taken or not stands_alone(unit):
            continue
        if _near(score, unit, best, _BESIDE) and total + count(unit.text) <= _ENOUGH_WORDS:
            total += count(unit.text)
            after.append(unit)
    many = len(pieces) > 1
    return pieces + [prose(u, "\n\n" if many and not n else " ") for n, u in enumerate(after)]


def _elsewhere(ranking: Ranking, passages: Sequence[Passage], pieces: list[Piece]) -> list[Piece]:
    """The best units of other passages, where they come near the best and fit beside it."""
    best = ranking.scored[0]
    total = sum(count(p.text) for p in pieces)
    said = stems_of(" ".join(p.text for p in pieces))
    many = any("\n" in p.joint for p in pieces)
    found: list[Piece] = []
    # What search put first speaks too, though its best unit lies farther off: search and units err apart.
    ahead = passages[0].score > passages[best.unit.passage].score and best.coverage < _HOLDS
    first = next((s for s in ranking.scored if ahead and s.unit.passage == 0), best)
    sure = best.coverage >= _HOLDS or asked_for(passages[best.unit.passage])
    gap = _ELSEWHERE_SURE if sure else _ELSEWHERE
    near = [
        other
        for other in ranking.scored[1:12]
        if other.score >= best.score - gap and other.coverage >= best.coverage - _POORER
    ]
    for other in (first, *near):
        unit = other.unit
        if len(found) == _OTHERS:
            break
        new = stems_of(unit.text) - said
        known = {best.unit.passage, *(piece.passage for piece in found)}
        if unit.passage in known or len(new) < 3 or not stands_alone(unit):
            continue
        piece = with_lead(unit, passages[unit.passage].text, "\n\n" if many else " ")
        if piece.text[0].islower():
            continue
        if total + count(piece.text) <= MAX_WORDS:
            found.append(piece)
            total += count(piece.text)
            said |= new
    return found
