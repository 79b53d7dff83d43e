"""Where text stands on a page: rows, columns of print, and tables."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text on one line in one font. Points from the page's lower left corner."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float
    bold: bool


class Row:
    """Runs on one line, left to right."""

    def __init__(self, runs: list[Run]) -> None:
        self.runs = sorted(runs, key=lambda run: run.left)

    @cached_property
    def groups(self) -> list[list[Run]]:
        """Runs that stand a word's space apart; a wider gap starts a new cell."""
        groups = [[self.runs[0]]]
        for last, run in pairwise(self.runs):
            if run.left - last.right > max(run.size, last.size) * 1.0 and not _is_mark(groups[-1]):
                groups.append([run])
            else:
                groups[-1].append(run)
        return groups

    @cached_property
    def text(self) -> str:
        """The row's words."""
        return " ".join(cell_text(group) for group in self.groups)

    @property
    def cells(self) -> int:
        """How many pieces a table would see."""
        return len(self.groups)

    @cached_property
    def size(self) -> float:
        """The font size of most of its characters."""
        return max(self.runs, key=lambda run: len(run.text)).size

    @cached_property
    def bold(self) -> bool:
        """True if its longest run is."""
        return max(self.runs, key=lambda run: len(run.text)).bold

    @cached_property
    def left(self) -> float:
        """Where it begins."""
        return self.runs[0].left

    @cached_property
    def right(self) -> float:
        """Where it ends."""
        return max(run.right for run in self.runs)

    @cached_property
    def top(self) -> float:
        """Its highest point."""
        return max(run.top for run in self.runs)

    @cached_property
    def bottom(self) -> float:
        """Its lowest point."""
        return min(run.bottom for run in self.runs)


def _is_mark(group: list[Run]) -> bool:
    """A bullet or number stands far before its item, and is no cell."""
    text = "".join(run.text for run in group).strip()
    return len(text) <= 4 and (text in "•◦▪‣∙·●○■–—-*" or (text.rstrip(".)").isdigit() and text[-1] in ".)"))


def cell_text(group: list[Run]) -> str:
    """The words of runs that belong together; runs that touch are one word."""
    text = group[0].text.strip()
    for last, run in pairwise(group):
        touching = (
            run.left - last.right < 0.12 * run.size
            and not last.text.endswith(" ")
            and not run.text.startswith(" ")
        )
        text += ("" if touching else " ") + run.text.strip()
    return text


def rows_of(runs: list[Run]) -> list[Row]:
    """Runs put into rows, top to bottom: those whose heights overlap by half share one."""
    rows: list[list[Run]] = []
    for run in sorted(runs, key=lambda item: (-item.top, item.left)):
        # Rows come from the top, so only the last few can take this run.
        for row in reversed(rows[-4:]):
            first = row[0]
            overlap = min(first.top, run.top) - max(first.bottom, run.bottom)
            clear = all(run.left >= other.right - 1 or run.right <= other.left + 1 for other in row)
            if clear and overlap > 0.5 * min(first.top - first.bottom, run.top - run.bottom):
                row.append(run)
                break
        else:
            rows.append([run])
    return sorted((Row(row) for row in rows), key=lambda row: -row.top)


def column_order(runs: list[Run]) -> list[Row]:
    """The page's rows in reading order: a page printed in two columns gives its left one first."""
    split = _gutter(runs)
    if split is None:
        return rows_of(runs)
    rows: list[Row] = []
    band: list[Run] = []
    for run in sorted(runs, key=lambda item: -item.top):
        if run.left < split - 2 < split + 2 < run.right:  # across both: what stands above is read first
            rows += _halves(band, split) + rows_of([run])
            band = []
        else:
            band.append(run)
    return rows + _halves(band, split)


def _halves(band: list[Run], split: float) -> list[Row]:
    return rows_of([run for run in band if run.right <= split + 2]) + rows_of(
        [run for run in band if run.right > split + 2]
    )


def _gutter(runs: list[Run]) -> float | None:
    """The middle of the white strip between two columns of running text; None on ordinary pages and beside tables."""
    if len(runs) < 24:
        return None
    left, right = min(run.left for run in runs), max(run.right for run in runs)
    width = right - left
    for step in range(38, 63):
        x = left + width * step / 100
        first = [run for run in runs if run.right <= x]
        second = [run for run in runs if run.left >= x]
        if len(runs) - len(first) - len(second) > len(runs) * 0.12 or min(len(first), len(second)) < 10:
            continue
        # Prose fills its column; the cells of a table do not.
        if all(
            sum(run.right - run.left for run in side) / len(side) > width * 0.28 for side in (first, second)
        ):
            return x
    return None


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was found, and the index of the row behind it."""

    lines: list[list[str]]
    lefts: list[float]
    end: int

    def continues(self, other: "Table") -> bool:
        """True if its columns stand where those of `other` did, on the page before."""
        return len(self.lefts) == len(other.lefts) and all(
            abs(a - b) < 4 for a, b in zip(self.lefts, other.lefts, strict=True)
        )


def table_at(rows: list[Row], start: int) -> Table | None:
    """The table whose first row is `rows[start]`, or None: at least two rows whose cells stand in the same columns."""
    if rows[start].cells < 2:
        return None
    end = start + 1
    while end < len(rows) and _belongs(rows, start, end):
        end += 1
    body = rows[start:end]
    full = [row for row in body if row.cells >= 2]
    if len(full) < 2:
        return None
    lefts = _columns(full)
    if len(lefts) < 2:
        return None
    lines = _merged(body, lefts)
    if len(lines) < 2:
        return None
    return Table(lines, lefts, end)


def _belongs(rows: list[Row], start: int, index: int) -> bool:
    row, above = rows[index], rows[index - 1]
    gap = above.bottom - row.top
    if gap > row.size * 2.6 or row.top > above.top or abs(row.size - above.size) > 1.1:
        return False
    if row.cells >= 2:
        return True
    # One cell: the rest of a cell above that was too long, so it begins where one of those began …
    aligned = any(abs(group[0].left - row.left) < 4 for other in rows[start:index] for group in other.groups)
    # … and stands close below it; a paragraph behind the table stands further off, or is as wide as the table.
    narrow = row.right - row.left < 0.6 * (max(r.right for r in rows[start:index]) - rows[start].left)
    return aligned and gap < row.size * 0.75 and (narrow or row.left > rows[start].left + 4)


def _columns(full: list[Row]) -> list[float]:
    """Where the columns begin: starts of cells that two rows share, numbers set to the right included."""
    spans: list[tuple[float, float, int]] = []
    for left, right in sorted(
        (group[0].left, max(run.right for run in group)) for row in full for group in row.groups
    ):
        if spans and left < spans[-1][1] - 1:
            spans[-1] = (spans[-1][0], max(spans[-1][1], right), spans[-1][2] + 1)
        else:
            spans.append((left, right, 1))
    shared = [span for span in spans if span[2] >= 2]
    return [left for left, _right, _count in shared] if len(shared) >= len(spans) * 0.6 else []


def _merged(body: list[Row], lefts: list[float]) -> list[list[str]]:
    """Cells by column; a row without a first cell, close below another, continues it."""
    lines: list[list[str]] = []
    for position, row in enumerate(body):
        cells = [""] * len(lefts)
        for group in row.groups:
            column = max((i for i, left in enumerate(lefts) if left <= group[0].left + 3), default=0)
            cells[column] = f"{cells[column]} {cell_text(group)}".strip()
        close = position > 0 and body[position - 1].bottom - row.top < row.size * 0.75
        if (
            lines
            and close
            and sum(bool(cell) for cell in cells) < len([c for c in lines[-1] if c])
            and (not cells[0] or row.cells == 1)
        ):
            lines[-1] = [f"{above} {cell}".strip() for above, cell in zip(lines[-1], cells, strict=True)]
        else:
            lines.append(cells)
    return lines
